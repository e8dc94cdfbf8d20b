"""OpenEXR pictures of a sequence: read as half or float planes, and written over all else that their files hold.

By the OpenEXR library: FFmpeg's decoder reads most files alike, but DWA with other values, and not the newer
compressions, windows that do not begin at 0, or channels of several types.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vera.color.primaries import D65, PRIMARIES
from vera.color.tags import SRGB, UNSPECIFIED
from vera.errors import VeraError
from vera.optional import need
from vera.video.arrays import planes

Box = tuple[slice, ...]

_FORMATS = {1: "gray", 2: "ya", 3: "gbrp", 4: "gbrap"}
_LOSSY = tuple(f"{name}_COMPRESSION" for name in ("PXR24", "B44", "B44A", "DWAA", "DWAB"))


@dataclass(frozen=True)
class _Shown:
    """The channels that are the picture, R, G, B or Y and perhaps A, of the first part that has them."""

    part: Any
    names: tuple[str, ...]

    @property
    def channels(self) -> list[Any]:
        return [self.part.channels[name] for name in self.names]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the display window, which is the picture."""
        low, high = self.part.header["displayWindow"]
        return int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)

    @property
    def windows(self) -> tuple[Box, Box]:
        """The part of the picture that there are samples of: rows and columns in the picture, and in the channels."""
        (low, high), (first, last) = self.part.header["dataWindow"], self.part.header["displayWindow"]
        start, stop = np.maximum(low, first), np.minimum(high, last) + 1
        inside, held = (
            tuple(slice(max(int(a), 0), max(int(b), 0)) for a, b in zip(start - origin, stop - origin, strict=True))
            for origin in (first, low)
        )
        return inside[::-1], held[::-1]


def read_picture(path: Path) -> av.VideoFrame | None:
    """The picture that an EXR file shows, in half or float planes; None if the file is damaged.

    Samples are the file's own, linear light and, with alpha, premultiplied; 0 where it holds none. The transfer is
    tagged as sRGB: that of the R'G'B' which Vera makes of them. VeraError without the library, and for files without
    a flat picture in half or float.
    """
    file = _open(path)
    if file is None:
        return None
    shown = _find(file, path)
    halves = {channel.pixels.dtype for channel in shown.channels} == {np.dtype(np.float16)}
    frame = av.VideoFrame(*shown.size, _FORMATS[len(shown.names)] + ("f16le" if halves else "f32le"))
    inside, held = shown.windows
    for view, channel in zip(_components(frame), shown.channels, strict=True):
        view[...] = 0
        view[inside] = channel.pixels[held]
    frame.color_trc, frame.color_primaries = SRGB, _primaries(shown.part.header)
    return frame


def write_picture(frame: av.VideoFrame, sources: Sequence[Path], number: int, out: Path) -> None:
    """Write `frame` as `out`: the EXR file `sources[number]` with the frame's samples in place of its picture's.

    Other channels and parts, windows and attributes are the file's, so far as the library knows them. The data window
    grows where the frame holds something outside of it. Lossy compression becomes ZIP, and smaller copies of tiled
    pictures are left out. A damaged file lends nothing: the nearest before it stands in, or else after it. VeraError if
    none can be read, or `out` not be written.
    """
    for source in (*reversed(sources[: number + 1]), *sources[number + 1 :]):
        file = _open(source)
        if file is None:
            continue
        _replace(_find(file, source), _components(frame))
        for part in file.parts:
            if part.compression().name in _LOSSY:
                part.header["compression"] = _library().ZIP_COMPRESSION
            if "tiles" in part.header:  # the library writes no more than the first level
                part.header["tiles"].mode = _library().ONE_LEVEL
        with write_errors(out):
            file.write(str(out))
        return
    raise VeraError(f"{sources[number]}: can't be read to carry what it holds beside the picture; render it again")


