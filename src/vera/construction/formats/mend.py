"""What a person changes of a matte: parts that are taken away, its levels, then strokes, as decisions hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError
from vera.layers.paint import Stroke, check_paint, paint_alpha, strokes_from_json

LEAST = 0.001  # that levels are apart: float32 still tells them from each other
SEEN = 0.02  # alpha above which pixels that touch are one part
FRINGE = 4  # pixels about a part whose alpha is less, and that go with it
MOST_PARTS = 500

Part = tuple[int, int, int]  # a frame, and a point x, y of it


@dataclass(frozen=True)
class Mend:
    """`parts`: points of what is taken away first; `levels`: alpha that becomes 0, and alpha that becomes 1, straight
    between them; `strokes` come last.

    VeraError for levels that do not rise within 0 to 1, and for more parts or strokes than a matte may have.
    """

    parts: tuple[Part, ...] = ()
    levels: tuple[float, float] = (0.0, 1.0)
    strokes: tuple[Stroke, ...] = ()

    def __post_init__(self) -> None:
        if len(self.parts) > MOST_PARTS:
            raise VeraError(
                f"{MOST_PARTS} parts are the most that can be taken away one by one; use levels and strokes"
            )
        low, high = self.levels
        if not 0 <= low <= high - LEAST <= high <= 1:
            raise VeraError(f"levels rise from 0 to 1 by {LEAST} or more, such as [0.1, 0.9], not {list(self.levels)}")
        check_paint(self.strokes)

    def apply(self, alpha: Float, frame: int, gone: NDArray[np.bool_] | None = None) -> Float:
        """The matte `[H,W]` of a frame, float32 in [0,1]; itself where nothing changes it. `gone`: of `parts_gone`."""
        low, high = self.levels
        if gone is not None:
            alpha = np.where(gone, np.float32(0), alpha)
        if self.levels != (0, 1):
            alpha = np.asarray(np.clip((alpha - np.float32(low)) / np.float32(high - low), 0, 1))
        return paint_alpha(alpha, self.strokes, frame)


NOTHING = Mend()


def read_mend(values: Mapping[str, Any]) -> Mend:
    """Read `parts`, `levels` and `strokes` of a decision or a draft; VeraError for what cannot be."""
    low, high = values.get("levels", NOTHING.levels)
    parts = tuple((t, x, y) for t, x, y in values.get("parts", ()))
    return Mend(parts, (low, high), strokes_from_json(list(values.get("strokes", ()))))


def parts_gone(matte: Float, parts: Sequence[Part]) -> NDArray[np.bool_]:
    """Where a matte `[T,H,W]` is taken away. A part is what hangs together in space and time; a point in it takes it
    away, a second one brings it back. VeraError for a point that is not in the clip."""
    for t, x, y in parts:
        if not all(0 <= at < size for at, size in zip((t, y, x), matte.shape, strict=True)):
            raise VeraError(f"the clip has no point {x}, {y} in frame {t}, which a part of the matte should hold")
    labels = _labelled(matte > SEEN)
    links = _links(labels)
    away: set[int] = set()
    for t, x, y in parts:
        if label := int(labels[t, y, x]):
            away ^= _reached(label, links)
    gone = np.isin(labels, sorted(away))
    fringe = np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)
    near = np.stack([cv2.dilate(frame.view(np.uint8), fringe).view(np.bool_) for frame in gone])
    return np.asarray(gone | near & (matte <= SEEN))


def _labelled(seen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """What hangs together within each frame by a number of its own, from 1."""
    labels = np.zeros(seen.shape, np.int32)
    count = 0
    for frame, held in zip(seen, labels, strict=True):
        found, own = cv2.connectedComponents(frame.view(np.uint8), connectivity=8)
        held[:] = np.where(own, own + count, 0)
        count += found - 1
    return labels


def _links(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Pairs `[N,2]` of numbers that share a pixel in two frames that follow each other."""
    before, after = labels[:-1], labels[1:]
    both = (before > 0) & (after > 0)
    return np.unique(np.stack([before[both], after[both]], axis=1), axis=0)


def _reached(label: int, links: NDArray[np.int32]) -> set[int]:
    reached, more = set[int](), {label}
    while more != reached:
        reached = more
        touching = np.isin(links, sorted(reached)).any(axis=1)
        more = reached | {int(one) for one in links[touching].ravel()}
    return reached
