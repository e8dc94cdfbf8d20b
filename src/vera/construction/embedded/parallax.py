"""Backgrounds that are not one plane: how other frames lie locally beside what the camera's homography says."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.embedded.background_median import masked_quantile, placed, shown_from
from vera.construction.embedded.camera import CameraTrack, Matrices
from vera.construction.embedded.regions import Frames, Mask, box_about
from vera.layers.refine.motion import flow

# `python -m benchmarks.construction_parallax`, with and without `--film`, prints what these give.
REACH = 24  # pixels about a hole in which displacements are found
EVERY = 2  # frames: of two neighbours one is enough
MOST = 20  # frames that are compared
SEEN = 0.05  # of the hole: frames that show less do not tell
OFF = 1.5  # codes that registered frames differ about the hole: with less, one homography is enough
GAIN = 0.9  # of the disagreement without displacements: it must become less than that
SMOOTH = 6.0  # sigma of a field, in pixels, where it is known from near by, and `WIDER` times that elsewhere
WIDER = 4
FAR_WEIGHT = np.float32(0.02)
NEAR = 2.0  # sigma over which disagreements are averaged
CUT = 20.0  # codes: what differs by more is something else


class Displacements(NamedTuple):
    """Float32 `[H,W,2]` by frame, pixels right and down to add before the homography, and bool `[H,W]`, where frames
    that are moved so agree better."""

    fields: dict[int, Float]
    better: Mask


def find_displacements(
    greys: NDArray[np.uint8], holes: Mask, camera: CameraTrack, others: list[int], t: int
) -> Displacements | None:
    """How the frames `others` of a grey clip `[T,H,W]` lie beside the homography in the hole of frame `t`, None if not.

    About the hole the flow from frame `t` tells. What lies nearer and farther moves differently: there are two smooth
    fields, each continued into the hole from the pixels on its own side. In the hole, that field counts with which the
    other frames agree best.
    """
    box = box_about(holes[t], REACH)
    hole, here = holes[t][box], np.ascontiguousarray(greys[t][box])
    size = hole.shape[1], hole.shape[0]
    corner = np.array([[1, 0, -box[1].start], [0, 1, -box[0].start], [0, 0, 1.0]])
    places: dict[int, Matrices] = {}
    shown = []
    for s in others:
        if (s - t) % EVERY == 0 and len(places) < MOST:
            seen = shown_from(holes[s], corner @ camera.between(s, t), size)
            if (seen & hole).sum() > SEEN * hole.sum():
                places[s] = corner @ camera.between(s, t)
                shown.append(seen & ~hole)
    if not places:
        return None
    still = _disagreement(greys, holes, places, np.zeros((len(places), *hole.shape, 2), np.float32), here, hole)
    if still[~hole].mean() < OFF:
        return None
    flows = np.stack([flow(here, cv2.warpPerspective(greys[s], place, size)) for s, place in places.items()])
    fields, least, better = np.zeros_like(flows), still * np.float32(GAIN), np.zeros(hole.shape, bool)
    for side in _sides(flows, np.stack(shown)):
        moved = np.stack([_continued(found, seen & side) for found, seen in zip(flows, shown, strict=True)])
        off = _disagreement(greys, holes, places, moved, here, hole)
        chosen = off < least
        fields[:, chosen], least, better = moved[:, chosen], np.minimum(off, least), better | chosen
    whole = np.zeros((len(places), *holes.shape[1:], 2), np.float32)
    where = np.zeros(holes.shape[1:], bool)
    whole[:, *box], where[box] = fields, better
    return Displacements(dict(zip(places, whole, strict=True)), where)


def _disagreement(
    greys: NDArray[np.uint8], holes: Mask, places: dict[int, Matrices], fields: Float, here: Frames, hole: Mask
) -> Float:
    """Mean distance in codes `[h,w]` of what frames show, moved to `places` and by `fields`: outside of the `hole` from
    `here`, and inside of it from their median."""
    size = hole.shape[1], hole.shape[0]
    moved = list(zip(places.items(), fields, strict=True))
    pictures = np.stack([placed(greys[s], place, size, field=field) for (s, place), field in moved])
    shown = np.stack([shown_from(holes[s], place, size, field) for (s, place), field in moved])
    usual = np.where(hole, masked_quantile(pictures[..., None], shown, 0.5)[..., 0], here)
    off = (np.minimum(np.abs(pictures - usual), CUT) * shown).sum(0)
    free = np.maximum(shown.sum(0) - hole, 0)  # a median of one agrees with it
    total, count = (cv2.GaussianBlur(each.astype(np.float32), (0, 0), NEAR) for each in (off, free))
    return np.asarray(total / np.maximum(count, np.float32(0.1)))


def _sides(flows: Float, shown: Mask) -> list[Mask]:
    """The pixels `[h,w]` to either side of the middle of the first principal component of `flows` `[N,h,w,2]`."""
    known = shown.sum(0) > shown.sum(0).max() / 2
    paths = (flows * shown[..., None]).transpose(1, 2, 0, 3).reshape(*known.shape, -1)
    centred = paths - paths[known].mean(0)
    along = centred @ np.linalg.eigh(centred[known].T @ centred[known])[1][:, -1]
    above = along > np.quantile(along[known], [0.1, 0.9]).mean()
    return [known & above, known & ~above]


def _continued(field: Float, known: Mask) -> Float:
    """`field` `[h,w,2]`, averaged over what is `known` near by, or, where there is little, farther away."""
    weight = known.astype(np.float32)

    def summed(values: Float) -> Float:
        near, far = (cv2.GaussianBlur(values, (0, 0), sigma) for sigma in (SMOOTH, WIDER * SMOOTH))
        return np.asarray(near + FAR_WEIGHT * far)

    total: Float = summed(field * weight[..., None])
    return np.asarray(total / np.maximum(summed(weight), np.float32(1e-6))[..., None], np.float32)
