"""Frames, their planes, and the model's view of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.clips import cut, make_clip, make_frame, samples
from tests.executable import ffmpeg

from vera.color.matrix import rgb_to_ycbcr, ycbcr_to_rgb
from vera.color.tags import ColorTags, apply_tags, resolve_color
from vera.errors import VeraError
from vera.video import FrameReader, FrameWriter, Orientation, copy_frame, model_view, open_clip, planes
from vera.video.arrays import as_progressive, bare_copy
from vera.video.decoding.filters import through

PLANAR = ["yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv440p", "yuvj420p", "yuv420p10le", "yuv444p16le"]
PLANAR += ["gray", "gray10le", "gray16le", "gbrp", "gbrp10le", "yuva420p", "yuva444p10le"]
PACKED = {"nv12": 1, "p010le": 1, "rgb24": 0, "bgr0": 0, "rgba": 0, "rgb48le": 0, "rgb48be": 0, "ya8": 0}


def read_all(path: Path) -> list[av.VideoFrame]:
    with FrameReader(path) as reader:
        return list(reader)


# Planes


@pytest.mark.parametrize("size", [(64, 48), (35, 27), (1, 1)])
@pytest.mark.parametrize("pix_fmt", [*PLANAR, *PACKED])
def test_planes_are_the_frames_own_samples(pix_fmt: str, size: tuple[int, int]) -> None:
    frame = make_frame(size, pix_fmt)
    for index, (plane, view) in enumerate(zip(frame.planes, planes(frame), strict=True)):
        lines = np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, plane.line_size)
        as_bytes = np.ascontiguousarray(view).view(np.uint8).reshape(plane.height, -1)
        np.testing.assert_array_equal(as_bytes, lines[:, : as_bytes.shape[1]])
        assert view.shape[:2] == (plane.height, plane.width)
        # No copy: what is written is seen by whoever looks next.
        view[...] = 3
        assert (planes(frame)[index] == 3).all()


def test_planes_agree_with_pyav_on_packed_rgb() -> None:
    frame = make_frame((35, 27), "rgb24")
    np.testing.assert_array_equal(planes(frame)[0], frame.to_ndarray(format="rgb24"))


def test_chroma_pairs_and_high_bits() -> None:
    luma, chroma = planes(make_frame((64, 48), "nv12"))
    assert (luma.shape, chroma.shape, chroma.dtype) == ((48, 64), (24, 32, 2), np.uint8)
    assert planes(make_frame((64, 48), "yuv420p10le"))[1].dtype == np.dtype("<u2")


@pytest.mark.faults
@pytest.mark.parametrize("work", [copy_frame, as_progressive, bare_copy])
@pytest.mark.parametrize("time_base", [None, Fraction(1, 24)])
def test_a_copy_has_the_time_base_of_its_frame(
    work: Callable[[av.VideoFrame], av.VideoFrame], time_base: Fraction | None
) -> None:
    frame = make_frame()
    frame.pts = 3
    if time_base is not None:
        frame.time_base = time_base
    through(frame, "copy")  # a graph that has a time base of its own
    assert (work(frame).pts, work(frame).time_base) == (3, time_base)


@pytest.mark.parametrize("pix_fmt", ["yuyv422", "pal8", "monow", "gbrap32le", "rgb565le", "x2rgb10le"])
def test_planes_of_other_formats_are_refused(pix_fmt: str) -> None:
    with pytest.raises(VeraError, match=pix_fmt):
        planes(av.VideoFrame(16, 16, pix_fmt))


def test_views_outlive_their_frame() -> None:
    view = planes(make_frame(seed=5))[0]
    np.testing.assert_array_equal(view, planes(make_frame(seed=5))[0])


# Reading


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "ffv1", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv420p16le"),
        ("a.avi", "libx264", "yuv420p"),
        ("a.h264", "libx264", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
    ],
)
def test_frames_come_in_order_and_as_they_were_written(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    clip = make_clip(tmp_path / name, 20, pix_fmt=pix_fmt, codec=codec)
    frames = read_all(clip)
    assert samples(frames) == samples(make_frame(pix_fmt=pix_fmt, seed=index) for index in range(20))
    assert tuple(frame.pts for frame in frames) == open_clip(clip).pts
    assert [frame.time_base for frame in frames] == [open_clip(clip).time_base] * 20


def test_frames_reordered_in_avi_still_rise_in_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.avi", 12, options={"crf": "30", "bf": "2", "b-pyramid": "normal"})
    assert [frame.pts for frame in read_all(clip)] == list(range(12)) == list(open_clip(clip).pts)


@pytest.mark.parametrize("size", [(35, 27), (2, 2)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], pix_fmt: str) -> None:
    clip = make_clip(tmp_path / "a.mkv", 2, size, pix_fmt=pix_fmt, codec="ffv1")
    assert samples(read_all(clip)) == samples(make_frame(size, pix_fmt, seed) for seed in range(2))


@pytest.mark.faults
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_times_that_repeat_are_moved_on_by_a_tick(tmp_path: Path, name: str) -> None:
    options = {"bf": "0", "qp": "0"}
    clip = make_clip(
        tmp_path / "a.mkv", 12, pts=[40 * i for i in range(12)], time_base=Fraction(1, 1000), options=options
    )
    repeated = tmp_path / f"repeated{Path(name).suffix}"
    setts = "setts=ts='if(eq(mod(N,10),5),PREV_OUTPTS,PTS)'"
    ffmpeg("-i", clip, "-c", "copy", "-bsf:v", setts, repeated, silent=False)
    info = open_clip(repeated)
    frames = read_all(repeated)
    assert samples(frames) == samples(read_all(clip)) and tuple(frame.pts for frame in frames) == info.pts
    times = [time * info.time_base for time in info.pts]
    assert times[5] == times[4] + info.time_base and times[6] == times[4] + Fraction(2, 25)
    with FrameWriter(tmp_path / f"out{repeated.suffix}", info) as writer:
        for frame in frames:
            writer.write(frame)
    assert open_clip(writer.path).frame_count == 12


def test_stopping_early_is_no_error(tmp_path: Path) -> None:
    with FrameReader(make_clip(tmp_path / "a.mp4")) as reader:
        assert next(iter(reader)).pts == 0


# Damage


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_index_at_the_front_and_frames_missing(tmp_path: Path, share: float) -> None:
    clip = cut(make_clip(tmp_path / "a.mp4", 30, faststart=True), share)
    for work in (read_all, open_clip):
        with pytest.raises(VeraError, match=r"a\.mp4: is damaged, \d+ of its 30 frames are missing; "):
            work(clip)


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.webm", "libvpx-vp9"), ("a.avi", "mpeg4")])
def test_end_missing(tmp_path: Path, name: str, codec: str) -> None:
    clip = cut(make_clip(tmp_path / name, 20, codec=codec), 0.7)
    for work in (read_all, open_clip):
        with pytest.raises(VeraError, match="is damaged, it ends after"):
            work(clip)


# The model's view


def flat(rgb: tuple[float, float, float], color: ColorTags, pix_fmt: str, size: tuple[int, int]) -> av.VideoFrame:
    """A frame of one colour, converted by the tags that players would assume."""
    frame = av.VideoFrame(*size, pix_fmt)
    depth = frame.format.components[0].bits
    resolved = resolve_color(color, size[1], pix_fmt)
    codes = np.rint(rgb_to_ycbcr(np.array(rgb), resolved, depth, size[1]))
    for plane, code in zip(planes(frame), codes, strict=False):
        plane[...] = code
    apply_tags(color, frame)
    return frame


@pytest.mark.parametrize("size", [(1280, 720), (64, 48)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuvj444p", "yuv444p16le"])
@pytest.mark.parametrize("color", [ColorTags(s, m) for s in (0, 1, 2) for m in (1, 2, 5, 6, 7, 9)], ids=str)
def test_model_view_follows_the_tags(color: ColorTags, pix_fmt: str, size: tuple[int, int]) -> None:
    rgb = (200 / 255, 90 / 255, 40 / 255)
    frame = flat(rgb, color, pix_fmt, size)
    view = model_view(frame, 32, 16)
    assert (view.shape, view.dtype) == ((16, 32, 3), np.uint8)
    # 8-bit codes and then the scaler round; another matrix or range would be off by 5 and more.
    assert np.abs(view.astype(int) - [200, 90, 40]).max() <= 2
    assert (frame.color_range, frame.colorspace) == (color.range, color.space)


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv444p10le"])
@pytest.mark.parametrize("color", [ColorTags(1, 1), ColorTags(2, 1), ColorTags(1, 6), ColorTags(1, 9)], ids=str)
def test_model_view_agrees_with_exact_arithmetic(color: ColorTags, pix_fmt: str) -> None:
    rgb = np.random.default_rng(0).random((48, 64, 3))
    frame = av.VideoFrame(64, 48, pix_fmt)
    depth = frame.format.components[0].bits
    codes = np.rint(rgb_to_ycbcr(rgb, color, depth, 48)).clip(0, 2**depth - 1)
    for index, plane in enumerate(planes(frame)):
        plane[...] = codes[..., index]
    apply_tags(color, frame)
    exact = np.rint(ycbcr_to_rgb(codes, color, depth, 48).clip(0, 1) * 255)
    assert np.abs(model_view(frame, 64, 48) - exact).max() <= 1


@pytest.mark.parametrize("color", [ColorTags(s, m) for s in (1, 2) for m in (1, 6, 9)], ids=str)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "nv12", "yuv422p10le", "yuv444p12le", "yuv444p16le", "yuva444p10le"])
def test_model_view_clips_colours_beyond_rgb(pix_fmt: str, color: ColorTags) -> None:
    # All combinations of nine codes from the lowest to the highest, each a square of 8 by 8.
    frame = av.VideoFrame(216, 216, pix_fmt)
    depth = frame.format.components[0].bits
    steps = np.rint(np.linspace(0, 2**depth - 1, 9))
    codes = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    squares = np.repeat(np.repeat(codes, 8, axis=0), 8, axis=1)
    sides = [squares[..., 0], squares[..., 1], squares[..., 2], np.full((216, 216), 2**depth - 1)]
    if pix_fmt == "nv12":
        sides = [squares[..., 0], squares[..., 1:]]
    for plane, side in zip(planes(frame), sides, strict=False):
        plane[...] = side[:: 216 // plane.shape[0], :: 216 // plane.shape[1]]
    apply_tags(color, frame)
    exact = ycbcr_to_rgb(codes, color, depth, 216).clip(0, 1) * 255
    # Nothing but the rounding of what is shown: half a code, and a little of the scaler's own arithmetic.
    assert np.abs(model_view(frame, 216, 216)[4::8, 4::8] - exact).max() < 0.55


def test_one_view_does_not_mark_the_next() -> None:
    # A scaler is kept between calls: another size, format or tag must set it up anew, in each thread for itself.
    jobs = [
        (flat((0.8, 0.3, 0.1), ColorTags(levels, space), pix_fmt, size), out)
        for levels, space in ((1, 1), (2, 1), (1, 6), (1, 9))
        for pix_fmt in ("yuv420p", "yuv444p10le", "gray")
        for size in ((64, 48), (32, 32))
        for out in ((32, 16), (48, 64))
    ]
    expected = []
    for job, out in jobs:
        with ThreadPoolExecutor(1) as fresh:
            expected.append(fresh.submit(model_view, job, *out).result())
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(lambda job: model_view(job[0], *job[1]), jobs))
            assert all(np.array_equal(a, b) for a, b in zip(expected, together, strict=True))
    assert all(np.array_equal(a, model_view(job, *out)) for a, (job, out) in zip(expected, jobs, strict=True))


@pytest.mark.parametrize(("levels", "code"), [(0, 200), (1, 16 + 200 * 219 / 255), (2, 200)])
@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_model_view_of_grey(levels: int, code: float, pix_fmt: str) -> None:
    frame = av.VideoFrame(16, 16, pix_fmt)
    step = 4 if pix_fmt == "gray10le" else 1
    planes(frame)[0][...] = round(code * step)
    frame.color_range = levels
    assert np.abs(model_view(frame, 16, 16).astype(int) - 200).max() <= 1


@pytest.mark.parametrize("pix_fmt", ["rgb24", "gbrp", "bgra"])
def test_model_view_of_rgb_is_the_samples(pix_fmt: str) -> None:
    rgb = planes(make_frame(pix_fmt="rgb24"))[0]
    frame = make_frame(pix_fmt="rgb24").reformat(format=pix_fmt)
    np.testing.assert_array_equal(model_view(frame, 64, 48), rgb)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_model_view_is_turned(rotation: int) -> None:
    frame = make_frame((64, 48), "rgb24")
    size = (64, 48) if rotation in (0, 180) else (48, 64)
    expected = np.rot90(planes(frame)[0], rotation // 90)
    np.testing.assert_array_equal(model_view(frame, *size, Orientation(rotation // 90)), expected)


def test_a_phone_held_upright(tmp_path: Path) -> None:
    # The matrix that phones write: a stored pixel (x, y) is shown at (height - y, x), a quarter turn clockwise.
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        one = 1 << 16
        stream.set_display_matrix([0, one, 0, -one, 0, 0, 48 * one, 0, 1 << 30])
        frame = av.VideoFrame(64, 48, "rgb24")
        planes(frame)[0][...] = 0
        planes(frame)[0][:8, :8] = 255
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    info = open_clip(path)
    assert (info.orientation, info.display_size, (info.width, info.height)) == (Orientation(3), (48, 64), (64, 48))
    view = model_view(read_all(path)[0], 48, 64, info.orientation)
    assert view[:8, -8:].min() > 250
    assert view.mean() < 10
