"""The layer folder: `edit.mkv` and `alpha.mkv` (FFV1, lossless) and `manifest.json`, whole or not at all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from itertools import pairwise
from operator import index
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from vera.errors import VeraError
from vera.files import json_text, real_path
from vera.layers.layer_frame import LayerFrame
from vera.layers.layered_edit import LayeredEdit
from vera.layers.manifest import MANIFEST, Manifest, is_manifest, read_manifest
from vera.layers.refine.finish import PLAIN, Finish
from vera.video import LosslessClip, LosslessWriter
from vera.whole import check_replaceable, whole_folder

FILES = ("edit.mkv", "alpha.mkv", MANIFEST)


def layer_files(folder: str | Path | None) -> list[Path]:
    """Name what a layer folder consists of, whether it is there or not; [] for None."""
    return [] if folder is None else [Path(folder) / name for name in FILES]


def check_layers_folder(folder: str | Path) -> None:
    """Raise VeraError unless layers can be saved as `folder`: a new name, an empty folder or a layer folder."""
    folder = real_path(Path(folder))
    if not folder.parent.is_dir():
        raise VeraError(f"{folder}: the folder {folder.parent} does not exist; create it first")
    if folder.exists() and not folder.is_dir():
        raise VeraError(f"{folder}: is a file; name a folder for the layers")
    check_replaceable(folder)
    if folder.is_dir() and any(folder.iterdir()) and not is_manifest(folder / MANIFEST):
        raise VeraError(f"{folder}: holds something else than layers; name another folder for the layers")


def save_layers(edit: LayeredEdit, folder: str | Path) -> None:
    """Save `edit` so that `load_layers` gives back the same samples, times and metadata; else as `write_layers`."""
    write_layers(folder, map(LayerFrame, edit.edit, edit.alpha), edit.pts, edit.time_base, edit.metadata, edit.finish)


def write_layers(
    folder: str | Path,
    frames: Iterable[LayerFrame],
    pts: Sequence[int],
    time_base: Fraction,
    metadata: Mapping[str, Any],
    finish: Finish = PLAIN,
) -> None:
    """Save layer frames as they are made: memory does not grow with the clip.

    `frames` gives a layer for each of `pts`, and `metadata` is read after the last one. Else as
    `LayersWriter`.
    """
    with LayersWriter(folder) as writer:
        for frame, _ in zip(frames, pts, strict=True):
            writer.write(frame)
        writer.finish(pts, time_base, metadata, finish)


class LayersWriter:
    """Writes a layer folder frame by frame; use as a context manager.

    `write` each frame, then `finish`: the folder appears, whole and on the disk, when the block ends, and not at all
    when it fails. Until then it grows under a name of its own beside `folder`. Layers already there are replaced; other
    files among them, such as a result, stay. Raises VeraError as `check_layers_folder` and if the disk refuses;
    ValueError for frames of other kinds than a `LayerFrame` has, and unless there are as many as times, which rise.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._size, self._count, self._finished = (0, 0), 0, False
        check_layers_folder(self.folder)

    def __enter__(self) -> Self:
        with _told(self.folder), ExitStack() as opened:
            self._partial = opened.enter_context(whole_folder(self.folder, lambda former: FILES))
            self._edits, self._alphas = (
                opened.enter_context(LosslessWriter(self._partial / name)) for name in ("edit.mkv", "alpha.mkv")
            )
            self._opened = opened.pop_all()
        return self

    def write(self, layer: LayerFrame) -> None:
        """Write the next frame as codes: floats of the edit become 8 bits, those of alpha 16."""
        edit, alpha = layer.codes()
        if edit.shape != (*alpha.shape, 3) or edit.dtype not in (np.uint8, np.uint16) or alpha.dtype != np.uint16:
            raise ValueError(
                f"{self.folder}: a layer frame is [H,W,3] and [H,W], float32 or codes, not {edit.dtype} {edit.shape} "
                f"and {alpha.dtype} {alpha.shape}"
            )
        self._size, self._count = (alpha.shape[1], alpha.shape[0]), self._count + 1
        with _told(self.folder):
            self._edits.write(edit)
            self._alphas.write(alpha)

    def finish(
        self, pts: Sequence[int], time_base: Fraction, metadata: Mapping[str, Any], finish: Finish = PLAIN
    ) -> None:
        """Write what is known of all frames: times, rising, how they were made, plain JSON values, and their finish."""
        times = tuple(map(index, pts))
        if not len(times) == self._count > 0:
            raise ValueError(f"{self.folder}: {self._count} layer frames and {len(times)} times do not match")
        if any(after <= before for before, after in pairwise(times)):
            raise ValueError(f"{self.folder}: the times of the layer frames do not rise")
        with _told(self.folder):
            recorded = dict(metadata) | ({} if finish == PLAIN else {"refine": finish.to_json()})
            manifest = Manifest(self._size, times, time_base, recorded)
            (self._partial / MANIFEST).write_text(json_text(manifest.to_json()), encoding="utf-8")
        self._finished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and not self._finished:
            error = ValueError(f"{self.folder}: the layers were not finished")
            self._opened.__exit__(ValueError, error, None)
            raise error
        with _told(self.folder):
            self._opened.__exit__(kind, error, trace)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the system and FFmpeg say on writing the layers into a VeraError."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise VeraError(f"{folder}: the layers cannot be written ({error.strerror or error})") from None


def load_layers(folder: str | Path) -> LayeredEdit:
    """Open what `save_layers` saved; frames are read as they are asked for.

    Raises VeraError if the folder is missing, not one of ours, or damaged: a file cut short is told here, a damaged
    frame when it is read.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    try:
        found = folder.is_dir() and path.exists()
    except OSError as error:
        raise VeraError(f"{folder}: cannot be read ({error.strerror}); check the path") from None
    if not found:
        reason = "it is a file" if folder.is_file() else f"it has no {MANIFEST}" if folder.exists() else "there is none"
        raise VeraError(f"{folder}: is not a layer folder: {reason}")
    manifest = read_manifest(path)
    edit, alpha = LosslessClip(folder / "edit.mkv"), LosslessClip(folder / "alpha.mkv")
    expected = (len(manifest.pts), *manifest.size[::-1])
    if alpha.shape != expected or edit.shape != (*expected, 3) or alpha.dtype != np.uint16:
        raise VeraError(
            f"{folder}: its files do not belong together (edit {edit.shape}, alpha {alpha.shape}, "
            f"{len(manifest.pts)} times and {manifest.size} in {MANIFEST})"
        )
    metadata = dict(manifest.metadata)
    try:
        finish = Finish.from_json(metadata.pop("refine", {}))
    except VeraError as error:
        raise VeraError(f"{path}: {error}") from None
    return LayeredEdit(edit, alpha, manifest.pts, manifest.time_base, metadata, finish=finish)
