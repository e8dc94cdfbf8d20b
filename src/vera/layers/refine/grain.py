"""The source's grain for what is new: measured by channel and level, added to the edit layer only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import to_float

# By `python -m benchmarks.sensitivity grain`, which measures known noise: half of BLOCK measures 1.6 % too little, as
# the plane that is fitted takes some of it; LEVELS and FLATTEST change the mean by at most 0.1 %. The others are
# bounds.
LEVELS = 8  # bins of a channel's level
BLOCK = 16  # pixels of a side: large beside the grain, small beside what is flat in a picture
FLATTEST = 0.2  # of a bin's blocks: the others hold texture as well
FEWEST = 8  # blocks of a bin that can tell
STRONGEST = 0.7  # correlation of neighbours; three taps make at most the root of a half
LEAST_ALPHA = 0.02  # grain is not raised further for thinner coverage


@dataclass(frozen=True)
class Grain:
    """Noise of a clip at its own size.

    Args:
        deviation: for R, G and B the standard deviation, of 1, at the middles of LEVELS equal ranges of the level.
        correlation: `[3][3]`, between the channels.
        across, down: correlation of neighbours in a row and in a column, from 0 to 0.7.
    """

    deviation: tuple[tuple[float, ...], ...]
    correlation: tuple[tuple[float, ...], ...]
    across: float
    down: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what `dataclasses.asdict` and JSON made of it. Raises ValueError for what cannot be noise."""
        deviation = _table(values["deviation"], LEVELS, 0, 1)
        correlation = _table(values["correlation"], 3, -1.001, 1.001)  # 1 is not always exactly 1
        across, down = (_number(values[name], 0, STRONGEST) for name in ("across", "down"))
        try:
            np.linalg.cholesky(np.array(correlation))  # which adding it starts with
        except np.linalg.LinAlgError:
            raise ValueError(correlation) from None
        return cls(deviation, correlation, across, down)


def _table(rows: Any, width: int, low: float, high: float) -> tuple[tuple[float, ...], ...]:
    if not _is_list(rows, 3) or not all(_is_list(row, width) for row in rows):
        raise ValueError(rows)
    return tuple(tuple(_number(value, low, high) for value in row) for row in rows)


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length  # of JSON, or of what was never written


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(value)
    return float(value)


def measure_grain(frames: Sequence[NDArray[Any]]) -> Grain:
    """The noise of `frames`, RGB `[H,W,3]` uint8 or uint16 at the source's own size.

    A block counts as far as it is flat: the least deviations around a plane fitted to each block, among all blocks of
    about the same level, are noise alone. Footage without flat parts seems grainier than it is.
    """
    means, rests = (np.concatenate(parts) for parts in zip(*map(_blocks, frames), strict=True))
    half = BLOCK // 2
    left, right = (np.sqrt(np.square(part).mean((1, 2))) for part in (rests[:, :, :half], rests[:, :, half:]))  # [N,3]
    deviation = tuple(_curve(*(part[:, channel] for part in (left, right, means))) for channel in range(3))
    spread = left[:, 1] + right[:, 1]
    flat = rests[spread <= np.quantile(spread, FLATTEST)] if len(rests) else rests
    energy = float(np.square(flat).sum(dtype=np.float64))
    if energy == 0:
        return Grain(deviation, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), 0.0, 0.0)
    samples = flat.reshape(-1, 3).astype(np.float64)
    moments = samples.T @ samples
    scale = np.sqrt(np.maximum(np.diag(moments), 1e-12))
    correlation = moments / np.outer(scale, scale) * 0.999 + 0.001 * np.eye(3)  # so that it has a root
    lag = BLOCK / (BLOCK - 1) / energy
    across = float((flat[:, :, 1:] * flat[:, :, :-1]).sum(dtype=np.float64)) * lag
    down = float((flat[:, 1:] * flat[:, :-1]).sum(dtype=np.float64)) * lag
    return Grain(
        deviation, tuple(map(tuple, correlation.tolist())), *(min(max(lag, 0.0), STRONGEST) for lag in (across, down))
    )


