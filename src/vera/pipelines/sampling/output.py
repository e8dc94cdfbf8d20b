"""What `VeraPipeline` gives back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils import BaseOutput
from torch import Tensor

OUTPUT_TYPES = ("np", "pt", "pil", "latent")


@dataclass
class VeraPipelineOutput(BaseOutput):  # type: ignore[misc]  # diffusers is untyped
    """The sampled layers, time first, and what they make of the source.

    `edit`, `alpha` and `composite` have a batch axis if the call had one: a list of prompts, a batch of clips or of
    embeddings, or several videos a prompt. `frames` always has it, as in every video pipeline of diffusers.

    Args:
        edit: [T,H,W,3] float32 RGB in [0,1], straight (not premultiplied).
        alpha: [T,H,W] float32 in [0,1].
        composite: [T,H,W,3], the network's own picture of the result; only where it was asked for.
        frames: [B,T,H,W,3] the result `alpha * edit + (1 - alpha) * video`; None for a source given as latents, whose
            pixels the pipeline never saw. For output_type "latent" the normalised latents of all branches
            [B,K,C,T',H',W'], in the order of the transformer's `branches`.

    NumPy arrays for output_type "np", tensors on the CPU for "pt", lists of PIL pictures for "pil". For "latent" each
    layer is its normalised latent [C,T',H',W'] float32, with the frames that padded the clip to 1 + 4k still there;
    `VeraPipeline.decode_spans` decodes it.
    """

    edit: np.ndarray | Tensor | list[Any]
    alpha: np.ndarray | Tensor | list[Any]
    composite: np.ndarray | Tensor | list[Any] | None = None
    frames: np.ndarray | Tensor | list[Any] | None = None


def blend_layers(edit: Tensor, alpha: Tensor, source: Tensor) -> Tensor:
    """The result [T,H,W,3] of layers in [0,1] over a source, uint8 or in [0,1]; where alpha is 0 the source itself."""
    under = (source.float() / 255 if source.dtype == torch.uint8 else source.float()).cpu()
    alpha = alpha[..., None]
    return alpha * edit + (1 - alpha) * under


def in_form(clips: list[Tensor], output_type: str, batched: bool) -> Any:
    """Clips [T,H,W,3] or grey [T,H,W] as `output_type` wants them, with a batch axis or without one."""
    if output_type == "pil":
        pictures = [VaeImageProcessor.numpy_to_pil((c if c.ndim == 4 else c[..., None]).numpy()) for c in clips]
        return pictures if batched else pictures[0]
    stacked = torch.stack(clips) if batched else clips[0]
    return stacked.numpy() if output_type == "np" else stacked
