"""Differences that the source itself explains: detail that an editor lost, and what moves smeared over time.

The autoencoders of video models code several frames together and a few pixels at a time. What they lose lies between
the values that the source has nearby, in the frame or in the frames around it; an edit mostly does not.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.layers.layer_frame import to_float
from vera.layers.layerize.noise import soften
from vera.layers.layerize.structure import edges

Item = TypeVar("Item")
Mask = NDArray[np.bool_]
Range = tuple[Float, Float]  # least and greatest values, [H,W,3]

# Chosen, not searched for: how far, in time and space, the autoencoders of editors mix.
# `python -m benchmarks.sensitivity layerize --only smear` prints what half and double of each are worth.
NEARBY = 3  # frames before and after: autoencoders code four together
REACH = 2  # pixels to each side
MIXED = 0.85  # the most of another frame that a smeared one shows; what shows all of it is an edit that reveals it
FEWEST = 0.0005  # of the frame must move for its smears to be judged
BITE = 1 / 14  # of the shorter side: gaps of an edit that are no wider are not smears
MOVING = 10.0  # range over time, in noise, from which a smear would be seen
GONE = 0.35  # of the source's edges, as soft as the editor draws: less of them is left where a thin thing was removed
SMEARED = (3.5, 0.08)  # difference in noise that counts as one, and its share of what moves, of an editor that smears


def with_neighbours(items: Iterable[Item], reach: int) -> Iterator[tuple[Item, list[Item]]]:
    """Each item with those of up to `reach` before and after, itself included; as many are in memory."""
    window: deque[Item] = deque(maxlen=2 * reach + 1)
    waiting = 0  # items at the window's end that were not given yet
    for item in items:
        window.append(item)
        waiting += 1
        if waiting > reach:
            yield window[-waiting], list(window)
            waiting -= 1
    while waiting:
        yield window[-waiting], list(window)[-waiting - reach if waiting + reach < len(window) else 0 :]
        waiting -= 1


def value_range(pictures: Sequence[NDArray[Any]], softness: float) -> Range:
    """What the pictures `[H,W,3]`, codes of one depth, show within a few pixels, as soft as an editor draws."""
    least, greatest = pictures[0], pictures[0]
    for picture in pictures[1:]:
        least, greatest = np.minimum(least, picture), np.maximum(greatest, picture)
    soft = [cv2.GaussianBlur(soften(to_float(part), softness), (0, 0), 1.0) for part in (least, greatest)]
    window = np.ones((2 * REACH + 1,) * 2, np.uint8)
    return np.asarray(cv2.erode(soft[0], window)), np.asarray(cv2.dilate(soft[1], window))


def beyond_range(source: Float, edited: Float, values: Range, share: float) -> Float:
    """`[H,W,3]`, how far the smoothed edited picture lies beyond `share` of the way from the source to the range."""
    before, after = cv2.GaussianBlur(source, (0, 0), 1.0), cv2.GaussianBlur(edited, (0, 0), 1.0)
    least, greatest = (before + np.float32(share) * (end - before) for end in values)
    return np.asarray(np.maximum(after - greatest, 0) + np.minimum(after - least, 0))


def vanished(source: Float, edited: Float) -> Mask:
    """`[H,W]` of matched pictures `[H,W,3]`: the source has edges, of which the edited one has hardly any left.

    All that a thin thing leaves when it is removed lies in the range of the source beside it.
    """
    before, after = (edges(cv2.GaussianBlur(part, (0, 0), 1.0)) for part in (source, edited))
    return np.asarray(after < GONE * before)


def smears(difference: Float, level: Float, still: Range, values: Range, found: Mask) -> bool:
    """Whether what moves, whose range over time is wider than `still`, differs often also beside the largest edit."""
    moving = ((values[1] - values[0]) - (still[1] - still[0])).mean(axis=-1) > MOVING * level
    moving &= ~_largest(found)
    different = np.sqrt(np.square(difference).mean(axis=-1)) > SMEARED[0] * level
    count = np.count_nonzero(moving)
    return bool(np.count_nonzero(moving & different) > SMEARED[1] * max(count, FEWEST * moving.size))


def _largest(found: Mask) -> Mask:
    """The largest connected part, and a few pixels around it."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=8)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(cv2.dilate((labels == largest).view(np.uint8), np.ones((9, 9), np.uint8)), bool)


def close_bites(sure: Mask, found: Mask) -> Mask:
    """`sure` with those of its gaps that `found` fills: where what moves is edited, the edit is excused as well."""
    side = 2 * round(BITE * min(sure.shape)) + 1
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(sure.view(np.uint8), cv2.MORPH_CLOSE, window)
    return np.asarray(sure | (closed.astype(bool) & found))
