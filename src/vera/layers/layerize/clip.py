"""`layerize`: from a clip and anyone's edit of it to a layer folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera._version import __version__
from vera.errors import VeraError
from vera.files import check_outputs
from vera.layers.folder import check_layers_folder, layer_files, write_layers
from vera.layers.layer_frame import FULL, LayerFrame, unit
from vera.layers.layerize.align import initial_map
from vera.layers.layerize.difference import find_changes
from vera.layers.layerize.frames import Clips, frame_pairs, pictures
from vera.layers.layerize.match import Match, apply_match, fit_match
from vera.layers.layerize.noise import smoothed_difference
from vera.layers.layerize.pairing import Group, Pairing, candidates, choose, groups, sample_frames, thumbnail
from vera.layers.layerize.steady import Unmixed, steady
from vera.layers.layerize.unmix import EDGE, straight_colors, unmix
from vera.layers.masks import check_mask
from vera.layers.refine.floor import floor_alpha
from vera.layers.source_match import describe_source
from vera.progress import Progress
from vera.video import ClipLike, as_clip
from vera.video.sequence import source_files
from vera.video.view import spread_frames

SAMPLES = 6  # frames that the match is fitted on
RELATED = 0.02  # agreement below which the clips have nothing in common: of other clips at most 0.015 was seen


@dataclass(frozen=True)
class LayerizeReport:
    """What `layerize` found: layer frames written, frames of the source, their size (width, height), how frames were
    paired, the match of both clips, mean alpha, frames that lay beside the rest, and what the user should know."""

    layers: Path
    frames: int
    source_frames: int
    size: tuple[int, int]
    pairing: str
    match: Match
    coverage: float
    corrected: int
    notices: tuple[str, ...]


def layerize(
    source: ClipLike,
    edited: ClipLike,
    layers: str | Path,
    mask: str | Path | None = None,
    progress: Progress | None = None,
) -> LayerizeReport:
    """Recover the alpha matte and the edit layer of `edited`, a regenerated copy of `source`, as the folder `layers`.

    The edited clip may differ in codec, size, frame rate and length, and all over by a shift or stretch of a few
    percent and by a change of colour. The layers have the source's size and times; frames that the edited clip does not
    show have none. Two passes over both clips; memory does not grow with them.

    Args:
        mask: video, or a still image, of the source's size, whose white marks what the edit preserves.
        progress: called with (stage, done, total).

    Raises VeraError for clips that cannot be read, a mask that does not fit, a folder that cannot be written, and if
    the clips show nothing in common.
    """
    folder = Path(layers)
    mask = None if mask is None else Path(mask)
    clips = Clips(as_clip(source), as_clip(edited), mask)
    check_outputs(
        [file for clip in (clips.source, clips.edited) for file in source_files(clip.path)]
        + ([] if mask is None else [mask]),
        layer_files(folder),
    )
    check_layers_folder(folder)
    if mask is not None:
        check_mask(mask, clips.source)
    pairing = _pair(clips, progress)
    paired = groups(pairing, clips.source, clips.edited)
    match = _survey(clips, paired)
    if match.agreement < RELATED:
        kept = "" if mask is not None else ", or say with --mask what both have in common"
        raise VeraError(
            f"{clips.edited.path}: shows nothing of {clips.source.path}; give the edit of this very clip{kept}"
        )

    tally = _Tally()
    notices = _notices(clips, pairing)
    metadata: dict[str, Any] = {
        "layerize": _record(clips, pairing, match),
        "source": describe_source(clips.source),
        "versions": {"vera": __version__},
    }
    pts = [clips.source.pts[i] for group in paired for i in group.frames]
    write_layers(folder, _layer_frames(clips, paired, match, tally, progress), pts, clips.source.time_base, metadata)
    if not tally.coverage:
        notices.append(
            f"{clips.edited.path}: no difference from {clips.source.path} beyond its codec's noise was found; "
            "the layers are empty"
        )
    coverage = tally.coverage / len(paired)
    return LayerizeReport(
        folder,
        len(pts),
        clips.source.frame_count,
        clips.source.display_size,
        pairing.name,
        match,
        coverage,
        tally.corrected,
        tuple(notices),
    )


@dataclass
class _Tally:
    coverage: float = 0.0
    corrected: int = 0


def _pair(clips: Clips, progress: Progress | None) -> Pairing:
    """Which frames belong together, judged on thumbnails of a few."""
    possible = candidates(clips.source, clips.edited)
    numbers = sample_frames(possible, SAMPLES)
    partners = {pairing.partners[i] for pairing in possible for i in numbers}
    wanted = sorted(partner for partner in partners if partner is not None)
    done = 0
    thumbs: list[dict[int, NDArray[np.float32]]] = []
    for clip, chosen, size in (
        (clips.source, numbers, clips.source.display_size),
        (clips.edited, wanted, clips.edited_size),
    ):
        thumbs.append({})
        for number, picture in zip(chosen, pictures(clip, chosen, size), strict=True):
            thumbs[-1][number] = thumbnail(unit(picture))
            done += 1
            if progress is not None:
                progress("pair", done, len(numbers) + len(wanted))
    return choose(possible, *thumbs)


def _survey(clips: Clips, paired: list[Group]) -> Match:
    chosen = spread_frames(len(paired), SAMPLES)
    return fit_match(list(frame_pairs(clips, [paired[i] for i in chosen])))


def _layer_frames(
    clips: Clips, paired: list[Group], match: Match, tally: _Tally, progress: Progress | None
) -> Iterator[LayerFrame]:
    """Make the layer of every paired frame of the source, in order."""
    depth = np.uint16 if clips.is_deep else np.uint8
    for done, (group, frame) in enumerate(zip(paired, steady(_unmixed(clips, paired, match, tally)), strict=True)):
        edit = straight_colors(frame.source, frame.edited, frame.layers, frame.level)
        codes = np.rint(edit * np.iinfo(depth).max).astype(depth)
        alpha = floor_alpha(np.rint(frame.layers.alpha.clip(0, 1) * FULL).astype(np.uint16))
        tally.coverage += float(alpha.mean()) / FULL
        for _ in group.frames:
            yield LayerFrame(codes, alpha)
        if progress is not None:
            progress("layerize", done + 1, len(paired))


def _unmixed(clips: Clips, paired: list[Group], match: Match, tally: _Tally) -> Iterator[Unmixed]:
    edge = round(EDGE * max(1.0, clips.source.display_size[0] / clips.edited_size[0]))
    for pair in frame_pairs(clips, paired):
        matched = apply_match(match, pair)
        tally.corrected += matched.shift != (0.0, 0.0)
        difference = smoothed_difference(matched.softened, matched.edited)
        inside = find_changes(difference, matched.level, pair.kept)
        found = unmix(matched.softened, matched.edited, inside, matched.level, edge)
        yield Unmixed(matched.softened, matched.edited, matched.level, found)


def _notices(clips: Clips, pairing: Pairing) -> list[str]:
    source, edited = clips.source, clips.edited
    notices = []
    if edited.display_size != source.display_size:
        sizes = ["{}x{}".format(*clip.display_size) for clip in (edited, source)]
        notices.append(f"{edited.path} is {sizes[0]}; the layers have the source's size, {sizes[1]}")
    if pairing.count < source.frame_count:
        notices.append(
            f"{edited.path} shows {pairing.count} of the source's {source.frame_count} frames; the others have no layer"
        )
    unused = edited.frame_count - len({partner for partner in pairing.partners if partner is not None})
    if unused and pairing.name.startswith("number"):
        notices.append(f"{edited.path} has {unused} frames that belong to none of the source's; they are left out")
    if pairing.name not in ("number", "time"):
        notices.append(
            f"{edited.path} is displaced in time against the source (by {pairing.name}); that is allowed for"
        )
    return notices


def _record(clips: Clips, pairing: Pairing, match: Match) -> dict[str, Any]:
    """What it takes to see how the layers came about."""
    aligned = match.matrix - initial_map(clips.source.display_size, clips.edited_size)
    return {
        "edited": describe_source(clips.edited),
        "mask": None if clips.mask is None else clips.mask.name,
        "pairing": pairing.name,
        "matrix": match.matrix.tolist(),
        "shift": aligned[:, 2].round(4).tolist(),
        "colors": match.colors.matrix.round(6).tolist(),
        "curve": match.colors.curve.round(6).tolist(),
        "softness": match.softness,
        "noise": [match.noise.flat, match.noise.steep],
        "agreement": match.agreement,
    }