def left_out(paths: Sequence[Path]) -> list[str]:
    """A line for each thing that `write_picture` does not keep of the first EXR file that can be read."""
    file = next(filter(None, (_load(path, header_only=True) for path in paths)), None)
    parts = file.parts if file else []
    names = [part.compression().name for part in parts]
    lossy = [name.removesuffix("_COMPRESSION") for name in names if name in _LOSSY][:1]
    lines = [f"is written with ZIP, which is exact, and not with the source's {name}" for name in lossy]
    if any("tiles" in part.header and part.header["tiles"].mode != _library().ONE_LEVEL for part in parts):
        lines.append("is written without the source's smaller copies of each picture (mip-maps)")
    return lines


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn what the library meets on writing `path`, a full disk as well, into a VeraError."""
    try:
        yield
    except VeraError:
        raise
    except (RuntimeError, ValueError) as error:
        reason = str(error).rstrip(".").split(". ")[-1]
        raise VeraError(f"{path}: cannot be written ({reason})") from error


def _library() -> Any:
    return need("OpenEXR", "OpenEXR", "an EXR sequence")


def _open(path: Path) -> Any:
    """The file with all its samples, None if it is damaged."""
    file, promised = _load(path, separate_channels=True), _load(path, header_only=True)
    # A part that can't be read is left out by the library.
    return file if file and promised and len(file.parts) == len(promised.parts) else None


def _load(path: Path, **how: bool) -> Any:
    exr = _library()
    try:
        return exr.File(str(path), **how)
    except (RuntimeError, ValueError, ZeroDivisionError):  # also for words that are no UTF-8, and for rates over 0
        return None


def _find(file: Any, path: Path) -> _Shown:
    """VeraError if the file holds no flat picture in half or float."""
    for colors in (("R", "G", "B"), ("Y",)):
        for part in file.parts:
            names = part.channels.keys()
            if not names >= set(colors) or "RY" in names:
                continue
            shown = _Shown(part, (*colors, *(("A",) if "A" in names else ())))
            if any(channel.pixels.dtype not in (np.float16, np.float32) for channel in shown.channels):
                raise VeraError(f"{path}: its picture is deep, or of whole numbers; render it flat, in half or float")
            if any(max(channel.xSampling, channel.ySampling) > 1 for channel in part.channels.values()):
                raise VeraError(f"{path}: has channels with fewer samples than pixels; render them all at full size")
            return shown
    held = ", ".join(name for part in file.parts for name in part.channels)
    raise VeraError(f"{path}: has no channels named R, G, B, nor Y alone, but {held}; render or rename them so")


def _replace(shown: _Shown, picture: list[NDArray[Any]]) -> None:
    """Put the samples of `picture`, of the display window's size, into the part's channels."""
    inside, held = shown.windows
    outside = np.ones(picture[0].shape, bool)
    outside[inside] = False
    if any(view[outside].any() for view in picture):
        _grow(shown)
        inside, held = shown.windows
    for view, channel in zip(picture, shown.channels, strict=True):
        pixels = channel.pixels.copy()
        pixels[held] = view[inside]
        channel.pixels = pixels


def _grow(shown: _Shown) -> None:
    """Make the data window hold the display window, with 0 in all channels where nothing was."""
    header = shown.part.header
    (low, high), (first, last) = header["dataWindow"], header["displayWindow"]
    start, stop = np.minimum(low, first), np.maximum(high, last)
    pads = [(int(before), int(after)) for before, after in zip(low - start, stop - high, strict=True)][::-1]
    for channel in shown.part.channels.values():
        channel.pixels = np.pad(channel.pixels, pads)
    header["dataWindow"] = (start, stop)


def _components(frame: av.VideoFrame) -> list[NDArray[Any]]:
    """Views `[h,w]` of R, G, B or Y, and A."""
    views, parts = planes(frame), frame.format.components
    if len(views) < len(parts):  # grey and alpha, side by side
        return [views[0][..., index] for index in range(len(parts))]
    return [views[part.plane] for part in parts]


def _primaries(header: Any) -> int:
    """The primaries that the file names as a number of H.273, 2 if it names none or others."""
    named = header.get("chromaticities")
    if not isinstance(named, tuple):  # none, or a damaged one of another kind
        return UNSPECIFIED
    for number, corners in PRIMARIES.items():
        if np.allclose(named, np.ravel((*corners, D65)), atol=0.001):
            return number
    return UNSPECIFIED
