"""Adjustments of a layer: neutral ones change nothing, each does what it says, and none touches what it uncovers."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clips import make_frame

from vera.errors import VeraError
from vera.layers import Adjustment, LayeredEdit, Stack, composite_clip, composite_frame, verify
from vera.layers.adjust import adjust_colors, adjust_layer, adjustment_from_json
from vera.layers.blend_modes import BLEND_MODES, blend_colors
from vera.layers.composite import place
from vera.layers.layer_frame import LayerFrame
from vera.video import FrameReader, open_clip, planes
from vera.video.components import components, rgb_rows

SIZE = (40, 30)


def layer(dtype: type = np.uint8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random colours, and a matte that is a soft disc."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    matte = (8 - np.hypot(x - 18, y - 13)).clip(0, 4) / 4
    edit = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (height, width, 3)).astype(dtype)
    return edit, np.rint(matte * 65535).astype(np.uint16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_neutral_settings_change_nothing(dtype: type) -> None:
    edit, alpha = layer(dtype)
    assert adjust_colors(edit, Adjustment()) is edit
    again, matte = adjust_layer(LayerFrame(edit, alpha), Adjustment()).codes()
    assert again is edit and matte is alpha


def test_opacity_is_a_factor() -> None:
    edit, alpha = layer()
    assert np.array_equal(
        adjust_layer(LayerFrame(edit, alpha), Adjustment(opacity=0.5)).codes()[1],
        np.rint(alpha * 0.5).astype(np.uint16),
    )
    assert not adjust_layer(LayerFrame(edit, alpha), Adjustment(opacity=0)).codes()[1].any()


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_a_whole_offset_moves_samples_as_they_are(right: int, down: int) -> None:
    edit, alpha = layer()
    moved, matte = adjust_layer(LayerFrame(edit, alpha), Adjustment(offset=(right, down))).codes()
    expected = np.zeros_like(alpha)
    y, x = np.nonzero(alpha)
    inside = (y + down >= 0) & (y + down < SIZE[1]) & (x + right >= 0) & (x + right < SIZE[0])
    expected[y[inside] + down, x[inside] + right] = alpha[y[inside], x[inside]]
    assert np.array_equal(matte, expected)
    assert np.array_equal(moved[y[inside] + down, x[inside] + right], edit[y[inside], x[inside]])


def test_scale_is_about_the_middle() -> None:
    width, height = SIZE
    alpha = np.zeros((height, width), np.uint16)
    alpha[10:20, 10:30] = 65535  # about the middle
    edit = np.full((height, width, 3), 77, np.uint8)
    for scale in (0.5, 1.5, 2.0):
        same, matte = adjust_layer(LayerFrame(edit, alpha), Adjustment(scale=scale)).codes()
        assert abs(matte.sum() / alpha.sum() - min(scale, 2) ** 2) < 0.1 * scale**2
        y, x = (np.average(axis, weights=matte) for axis in np.mgrid[:height, :width])
        assert (y, x) == pytest.approx(((height - 1) / 2, (width - 1) / 2), abs=0.05)
        assert (same == 77).all()
    there = adjust_layer(LayerFrame(edit, alpha), Adjustment(scale=2.0, offset=(4, -3))).codes()[1]
    alone = adjust_layer(LayerFrame(edit, alpha), Adjustment(scale=2.0)).codes()[1]
    assert np.array_equal(there[3:-5, 6:-2], alone[6:-2, 2:-6])


def test_choke_shrinks_and_grows_by_pixels() -> None:
    alpha = np.zeros((31, 41), np.uint16)
    alpha[10:21, 10:31] = 65535
    edit = np.zeros((31, 41, 3), np.uint8)
    smaller = adjust_layer(LayerFrame(edit, alpha), Adjustment(choke=2)).codes()[1]
    assert (smaller > 0)[15].sum() == 17 and (smaller > 0)[:, 20].sum() == 7
    assert (adjust_layer(LayerFrame(edit, alpha), Adjustment(choke=-3)).codes()[1] > 0)[15].sum() == 27
    half = adjust_layer(LayerFrame(edit, alpha), Adjustment(choke=0.5)).codes()[1]
    assert half[15, 10] == 32768 and half[15, 11] == 65535
    everywhere = np.full((9, 9), 65535, np.uint16)
    assert (adjust_layer(LayerFrame(edit, everywhere), Adjustment(choke=3)).codes()[1] == 65535).all()


def test_feather_is_a_gaussian_that_ends() -> None:
    alpha = np.zeros((60, 90), np.uint16)
    alpha[:, 45:] = 65535
    edit = np.zeros((60, 90, 3), np.uint8)
    soft = adjust_layer(LayerFrame(edit, alpha), Adjustment(feather=3)).codes()[1]
    for column in (38, 42, 44, 45, 50):
        wanted = 0.5 * (1 + math.erf((column - 44.5) / 3 / math.sqrt(2)))
        assert soft[30, column] / 65535 == pytest.approx(wanted, abs=3e-3)
    assert not soft[:, :35].any() and (soft[:, 60:] == 65535).all()
    full = adjust_layer(LayerFrame(edit, np.full((60, 90), 65535, np.uint16)), Adjustment(feather=9))
    assert (full.codes().alpha == 65535).all()
    none = adjust_layer(LayerFrame(edit, np.zeros((60, 90), np.uint16)), Adjustment(feather=9, choke=-4))
    assert not none.alpha.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lift_gamma_gain(dtype: type) -> None:
    edit = layer(dtype)[0]
    top = np.iinfo(dtype).max
    settings_ = Adjustment(lift=(0.1, 0, -0.1), gamma=(1, 2, 1), gain=(1.5, 1, 0.5))
    out = adjust_colors(edit, settings_)
    assert out.dtype == np.uint16
    for i in range(3):
        x = edit[..., i] / top
        lifted = (settings_.gain[i] * (x + settings_.lift[i] * (1 - x))).clip(0, 1)
        assert np.abs(out[..., i] / 65535 - lifted ** (1 / settings_.gamma[i])).max() <= 0.5001 / 65535


def test_blend_modes() -> None:
    """Reference values of the W3C formulas, and their bounds."""
    below, edit = np.float32([0.2, 0.8]), np.float32([0.6, 0.3])
    expected = {
        "normal": [0.6, 0.3],
        "multiply": [0.12, 0.24],
        "screen": [0.68, 0.86],
        "overlay": [0.24, 0.72],
        "hard-light": [0.36, 0.48],
        "soft-light": [0.2 + 0.2 * (((16 * 0.2 - 12) * 0.2 + 4) * 0.2 - 0.2), 0.8 - 0.4 * 0.8 * 0.2],
        "darken": [0.2, 0.3],
        "lighten": [0.6, 0.8],
        "difference": [0.4, 0.5],
        "add": [0.8, 1.0],
        "subtract": [0.0, 0.5],
    }
    assert expected.keys() == BLEND_MODES.keys()
    for mode, values in expected.items():
        assert blend_colors(mode, below, edit) == pytest.approx(np.array(values), abs=1e-6), mode


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv411p", "gbrp12le", "gray", "p010le", "rgb24"])
@settings(max_examples=6, deadline=None)
@given(width=st.integers(1, 21), height=st.integers(1, 140), mode=st.sampled_from(sorted(BLEND_MODES)))
def test_blending_in_native_planes(pix_fmt: str, width: int, height: int, mode: str) -> None:
    """As laying the blended colours; and what has no alpha is the source's."""
    frame = make_frame((width, height), pix_fmt)
    rng = np.random.default_rng(3)
    edit = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    alpha = (rng.uniform(-1, 2, (height, width)).clip(0, 1) * 65535).astype(np.uint16)
    drawn = blend_colors(mode, rgb_rows(frame, slice(None)), edit * np.float32(1 / 255))
    whole = composite_frame(frame, LayerFrame(drawn, alpha))
    blended = composite_frame(frame, LayerFrame(edit, alpha), blend_mode=mode)
    plain = composite_frame(frame, LayerFrame(edit, alpha))
    for one, other, simple in zip(components(whole), components(blended), components(plain), strict=True):
        assert np.array_equal(one, other) if mode != "normal" else np.array_equal(other, simple)


