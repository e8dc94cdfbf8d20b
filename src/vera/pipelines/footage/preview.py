"""A look at the layers while they are sampled: one frame, small, decoded only where somebody asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vera.models import AutoencoderPatch3D
from vera.pipelines.pipeline_vera import VeraPipeline

SIDE = 320  # pixels at most: the size of a thumbnail beside a progress bar

StepCallback = Callable[[VeraPipeline, int, Tensor, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Preview:
    """What the network takes the clip's middle frame to become, after `step` of `steps`.

    Args:
        edit: edit layer `[h,w,3]` uint8 RGB, straight.
        alpha: matte `[h,w]` uint8; 255 everywhere for a model without an alpha branch.
        composite: the network's own picture of the result `[h,w,3]` uint8; None for a model without that branch.
    """

    step: int
    steps: int
    edit: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    composite: NDArray[np.uint8] | None


Show = Callable[[Preview], None]


def preview_step(pipeline: VeraPipeline, step: int, latents: Tensor, velocity: Tensor) -> Preview:
    """Decode the clean prediction of the middle latent frame, of latents [1,K,C,T',h,w] after a step.

    `velocity` (noise - clean) is that of the step, so `latents - sigma * velocity` is where it led to without noise.
    Decoding draws no random numbers and leaves the latents as they are: the edit is the same with previews as without.
    """
    middle = latents.shape[3] // 2
    # Wan's decoder takes a first latent frame for a single frame, so it is shown the one before. The patch autoencoder
    # codes each by itself: its last frame is the same, in half the time.
    before = 0 if isinstance(pipeline.vae, AutoencoderPatch3D) else 1
    frames = slice(max(middle - before, 0), middle + 1)
    sigma = float(pipeline.scheduler.sigmas[step + 1])
    clean = latents[0, :, :, frames] - sigma * velocity[0, :, :, frames]
    layers = dict(zip(pipeline.transformer.config.branches, clean, strict=True))
    count = 1 + (clean.shape[2] - 1) * pipeline.vae_scale_factor_temporal

    def picture(layer: Tensor, grey: bool = False) -> NDArray[np.uint8]:
        return _small(pipeline.decode_latents(layer, count, grey)[-1].numpy())

    edit = picture(layers.get("edit", clean[-1]))
    alpha = picture(layers["alpha"], grey=True) if "alpha" in layers else np.full(edit.shape[:2], 255, np.uint8)
    composite = picture(layers["composite"]) if "composite" in layers else None
    return Preview(step + 1, pipeline.num_timesteps, edit, alpha, composite)


def _small(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture [H,W,3] or [H,W] in [0,1], no side longer than `SIDE`."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(shrunk * 255), np.uint8)
