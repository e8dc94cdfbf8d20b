"""Layers in the form that other programs take: one folder for each target, whole or not at all."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from vera.choices import Light
from vera.errors import VeraError
from vera.files import check_outputs
from vera.layers.adjust import NEUTRAL, Adjustment
from vera.layers.composite import active_frames
from vera.layers.export.folder import check_folder, whole_folder
from vera.layers.export.readme import write_readme
from vera.layers.export.shot import Shot
from vera.layers.export.targets import TARGETS, Target
from vera.layers.folder import load_layers
from vera.layers.stack import ProjectLayer, read_project, stack_files
from vera.progress import Progress
from vera.video import Clip, ClipLike, as_clip, open_clip
from vera.video.sequence import find_sequence, source_files

__all__ = ["TARGETS", "Light", "Shot", "Target", "export_layers"]

LAST_START = 999_999_999  # FFmpeg counts pictures in 31 bits
START_FRAME = 1001  # as film and effects number shots, so that handles before it keep four digits


def export_layers(
    layers: str | Path,
    targets: str | Sequence[str],
    *,
    source: ClipLike | None = None,
    out: str | Path | None = None,
    start_frame: int | None = None,
    light: Light = "linear",
    still: int | None = None,
    adjustment: Adjustment = NEUTRAL,
    force: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write the layer folder `layers` for each of `targets` into `OUT/TARGET`; returns these folders.

    A project file gives its layers as it adjusts them, each in `OUT/NUMBER_NAME/TARGET`, the lowest first. Layers are
    at the source's size, one picture for each source frame from the first to the last that they name, one picture at a
    time in memory. An earlier export of the same name is replaced; files that it did not write stay.

    Args:
        targets: names in `TARGETS`.
        source: the clip that the layers were made for; by default the one of the recorded name beside `layers`.
        out: by default the folder `export` in `layers`, or beside the project; made if its parent exists.
        start_frame: number of the source's first frame in the names of numbered files; as its own pictures are
            numbered, or 1001, if None.
        light: whether OpenEXR (`exr`, `nuke`) holds linear light or values encoded as the source's are.
        still: number of the frame that `psd` is of, counted as the files are; the middle one if None.
        adjustment: what is done to the layers; all but the blend mode is in what is written.
        force: take the layers though their record names another clip, each for the nearest frame.
        progress: called with (target, done, total).

    Raises VeraError, before anything is written where it can be known, for what cannot be exported: another clip's
    layers, an unknown target, a library that is missing, a folder that holds something else or an export that was
    worked on, a full disk.
    """
    targets = [targets] if isinstance(targets, str) else list(targets)
    for name in targets:
        if name not in TARGETS:
            raise VeraError(f"no export is named {name!r}; choose from {', '.join(TARGETS)}")
    if start_frame is not None and not 0 <= start_frame <= LAST_START:
        raise VeraError(f"the start frame is a number from 0 on, at most {LAST_START:,}, not {start_frame}")
    layers = Path(layers)
    chosen, folder = _chosen(layers, adjustment)
    clip = None if source is None else as_clip(source)
    look = cache(open_clip)  # the layers of a project are mostly of one clip
    shots = [_shot(layer, clip, look, start_frame, light, still, force) for layer in chosen]
    out = folder / "export" if out is None else Path(out)
    if not out.absolute().parent.is_dir():
        raise VeraError(f"{out}: the folder {out.absolute().parent} does not exist; create it first")
    places = [
        out if folder == layers else out / f"{number:02d}_{layer.folder.name}" for number, layer in enumerate(chosen, 1)
    ]
    folders = [place / name for place in places for name in targets]
    sources = [file for path in {shot.clip.path for shot in shots} for file in source_files(path)]
    check_outputs([*stack_files([layers]), *sources], folders)
    for place in folders:
        check_folder(place)
    for place, shot in zip(places, shots, strict=True):
        for name in targets:
            with whole_folder(place / name) as partial:
                files = TARGETS[name].write(shot, shot.frames(progress, name), partial)
                write_readme(shot, name, TARGETS[name], files, partial)
    return folders


def _chosen(layers: Path, adjustment: Adjustment) -> tuple[list[ProjectLayer], Path]:
    """What is exported of a layer folder or a project, and the folder that it is in."""
    if not layers.is_file():
        return [ProjectLayer(layers, adjustment)], layers
    if adjustment != NEUTRAL:
        raise VeraError(f"{layers}: is a project, which has its own settings")
    chosen = [layer for layer in read_project(layers)[0] if layer.on]
    if not chosen:
        raise VeraError(f"{layers}: none of its layers is on; there is nothing to export")
    return chosen, layers.parent


def _shot(
    layer: ProjectLayer,
    clip: Clip | None,
    look: Callable[[Path], Clip],
    start_frame: int | None,
    light: Light,
    still: int | None,
    force: bool,
) -> Shot:
    edit = replace(load_layers(layer.folder), adjustment=layer.adjustment)
    clip = clip or look(recorded_source(layer.folder, edit.metadata.get("source")))
    index_of = active_frames(edit, clip, force)
    if not index_of:
        raise VeraError(f"{layer.folder}: holds no frames that are shown; there is nothing to export")
    if start_frame is None:
        sequence = find_sequence(clip.path)
        start_frame = START_FRAME if sequence is None or sequence.start < 0 else sequence.start
    return Shot(edit, clip, index_of, start_frame, light, still)


def recorded_source(layers: Path, recorded: object) -> Path:
    """The source by the name in the manifest, in the folder that holds the layer folder."""
    name = recorded.get("name") if isinstance(recorded, dict) else None
    plain = Path(str(name or "")).name  # no folder: a record does not choose what is read
    with suppress(OSError, ValueError):  # a name that cannot be one
        path = layers.absolute().parent / plain
        if plain not in ("", "..") and path.exists():
            return path
    raise VeraError(f"{layers}: its source{f' {name}' if name else ''} is not beside it; name the clip with --source")
