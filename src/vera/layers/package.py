"""The layer folder: `edit.mkv` and `alpha.mkv` (FFV1, lossless) and `manifest.json`, whole or not at all."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.layered_edit import LayeredEdit
from vera.video import LosslessClip, LosslessWriter

FORMAT = 1
MANIFEST = "manifest.json"
FILES = ("edit.mkv", "alpha.mkv", MANIFEST)


def check_layers_folder(folder: str | Path) -> None:
    """Raise VeraError unless layers can be saved as `folder`: a new name, an empty folder or a layer folder."""
    folder = Path(folder).absolute()
    if not folder.parent.is_dir():
        raise VeraError(f"{folder}: the folder {folder.parent} does not exist; create it first")
    if folder.exists() and not folder.is_dir():
        raise VeraError(f"{folder}: is a file; name a folder for the layers")
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder):
        raise VeraError(f"{folder}: holds something else than layers; name another folder for the layers")


def save_layers(edit: LayeredEdit, folder: str | Path) -> None:
    """Save `edit` so that `load_layers` gives back the same samples, times and metadata; else as `write_layers`."""
    write_layers(folder, zip(edit.edit, edit.alpha, strict=True), edit.pts, edit.time_base, edit.metadata)


def write_layers(
    folder: str | Path,
    frames: Iterable[tuple[NDArray[Any], NDArray[np.uint16]]],
    pts: Sequence[int],
    time_base: Fraction,
    metadata: Mapping[str, Any],
) -> None:
    """Save layer frames as they are made: memory does not grow with the clip.

    `frames` gives for each of `pts` the edit, straight RGB `[H,W,3]` uint8 or uint16, and the alpha `[H,W]` uint16.
    `metadata` is read after the last frame. The folder grows under a temporary name beside `folder` and is renamed
    when whole. Layers already there are replaced; other files among them, such as a result, stay. Raises VeraError as
    `check_layers_folder` and if the disk refuses; ValueError unless there are as many frames as times.
    """
    folder = Path(folder).absolute()
    check_layers_folder(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        _settle(folder, old)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        with LosslessWriter(partial / "edit.mkv") as edits, LosslessWriter(partial / "alpha.mkv") as alphas:
            size = (0, 0)
            for (edit, alpha), _ in zip(frames, pts, strict=True):
                size = (alpha.shape[1], alpha.shape[0])
                edits.write(edit)
                alphas.write(alpha)
        manifest = _manifest(size, pts, time_base, metadata)
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        _settle(folder, old)
    except (av.FFmpegError, OSError) as error:
        with suppress(OSError):
            _settle(folder, old)
        raise VeraError(f"{folder}: the layers cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def load_layers(folder: str | Path) -> LayeredEdit:
    """Open what `save_layers` saved; frames are read as they are asked for.

    Raises VeraError if the folder is missing, not one of ours, or damaged: a file cut short is told here, a damaged
    frame when it is read.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise VeraError(f"{folder}: is not a layer folder: it has no {MANIFEST}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format"]
        pts, time_base = tuple(manifest["pts"]), Fraction(manifest["time_base"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        raise VeraError(f"{path}: cannot be read as the manifest of a layer folder") from None
    if version != FORMAT:
        raise VeraError(f"{path}: is of format {version}, this version of Vera reads {FORMAT}; update Vera")
    edit, alpha = LosslessClip(folder / "edit.mkv"), LosslessClip(folder / "alpha.mkv")
    try:
        return LayeredEdit(edit, alpha, pts, time_base, manifest["metadata"])
    except (ValueError, TypeError, KeyError) as error:
        raise VeraError(f"{folder}: its files do not belong together ({error})") from None


def _settle(folder: Path, old: Path) -> None:
    """Finish a replacement of `folder` whose former self is `old`, or undo it if it stopped half-way."""
    if not old.exists():
        return
    if not folder.exists():
        old.rename(folder)
        return
    for path in [path for path in old.iterdir() if path.name not in FILES]:
        path.rename(folder / path.name)
    shutil.rmtree(old)


def _is_ours(folder: Path) -> bool:
    """Whether the folder's manifest is that of layers; a `manifest.json` alone also marks a web app."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and {"format", "pts", "time_base", "metadata"} <= manifest.keys()


def _manifest(
    size: tuple[int, int], pts: Sequence[int], time_base: Fraction, metadata: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "width": size[0],
        "height": size[1],
        "edit": "edit.mkv: straight (not premultiplied) R'G'B' in the source's colour space",
        "alpha": "alpha.mkv: linear coverage, 65535 is 1; 0 leaves the source untouched",
        "time_base": str(time_base),
        "pts": list(pts),
        "metadata": dict(metadata),
    }
