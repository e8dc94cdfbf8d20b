"""Pixel formats whose samples are packed into words or bits, lie in an order of their own or in a palette: as plain
ones, exactly."""

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

# Packed or in pairs, as capture cards and decoders give them: the same samples in planes.
_PLAIN = {
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "y216le": "yuv422p16le",
    "nv12": "yuv420p",
    "nv16": "yuv422p",
    "nv20le": "yuv422p10le",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "nv21": "yuv420p",
    "nv24": "yuv444p",
    "nv42": "yuv444p",
    "p210le": "yuv422p10le",
    "p212le": "yuv422p12le",
    "p216le": "yuv422p16le",
    "p410le": "yuv444p10le",
    "p412le": "yuv444p12le",
    "p416le": "yuv444p16le",
    "xv30le": "yuv444p10le",
    "v30xle": "yuv444p10le",
    "xv36le": "yuv444p12le",
    "xv48le": "yuv444p16le",
    "yuv444p10msble": "yuv444p10le",
    "yuv444p12msble": "yuv444p12le",
    "vyu444": "yuv444p",
    "uyva": "yuva444p",
    "vuyx": "yuv444p",
    "vuya": "yuva444p",
    "ayuv": "yuva444p",
    "ayuv64le": "yuva444p16le",
    "x2rgb10le": "gbrp10le",
    "x2bgr10le": "gbrp10le",
    "bgr24": "bgr0",  # which FFV1 keeps
    "bgr48le": "rgb48le",
    "bgra64le": "gbrap16le",
    "argb": "rgba",
    "abgr": "rgba",
    "gbrap": "bgra",
    "0rgb": "bgr0",
    "0bgr": "bgr0",
    "rgb0": "bgr0",
    "monob": "gray",
    "monow": "gray",
    "pal8": "rgb24",  # or rgba, where a colour that is used is not opaque
}
_EXACT = Interpolation.POINT | Interpolation.ACCURATE_RND


def plain_format(pix_fmt: str) -> str:
    """The name of the format that frames in `pix_fmt` are read as: planes, or RGB side by side, little-endian."""
    name = f"{pix_fmt[:-2]}le" if av.VideoFormat(pix_fmt).is_big_endian else pix_fmt
    return _PLAIN.get(name, name)


def is_float(pix_fmt: str) -> bool:
    """Whether samples are floating-point: here they are linear light, above 1 and below 0 too."""
    return "f16" in pix_fmt or "f32" in pix_fmt


def plain(frame: av.VideoFrame, scaler: VideoReformatter) -> av.VideoFrame:
    """`frame` in its plain format: the same sample values, times and tags; itself if that is the format it has."""
    name = "rgba" if _has_clear(frame) else plain_format(frame.format.name)
    if name == frame.format.name:
        return frame
    return scaler.reformat(frame, format=name, interpolation=_EXACT)


def _has_clear(frame: av.VideoFrame) -> bool:
    """Whether a frame has a palette, and uses an entry of it that is not opaque."""
    if frame.format.name != "pal8":
        return False
    indices, palette = frame.planes
    used = np.frombuffer(memoryview(indices), np.uint8).reshape(-1, indices.line_size)[:, : frame.width]
    alpha = np.frombuffer(memoryview(palette), np.uint32)[:256] >> 24
    return bool((alpha[np.unique(used)] < 255).any())
