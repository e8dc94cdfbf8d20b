"""Codec presets by name, and which pixel formats and files each can hold."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av

from vera.errors import VeraError
from vera.video.formats import is_float
from vera.video.sequence import PICTURES


@dataclass(frozen=True)
class Codec:
    """A way to encode: FFmpeg's encoder, its options, the file suffixes that can hold it.

    `pix_fmts` narrows what the encoder takes; empty: all that the encoder says it takes.
    """

    encoder: str
    lossless: bool
    suffixes: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    pix_fmts: tuple[str, ...] = ()


_MOVIE = (".mp4", ".mov", ".m4v", ".mkv")
_MASTER = (".mov", ".mkv")
# x264 also takes grey and nv12, and x265 yuva420p, but what comes back has other planes, or the encoder won't open.
_X264: tuple[str, ...] = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p")
_X264 += ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_X265: tuple[str, ...] = (*_X264, "yuv420p12le", "yuv422p12le", "yuv444p12le", "gbrp", "gbrp10le", "gbrp12le")
_X265 += ("gray", "gray10le", "gray12le")
_EXR = tuple(f"{planes}{kind}" for planes in ("gray", "ya", "gbrp", "gbrap") for kind in ("f16le", "f32le"))
CODECS: dict[str, Codec] = {
    "ffv1": Codec("ffv1", True, (".mkv", ".nut"), {"level": "3", "slicecrc": "1"}),
    "h264-lossless": Codec("libx264", True, _MOVIE, {"qp": "0", "preset": "ultrafast"}, _X264),
    "h264": Codec("libx264", False, _MOVIE, {"crf": "16", "preset": "medium"}, _X264),
    "h265-lossless": Codec(
        "libx265", True, _MOVIE, {"preset": "fast", "x265-params": "lossless=1:log-level=error"}, _X265
    ),
    "h265": Codec("libx265", False, _MOVIE, {"crf": "18", "preset": "medium", "x265-params": "log-level=error"}, _X265),
    "png": Codec("png", True, (".mov", ".png")),
    "prores": Codec("prores_ks", False, _MASTER, {"profile": "hq", "vendor": "apl0"}, ("yuv422p10le",)),
    "prores-4444": Codec(
        "prores_ks",
        False,
        _MASTER,
        {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"},
        ("yuv444p10le", "yuva444p10le"),
    ),
    "tiff": Codec("tiff", True, (".tiff", ".tif"), {"compression_algo": "deflate"}),
    "dpx": Codec("dpx", True, (".dpx",)),
    # Written by the OpenEXR library, over the files of the source.
    "exr": Codec("exr", True, (".exr",), pix_fmts=_EXR),
}
# The older names of full-range formats: the same samples, and the range is a tag of its own.
FULL_RANGE_TWINS = {f"yuvj{kind}p": f"yuv{kind}p" for kind in (411, 420, 422, 440, 444)}
# The order of bytes that picture files keep.
_BIG_ENDIAN_TWINS = {f"{name}le": f"{name}be" for name in ("rgb48", "rgba64", "gray16", "ya16", "gbrp10", "gbrp12")}


def default_codec(path: Path | str, pix_fmt: str = "yuv420p", encoders: Collection[str] = ()) -> str:
    """Name of the first lossless codec that goes in a file of that suffix, and takes `pix_fmt` if one of them does.

    `encoders`: take one of these if it takes `pix_fmt`.

    A source in .mp4 or .mov should stay in one of these: Matroska rounds times to milliseconds. VeraError for a suffix
    that is not written.
    """
    suffix = Path(path).suffix.lower()
    fitting = [name for name, codec in CODECS.items() if codec.lossless and suffix in codec.suffixes]
    if not fitting:
        raise VeraError(f"{path}: can't write a file with the ending {suffix!r}; name it .mp4, .mov or .mkv")
    taking = [name for name in fitting if _has_pix_fmt(CODECS[name], pix_fmt)] or fitting
    return next((name for name in taking if CODECS[name].encoder in encoders), taking[0])


def find_codec(name: str | Codec, path: Path, pix_fmt: str, width: int, height: int) -> Codec:
    """The preset `name`, or a codec of one's own, if it can hold such frames and `path` can hold it; else VeraError."""
    if isinstance(name, Codec):
        codec, name = name, name.encoder
    elif name in CODECS:
        codec = CODECS[name]
    else:
        raise VeraError(f"no codec is named {name!r}; choose from {', '.join(CODECS)}")
    if not _takes(codec, pix_fmt, width, height):
        others = [
            other
            for other, candidate in CODECS.items()
            if _takes(candidate, pix_fmt, width, height) and not set(candidate.suffixes) <= set(PICTURES)
        ]
        advice = f"use {' or '.join(map(_with_suffixes, others))}" if others else "convert it to yuv422p10le first"
        if is_float(pix_fmt):
            advice = "write an EXR sequence, as new/shot.####.exr"
        raise VeraError(f"{path}: codec {name} can't hold {width}x{height} {pix_fmt}; {advice}")
    if path.suffix.lower() not in codec.suffixes:
        raise VeraError(f"{path}: such a file can't hold codec {name}; end its name in {' or '.join(codec.suffixes)}")
    return codec


def encoder_pix_fmt(codec: Codec, pix_fmt: str) -> str:
    """`pix_fmt` as the encoder names it: itself, the plain name of a full-range format, or the other order of bytes."""
    names = (pix_fmt, FULL_RANGE_TWINS.get(pix_fmt, ""), _BIG_ENDIAN_TWINS.get(pix_fmt, ""))
    return next((name for name in names if name in _pix_fmts(codec)), pix_fmt)


def _pix_fmts(codec: Codec) -> tuple[str, ...]:
    if codec.pix_fmts:
        return codec.pix_fmts
    given = [form.name for form in av.Codec(codec.encoder, "w").video_formats or ()]
    # What FFV1 takes side by side it gives back in planes, with 16 bits; its floating-point is an experiment.
    no = ("rgb48le", "rgba64le") if codec.encoder == "ffv1" else ()
    return tuple(name for name in given if name not in no and not is_float(name))


def _has_pix_fmt(codec: Codec, pix_fmt: str) -> bool:
    return encoder_pix_fmt(codec, pix_fmt) in _pix_fmts(codec)


def _takes(codec: Codec, pix_fmt: str, width: int, height: int) -> bool:
    # x264 and x265 want whole chroma samples; the others pad.
    parts = av.VideoFormat(pix_fmt, 16, 16).components
    whole = all(width % (16 // part.width) == 0 and height % (16 // part.height) == 0 for part in parts)
    return _has_pix_fmt(codec, pix_fmt) and (whole or codec.encoder not in ("libx264", "libx265"))


def _with_suffixes(name: str) -> str:
    return f"{name} ({', '.join(CODECS[name].suffixes)})"
