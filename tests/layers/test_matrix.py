"""Nothing outside the matte changes: codecs, subsamplings, depths and ranges, counted by our reader and by ffmpeg."""

import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray

from vera.layers import LayeredEdit, composite_clip, verify
from vera.video import FrameReader, default_codec, open_clip, planes
from vera.video.codecs import FULL_RANGE_TWINS

FRAMES = 3
TOP, BOTTOM, LEFT, RIGHT = 8, 24, 12, 32  # of the matte; multiples of 4, so that chroma samples have sharp edges, too


class Source(NamedTuple):
    """How the ffmpeg executable makes a clip, and in what format it is read."""

    name: str
    codec: str
    pix_fmt: str
    read_as: str = ""
    full: bool = False
    size: tuple[int, int] = (64, 48)
    options: tuple[str, ...] = ()
    master: str = ""  # its suffix, where the source's kind of file can't be exact
    decoder: tuple[str, ...] = ()


X265 = ("-x265-params", "log-level=none")
SOURCES = [
    Source("a.mp4", "libx264", "yuv420p"),
    Source("a.mp4", "libx264", "yuvj420p", full=True),
    Source("a.mov", "libx264", "yuv422p"),
    Source("a.mkv", "libx264", "yuv444p"),
    Source("a.mp4", "libx264", "yuv420p10le"),
    Source("a.mp4", "libx264", "yuv420p10le", full=True),
    Source("a.mov", "libx264", "yuv422p10le"),
    Source("a.mov", "libx264", "yuv444p10le", full=True),
    Source("a.mp4", "libx265", "yuv420p", options=X265),
    Source("a.mp4", "libx265", "yuv420p10le", options=X265),
    Source("a.mov", "libx265", "yuv422p10le", options=X265),
    Source("a.mp4", "libx265", "yuv444p12le", options=X265),
    Source("a.mkv", "libx265", "gbrp", options=X265),
    Source("a.mp4", "libsvtav1", "yuv420p", size=(64, 64)),
    Source("a.mkv", "libsvtav1", "yuv420p10le", size=(64, 64)),
    Source("a.webm", "libvpx-vp9", "yuv420p"),
    Source("a.webm", "libvpx-vp9", "yuv444p", full=True),
    Source("a.webm", "libvpx-vp9", "yuv422p10le"),
    Source("a.mov", "prores_ks", "yuv422p10le"),
    Source("a.mov", "prores_ks", "yuv444p10le", "yuv444p12le", options=("-profile:v", "4444")),
    Source("a.mov", "dnxhd", "yuv422p", size=(256, 120), options=("-profile:v", "dnxhr_hq")),
    Source("a.mov", "dnxhd", "yuv422p10le", size=(256, 120), options=("-profile:v", "dnxhr_hqx")),
    Source("a.mov", "dnxhd", "gbrp10le", size=(256, 120), options=("-profile:v", "dnxhr_444")),
    Source("a.mkv", "ffv1", "yuv411p"),
    Source("a.mkv", "ffv1", "yuv440p"),
    Source("a.mkv", "ffv1", "yuv420p12le", full=True),
    Source("a.mkv", "ffv1", "yuv422p16le"),
    Source("a.mkv", "ffv1", "yuv444p16le", full=True),
    Source("a.mkv", "ffv1", "gray"),
    Source("a.mkv", "ffv1", "gray16le"),
    Source("a.mkv", "ffv1", "gbrp16le"),
    Source("a.mkv", "ffv1", "bgr0"),
    Source("a.mov", "mjpeg", "yuvj420p", full=True),
    Source("a.mov", "mjpeg", "yuvj422p", full=True),
    Source("a.avi", "mjpeg", "yuvj444p", full=True),
    Source("a.mov", "v210", "yuv422p10le"),
    Source("a.mov", "rawvideo", "uyvy422", "yuv422p"),
    Source("a.mov", "png", "rgb24"),
    Source("a.mov", "png", "rgb48be", "rgb48le"),
    Source("a.ts", "mpeg2video", "yuv422p"),
    Source("a.mkv", "ffv1", "yuva420p"),
    Source("a.mkv", "ffv1", "yuva422p10le", full=True),
    Source("a.mkv", "ffv1", "yuva444p16le"),
    Source("a.mkv", "ffv1", "bgra"),
    Source("a.mkv", "ffv1", "gbrap10le"),
    Source("a.mkv", "ffv1", "gbrap16le"),
    Source("a.mkv", "ffv1", "ya8", full=True),
    Source("a.mov", "prores_ks", "yuva444p10le", "yuva444p12le", options=("-profile:v", "4444"), master=".mkv"),
    Source("a.mov", "qtrle", "argb", "rgba"),
    Source("a.mov", "png", "rgba"),
    Source("a.mov", "png", "rgba64be", "rgba64le"),
    Source("a.webm", "libvpx-vp9", "yuva420p", decoder=("-c:v", "libvpx-vp9")),
    Source("in/a.%04d.png", "png", "rgba"),
    Source("in/a.%04d.png", "png", "rgba64be", "rgba64le"),
    Source("in/a.%04d.png", "png", "ya16be", "ya16le"),
    Source("in/a.%04d.tiff", "tiff", "rgba64le"),
    Source("in/a.%04d.dpx", "dpx", "rgba"),
    Source("in/a.%04d.png", "png", "rgb48be", "rgb48le"),
    Source("in/a.%04d.tiff", "tiff", "rgb24"),
    Source("in/a.%04d.dpx", "dpx", "gbrp10le"),
    Source("in/a.%04d.dpx", "dpx", "gbrp12le"),
    Source("in/a.%04d.exr", "exr", "gbrpf32le", "gbrpf16le", options=("-format", "half")),
    Source("in/a.%04d.exr", "exr", "gbrpf32le"),
    Source("in/a.%04d.exr", "exr", "gbrapf32le", "gbrapf16le", options=("-format", "half")),
    Source("in/a.%04d.exr", "exr", "gbrapf32le"),
    Source("in/a.%04d.exr", "exr", "grayf32le"),
]


