"""The clip without the object: what other frames show of the background, registered by the camera, and how many do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.embedded.background_median import SHRINK, enlarged, halved, masked_quantile, placed, shown_from
from vera.construction.embedded.camera import CameraTrack
from vera.construction.embedded.parallax import find_displacements
from vera.construction.embedded.regions import Frames, Mask, box_about, grown
from vera.construction.embedded.shaded import shaded
from vera.layers.refine.motion import grey
from vera.metrics.preservation import psnr
from vera.video.view import spread_frames

AROUND = 4  # pixels about the mask where the object still shows: soft edges, and the codec's ringing
MOST = 9  # frames a pixel's median is taken of: more are farther away, and registered worse
FARTHEST = 40  # frames, nearest first, that are looked at
FAR = 1 / 8  # of the frame's height about a hole, where a shadow that was not found may be
ENOUGH = 3  # frames beyond that which make others unneeded
UNSEEN_LIMIT = 0.05  # of the hole, that no frame shows: above, the fill is invented
# dB, below which the background was not found. What is told beside a hole is within 3.2 dB of the truth in it for nine
# of eleven clips whose camera travels (`python -m benchmarks.construction_parallax [--film]`).
BESIDE_LIMIT = 22.0
BESIDE = 1 / 30  # of the frame's height about a hole that is looked at
CHECKED = 7  # frames that are looked at
FILLED_FROM = 5  # pixels about an unseen one that Telea's method continues


@dataclass(frozen=True)
class CleanPlate:
    """A clip without the object, and what it rests on.

    Args:
        frames: uint8 `[T,H,W,3]`, the clip's own pixels outside of the holes.
        evidence: uint8 `[T,H,W]`, how many other frames showed the background of a pixel; at most `MOST`, 0 outside of
            the holes. Where it is 0 in a hole, the fill is invented.
    """

    frames: Frames
    evidence: NDArray[np.uint8]


def holes_of(masks: Mask, effects: Mask | None = None) -> Mask:
    """What a plate must replace `[T,H,W]`: the object's masks with their soft edges, and its effects."""
    holes = np.stack([grown(mask, AROUND) for mask in masks])
    return holes if effects is None else holes | np.stack([grown(effect, 1) for effect in effects])


def unseen_share(plate: CleanPlate, holes: Mask) -> float:
    """The share of the holes' pixels that no frame shows; 0 without holes. Above `UNSEEN_LIMIT` a plate is no good."""
    return float((plate.evidence[holes] == 0).mean()) if holes.any() else 0.0


def fidelity_beside(frames: Frames, holes: Mask, camera: CameraTrack) -> float:
    """PSNR in dB, at most 100, of what a plate would be just beside the holes, where the clip shows it.

    The places are hidden in all frames, so that a plate is as far to seek for them as in the holes. 0 where none can be
    judged. A shadow that was not found and moves counts as an error.
    """
    shown = np.flatnonzero(holes.any((1, 2))).tolist()
    if not shown:
        return 0.0
    chosen = [shown[i] for i in spread_frames(len(shown), CHECKED)]
    wider = np.stack([grown(hole, round(BESIDE * frames.shape[1])) for hole in holes])
    plate = clean_plate(frames, wider, camera, chosen)
    beside = (wider & ~holes & (plate.evidence > 0))[chosen]
    return psnr(plate.frames[chosen], frames[chosen], beside) or 0.0


