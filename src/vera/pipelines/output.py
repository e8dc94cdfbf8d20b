"""What `VeraPipeline` answers."""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers.utils import BaseOutput


@dataclass
class VeraPipelineOutput(BaseOutput):  # type: ignore[misc]  # diffusers is untyped
    """The sampled layers of one clip, time first.

    `edit` [T,H,W,3] float32 RGB in [0,1], straight (not premultiplied); `alpha` [T,H,W] float32 in [0,1];
    `composite` [T,H,W,3] float32 in [0,1], the network's own picture of the result, only where it was asked for.
    NumPy arrays for output_type "np", tensors for "pt". For "latent" each is the layer's normalised latent
    [C,T',H',W'] float32, with the frames that padded the clip to 1 + 4k still there.
    """

    edit: np.ndarray | torch.Tensor
    alpha: np.ndarray | torch.Tensor
    composite: np.ndarray | torch.Tensor | None = None
