"""What an edit keeps in memory for its whole length, asked for before it begins."""

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


def latent_bytes(pipeline: VeraPipeline, frames: int, size: tuple[int, int], masked: bool) -> int:
    """Count the bytes of the latents that sampling `frames` frames of `size` (width, height) holds at once."""
    layers = HELD_BY_A_STEP * len(pipeline.transformer.config.branches)
    return layer_bytes(pipeline, frames, size) * (layers + 1 + masked)


def check_memory(pipeline: VeraPipeline, frames: int, size: tuple[int, int], masked: bool) -> None:
    """Raise VeraError if the latents of a clip, which grow with its length, do not fit where they are sampled."""
    device = pipeline._execution_device
    needed = latent_bytes(pipeline, frames, size, masked)
    free = free_bytes(device)
    if needed > free:
        raise VeraError(
            f"{frames} frames at {size[0]}x{size[1]} need {needed / 2**30:,.1f} GiB for their latents alone, and "
            f"{device.type} has {free / 2**30:,.1f} GiB free: edit a part (--from, --to), or work at a smaller --size"
        )


def free_bytes(device: torch.device) -> int:
    """Count the bytes that can still be had on a device."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return int(free)
