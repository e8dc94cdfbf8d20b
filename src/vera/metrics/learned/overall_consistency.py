"""OC, overall consistency: whether a clip keeps looking like itself, by DINO (subject) and CLIP (background).

As IVEBench computes it, after VBench; both networks see whole frames.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vera.arrays import Frames
from vera.errors import VeraError
from vera.hardware import choose_device, choose_dtype
from vera.metrics.inputs import check_clip
from vera.metrics.learned.weights import load_network

Consistency = Callable[[Frames], float | None]

SIDE = 224  # pixels of both networks' input
_BATCH = 16  # frames at a time
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation that DINO was trained with
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def load_overall_consistency(dino: str, clip: str, device: str = "auto", dtype: str = "float32") -> Consistency:
    """Load OC as a function of a clip: the mean of subject and background consistency, 0 to 1; higher is better.

    `dino` and `clip` are folders, or models of the hub: those of IVEBench are facebook/dino-vits16 and
    openai/clip-vit-base-patch32 (VBench has facebook/dino-vitb16). None for a single frame. Raises VeraError if one of
    them cannot be loaded.
    """
    subject = load_subject_consistency(dino, device, dtype)
    background = load_background_consistency(clip, device, dtype)

    def measure(frames: Frames) -> float | None:
        one, other = subject(frames), background(frames)
        return None if one is None or other is None else (one + other) / 2

    return measure


def load_subject_consistency(dino: str, device: str = "auto", dtype: str = "float32") -> Consistency:
    """Load the consistency of DINO's class token, of frames squeezed to a square. VeraError if it cannot be loaded."""
    from transformers import ViTModel

    where = choose_device(device)
    number = choose_dtype(dtype, where)
    network = load_network(ViTModel, dino, "DINO", where, number, add_pooling_layer=False)
    _check_side(network, dino)

    def embed(pictures: Tensor) -> Tensor:
        token: Tensor = network(pixel_values=pictures).last_hidden_state[:, 0]
        return token

    return _consistency(embed, squeezed, _IMAGENET, where, number)


def load_background_consistency(clip: str, device: str = "auto", dtype: str = "float32") -> Consistency:
    """Load the consistency of CLIP's picture embedding, of the middle of frames. VeraError if it cannot be loaded."""
    from transformers import CLIPVisionModelWithProjection

    where = choose_device(device)
    number = choose_dtype(dtype, where)
    network = load_network(CLIPVisionModelWithProjection, clip, "CLIP", where, number)
    _check_side(network, clip)
    return _consistency(lambda pictures: network(pixel_values=pictures).image_embeds, middle, _CLIP, where, number)


def mean_similarity(features: Tensor) -> float | None:
    """Average over all frames but the first how alike each is to the one before and to the first; features `[T,D]`.

    Alike is the cosine, negative ones as 0, the mean of the two. None for a single frame.
    """
    if len(features) < 2:
        return None
    directions = torch.nn.functional.normalize(features, dim=-1)
    before = (directions[1:] * directions[:-1]).sum(dim=-1).clamp(min=0)
    first = (directions[1:] * directions[0]).sum(dim=-1).clamp(min=0)
    return float((before + first).mean() / 2)


def _consistency(
    embed: Callable[[Tensor], Tensor],
    fit: Callable[[Image.Image], Image.Image],
    normal: tuple[tuple[float, ...], tuple[float, ...]],
    where: torch.device,
    number: torch.dtype,
) -> Consistency:
    mean, deviation = (torch.tensor(values, device=where)[:, None, None] for values in normal)

    @torch.inference_mode()
    def measure(frames: Frames) -> float | None:
        check_clip(frames)
        features = []
        for start in range(0, len(frames), _BATCH):
            fitted = np.stack([np.asarray(fit(Image.fromarray(frame))) for frame in frames[start : start + _BATCH]])
            pictures = torch.from_numpy(fitted).to(where).permute(0, 3, 1, 2).float() / 255
            features.append(embed(((pictures - mean) / deviation).to(number)).float().cpu())
        return mean_similarity(torch.cat(features))

    return measure


def _check_side(network: Any, name: str) -> None:
    side = network.config.image_size
    if side != SIDE:
        raise VeraError(
            f"{name}: is shown pictures of {side} pixels, and overall consistency takes a network for {SIDE}"
        )


def squeezed(picture: Image.Image) -> Image.Image:
    """Fit a frame as IVEBench shows it to DINO: bilinear to a square, whatever its shape."""
    return picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def middle(picture: Image.Image) -> Image.Image:
    """Fit a frame as CLIP is shown it: its shorter side bicubic to `SIDE`, then the middle of the longer one."""
    shorter = min(picture.size)
    width, height = (SIDE * side // shorter for side in picture.size)
    scaled = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
    return scaled.crop((left, top, left + SIDE, top + SIDE))
