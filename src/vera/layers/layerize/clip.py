"""`layerize` and `layerize_frames`: from a clip and anyone's edit of it, a file or frames in memory, to layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vera._version import __version__
from vera.errors import VeraError
from vera.files import check_outputs
from vera.layers.folder import check_layers_folder, layer_files, write_layers
from vera.layers.layer_frame import LayerFrame
from vera.layers.layerize.drift import check_sheet
from vera.layers.layerize.footage import ArrayFootage, ClipFootage, Footage, Footages, Pictures, is_still
from vera.layers.layerize.match import Match
from vera.layers.layerize.matting import Matting
from vera.layers.layerize.recover import RecoveredLayers, recover_layers
from vera.layers.masks import check_mask, check_white, mask_files
from vera.layers.source_match import describe_source
from vera.progress import Progress
from vera.video import ClipLike, as_clip
from vera.video.sequence import source_files


@dataclass(frozen=True)
class LayerizeReport:
    """What `layerize` found: layer frames written, frames of the source, their size (width, height), how frames were
    paired, the match of both clips, mean alpha, frames that lay beside the rest, the mean difference in 8-bit codes
    that was refused where alpha is 0, and what the user should know."""

    layers: Path
    frames: int
    source_frames: int
    size: tuple[int, int]
    pairing: str
    match: Match
    coverage: float
    corrected: int
    refused: float
    notices: tuple[str, ...]


def layerize(
    source: ClipLike,
    edited: ClipLike,
    layers: str | Path,
    mask: str | Path | None = None,
    progress: Progress | None = None,
    matte: str | Path | None = None,
    sheet: str | Path | None = None,
    matting: Matting | None = None,
) -> LayerizeReport:
    """Recover the alpha matte and the edit layer of `edited`, a regenerated copy of `source`, as the folder `layers`.

    The edited clip may differ in codec, size, frame rate and length, and all over by a shift or stretch of a few
    percent, by a warp of a pixel or so, and by a change of colour that comes and goes. The layers have the source's
    size and times; frames that the edited clip does not show have none. Two passes over both clips; memory does not
    grow with them.

    Args:
        mask: video, or a still image, of the source's size, whose white marks what the edit preserves.
        matte: the same, whose white marks what the edit covers for certain.
        sheet: PNG of a few frames: both clips, the matte, the layers over the source, and what was refused.
        matting: a network that finds the fine edges of solid things, such as
            `vera.pipelines.matting.load_matting` loads.
        progress: called with (stage, done, total).

    Raises VeraError for clips that cannot be read, a mask that does not fit, a folder that cannot be written, and if
    the clips show nothing in common.
    """
    folder = Path(layers)
    mask, matte = (None if path is None else Path(path) for path in (mask, matte))
    sheet = None if sheet is None else Path(sheet)
    clip, other = as_clip(source), as_clip(edited)
    check_outputs(
        [file for clip in (clip, other) for file in source_files(clip.path)]
        + [file for path in (mask, matte) if path is not None for file in mask_files(path)],
        layer_files(folder) + ([] if sheet is None else [sheet]),
    )
    check_layers_folder(folder)
    if sheet is not None:
        check_sheet(sheet)
    clips = Footages(ClipFootage(clip), ClipFootage(other), mask, matte)
    for path in (mask, matte):
        if path is not None:
            check_mask(path, clip)
    if mask is not None:
        check_white(mask, clip.display_size, clip.frame_count, source=clip)
    found = recover_layers(clips, progress)
    found.matting = matting
    told = found.notices
    metadata: dict[str, Any] = {"source": describe_source(clip), "versions": {"vera": __version__}}
    pts = [clip.pts[i] for i in found.positions]

    def frames() -> Iterator[LayerFrame]:
        yield from found.frames(progress)
        metadata["layerize"] = {**found.record(), "mask": None if mask is None else mask.name}

    write_layers(folder, frames(), pts, clip.time_base, metadata)
    if not found.coverage:
        name = clips.edited.name
        where = "" if mask is None else f" outside of what {mask} keeps"
        told.append(
            f"{name}: no difference from {clip.path} beyond its codec's noise was found{where}; the layers are empty"
        )
    if sheet is not None:
        found.drift.write_sheet(sheet)
    return LayerizeReport(
        folder,
        len(pts),
        clip.frame_count,
        clip.display_size,
        found.pairing.name,
        found.match,
        found.coverage,
        found.corrected,
        found.drift.mean,
        tuple(told),
    )


def layerize_frames(
    source: ClipLike | ArrayFootage | ClipFootage,
    frames: Pictures,
    rate: Fraction | float | None = None,
    *,
    mask: str | Path | Pictures | None = None,
    mattes: Pictures | None = None,
    name: str = "the edited frames",
    in_step: bool = False,
    matting: Matting | None = None,
    progress: Progress | None = None,
) -> RecoveredLayers:
    """Recover the layers of frames that an editor drew, RGB `[T,h,w,3]` of its own size, count and rate.

    Nothing is written: `frames()` of what is returned gives the layers one by one, `positions` says which source frames
    they belong to, `record()` is for the manifest. Sequences are read frame by frame and more than once: a
    `LosslessClip` is as good as an array, and memory does not grow.

    Args:
        source: the clip that was edited, or `ArrayFootage` of it.
        frames: uint8, uint16, or floats in [0,1].
        rate: how many there are to a second; None if they span the source's time evenly.
        mask: what the edit preserves: a file as for `layerize`, or `[T,H,W]` or `[H,W]`, true or white there
            (integers of 0 and 1 alone as well). Frames beyond the source's are left out, as `notices` says.
        mattes: alpha of the solid things in the edit, `[T,H,W]` by frame of the source or `[H,W]`, where it is known:
            bool, floats in [0,1], or integers up to 1, 255 or 65535.
        name: what messages call the frames.
        in_step: frame for frame those of the source, of which some or all may be unedited.
        matting: as for `layerize`.

    Raises VeraError for frames of no picture's shape, of different sizes, with values that are no numbers, beyond [0,1]
    or of one colour, for those that show nothing of the source, and, at the end of `frames()`, if nothing was edited.
    """
    footage = _footage(source)
    if rate is None:
        rate = len(frames) / footage.times.duration if len(frames) else 1.0
    if isinstance(mask, str | Path):
        mask = Path(mask)
        clip = footage.clip if isinstance(footage, ClipFootage) else None
        if clip is not None:
            check_mask(mask, clip)
        check_white(mask, footage.size, footage.times.count, source=clip)
    count = footage.times.count
    for what, given in (("mask", mask), ("mattes", mattes)):
        if given is None or isinstance(given, Path) or is_still(given):
            continue
        if len(given) < count:
            raise VeraError(f"{what}: has {len(given)} frames, the source {count}: give one for each, or one for all")
    clips = Footages(footage, ArrayFootage(frames, rate, name), mask, mattes)
    found = recover_layers(clips, progress, in_step)
    found.must_differ, found.matting = not in_step, matting
    return found


def _footage(source: ClipLike | ArrayFootage | ClipFootage) -> Footage:
    if isinstance(source, ArrayFootage | ClipFootage):
        return source
    return ClipFootage(as_clip(source))
