"""Matte paint: brush strokes that raise or lower a layer's alpha, kept as data and drawn anew wherever it is laid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError, brief

Mode = Literal["add", "subtract"]
Point = tuple[float, float]
Box = tuple[slice, slice]  # rows, columns

MOST_STROKES, MOST_POINTS = 1000, 20_000  # of one layer
FURTHEST, WIDEST = 32768.0, 1000.0  # pixels: of a point from the corner, and of a radius
MOST_PAINTED = 2**32  # pixels that are looked at for one picture, over all pieces of the strokes: a minute's work
_SIDE = 16384  # pixels of a picture's longest side, for that count

_FIELDS = ("points", "radius", "softness", "value", "mode", "range")


@dataclass(frozen=True)
class Stroke:
    """One stroke of a round brush; lengths in pixels of the upright source picture, whose first pixel's middle is 0, 0.

    Args:
        points: (x, y) of the line that the brush's middle follows, in order; one point is a dab.
        radius: of the brush, 0.1 to 1000.
        softness: share of the radius over which the brush fades, 0 to 1; its edge is never less than a pixel.
        value: coverage of the brush's middle, 0 to 1.
        mode: whether it adds to alpha or subtracts from it.
        range: first and last source frame it is on, counted from 0; None leaves an end open.
    """

    points: tuple[Point, ...]
    radius: float
    softness: float = 0.0
    value: float = 1.0
    mode: Mode = "add"
    range: tuple[int | None, int | None] = (None, None)

    def __post_init__(self) -> None:
        if not self.points:
            raise VeraError("a stroke has at least one point, [x, y]")
        for x, y in self.points:
            check_between("a point of a stroke", x, -FURTHEST, FURTHEST)
            check_between("a point of a stroke", y, -FURTHEST, FURTHEST)
        check_between("the radius of a stroke", self.radius, 0.1, WIDEST)
        check_between("the softness of a stroke", self.softness, 0, 1)
        check_between("the value of a stroke", self.value, 0, 1)
        if self.mode not in get_args(Mode):
            raise VeraError(f"a stroke's mode is {' or '.join(get_args(Mode))}, not {brief(self.mode)}")
        first, last = self.range[0] or 0, self.range[1]
        if first < 0 or (last is not None and last < first):
            raise VeraError(
                f"a stroke's range is from a frame to one not before it, not {brief(first)} to {brief(last)}"
            )

    def is_on(self, frame: int) -> bool:
        """Whether it is drawn at a source frame."""
        first, last = self.range
        return (first or 0) <= frame and (last is None or frame <= last)

    def pieces(self) -> Sequence[tuple[Point, Point]]:
        """Its line as pieces from point to point; a dab is one of no length."""
        return list(pairwise(self.points)) or [(self.points[0], self.points[0])]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "points": [list(point) for point in self.points],
            "radius": self.radius,
            "softness": self.softness,
            "value": self.value,
            "mode": self.mode,
            "range": list(self.range),
        }


def check_paint(strokes: Sequence[Stroke]) -> None:
    """VeraError for more strokes, points or painted pixels than one layer may have."""
    points = sum(len(stroke.points) for stroke in strokes)
    if len(strokes) > MOST_STROKES or points > MOST_POINTS:
        raise VeraError(
            f"paint has at most {MOST_STROKES:,} strokes of {MOST_POINTS:,} points in all, "
            f"not {len(strokes):,} of {points:,}"
        )
    if sum(_area(stroke) for stroke in strokes) > MOST_PAINTED:
        raise VeraError("paint has too many points of so wide a brush; paint with fewer strokes")


def strokes_from_json(value: object) -> tuple[Stroke, ...]:
    """Read strokes that a stranger wrote, the inverse of each `Stroke.to_json`; VeraError for what they cannot be."""
    if not isinstance(value, list):
        raise VeraError(f"paint cannot be {brief(value)}; write it as a list of strokes")
    if len(value) > MOST_STROKES:
        raise VeraError(f"paint has at most {MOST_STROKES:,} strokes, not {len(value):,}")
    return tuple(map(_stroke, value))


def paint_alpha(alpha: Float, strokes: Sequence[Stroke], frame: int) -> Float:
    """Draw the strokes that are on at source frame `frame` over alpha `[H,W]`, in order; float32 in [0,1].

    Coverage of a stroke at a distance d from its line is `value * clamp((radius + 0.5 - d) / max(softness * radius, 1),
    0, 1)`, in double precision and then as float32. Adding takes the larger of alpha and coverage, subtracting the
    smaller of alpha and 1 - coverage. Returns `alpha` itself where no stroke is on.
    """
    drawn = tuple(stroke for stroke in strokes if stroke.is_on(frame))
    if not drawn:
        return alpha
    painted = alpha.copy()
    box, least, most = _bounds(drawn, alpha.shape[1], alpha.shape[0])
    painted[box] = np.minimum(np.maximum(alpha[box], least), most)
    return painted


@lru_cache(maxsize=8)
def _bounds(strokes: tuple[Stroke, ...], width: int, height: int) -> tuple[Box, Float, Float]:
    """The least and the most that alpha is after the strokes, in the box of a picture that they may touch.

    A larger-of after a smaller-of, and so on, is one clamp, whatever alpha was: it is drawn once for all frames.
    """
    pieces = [(stroke, *piece) for stroke in strokes for piece in stroke.pieces()]
    boxes = [_box(one, other, stroke.radius, width, height) for stroke, one, other in pieces]
    whole = _union([box[0] for box in boxes]), _union([box[1] for box in boxes])
    shape = whole[0].stop - whole[0].start, whole[1].stop - whole[1].start
    least, most = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for (stroke, one, other), box in zip(pieces, boxes, strict=True):
        coverage = _coverage(stroke, one, other, box)
        limit, choose = (coverage, np.maximum) if stroke.mode == "add" else (1 - coverage, np.minimum)
        place = _moved(box[0], -whole[0].start), _moved(box[1], -whole[1].start)
        for bound in (least, most):
            choose(bound[place], limit, out=bound[place])
    return whole, least, most


def _coverage(stroke: Stroke, one: Point, other: Point, box: Box) -> Float:
    """Coverage of a piece of a stroke in a box of pixels."""
    (ax, ay), (bx, by) = one, other
    y, x = np.ogrid[box]
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along: Any = ((x - ax) * dx + (y - ay) * dy) / length if length > 0 else np.zeros(1)
    along = along.clip(0, 1)
    right, down = (x - ax) - along * dx, (y - ay) - along * dy
    distance: NDArray[np.float64] = np.sqrt(right * right + down * down)
    edge = max(stroke.softness * stroke.radius, 1.0)
    return np.asarray(stroke.value * ((stroke.radius + 0.5 - distance) / edge).clip(0, 1), np.float32)


def _box(one: Point, other: Point, radius: float, width: int, height: int) -> Box:
    """Rows and columns of a picture that a piece of a stroke may cover."""

    def within(a: float, b: float, size: int) -> slice:
        first, last = math.floor(min(a, b) - radius - 0.5), math.ceil(max(a, b) + radius + 0.5)
        return slice(min(max(first, 0), size), min(max(last + 1, 0), size))

    return within(one[1], other[1], height), within(one[0], other[0], width)


def _union(parts: list[slice]) -> slice:
    """From the first to the last of some parts of a side, those that are empty left out."""
    held = [part for part in parts if part.start < part.stop]
    return slice(min((part.start for part in held), default=0), max((part.stop for part in held), default=0))


def _moved(part: slice, by: int) -> slice:
    return slice(max(part.start + by, 0), max(part.stop + by, 0))


def _area(stroke: Stroke) -> float:
    def side(a: float, b: float) -> float:
        return min(abs(a - b) + 2 * stroke.radius + 2, _SIDE)

    return sum(side(one[0], other[0]) * side(one[1], other[1]) for one, other in stroke.pieces())


def _stroke(value: object) -> Stroke:
    if not isinstance(value, Mapping):
        raise VeraError(f"a stroke cannot be {brief(value)}; write it as an object with points and radius")
    for name in value:
        if name not in _FIELDS:
            raise VeraError(f"a stroke has no {brief(name)}; it has {', '.join(_FIELDS)}")
    read: dict[str, Any] = dict(value)
    points = read.get("points")
    if not isinstance(points, list) or not all(_are_numbers(point, 2) for point in points):
        raise VeraError(f"points of a stroke cannot be {brief(points)}; write them as [[x, y], ...]")
    if len(points) > MOST_POINTS:
        raise VeraError(f"paint has at most {MOST_POINTS:,} points, not {len(points):,}")
    for name in ("radius", *(name for name in ("softness", "value") if name in read)):
        if not _are_numbers([read.get(name)], 1):
            raise VeraError(f"the {name} of a stroke is a number, not {brief(read.get(name))}")
    shown = read.get("range", [None, None])
    if not isinstance(shown, list) or len(shown) != 2 or not all(end is None or type(end) is int for end in shown):
        raise VeraError(f"a stroke's range is [first, last], each a frame or null, not {brief(shown)}")
    return Stroke(**read | {"points": tuple((x, y) for x, y in points), "range": (shown[0], shown[1])})


def _are_numbers(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(type(part) in (int, float) for part in value)


def check_between(what: str, value: float, low: float, high: float) -> None:
    """Raise VeraError unless a value is within its bounds."""
    if not low <= value <= high:  # so for nan too
        raise VeraError(f"{what} is from {low:g} to {high:g}, not {brief(value)}")
