"""Matte paint: what a stroke covers, in which order and when, and that all else stays as it is."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.layers.test_adjust import SIZE, edit_of, frames_of, layer, same

from vera.cli import main
from vera.errors import VeraError
from vera.layers import Adjustment, composite_clip, open_stack, save_layers, verify
from vera.layers.adjust import adjust_layer, adjustment_from_json
from vera.layers.composite import place
from vera.layers.export import export_layers
from vera.layers.layer_frame import LayerFrame, to_float
from vera.layers.paint import Stroke, paint_alpha, strokes_from_json
from vera.layers.stack import ProjectLayer, write_project
from vera.video import open_clip, planes

WIDTH, HEIGHT = SIZE
NUMBERS = st.floats(-60, 100, allow_nan=False, width=32)
STROKES = st.builds(
    Stroke,
    points=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5).map(tuple),
    radius=st.floats(0.1, 30),
    softness=st.floats(0, 1),
    value=st.floats(0, 1),
    mode=st.sampled_from(["add", "subtract"]),
    range=st.sampled_from([(None, None), (1, None), (None, 2), (2, 2)]),
)


def by_pixel(alpha: np.ndarray, strokes: tuple[Stroke, ...], frame: int) -> np.ndarray:
    """The stated rule in plain Python, one pixel after the other."""
    painted = alpha.copy()
    for stroke in (stroke for stroke in strokes if stroke.is_on(frame)):
        for y in range(alpha.shape[0]):
            for x in range(alpha.shape[1]):
                distance = min(_distance((x, y), *piece) for piece in stroke.pieces())
                edge = max(stroke.softness * stroke.radius, 1)
                covered = np.float32(stroke.value * min(max((stroke.radius + 0.5 - distance) / edge, 0), 1))
                one = painted[y, x]
                painted[y, x] = max(one, covered) if stroke.mode == "add" else min(one, np.float32(1) - covered)
    return painted


def _distance(point: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> float:
    (x, y), (ax, ay), (bx, by) = point, one, other
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = min(max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0), 1) if length else 0
    return math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay))


@settings(max_examples=30, deadline=None)
@given(st.lists(STROKES, max_size=4).map(tuple), st.integers(0, 4))
def test_paint_is_the_stated_rule(strokes: tuple[Stroke, ...], frame: int) -> None:
    alpha = np.random.default_rng(1).uniform(0, 1, (13, 17)).astype(np.float32)
    before = alpha.copy()
    painted = paint_alpha(alpha, strokes, frame)
    assert painted.dtype == np.float32 and np.array_equal(alpha, before)
    assert np.abs(painted - by_pixel(alpha, strokes, frame)).max() < 1e-6
    assert painted.min() >= 0 and painted.max() <= 1


@given(STROKES, st.floats(0, 1, width=32))
def test_the_middle_has_the_strokes_value_and_what_is_far_is_untouched(stroke: Stroke, value: float) -> None:
    dab = replace(stroke, points=((8.0, 6.0),), range=(None, None), radius=max(stroke.radius, 0.5))
    alpha = np.full((13, 17), value, np.float32)
    painted = paint_alpha(alpha, (dab,), 0)
    limit = np.float32(dab.value) if dab.mode == "add" else np.float32(1) - np.float32(dab.value)
    assert painted[6, 8] == (max(value, limit) if dab.mode == "add" else min(value, limit))
    y, x = np.mgrid[:13, :17]
    far = np.hypot(x - 8, y - 6) >= dab.radius + 0.5
    assert np.array_equal(painted[far], alpha[far])


def test_adding_then_subtracting_clears_and_the_other_way_fills() -> None:
    add = Stroke(((4, 5), (20, 9)), 3.0, 0.5)
    away = replace(add, mode="subtract", radius=9.0, softness=0.0)
    alpha = to_float(layer()[1])
    cleared = paint_alpha(alpha, (add, away), 0)
    filled = paint_alpha(alpha, (away, add), 0)
    assert cleared[5, 4] == 0 and filled[5, 4] == 1
    assert not np.array_equal(cleared, filled)
    assert np.array_equal(paint_alpha(alpha, (add, add), 0), paint_alpha(alpha, (add,), 0))


def test_soft_and_hard_edges() -> None:
    alpha = np.zeros((1, 40), np.float32)
    hard = paint_alpha(alpha, (Stroke(((10, 0),), 5.0),), 0)[0]
    assert hard[10:16].tolist() == [1, 1, 1, 1, 1, 0.5] and hard[16] == 0
    soft = paint_alpha(alpha, (Stroke(((10, 0),), 10.0, 1.0, 0.5),), 0)[0]
    assert np.allclose(soft[10:22], [0.5, *(0.5 * (10.5 - d) / 10 for d in range(1, 11)), 0])


def test_paint_comes_after_feather_and_before_opacity() -> None:
    edit, alpha = layer()
    paint = (Stroke(((2, 2),), 4.0),)
    painted = adjust_layer(LayerFrame(edit, alpha), Adjustment(feather=3, opacity=0.5, paint=paint)).alpha
    assert painted[2, 2] == 0.5 and painted[2, 6] == 0.25
    feathered = adjust_layer(LayerFrame(edit, alpha), Adjustment(feather=3, opacity=0.5)).alpha
    assert np.array_equal(painted[8:, 8:], feathered[8:, 8:])


@settings(deadline=None)
@given(st.lists(STROKES, max_size=4).map(tuple))
def test_paint_comes_back_from_json(strokes: tuple[Stroke, ...]) -> None:
    adjustment = Adjustment(opacity=0.5, paint=strokes)
    text = json.dumps(adjustment.to_json())
    assert adjustment_from_json(json.loads(text)) == adjustment
    assert ("paint" in json.loads(text)) == bool(strokes)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("paint", "what"),
    [
        (3, "paint cannot be 3"),
        ([3], "a stroke cannot be 3"),
        ([{"radius": 3}], "points of a stroke"),
        ([{"points": [], "radius": 3}], "at least one point"),
        ([{"points": [[1, 2, 3]], "radius": 3}], "points of a stroke"),
        ([{"points": [[1, True]], "radius": 3}], "points of a stroke"),
        ([{"points": [[1, "2"]], "radius": 3}], "points of a stroke"),
        ([{"points": [[1, math.nan]], "radius": 3}], "a point of a stroke is from"),
        ([{"points": [[1, 1e9]], "radius": 3}], "a point of a stroke is from"),
        ([{"points": [[1, 2]]}], "radius of a stroke is a number"),
        ([{"points": [[1, 2]], "radius": 0}], "radius of a stroke is from"),
        ([{"points": [[1, 2]], "radius": 1e6}], "radius of a stroke is from"),
        ([{"points": [[1, 2]], "radius": 3, "softness": 2}], "softness"),
        ([{"points": [[1, 2]], "radius": 3, "value": -1}], "value"),
        ([{"points": [[1, 2]], "radius": 3, "value": True}], "value"),
        ([{"points": [[1, 2]], "radius": 3, "mode": "erase"}], "mode is add or subtract"),
        ([{"points": [[1, 2]], "radius": 3, "mode": []}], "mode is add or subtract"),
        ([{"points": [[1, 2]], "radius": 3, "range": [4, 2]}], "range"),
        ([{"points": [[1, 2]], "radius": 3, "range": [0.5, 2]}], "range"),
        ([{"points": [[1, 2]], "radius": 3, "range": [1]}], "range"),
        ([{"points": [[1, 2]], "radius": 3, "color": 1}], "a stroke has no 'color'"),
        ([{"points": [[1, 2]], "radius": 3}] * 1001, "at most 1,000 strokes"),
        ([{"points": [[1, 2]] * 11_000, "radius": 3}] * 2, "20,000 points in all"),
        ([{"points": [[1, 2]] * 1100, "radius": 1000}], "too many points of so wide a brush"),
    ],
)
def test_what_cannot_be_painted_is_said(paint: Any, what: str) -> None:
    with pytest.raises(VeraError, match=what):
        adjustment_from_json({"paint": paint})


def test_every_room_paints_by_the_source_frame(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    """Composite, project, export and verify: only in its frames, only where it is; the rest of the clip is exact."""
    source = make_clip("in.mkv", frames=5, size=SIZE)
    clip = open_clip(source)
    paint = (Stroke(((30, 24), (36, 26)), 3.0, value=0.75, range=(2, 3)),)
    edit = replace(edit_of(clip), adjustment=Adjustment(paint=paint))
    # The layer begins at the second frame, so that numbers of layer frames are not those of the source's.
    edit = replace(edit, edit=edit.edit[1:], alpha=edit.alpha[1:], pts=edit.pts[1:])
    save_layers(edit, tmp_path / "hat")
    write_project(tmp_path / "project.json", [ProjectLayer(tmp_path / "hat", edit.adjustment)])
    stack = open_stack([tmp_path / "project.json"])
    assert stack.edits[0].adjustment == edit.adjustment
    assert main(["composite", str(source), str(tmp_path / "project.json"), "--out", str(tmp_path / "out.mkv")]) == 0
    composite_clip(source, replace(edit, adjustment=Adjustment()), tmp_path / "plain.mkv")
    pairs = list(zip(frames_of(tmp_path / "out.mkv"), frames_of(tmp_path / "plain.mkv"), strict=True))
    assert [same([one], [other]) for one, other in pairs] == [True, True, False, False, True]
    changed = pairs[2][0][0] != pairs[2][1][0]
    assert changed.any() and not changed[:20].any() and not changed[:, :25].any()
    report = verify(source, tmp_path / "out.mkv", stack)
    assert report.broken is None and report.changed == 0
    folder = export_layers(tmp_path / "project.json", "png", source=clip, out=tmp_path / "export")[0]
    assert "paint 1" in next(folder.rglob("*.txt")).read_text(encoding="utf-8")


def test_paint_may_add_where_the_layer_has_nothing_but_needs_a_layer_frame(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_clip("in.mkv", frames=4, size=SIZE)
    clip = open_clip(source)
    edit = edit_of(clip)
    empty = replace(edit, alpha=np.zeros_like(edit.alpha)[1:], edit=edit.edit[1:], pts=edit.pts[1:])
    assert place(empty, clip).times() == set()
    painted = replace(empty, adjustment=Adjustment(paint=(Stroke(((9, 9),), 4.0, range=(0, 2)),)))
    assert place(painted, clip).times() == set(clip.pts[1:3])  # the first frame has no layer frame to show
    away = replace(empty, adjustment=Adjustment(paint=(Stroke(((9, 9),), 4.0, mode="subtract"),)))
    assert place(away, clip).times() == set()
    with clip.frames() as reader:
        for number, frame in enumerate(reader):
            before = [plane.copy() for plane in planes(frame)]
            after = planes(place(painted, clip).lay(frame))
            assert all(map(np.array_equal, before, after)) == (number not in (1, 2))


def test_strokes_are_read_with_their_defaults() -> None:
    assert strokes_from_json([{"points": [[1, 2]], "radius": 3}]) == (Stroke(((1, 2),), 3),)
