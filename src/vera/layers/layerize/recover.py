"""From two footages to layer frames: what pairs them, what relates them, and then frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.errors import VeraError
from vera.layers.layer_frame import FULL, LayerFrame, to_float
from vera.layers.layerize.align import compose, initial_map
from vera.layers.layerize.difference import Mask, find_changes
from vera.layers.layerize.drift import DriftMap
from vera.layers.layerize.footage import Footages, FramePair, enlarge, is_still
from vera.layers.layerize.match import Match, Matched, apply_match, fit_match
from vera.layers.layerize.matting import Matting, solid_matte
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.pairing import (
    BLANK,
    Group,
    Pairing,
    candidates,
    choose,
    groups,
    plain_pairing,
    sample_frames,
    thumbnail,
    unused_frames,
)
from vera.layers.layerize.recolor import find_recolored
from vera.layers.layerize.rims import find_rims
from vera.layers.layerize.sharpen import sharpen_edges
from vera.layers.layerize.smear import (
    MIXED,
    NEARBY,
    beyond_range,
    close_bites,
    smears,
    value_range,
    vanished,
    with_neighbours,
)
from vera.layers.layerize.steady import Unmixed, steady
from vera.layers.layerize.unmix import EDGE, Layers, eroded, straight_colors, unmix
from vera.layers.refine.floor import floor_alpha
from vera.layers.threads import frames_at_once
from vera.progress import Progress
from vera.video.view import spread_frames

# Chosen, not searched for: frames enough for a match, and what unrelated clips stay below.
# `python -m benchmarks.sensitivity layerize --only recover` prints what half and double of each are worth.
SAMPLES = 6  # frames that the match is fitted on
RELATED = 0.02  # agreement below which the clips have nothing in common: of other clips at most 0.015 was seen
AT_ONCE = 4_000_000  # pixels that are worked on at a time, in as many frames: each takes 400 bytes of memory a pixel


class UnrelatedError(VeraError):
    """The edited clip shows nothing of the source."""


@dataclass
class RecoveredLayers:
    """Layers of an edited clip, made as `frames` is read.

    Args:
        clips, pairing, groups, match: what was found before.
        must_differ: whether frames without any edit are an error.
        matting: a network that finds the fine edges of solid things, if there is one.
        coverage: mean alpha; `corrected`: frames that lay beside the rest; `drift`: what was refused. Of the frames
            that were read.
    """

    clips: Footages
    pairing: Pairing
    groups: list[Group]
    match: Match
    must_differ: bool = False
    matting: Matting | None = None
    coverage: float = 0.0
    corrected: int = 0
    drift: DriftMap = field(default_factory=DriftMap)

    @property
    def positions(self) -> list[int]:
        """Which frames of the source have layers, in order."""
        return [i for group in self.groups for i in group.frames]

    def frames(self, progress: Progress | None = None) -> Iterator[LayerFrame]:
        """Edit, straight R'G'B' `[H,W,3]` uint8 or uint16, and alpha `[H,W]` uint16, of each of `positions`."""
        self.coverage, self.corrected, self.drift = 0.0, 0, DriftMap(len(self.groups))
        depth = np.uint16 if self.clips.deep else np.uint8
        for done, (group, frame) in enumerate(zip(self.groups, steady(self._unmixed()), strict=True)):
            layer = self._full_size(frame).codes(depth)
            self.coverage += float(layer.alpha.mean()) / FULL / len(self.groups)
            self.drift.add(*frame.codes, *layer)
            for _ in group.frames:
                yield layer
            if progress is not None:
                progress("layerize", done + 1, len(self.groups))
        if self.must_differ and not self.coverage:
            raise VeraError(f"{self.clips.edited.name}: show nothing but the source; nothing was edited")

    @property
    def notices(self) -> list[str]:
        """What the user should know of the edited clip: its size, missing frames, a displacement."""
        return _notices(self.clips, self.pairing)

    def _unmixed(self) -> Iterator[Unmixed]:
        pairs = with_neighbours(self.clips.pairs([(group.best, group.edited) for group in self.groups]), NEARBY)
        width, height = self.clips.work_size
        for frame, shift in frames_at_once(self._unmixed_frame, pairs, AT_ONCE // (width * height)):
            self.corrected += shift != (0.0, 0.0)
            yield frame

    def _unmixed_frame(self, pair: FramePair, nearby: Sequence[FramePair]) -> tuple[Unmixed, tuple[float, float]]:
        """A frame before it is steadied, and the shift by which it was off."""
        edge = round(EDGE * max(1.0, self.clips.work_size[0] / self.clips.edited_size[0]))
        matched = apply_match(self.match, pair)
        inside = self._changes(pair, matched, [other.source for other in nearby])
        found = self._layers(matched, inside, edge, pair)
        codes = pair.source, pair.edited
        return Unmixed(matched.softened, matched.edited, matched.level, found, codes, pair.kept), matched.shift

    def _full_size(self, frame: Unmixed) -> LayerFrame:
        """The layers of a frame as large as the source, with the edges of one of that size."""
        edit = straight_colors(frame.source, frame.edited, frame.layers, frame.level)
        rims = find_rims(to_float(frame.codes[0]), frame.edited, frame.layers, frame.level)
        if frame.kept is not None:
            rims &= ~frame.kept
        edit[rims] = frame.edited[rims].clip(0, 1)
        parts = edit, frame.layers.alpha, rims.astype(np.float32)
        edit, alpha, rim = (enlarge(part, self.clips.source.size) for part in parts)
        return LayerFrame(edit, floor_alpha(np.maximum(sharpen_edges(alpha, self._softness), rim)))

    @property
    def _softness(self) -> float:
        """The editor's blur in pixels of the source."""
        return self.match.softness * self.clips.source.size[0] / self.clips.work_size[0]

    def _layers(self, matched: Matched, inside: Mask, edge: int, pair: FramePair) -> Layers:
        """The layers of a frame: those that the pictures tell, with all of what is recoloured, and of solid things also
        what a network sees in them."""
        matte, softness = pair.matte, self.match.softness
        found = self._unmix(matched, inside, edge, matte)
        recolored = find_recolored(matched.softened, matched.edited, inside, found.alpha, matched.level, softness)
        if recolored.any():
            inside = inside | (recolored if pair.kept is None else recolored & ~pair.kept)
            matte = _at_least(matte, eroded(recolored & inside, edge))
            found = self._unmix(matched, inside, edge, matte)
        solid = None if self.matting is None else solid_matte(self.matting, matched.edited, found.alpha)
        return found if solid is None else self._unmix(matched, inside, edge, _at_least(matte, solid))

    def _unmix(self, matched: Matched, inside: Mask, edge: int, matte: Float | None) -> Layers:
        pictures = matched.softened, matched.edited, inside, matched.level
        return unmix(*pictures, edge, matte, self.match.softness, self.match.detail)

    def _changes(self, pair: FramePair, matched: Matched, nearby: Sequence[NDArray[Any]]) -> Mask:
        """Where the frame is edited; an editor that smears what moves is given the frames around as an excuse."""
        difference = smoothed_difference(matched.softened, matched.edited)
        softness = self.match.softness
        still = value_range([pair.source], softness)
        gone = vanished(matched.softened, matched.edited)[..., None]
        beyond = np.where(gone, difference, beyond_range(matched.softened, matched.edited, still, 1.0))
        found = find_changes(difference, matched.level, pair.kept, beyond)
        if len(nearby) == 1 or not found.any():
            return found
        moving = value_range(nearby, softness)
        if not smears(difference, matched.level, still, moving, found):
            return found
        excused = beyond_range(matched.softened, matched.edited, moving, MIXED)
        sure = find_changes(excused, matched.level, pair.kept, np.minimum(np.abs(beyond), np.abs(excused)))
        return close_bites(sure, found)

    def record(self) -> dict[str, Any]:
        """What it takes to see how the layers came about, in JSON values."""
        match = self.match
        sizes = self.clips.source.size, self.clips.work_size, self.clips.edited_size
        matrix = compose(match.matrix, initial_map(*sizes[:2]))
        aligned = matrix - initial_map(sizes[0], sizes[2])
        return {
            "edited": self.clips.edited.describe(),
            "pairing": self.pairing.name,
            "matrix": matrix.tolist(),
            "shift": aligned[:, 2].round(4).tolist(),
            "colors": match.colors.matrix.round(6).tolist(),
            "curve": match.colors.curve.round(6).tolist(),
            "softness": self._softness,
            "detail": round(match.detail, 3),
            "noise": [match.noise.flat, match.noise.steep],
            "agreement": match.agreement,
            "drift": self.drift.record(),
            "matting": None if self.matting is None else self.matting.name,
        }


def _at_least(matte: Float | None, other: NDArray[Any]) -> Float:
    known = other.astype(np.float32)
    return known if matte is None else np.maximum(matte, known)


def recover_layers(clips: Footages, progress: Progress | None = None, in_step: bool = False) -> RecoveredLayers:
    """Pair the frames, by number alone if they are `in_step`, and fit what relates both clips.

    Raises UnrelatedError if they show nothing in common.
    """
    pairing = plain_pairing(clips.source.times, clips.edited.times) if in_step else _pair(clips, progress)
    paired = groups(pairing, clips.source.times, clips.edited.times)
    chosen = [paired[i] for i in spread_frames(len(paired), SAMPLES)]
    match = fit_match(list(clips.pairs([(group.best, group.edited) for group in chosen])))
    if match.agreement < RELATED:
        kept = "" if clips.mask is not None else ", or say with --mask what both have in common"
        raise UnrelatedError(
            f"{clips.edited.name}: shows nothing of {clips.source.name}; give the edit of this very clip{kept}"
        )
    return RecoveredLayers(clips, pairing, paired, match)


def _pair(clips: Footages, progress: Progress | None) -> Pairing:
    """Which frames belong together, judged on thumbnails of a few."""
    possible = candidates(clips.source.times, clips.edited.times)
    numbers = sample_frames(possible, SAMPLES)
    partners = {pairing.partners[i] for pairing in possible for i in numbers}
    wanted = sorted(partner for partner in partners if partner is not None)
    done = 0
    thumbs: list[dict[int, NDArray[np.float32]]] = []
    for footage, chosen, size in (
        (clips.source, numbers, clips.work_size),
        (clips.edited, wanted, clips.edited_size),
    ):
        thumbs.append({})
        for number, picture in zip(chosen, footage.pictures(chosen, size), strict=True):
            thumbs[-1][number] = thumbnail(to_float(picture))
            done += 1
            if progress is not None:
                progress("pair", done, len(numbers) + len(wanted))
    if max(float(thumb.std()) for thumb in thumbs[1].values()) < BLANK:
        raise VeraError(f"{clips.edited.name}: shows nothing: its frames are all of one colour")
    return choose(possible, *thumbs)


def _notices(clips: Footages, pairing: Pairing) -> list[str]:
    source, edited = clips.source, clips.edited
    told = []
    if edited.size != source.size:
        sizes = ["{}x{}".format(*footage.size) for footage in (edited, source)]
        told.append(f"{edited.name} is {sizes[0]}; the layers have the source's size, {sizes[1]}")
    if pairing.count < source.times.count:
        shown = f"{pairing.count} of the source's {source.times.count} frames"
        told.append(f"{edited.name} shows {shown}; the others have no layer")
    if unused := unused_frames(pairing, source.times, edited.times):
        told.append(f"{edited.name} has {unused} frames that belong to none of the source's; they are left out")
    for what, given in (("the mask", clips.mask), ("mattes", clips.mattes)):
        spare = 0 if given is None or isinstance(given, Path) or is_still(given) else len(given) - source.times.count
        if spare > 0:
            told.append(f"{what}: {spare} frames more than the source's {source.times.count}; they are left out")
    if pairing.name not in ("number", "time"):
        told.append(f"{edited.name} is displaced in time against the source (by {pairing.name}); that is allowed for")
    return told