def clean_plate(frames: Frames, holes: Mask, camera: CameraTrack, chosen: Sequence[int] | None = None) -> CleanPlate:
    """Fill the `holes` `[T,H,W]` of a clip `[T,H,W,3]`, or of the `chosen` of its frames, with the median of what the
    nearest other frames show there.

    Frames that show a pixel in a shadow count only where all do. Where the background is not one plane, frames are
    moved locally, if they agree better so. What no frame shows is continued from around (Telea, 2004). Nothing outside
    of the holes changes.
    """
    filled, evidence = frames.copy(), np.zeros(frames.shape[:3], np.uint8)
    far = np.stack([grown(hole, round(FAR * frames.shape[1])) for hole in holes])
    small, covered, small_camera = halved(frames, holes, camera)
    greys = np.stack([grey(frame) for frame in small])
    for t in range(len(frames)) if chosen is None else chosen:
        hole = holes[t]
        box = box_about(hole, 2)
        if not hole.any():
            continue
        others = sorted(range(len(frames)), key=lambda s: abs(s - t))[1 : FARTHEST + 1]
        dark = shaded(small, covered, small_camera, others, t)
        shadows = {s: enlarged(shadow, hole.shape[::-1])[box] for s, shadow in zip(others, dark, strict=True)}
        colors, shown = _seen_elsewhere(frames, holes, far, shadows, camera, t, box)
        displaced = find_displacements(greys, covered, small_camera, others, t)
        if displaced is not None:
            fields = {s: _full_size(field, hole.shape)[box] for s, field in displaced.fields.items()}
            of_fields = {s: shadows[s] for s in fields}
            local, shown_so = _seen_elsewhere(frames, holes, far, of_fields, camera, t, box, fields)
            better = enlarged(displaced.better, hole.shape[::-1])[box] & (shown_so > 0)
            colors[better], shown[better] = local[better], shown_so[better]
        evidence[t][box] = shown
        known = hole[box] & (evidence[t][box] > 0)
        filled[t][box][known] = colors[known]
        unseen = hole & (evidence[t] == 0)
        if unseen.any():
            telea = cv2.inpaint(filled[t], unseen.view(np.uint8), FILLED_FROM, cv2.INPAINT_TELEA)
            filled[t][unseen] = telea[unseen]
    return CleanPlate(filled, evidence)


def _seen_elsewhere(
    frames: Frames,
    holes: Mask,
    far: Mask,
    shadows: Mapping[int, Mask],
    camera: CameraTrack,
    t: int,
    box: tuple[slice, slice],
    fields: Mapping[int, Float] = MappingProxyType({}),
) -> tuple[Frames, NDArray[np.uint8]]:
    """Median colours and number of the frames that show what is in the hole of frame `t`, both in `box`.

    `shadows` has the frames to look at, nearest first, and where they show shadows in `box`: there, others are
    preferred. Where enough frames show a pixel beyond `far`, a wider hole, others do not count. `fields`
    `[h,w,2]` are displacements of `box`; frames without one have the homography alone.
    """
    hole = holes[t][box]
    rows, columns = hole.shape
    corner = np.array([[1, 0, -box[1].start], [0, 1, -box[0].start], [0, 0, 1.0]])
    counts = np.zeros((3, *hole.shape), np.uint8)
    pictures, shown = [], []
    for s, shadow in shadows.items():
        matrix, field = corner @ camera.between(s, t), fields.get(s)
        beyond, seen = (shown_from(each[s], matrix, (columns, rows), field) for each in (far, holes))
        useful = np.stack([beyond & ~shadow, seen & ~shadow, seen]) & hole & (counts < MOST)
        if not useful.any():
            continue
        pictures.append(placed(frames[s], matrix, (columns, rows), cv2.INTER_CUBIC, field))
        shown.append(useful)
        counts += useful
        if (counts[0][hole] == MOST).all():
            break
    if not pictures:
        return np.zeros((*hole.shape, 3), np.uint8), counts[2]
    lit_far, lit, every = np.stack(shown, axis=1)
    chosen = np.where(counts[0] >= ENOUGH, lit_far, np.where(counts[1] > 0, lit, every))
    return np.rint(masked_quantile(np.stack(pictures), chosen, 0.5)).astype(np.uint8), counts[2]


def _full_size(field: Float, shape: tuple[int, ...]) -> Float:
    """Displacements of the halved frame for one of `shape`."""
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_LINEAR) * np.float32(SHRINK))
