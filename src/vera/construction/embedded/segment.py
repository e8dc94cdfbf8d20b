"""Masks of one object: from a box and clicks in one frame (GrabCut), and carried from there through the clip."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vera.arrays import Float
from vera.construction.embedded.regions import Frames, Mask, box_about, grown, shrunk, without_specks
from vera.layers.refine.motion import flow, grey, moved

Point = tuple[int, int]

CLICK = 3  # radius in pixels of what a click surely means
BAND = 5  # pixels on either side of a carried edge that may change
AROUND = 4 * BAND  # pixels about the object that its surroundings' colours are learnt from
LEAST = 20  # sure pixels that colours can be learnt from
ALONE = 1 / 3  # side of the square about clicks without a box, of the frame's shorter side


@dataclass(frozen=True)
class Prompts:
    """What a person pointed at in one frame, in pixels.

    Args:
        box: x, y, width, height of what holds all of the object, or None.
        plus, minus: (x, y) of clicks on the object and beside it.
    """

    box: tuple[int, int, int, int] | None = None
    plus: Sequence[Point] = ()
    minus: Sequence[Point] = ()


def mask_from_prompts(frame: Frames, prompts: Prompts, before: Mask | None = None) -> Mask:
    """Segment the object that `prompts` point at in `frame` `[H,W,3]`: bool `[H,W]`.

    Colours inside the box against those outside, cut where the picture has edges (GrabCut, Rother et al., 2004).
    `before` is a mask that the clicks correct.
    """
    box = prompts.box or _square(prompts.plus, frame.shape[:2])
    if box is None:
        return np.zeros(frame.shape[:2], bool) if before is None else before
    x, y, width, height = box
    labels = np.full(frame.shape[:2], cv2.GC_BGD, np.uint8)
    inside = labels[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    inside[:] = cv2.GC_PR_FGD
    if before is not None:
        wanted = grown(before, BAND)
        labels[wanted & (labels == cv2.GC_BGD)] = cv2.GC_PR_BGD
        labels[before] = cv2.GC_PR_FGD
        labels[~before & (labels == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    for points, label in ((prompts.plus, cv2.GC_FGD), (prompts.minus, cv2.GC_BGD)):
        for point in points:
            cv2.circle(labels, point, CLICK, int(label), -1)
    return _closed(_cut(frame, labels, rounds=4))


def propagate(frames: Frames, masks_by_frame: Mapping[int, Mask], barriers: Collection[int] = ()) -> Mask:
    """Carry masks of some frames through `frames` `[T,H,W,3]`: bool `[T,H,W]`, false where none gets to.

    Each frame's mask comes from the nearest given one, forward or backward. Given masks stay as they are. Nothing is
    carried into a frame of `barriers` or beyond it.
    """
    carried = np.zeros(frames.shape[:3], bool)
    for t, mask in carry(frames, masks_by_frame, barriers):
        carried[t] = mask
    return carried


def carry(
    frames: Frames, masks_by_frame: Mapping[int, Mask], barriers: Collection[int] = ()
) -> Iterator[tuple[int, Mask]]:
    """Frames and their masks as `propagate` finds them, one by one: each given one, then what is carried from it."""
    for start, mask in masks_by_frame.items():
        yield start, mask
        for step in (1, -1):
            order = list(_reach(len(frames), masks_by_frame, barriers, start, step))
            yield from zip(order, follow(frames, mask, start, order), strict=True)


def follow(frames: Frames, mask: Mask, start: int, order: Sequence[int]) -> Iterator[Mask]:
    """Masks `[H,W]` of the frames `order`, one by one, each carried from the one before it, the first from `start`.

    A mask moves with the picture (dense inverse search) and is cut anew in a band about its edge.
    """
    before = start
    for t in order:
        motion = flow(grey(frames[t]), grey(frames[before]))
        mask = recut(frames[t], moved(mask.astype(np.float32), motion))
        yield mask
        before = t


def recut(frame: Frames, likely: Float, band: int = BAND) -> Mask:
    """Cut the object out of `frame` where `likely` `[H,W]` is about 1/2: the edge may move by `band` pixels."""
    mask = likely > 0.5
    sure = shrunk(mask, band)
    if sure.sum() < LEAST:
        return mask
    box = box_about(mask, AROUND)
    labels = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    labels[grown(mask, band)] = cv2.GC_PR_BGD
    labels[mask] = cv2.GC_PR_FGD
    labels[sure] = cv2.GC_FGD
    found = np.zeros_like(mask)
    found[box] = _cut(np.ascontiguousarray(frame[box]), labels[box].copy(), rounds=2)
    return _closed(found)


def _reach(count: int, given: Collection[int], barriers: Collection[int], start: int, step: int) -> Iterator[int]:
    """Frames that are carried to from `start`: up to half of the way to the next given one."""
    t = start + step
    while 0 <= t < count and t not in given and t not in barriers:
        if min(given, key=lambda key: (abs(key - t), key)) != start:
            return
        yield t
        t += step


def _square(points: Sequence[Point], shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    if not points:
        return None
    around = round(ALONE * min(shape) / 2)
    (left, top), (right, bottom) = np.min(points, axis=0) - around, np.max(points, axis=0) + around
    return int(left), int(top), int(right - left), int(bottom - top)


def _cut(frame: Frames, labels: Frames, rounds: int) -> Mask:
    """What GrabCut takes for the object, from labels in and out; from the labels alone where one side has no pixel."""
    object_like = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if object_like.any() and not object_like.all():
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # its colour clusters start at random
        cv2.grabCut(frame, labels, None, *models, rounds, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD))


def _closed(mask: Mask) -> Mask:
    kept = without_specks(mask).view(np.uint8)
    return np.asarray(cv2.morphologyEx(kept, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), bool)