NUMBER = {
    "opacity": st.floats(0, 1),
    "offset": st.tuples(st.floats(-20, 20), st.floats(-20, 20)),
    "scale": st.floats(0.3, 3),
    "feather": st.floats(0, 4),
    "choke": st.floats(-4, 4),
    "lift": st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    "gamma": st.tuples(*[st.floats(0.3, 3)] * 3),
    "gain": st.tuples(*[st.floats(0, 3)] * 3),
    "blend": st.sampled_from(sorted(BLEND_MODES)),
    "range": st.sampled_from([(None, None), (1, None), (0, 1), (None, 2)]),
}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_settings_keep_what_they_uncover(data: st.DataObject) -> None:
    """Over frames of two formats: 0 changed samples where the resulting alpha is 0, and the same bytes again."""
    values = data.draw(st.fixed_dictionaries({}, optional=NUMBER))
    adjustment = Adjustment(**values)
    assert adjustment_from_json(adjustment.to_json()) == adjustment
    edit, alpha = layer(data.draw(st.sampled_from([np.uint8, np.uint16])))
    colors, matte = adjust_layer(LayerFrame(adjust_colors(edit, adjustment), alpha), adjustment).codes()
    for pix_fmt in ("yuv420p", "yuv422p10le"):
        frame = make_frame(SIZE, pix_fmt)
        for strict in (False, True):
            result = composite_frame(frame, LayerFrame(colors, matte), strict, adjustment.blend)
            assert np.array_equal(planes(result)[0][matte == 0], planes(frame)[0][matte == 0])
            step_y = 2 if pix_fmt == "yuv420p" else 1
            boxes = (matte > 0).reshape(SIZE[1] // step_y, step_y, SIZE[0] // 2, 2)
            kept = ~boxes.all((1, 3)) if strict else ~boxes.any((1, 3))
            assert all(np.array_equal(planes(result)[i][kept], planes(frame)[i][kept]) for i in (1, 2))
        again = composite_frame(
            frame, adjust_layer(LayerFrame(adjust_colors(edit, adjustment), alpha), adjustment).codes()
        )
        plain = composite_frame(frame, LayerFrame(colors, matte))
        assert all(np.array_equal(a, b) for a, b in zip(planes(again), planes(plain), strict=True))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"opacity": 1.5}, "opacity is from 0 to 1"),
        ({"opacity": math.nan}, "opacity"),
        ({"scale": 0}, "scale"),
        ({"feather": -1}, "feather"),
        ({"gamma": [1, 1, 0]}, "gamma"),
        ({"offset": [math.inf, 0]}, "offset"),
        ({"offset": 3}, "offset cannot be 3"),
        ({"gain": [1, 1]}, "gain cannot be"),
        ({"opacity": True}, "opacity cannot be"),
        ({"opacity": "1"}, "opacity cannot be"),
        ({"blend": "burn"}, "no blend mode is named 'burn'"),
        ({"blend": 3}, "blend cannot be"),
        ({"range": [5, 2]}, "range"),
        ({"range": [-1, 2]}, "range"),
        ({"range": [0.5, 2]}, "range cannot be"),
        ({"sparkle": 1}, "no adjustment is named 'sparkle'"),
    ],
)
def test_what_cannot_be_is_said(values: dict[str, Any], what: str) -> None:
    with pytest.raises(VeraError, match=what):
        adjustment_from_json(values)


