"""Colour arithmetic: known values, round trips, agreement with swscale's accurate conversion."""

from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vera.color.matrix import rgb_to_ycbcr, ycbcr_to_rgb
from vera.color.tags import ColorTags, apply_tags, color_tags, resolve_color
from vera.video import planes

LIMITED, FULL = 1, 2
BT709, BT601, BT601_NTSC, SMPTE240, BT2020 = 1, 5, 6, 7, 9
SPACES = [BT709, BT601, BT601_NTSC, SMPTE240, BT2020]
FLAGS = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
WHITE, BLACK, RED, GREEN, BLUE = [1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]


@pytest.mark.parametrize(
    ("space", "levels", "depth", "rgb", "codes"),
    [
        (BT709, LIMITED, 8, WHITE, [235, 128, 128]),
        (BT709, LIMITED, 8, BLACK, [16, 128, 128]),
        (BT709, LIMITED, 10, WHITE, [940, 512, 512]),
        (BT709, LIMITED, 8, RED, [63, 102, 240]),
        (BT709, LIMITED, 8, GREEN, [173, 42, 26]),
        (BT709, LIMITED, 8, BLUE, [32, 240, 118]),
        (BT601, LIMITED, 8, RED, [81, 90, 240]),
        (BT601_NTSC, LIMITED, 8, BLUE, [41, 240, 110]),
        (BT601, FULL, 8, WHITE, [255, 128, 128]),
        (BT601, FULL, 8, RED, [76, 85, 256]),
        (BT2020, LIMITED, 10, WHITE, [940, 512, 512]),
        (BT2020, LIMITED, 10, RED, [294, 387, 960]),
    ],
)
def test_known_values(space: int, levels: int, depth: int, rgb: list[int], codes: list[int]) -> None:
    found = rgb_to_ycbcr(np.array(rgb, np.float64), ColorTags(levels, space), depth, height=480)
    assert np.rint(found).tolist() == codes


@given(
    rgb=st.lists(st.floats(-0.5, 1.5), min_size=3, max_size=3),
    space=st.sampled_from([0, 2, *SPACES]),
    levels=st.sampled_from([0, LIMITED, FULL]),
    depth=st.integers(8, 16),
    height=st.sampled_from([480, 1080]),
)
def test_round_trip(rgb: list[float], space: int, levels: int, depth: int, height: int) -> None:
    color = ColorTags(levels, space)
    there = rgb_to_ycbcr(np.array(rgb, np.float64), color, depth, height)
    np.testing.assert_allclose(ycbcr_to_rgb(there, color, depth, height), rgb, atol=1e-9)


def test_dtype_is_kept() -> None:
    picture = np.zeros((2, 2, 3), np.float32)
    assert rgb_to_ycbcr(picture, ColorTags(), 8, 480).dtype == np.float32
    assert ycbcr_to_rgb(picture, ColorTags(), 8, 480).dtype == np.float32


def test_unknown_matrix() -> None:
    with pytest.raises(ValueError, match="14"):
        rgb_to_ycbcr(np.zeros(3), ColorTags(LIMITED, 14), 8, 480)


@pytest.mark.parametrize(("height", "like"), [(719, BT601), (720, BT709), (2160, BT709)])
def test_untagged_footage_is_read_as_players_do(height: int, like: int) -> None:
    rgb = np.array([0.9, 0.3, 0.1])
    np.testing.assert_array_equal(
        rgb_to_ycbcr(rgb, ColorTags(), 8, height), rgb_to_ycbcr(rgb, ColorTags(LIMITED, like), 8, height)
    )


@pytest.mark.parametrize(
    ("color", "pix_fmt", "levels", "space"),
    [
        (ColorTags(), "yuv420p", LIMITED, BT601_NTSC),
        (ColorTags(FULL, BT709), "yuv420p", FULL, BT709),
        (ColorTags(LIMITED, BT709), "yuvj420p", FULL, BT709),
        (ColorTags(), "gray", FULL, BT601_NTSC),
        (ColorTags(LIMITED), "gray10le", LIMITED, BT601_NTSC),
        (ColorTags(LIMITED, BT709), "gbrp", FULL, 0),
        (ColorTags(LIMITED, 0), "yuv444p", LIMITED, BT601_NTSC),
    ],
)
def test_resolve(color: ColorTags, pix_fmt: str, levels: int, space: int) -> None:
    assert resolve_color(color, 480, pix_fmt) == ColorTags(levels, space)


def test_tags_of_a_frame() -> None:
    frame = av.VideoFrame(16, 16, "yuv420p")
    apply_tags(ColorTags(FULL, BT2020, 16, 9), frame)
    assert color_tags(frame) == ColorTags(FULL, BT2020, 16, 9)


def random_rgb(dtype: Any) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (32, 64, 3), dtype, endpoint=True)


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv444p", 8), ("yuv444p10le", 10)])
@pytest.mark.parametrize("levels", [LIMITED, FULL])
@pytest.mark.parametrize("space", SPACES)
def test_to_ycbcr_agrees_with_swscale(space: int, levels: int, pix_fmt: str, depth: int) -> None:
    rgb = random_rgb(np.uint8)
    converted = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format=pix_fmt, dst_colorspace=space, dst_color_range=levels, interpolation=FLAGS
    )
    ours = rgb_to_ycbcr(rgb / 255, ColorTags(levels, space), depth, 480)
    theirs = np.stack(planes(converted), axis=-1).astype(int)
    assert np.abs(np.rint(ours) - theirs).max() <= 1


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv444p", 8), ("yuv444p10le", 10)])
@pytest.mark.parametrize("levels", [LIMITED, FULL])
@pytest.mark.parametrize("space", SPACES)
def test_to_rgb_agrees_with_swscale(space: int, levels: int, pix_fmt: str, depth: int) -> None:
    color = ColorTags(levels, space)
    codes = np.rint(rgb_to_ycbcr(random_rgb(np.uint8) / 255, color, depth, 480)).clip(0, 2**depth - 1)
    frame = av.VideoFrame(codes.shape[1], codes.shape[0], pix_fmt)
    for index, plane in enumerate(planes(frame)):
        plane[...] = codes[..., index]
    apply_tags(color, frame)
    converted = frame.reformat(format="rgb24", src_color_range=levels, dst_color_range=FULL, interpolation=FLAGS)
    ours = np.rint(ycbcr_to_rgb(codes, color, depth, 480).clip(0, 1) * 255)
    assert np.abs(ours - planes(converted)[0].astype(int)).max() <= 1
