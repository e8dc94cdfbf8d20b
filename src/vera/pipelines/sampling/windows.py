"""Overlapping temporal windows over the latent frames of a clip that is longer than the model's own length.

All windows of a clip are denoised together: at every step the network predicts a velocity for each window, the
predictions are averaged where windows overlap, and one scheduler step is taken for the whole clip. So the content of
neighbouring windows agrees and no seam is blended afterwards. The weights are triangular: a frame counts more for the
window in whose middle it lies, because a network knows least at the ends of its context.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Windows:
    """Windows of `size` latent frames at `starts`; `weights` [len(starts), size] sum to 1 at every latent frame."""

    length: int
    size: int
    starts: tuple[int, ...]
    weights: torch.Tensor


def latent_length(frames: int, stride: int) -> int:
    """Latent frames that hold `frames` (>= 1) frames: the first stands alone, then one for each `stride` frames."""
    return 1 + math.ceil((frames - 1) / stride)


def plan_windows(length: int, size: int, overlap: int) -> Windows:
    """Cover `length` latent frames by windows of at most `size` frames that share at least `overlap` with the next.

    Starts are spread evenly, so the last window is as long as the others. Requires length >= 1 and 0 <= overlap < size.
    """
    size = min(size, length)
    overlap = min(overlap, size - 1)
    count = math.ceil((length - size) / (size - overlap)) + 1
    starts = tuple(i * (length - size) // max(count - 1, 1) for i in range(count))
    ramp = torch.minimum(torch.arange(size) + 1, size - torch.arange(size)).double()
    total = torch.zeros(length, dtype=torch.float64)
    for start in starts:
        total[start : start + size] += ramp
    weights = torch.stack([ramp / total[start : start + size] for start in starts]).float()
    return Windows(length, size, starts, weights)


def average_windows(predict: Callable[[slice], torch.Tensor], windows: Windows) -> torch.Tensor:
    """Weighted mean of `predict(frames)` over all windows.

    `predict` gets a slice of latent frames and answers a tensor [..., size, H, W]; the mean is [..., length, H, W]
    float32. One window gives the prediction itself, untouched.
    """
    if len(windows.starts) == 1:
        return predict(slice(0, windows.length)).float()
    mean: torch.Tensor | None = None
    for start, weight in zip(windows.starts, windows.weights, strict=True):
        part = predict(slice(start, start + windows.size)).float()
        if mean is None:
            mean = part.new_zeros((*part.shape[:-3], windows.length, *part.shape[-2:]))
        mean[..., start : start + windows.size, :, :] += part * weight.to(part.device)[:, None, None]
    assert mean is not None
    return mean
