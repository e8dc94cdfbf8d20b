"""Which frame of the edited clip belongs to which of the source: by time or by number, as their pictures say."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.layers.layerize.structure import structure_agrees
from vera.video import Clip

# Chosen, not searched for: the plainest pairing wins unless another is clearly better.
# `python -m benchmarks.sensitivity layerize --only pairing` prints what half and double of each are worth.
THUMB = 96  # pixels along the longer side of the pictures that pairings are judged by
CLOSE = 12 / 255  # difference from which pixels count as not agreeing at all
BETTER, CHANCE = 1.1, 0.01  # times the agreement of the plain pairing, and more, that another one must have
BLANK = 1.5 / 255  # standard deviation of a thumbnail that shows nothing
OFFSETS = (-2, -1, 1, 2)  # frames
LAGS = (-1.0, -0.5, 0.5, 1.0)  # source frames


@dataclass(frozen=True)
class Times:
    """When each frame begins, in seconds from the first, and how long they last together."""

    starts: tuple[float, ...]
    duration: float

    @classmethod
    def of(cls, clip: Clip) -> "Times":
        """Those of a clip."""
        return cls(tuple(float((pts - clip.pts[0]) * clip.time_base) for pts in clip.pts), float(clip.duration))

    @property
    def count(self) -> int:
        """How many frames there are."""
        return len(self.starts)


@dataclass(frozen=True)
class Pairing:
    """For each frame of the source the edited clip's frame that shows it, or None; rising.

    `name` says how found; `lag` is how many seconds later the edited clip shows the same.
    """

    name: str
    partners: tuple[int | None, ...]
    lag: float = 0.0

    @property
    def count(self) -> int:
        """How many frames have a partner."""
        return sum(partner is not None for partner in self.partners)


@dataclass(frozen=True)
class Group:
    """Frames of the source (numbers, one after the other) that one edited frame stands for; `best` fits it best."""

    edited: int
    frames: tuple[int, ...]
    best: int


def candidates(source: Times, edited: Times) -> list[Pairing]:
    """Pairings that are plausible, the plainest first."""
    count, other = source.count, edited.count
    plain = [_by_number(count, other, 0)]
    if count != other:
        by_time = _by_time(source, edited, 0)
        plain = [by_time] if by_time.partners == plain[0].partners else [by_time, *plain]
    moved = [_by_number(count, other, offset) for offset in OFFSETS]
    if count != other:
        moved += [_by_time(source, edited, lag) for lag in LAGS]
    return [pairing for pairing in [*plain, *moved] if pairing.count]


def plain_pairing(source: Times, edited: Times) -> Pairing:
    """Pair by number."""
    return _by_number(source.count, edited.count, 0)


def sample_frames(pairings: Sequence[Pairing], count: int) -> list[int]:
    """Up to `count` frames of the source, evenly spread, of those that have a partner in the most pairings.

    Of a short clip also of others: a single frame may be the one that is edited all over.
    """
    partnered = np.sum([[partner is not None for partner in pairing.partners] for pairing in pairings], axis=0)
    usable = np.flatnonzero(partnered >= np.sort(partnered)[-min(count, len(partnered))])
    usable = usable[partnered[usable] > 0]
    return [int(i) for i in usable[np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int))]]


def thumbnail(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey `[h,w]` of RGB `[H,W,3]` in [0,1], at least twice reduced so that a shift of a pixel matters little."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scale = min(0.5, THUMB / max(grey.shape))
    size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))


def choose(
    pairings: Sequence[Pairing],
    source: Mapping[int, NDArray[np.float32]],
    edited: Mapping[int, NDArray[np.float32]],
) -> Pairing:
    """The pairing under which the thumbnails agree best; the first one, unless another is clearly better.

    Frames that may belong to one of a single colour, the end of a fade, say, tell nothing.
    """
    blank = {number for number, picture in edited.items() if picture.std() < BLANK}
    telling = {n: one for n, one in source.items() if not blank & {pairing.partners[n] for pairing in pairings}}
    scores = [_score(pairing, telling, edited) for pairing in pairings]
    best = int(np.argmax(scores))
    return pairings[best] if scores[best] > max(BETTER * scores[0], scores[0] + CHANCE) else pairings[0]


def groups(pairing: Pairing, source: Times, edited: Times) -> list[Group]:
    """The paired frames by edited frame; the one nearest in time is most likely what the editor saw."""
    found = []
    numbered = [(i, partner) for i, partner in enumerate(pairing.partners) if partner is not None]
    for partner, members in groupby(numbered, key=lambda pair: pair[1]):
        frames = tuple(i for i, _ in members)
        best = min(frames, key=lambda i: abs(source.starts[i] + pairing.lag - edited.starts[partner]))
        found.append(Group(partner, frames, best))
    return found


def unused_frames(pairing: Pairing, source: Times, edited: Times) -> int:
    """Count the edited clip's frames that belong to none of the source's.

    Of a clip of a higher rate, paired by time, those between two that are shown are no loss: only those outside of the
    source's time count.
    """
    if pairing.name.startswith("number"):
        return edited.count - len({partner for partner in pairing.partners if partner is not None})
    half = edited.duration / edited.count / 2
    return sum(not -half < start - pairing.lag < source.duration - half for start in edited.starts)


def _by_number(count: int, other: int, offset: int) -> Pairing:
    partners = tuple(i + offset if 0 <= i + offset < other else None for i in range(count))
    return Pairing("number" if offset == 0 else f"number {offset:+d}", partners)


def _by_time(source: Times, edited: Times, lag: float) -> Pairing:
    """The nearest in time, if it is no further than half of the longer frame; `lag` in frames of the source."""
    other = edited.starts
    frame = source.duration / source.count
    reach = max(frame, edited.duration / edited.count) * 0.51
    partners: list[int | None] = []
    for time in source.starts:
        place = bisect_left(other, time + lag * frame)
        distance, near = min((abs(other[i] - time - lag * frame), i) for i in (place - 1, place) if 0 <= i < len(other))
        partners.append(near if distance <= reach else None)
    return Pairing("time" if lag == 0 else f"time {lag:+g}", tuple(partners), lag * frame)


def _score(
    pairing: Pairing, source: Mapping[int, NDArray[np.float32]], edited: Mapping[int, NDArray[np.float32]]
) -> float:
    """Agreement of the samples that the pairing pairs, where structure agrees: smooth pictures are alike by chance."""
    total = 0.0
    for number, picture in source.items():
        partner = pairing.partners[number]
        if partner is None:
            continue
        other = edited[partner]
        if other.shape != picture.shape:
            other = cv2.resize(other, picture.shape[::-1], interpolation=cv2.INTER_AREA)
        agrees = structure_agrees(picture, other)
        if agrees.any():
            difference = _in_contrast_of(picture[agrees], other[agrees]) - picture[agrees]
            difference = np.abs(difference - np.median(difference))
            total += float(np.maximum(0, 1 - difference / CLOSE).sum()) / picture.size
    return total / max(len(source), 1)


def _in_contrast_of(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """`other` `[N]` with the spread of `one`: in a fade a brighter frame would seem closer than the one of the time."""
    return np.asarray(other * (one.std() / np.maximum(other.std(), np.float32(1e-6))))