def add_grain(edit: NDArray[Any], alpha: NDArray[Any], grain: Grain, seed: int, index: int) -> NDArray[np.uint16]:
    """`edit` `[H,W,3]` (uint8 or uint16) with grain where `alpha` is above 0, in 16 bits.

    A function of its arguments; frames (`index`) have independent noise. Under partial coverage the edit's noise is
    raised by `sqrt((2-A)/A)`, so that with what shows of the source's own the sum deviates as much as the source.
    """
    top = np.iinfo(edit.dtype).max
    result = edit.astype(np.uint16) * np.uint16(65535 // top)
    x, y, columns, rows = cv2.boundingRect((alpha > 0).view(np.uint8))
    if not rows:
        return result
    box = slice(y, y + rows), slice(x, x + columns)
    noise = np.random.default_rng((seed, index)).standard_normal((rows, columns, 3), np.float32)
    noise = cv2.sepFilter2D(noise, -1, _kernel(grain.across), _kernel(grain.down))
    mix = np.linalg.cholesky(np.array(grain.correlation)).astype(np.float32)
    noise = cv2.transform(noise, mix)
    coverage = np.maximum(to_float(alpha[box]), np.float32(LEAST_ALPHA))
    noise *= np.sqrt((2 - coverage) / coverage)[..., None]
    middles = (np.arange(LEVELS) + 0.5) / LEVELS
    fine = np.arange(256) / 255
    levels = (result[box] >> 8).astype(np.uint8)
    for channel, curve in enumerate(grain.deviation):
        table = np.interp(fine, middles, curve).astype(np.float32)
        noise[..., channel] *= table[levels[..., channel]]
    noisy = result[box] + noise * np.float32(65535)
    np.copyto(result[box], np.rint(noisy.clip(0, 65535)).astype(np.uint16), where=(alpha[box] > 0)[..., None])
    return result


def _blocks(frame: NDArray[Any]) -> tuple[Float, Float]:
    """Mean colours `[N,3]` of the frame's blocks, and their differences `[N,16,16,3]` from a plane fitted to each.

    Blocks that touch black or white are left out: there noise is cut off.
    """
    top = np.iinfo(frame.dtype).max
    high, wide = (length // BLOCK for length in frame.shape[:2])
    cut = frame[: high * BLOCK, : wide * BLOCK].reshape(high, BLOCK, wide, BLOCK, 3)
    blocks = cut.transpose(0, 2, 1, 3, 4).reshape(-1, BLOCK, BLOCK, 3)
    blocks = blocks[(blocks.min((1, 2, 3)) > 0) & (blocks.max((1, 2, 3)) < top)] * np.float32(1 / top)
    means = blocks.mean((1, 2), keepdims=True)
    ramp = (np.arange(BLOCK, dtype=np.float32) - (BLOCK - 1) / 2) / math.sqrt(BLOCK * (BLOCK**2 - 1) / 12)
    rests = blocks - means
    for slope in (ramp[:, None, None], ramp[:, None]):
        rests = rests - slope * (rests * slope).mean((1, 2), keepdims=True) * BLOCK
    return means[:, 0, 0], rests


def _curve(left: Float, right: Float, means: Float) -> tuple[float, ...]:
    """The deviation at each level, from blocks' means and the deviations of their halves.

    Blocks are chosen by what one half of them shows and measured by the other, so that choosing does not bias. Levels
    of too few blocks take their neighbours'.
    """
    bins = np.clip((means * LEVELS).astype(int), 0, LEVELS - 1)
    known = [bins == level for level in range(LEVELS) if np.count_nonzero(bins == level) >= FEWEST]
    if not known:
        return (0.0,) * LEVELS
    levels, values = [], []
    for level in known:
        mean, halves = means[level], (left[level], right[level])
        chosen = [a <= np.quantile(a, FLATTEST) for a in halves]
        values.append(float(np.mean([np.median(b[flat]) for b, flat in zip(halves[::-1], chosen, strict=True)])))
        levels.append(float(np.mean([mean[flat].mean() for flat in chosen])))  # the flattest are often the darkest
    return tuple(np.interp((np.arange(LEVELS) + 0.5) / LEVELS, levels, values).tolist())


def _kernel(correlation: float) -> NDArray[np.float64]:
    """Three taps (k, 1, k) of unit energy that give white noise this correlation of neighbours: 2k / (1 + 2k^2)."""
    side = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation) if correlation > 1e-6 else 0.0
    taps = np.array([side, 1, side])
    return np.asarray(taps / np.linalg.norm(taps))
