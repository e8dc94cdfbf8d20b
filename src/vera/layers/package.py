"""The layer folder: `edit.mkv` and `alpha.mkv` (FFV1, lossless) and `manifest.json`, whole or not at all."""

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.layers.layered_edit import LayeredEdit
from vera.video import planes

FORMAT = 1
MANIFEST = "manifest.json"


def check_layers_folder(folder: str | Path) -> None:
    """Raise VeraError unless layers can be saved as `folder`: a new name, an empty folder or a layer folder."""
    folder = Path(folder)
    if not folder.absolute().parent.is_dir():
        raise VeraError(f"{folder}: the folder {folder.parent} does not exist; create it first")
    if folder.exists() and not folder.is_dir():
        raise VeraError(f"{folder}: is a file; name a folder for the layers")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise VeraError(f"{folder}: holds something else than layers; name another folder for the layers")


def save_layers(edit: LayeredEdit, folder: str | Path) -> None:
    """Save `edit` so that `load_layers` gives back the same samples, times and metadata.

    It grows under a temporary name beside `folder` and is renamed when whole; an older layer folder is replaced.
    Raises VeraError as `check_layers_folder` and if the disk refuses.
    """
    folder = Path(folder)
    check_layers_folder(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        partial.mkdir()
        _write_plane_clip(partial / "edit.mkv", edit.edit, "gbrp" if edit.edit.dtype == np.uint8 else "gbrp16le")
        _write_plane_clip(partial / "alpha.mkv", edit.alpha, "gray16le")
        (partial / MANIFEST).write_text(json.dumps(_manifest(edit), indent=2, ensure_ascii=False), encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (av.FFmpegError, OSError) as error:
        raise VeraError(f"{folder}: the layers cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def load_layers(folder: str | Path) -> LayeredEdit:
    """Load what `save_layers` saved. Raises VeraError if the folder is missing, not one of ours or damaged."""
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
    edit, alpha = _read_plane_clip(folder / "edit.mkv"), _read_plane_clip(folder / "alpha.mkv")
    try:
        return LayeredEdit(edit, alpha, pts, time_base, manifest["metadata"])
    except (ValueError, TypeError, KeyError) as error:
        raise VeraError(f"{folder}: its files do not belong together ({error})") from None


def _manifest(edit: LayeredEdit) -> dict[str, Any]:
    width, height = edit.size
    return {
        "format": FORMAT,
        "width": width,
        "height": height,
        "edit": "edit.mkv: straight (not premultiplied) R'G'B' in the source's colour space",
        "alpha": "alpha.mkv: linear coverage, 65535 is 1; 0 leaves the source untouched",
        "time_base": str(edit.time_base),
        "pts": list(edit.pts),
        "metadata": dict(edit.metadata),
    }


def _write_plane_clip(path: Path, clip: NDArray[Any], pix_fmt: str) -> None:
    """FFV1 of `[T,H,W]` grey or `[T,H,W,3]` RGB; frame i at i/25 s, since the real times are in the manifest."""
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("ffv1", rate=25, options={"level": "3", "slices": "4", "slicecrc": "1"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = clip.shape[2], clip.shape[1], pix_fmt
        for index, picture in enumerate(clip):
            frame = av.VideoFrame(clip.shape[2], clip.shape[1], pix_fmt)
            channels = [picture] if clip.ndim == 3 else [picture[..., i] for i in (1, 2, 0)]  # planes are G, B, R
            for plane, channel in zip(planes(frame), channels, strict=True):
                np.copyto(plane, channel)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _read_plane_clip(path: Path) -> NDArray[Any]:
    """`[T,H,W]` or `[T,H,W,3]`, the inverse of `_write_plane_clip`."""
    try:
        with av.open(str(path), "r") as container:
            pictures = []
            for frame in container.decode(video=0):
                channels = planes(frame)
                order = [channels[0]] if len(channels) == 1 else [channels[i] for i in (2, 0, 1)]
                pictures.append(np.stack(order, axis=-1) if len(order) > 1 else order[0].copy())
        return np.stack(pictures)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        raise VeraError(f"{path}: is missing or damaged; save the layers again") from None
