"""What an edit keeps in memory for its whole length, asked for before it begins."""

from collections.abc import Sequence

import psutil
import torch

from vera.errors import VeraError
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.windows import latent_length

# Arrays of the size of all layers' latents that a sampling step holds at once: the layers, their velocity, and what an
# Euler step makes on the way from the one to the other.
HELD_BY_A_STEP = 4


def layer_bytes(pipeline: VeraPipeline, frames: int, size: tuple[int, int]) -> int:
    """Count the bytes of one layer's latents, float32, for `frames` frames of `size` (width, height)."""
    vae = pipeline.vae.config
    stride = int(vae.scale_factor_spatial)
    length = latent_length(frames, int(vae.scale_factor_temporal))
    return int(vae.z_dim) * length * (size[0] // stride) * (size[1] // stride) * 4


def latent_bytes(pipeline: VeraPipeline, frames: int, sizes: Sequence[tuple[int, int]], masked: bool) -> int:
    """Count the bytes of the latents held at once while `frames` frames of each of `sizes` (width, height) are sampled.

    Regions are encoded before the first is sampled, and their layers are kept until the last is.
    """
    kept = sum(layer_bytes(pipeline, frames, size) for size in sizes) * (1 + masked + 2)  # edit and alpha, sampled
    branches = len(pipeline.transformer.config.branches)
    step = max(layer_bytes(pipeline, frames, size) for size in sizes) * (HELD_BY_A_STEP * branches - 2)
    return kept + step


def check_memory(pipeline: VeraPipeline, frames: int, sizes: Sequence[tuple[int, int]], masked: bool) -> None:
    """Raise VeraError if the latents of a clip, which grow with its length, do not fit where they are sampled."""
    device = pipeline._execution_device
    needed = latent_bytes(pipeline, frames, sizes, masked)
    free = free_bytes(device)
    if needed > free:
        shown = " and ".join(f"{width}x{height}" for width, height in sizes)
        raise VeraError(
            f"{frames} frames at {shown} need {needed / 2**30:,.1f} GiB for their latents alone, and "
            f"{device.type} has {free / 2**30:,.1f} GiB free: edit a part (--from, --to), or work at a smaller --size"
        )


def free_bytes(device: torch.device) -> int:
    """Count the bytes that can still be had on a device."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return int(free)