def edit_of(info: Any, seed: int = 0) -> LayeredEdit:
    edit, alpha = layer(seed=seed)
    count = len(info.pts)
    return LayeredEdit(np.repeat(edit[None], count, 0), np.repeat(alpha[None], count, 0), info.pts, info.time_base)


def frames_of(path: Path) -> list[list[np.ndarray]]:
    with FrameReader(path) as reader:
        return [[plane.copy() for plane in planes(frame)] for frame in reader]


def same(one: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for left, right in pairs for a, b in zip(left, right, strict=True))


def test_a_stack_is_its_edits_one_after_the_other(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=4, size=SIZE)
    info = open_clip(source)
    first, second = edit_of(info, 1), replace(edit_of(info, 2), adjustment=Adjustment(offset=(5, 2), opacity=0.7))
    composite_clip(source, Stack((first, second)), tmp_path / "stack.mp4")
    composite_clip(source, first, tmp_path / "one.mp4")
    composite_clip(tmp_path / "one.mp4", second, tmp_path / "two.mp4")
    assert same(frames_of(tmp_path / "stack.mp4"), frames_of(tmp_path / "two.mp4"))
    report = verify(source, tmp_path / "stack.mp4", Stack((first, second)))
    assert report.changed == 0 and 0 < report.preserved < report.samples
    only = verify(source, tmp_path / "stack.mp4", first)
    assert only.changed > 0

    composite_clip(source, Stack(()), tmp_path / "none.mp4")
    assert same(frames_of(tmp_path / "none.mp4"), frames_of(source))


def test_neutral_settings_give_the_plain_composite(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    source = make_clip("in.mkv", frames=3, size=SIZE)
    edit = edit_of(open_clip(source))
    neutral = Adjustment(1, (0, 0), 1, 0, 0, (0, 0, 0), (1, 1, 1), (1, 1, 1), "normal", (0, 99))
    composite_clip(source, edit, tmp_path / "plain.mkv")
    composite_clip(source, replace(edit, adjustment=neutral), tmp_path / "neutral.mkv")
    assert (tmp_path / "plain.mkv").read_bytes() == (tmp_path / "neutral.mkv").read_bytes()


def test_a_range_leaves_the_other_frames(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    source = make_clip("in.mp4", frames=6, size=SIZE)
    info = open_clip(source)
    edit = replace(edit_of(info), adjustment=Adjustment(range=(2, 3)))
    assert place(edit, info).times() == set(info.pts[2:4])
    composite_clip(source, edit, tmp_path / "out.mp4")
    changed = [not same([a], [b]) for a, b in zip(frames_of(source), frames_of(tmp_path / "out.mp4"), strict=True)]
    assert changed == [False, False, True, True, False, False]
    faded = replace(edit, adjustment=Adjustment(opacity=0))
    assert place(faded, info).times() == set()


def test_lengths_are_of_the_source_whatever_the_size_of_the_layers(tmp_path: Path) -> None:
    edit, alpha = layer()
    small = LayeredEdit(edit[None], alpha[None], (0,), Fraction(1, 25), adjustment=Adjustment(offset=(8, 0)))
    matte = small.frame(0, (80, 60))[1]
    plain = replace(small, adjustment=Adjustment()).frame(0, (80, 60))[1]
    assert np.array_equal(matte[:, 8:], plain[:, :-8]) and not matte[:, :8].any()
