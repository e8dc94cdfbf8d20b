"""Colours continued past the matte, so that a straight edit layer shows no fill at soft edges."""

import cv2
import numpy as np

from vera.arrays import Float


def extend_colors(premultiplied: Float, alpha: Float) -> Float:
    """Un-premultiply `premultiplied` and continue its colours where `alpha` is small (pull-push).

    Each pixel takes its own colour to the extent that it is covered, and for the rest that of the next coarser level of
    an image pyramid, so the nearest covered colours flow outward smoothly.

    Args:
        premultiplied: `[H,W,3]`, colour times alpha, any range.
        alpha: `[H,W]` in [0,1].

    Returns:
        Straight colours `[H,W,3]`, defined everywhere if any pixel is covered, else zero.
    """
    height, width = alpha.shape
    if min(height, width) == 1:
        total = float(alpha.sum())
        mean = premultiplied.sum((0, 1)) / max(total, 1e-6)
        return np.broadcast_to(mean, premultiplied.shape).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = extend_colors(
        cv2.resize(premultiplied, half, interpolation=cv2.INTER_AREA),
        cv2.resize(alpha, half, interpolation=cv2.INTER_AREA),
    )
    behind = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    x, y, columns, rows = cv2.boundingRect((alpha > 0).view(np.uint8))  # elsewhere there is nothing of its own
    covered = (slice(y, y + rows), slice(x, x + columns))
    weight = np.minimum(alpha[covered] * 4, 1)[..., None]  # confident from a quarter coverage on: chosen, not measured
    own = premultiplied[covered] / np.maximum(alpha[covered], 1e-3)[..., None]
    behind[covered] = weight * own + (1 - weight) * behind[covered]
    return np.asarray(behind, np.float32)
