"""Whether arrays can be measured together: one line to the user where they cannot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Frames
from vera.errors import VeraError

OVERSHOOT = 0.1  # that filters leave beside edges; of codes up to 255, or logits, there is more
Region = NDArray[np.bool_]  # [T,H,W]


def check_frames(result: Frames, source: Frames, region: Region | None = None) -> None:
    """Raise VeraError unless both are uint8 `[T,H,W,3]` of one shape, and `region` is bool `[T,H,W]` of it."""
    check_clip(result)
    if result.shape != source.shape or source.dtype != np.uint8:
        raise VeraError(
            f"frames {_seen(result)} cannot be measured against {_seen(source)}: "
            "bring both to one size and one number of frames first"
        )
    if region is not None and (region.shape != result.shape[:3] or region.dtype != np.bool_):
        raise VeraError(f"a region {_seen(region)} says nothing of frames {_seen(result)}: it must be bool [T,H,W]")


def check_clip(frames: Frames) -> None:
    """Raise VeraError unless `frames` is uint8 `[T,H,W,3]` with at least one pixel."""
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise VeraError(f"frames {_seen(frames)} cannot be measured: they must be uint8 [T,H,W,3], at least one")


def check_mattes(alpha: NDArray[np.float32], truth: NDArray[np.float32]) -> None:
    """Raise VeraError unless both are floats `[T,H,W]` in [0,1] of one shape."""
    check_matte(alpha)
    check_matte(truth)
    if alpha.shape != truth.shape:
        raise VeraError(
            f"a matte {_seen(alpha)} cannot be measured against {_seen(truth)}: "
            "bring both to one size and one number of frames first"
        )


def check_matte(alpha: NDArray[np.float32]) -> None:
    """Raise VeraError unless `alpha` is a float `[T,H,W]` in [0,1] with at least one pixel."""
    if alpha.ndim != 3 or not np.issubdtype(alpha.dtype, np.floating) or not alpha.size:
        raise VeraError(f"a matte {_seen(alpha)} cannot be measured: it must be float [T,H,W] in [0,1]")
    for t, frame in enumerate(alpha):
        low, high = float(frame.min()), float(frame.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise VeraError(f"the matte of frame {t} holds values that are no numbers (NaN or infinite): make it anew")
        if low < -OVERSHOOT or high > 1 + OVERSHOOT:
            raise VeraError(f"the matte of frame {t} has values from {low:g} to {high:g}: bring it to [0,1] first")


def check_fits(alpha: NDArray[np.float32], frames: Frames) -> None:
    """Raise VeraError unless `alpha` is a matte `[T,H,W]` of the size and length of frames `[T,H,W,3]`."""
    check_matte(alpha)
    if alpha.shape != frames.shape[:3]:
        raise VeraError(f"a matte {list(alpha.shape)} does not fit frames {list(frames.shape)}: bring both to one size")


def _seen(array: NDArray[Any]) -> str:
    return f"{array.dtype} {list(array.shape)}"