def executable(*arguments: str | Path) -> bytes:
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def make(folder: Path, source: Source) -> Path:
    """Noise over all code values, limited range or full, of alpha as well."""
    path = folder / source.name
    path.parent.mkdir(exist_ok=True)
    width, height = source.size
    noise = f"nullsrc=size={width}x{height}:rate=25,format=yuva444p,geq="
    noise += ":".join(f"{part}='random({seed})*255'" for seed, part in enumerate(("lum", "cb", "cr", "a"), 1))
    levels = "pc" if source.full else "tv"
    lossy = ("-crf", "20") if source.codec.startswith("lib") else ()
    made = ("-f", "lavfi", "-i", f"{noise},format=yuva444p,scale=in_range={levels}:out_range={levels}")
    coded = ("-pix_fmt", source.pix_fmt, "-c:v", source.codec, *lossy, *source.options, "-color_range", levels)
    executable(*made, "-frames:v", str(FRAMES), *coded, path)
    return path


def outside(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the matte has no part, in a plane of a picture of that size (width, height)."""
    height, width = plane.shape[:2]
    step_x, step_y = size[0] // width, size[1] // height
    kept = np.ones((height, width), bool)
    kept[TOP // step_y : BOTTOM // step_y, LEFT // step_x : RIGHT // step_x] = False
    return kept


def decoded(
    path: Path, pix_fmt: str, size: tuple[int, int], decoder: tuple[str, ...] = ()
) -> list[tuple[NDArray[Any], ...]]:
    """The frames' planes as the ffmpeg executable decodes them."""
    raw = executable(
        *("-noautorotate", *decoder, "-i", path, "-fps_mode", "passthrough"),
        *("-pix_fmt", pix_fmt, "-f", "rawvideo", "-"),
    )
    frames, shape = [], planes(av.VideoFrame(*size, pix_fmt))
    values = np.frombuffer(raw, shape[0].dtype)
    counts = [plane.size for plane in shape]
    assert len(values) == FRAMES * sum(counts)
    for picture in values.reshape(FRAMES, -1):
        parts = np.split(picture, np.cumsum(counts)[:-1])
        frames.append(tuple(part.reshape(plane.shape) for part, plane in zip(parts, shape, strict=True)))
    return frames


@pytest.mark.parametrize(
    "source", SOURCES, ids=lambda each: f"{each.codec}-{each.pix_fmt}-{'full' if each.full else 'tv'}"
)
@pytest.mark.filterwarnings("ignore:.*can't hold")
def test_no_sample_changes_outside_the_matte(tmp_path: Path, source: Source) -> None:
    path = make(tmp_path, source)
    before = open_clip(path)
    assert before.pix_fmt == (source.read_as or source.pix_fmt)
    alpha = np.zeros((FRAMES, *source.size[::-1]), np.uint16)
    alpha[:, TOP:BOTTOM, LEFT:RIGHT] = 20000
    alpha[:, TOP + 4 : BOTTOM - 4, LEFT + 4 : RIGHT - 4] = 65535
    color = np.random.default_rng(0).integers(0, 256, (*alpha.shape, 3), np.uint8)
    if "%" in path.name:
        out = tmp_path / "out" / path.name
    else:
        out = tmp_path / f"out{source.master or (path.suffix if path.suffix in ('.mp4', '.mov', '.mkv') else '.mkv')}"
    edit = LayeredEdit(color, alpha, before.pts, before.time_base)
    composite_clip(path, edit, out, default_codec(out, before.pix_fmt))

    def check(pairs: list[tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]]) -> None:
        assert len(pairs) == FRAMES
        for ours, theirs in pairs:
            for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
                kept = outside(one, source.size)
                assert 0 < kept.sum() < kept.size
                assert not (one[kept] != other[kept]).any()
                assert index or (one[~kept] != other[~kept]).any()

    with FrameReader(path) as sources, FrameReader(out) as results:
        check([(planes(one), planes(other)) for one, other in zip(sources, results, strict=True)])
    pix_fmt = FULL_RANGE_TWINS.get(before.pix_fmt, before.pix_fmt)
    full = source.pix_fmt if source.pix_fmt.startswith("yuvj") else pix_fmt
    originals = decoded(path, full, source.size, source.decoder)
    check(list(zip(originals, decoded(out, full, source.size), strict=True)))
    assert verify(path, out, edit).changed == 0


def test_the_matrix_is_wide() -> None:
    assert len({(source.codec, source.pix_fmt, source.full) for source in SOURCES}) >= 24
