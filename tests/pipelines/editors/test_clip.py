"""A clip through an editor to layers: windows, masks, and what an editor may give back instead of an edit."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipelines.editors.drawing import DrawingEditor

from vera.errors import VeraError
from vera.layers.layer_frame import LayerFrame
from vera.pipelines.editors.carry import REACH
from vera.pipelines.editors.checks import check_drawn
from vera.pipelines.editors.clip import EditedClip
from vera.pipelines.editors.protocol import Settings

SIDE = 96
Draw = Callable[[np.ndarray], np.ndarray]


def source(frames: int) -> np.ndarray:
    """Textured frames that move a little, `[T,H,W,3]`."""
    noise = np.random.default_rng(0).integers(30, 226, (SIDE // 4, SIDE // 4 + frames, 3), dtype=np.uint8)
    whole = cv2.resize(noise, (SIDE + 4 * frames, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.stack([whole[:, number : number + SIDE] for number in range(frames)])


def with_square(frames: np.ndarray) -> np.ndarray:
    """The frames with a red square, all over a little brighter and with noise, as a network regenerates them."""
    noise = np.random.default_rng(1).normal(0, 1.5, frames.shape)
    drawn = (frames + noise + 2).clip(0, 255)
    drawn[:, 30:60, 30:60] = (230, 20, 20)
    return (drawn / 255).astype(np.float32)


def edited(editor: DrawingEditor, frames: int, **options: Any) -> EditedClip:
    given: dict[str, Any] = {"instruction": "add a red square", "seed": 7, "settings": Settings(), "rate": 25.0}
    return EditedClip(editor, "it", count=frames, **given | options)


def run(editor: DrawingEditor, frames: int, mask: np.ndarray | None = None, **options: Any) -> list[LayerFrame]:
    masks = None if mask is None else [mask] * frames
    return list(edited(editor, frames, **options).layers(source(frames), masks))


def test_layers_of_a_clip_of_several_windows() -> None:
    editor = DrawingEditor(with_square)
    told: list[tuple[str, int, int]] = []
    layers = run(editor, 20, progress=lambda *said: told.append(said))
    assert [len(clip.frames) for clip, _, _ in editor.calls] == [9, 9, 9]
    assert {seed for _, _, seed in editor.calls} == {7}
    assert told == [("sample", step, 6) for step in range(1, 7)]
    assert len(layers) == 20
    for layer in layers:
        assert layer.alpha[36:54, 36:54].min() > 0.95
        outside = layer.alpha.copy()
        outside[26:64, 26:64] = 0
        assert outside.max() < 1 / 512
        assert np.abs(layer.edit[40:50, 40:50] - np.float32([230, 20, 20]) / 255).max() < 0.03


def test_windows_get_the_frames_that_they_cover() -> None:
    editor = DrawingEditor(with_square)
    run(editor, 20)
    clip = source(20)
    assert [
        np.array_equal(call.frames, clip[start : start + 9])
        for (call, _, _), start in zip(editor.calls, (0, 5, 11), strict=True)
    ] == [True] * 3


@pytest.mark.parametrize("continues", [False, True])
def test_what_is_drawn_goes_on_in_the_next_window(continues: bool) -> None:
    editor = DrawingEditor(with_square, continues=continues, masked=continues)
    run(editor, 20)
    known = [call.known for call, _, _ in editor.calls]
    assert [len(frames) for frames in known] == ([0, 4, 3] if continues else [0, 0, 0])
    if continues:
        first = np.rint(with_square(editor.calls[0][0].frames) * 255).astype(np.uint8)
        assert np.array_equal(known[1], first[5:])


@pytest.mark.parametrize("masked", [False, True])
def test_what_a_mask_keeps_has_no_layer(masked: bool) -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, :45] = True
    editor = DrawingEditor(with_square, masked=masked)
    layers = run(editor, 9, mask)
    seen = editor.calls[0][1]
    assert (seen is not None and np.array_equal(seen[0], mask)) == masked
    for layer in layers:
        assert layer.alpha[:, :38].max() < 1 / 512 and layer.alpha[36:54, 52:56].min() > 0.9


def test_a_window_may_show_nothing_of_the_edit() -> None:
    def late(frames: np.ndarray) -> np.ndarray:
        drawn = with_square(frames)
        return drawn if np.array_equal(frames[-1], source(20)[-1]) else unchanged(frames)

    clip = edited(DrawingEditor(late), 20)
    layers = list(clip.layers(source(20), None))
    assert max(float(layer.alpha.max()) for layer in layers[:11]) < 1 / 512
    assert all(layer.alpha[36:54, 36:54].min() > 0.95 for layer in layers[14:])


def test_what_was_refused_is_recorded_for_every_window() -> None:
    clip = edited(DrawingEditor(with_square), 20)
    list(clip.layers(source(20), None))
    records = clip.record()["layerize"]
    assert [len(record["drift"]["frames"]) for record in records] == [9, 9, 9]
    assert all(1 < record["drift"]["mean"] < 4 for record in records), "2 brighter, and its noise"


def test_the_same_twice() -> None:
    one, other = (run(DrawingEditor(with_square), 12) for _ in range(2))
    assert all(
        np.array_equal(a.alpha, b.alpha) and np.array_equal(a.edit, b.edit) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_clips(frames: int) -> None:
    layers = run(DrawingEditor(with_square), frames)
    assert len(layers) == frames and layers[0].alpha[45, 45] > 0.95


def test_a_picture_is_edited_and_carried_along() -> None:
    editor = DrawingEditor(with_square, still=True, window=1, overlap=0, rate=None)
    clip = edited(editor, 11)
    layers = list(clip.layers(source(11), None))
    (call, _, _) = editor.calls[0]
    assert len(editor.calls) == 1 and np.array_equal(call.frames, source(11)[5:6])
    assert len(layers) == 11 and all(layer.alpha.max() > 0.95 for layer in layers)
    columns = [float((layer.alpha.sum(0) * np.arange(SIDE)).sum() / layer.alpha.sum()) for layer in layers]
    assert abs(columns[0] - columns[10] - 10) < 1, "with the source, a pixel a frame to the left"
    assert clip.record()["editor"]["keyframe"] == 5 and not clip.notices


def test_a_picture_goes_only_so_far() -> None:
    editor = DrawingEditor(with_square, still=True, window=1, overlap=0, rate=None)
    edited(editor, 2 * REACH + 1).check((64, 64))
    with pytest.raises(VeraError, match=rf"at most {REACH} frames on either side; {2 * REACH + 2} frames .*--from"):
        edited(editor, 2 * REACH + 2).check((64, 64))


def test_too_small_a_frame_is_told() -> None:
    with pytest.raises(VeraError, match="too little to see of frames of 16x64: give a larger --size"):
        edited(DrawingEditor(with_square), 5).check((16, 64))


# What is no edit


def unchanged(frames: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1.5, frames.shape)
    return (frames + noise).clip(0, 255).astype(np.uint8)


def other_clip(frames: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 256, (len(frames), SIDE // 4, SIDE // 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for frame in noise])


REFUSED: dict[str, tuple[Draw, str]] = {
    "fewer": (lambda frames: frames[:-1], r"fewer frames, 8 for 9"),
    "more": (lambda frames: np.concatenate([frames, frames[:1]]), r"more frames, 10 for 9"),
    "smaller": (lambda frames: frames[:, :-8, :-4], r"frames of 92x88 for 96x96: give --size 92x88"),
    "grey": (lambda frames: frames[..., 0], r"9x96x96, not RGB"),
    "none": (lambda frames: frames[:0], r"0x96x96x3, not RGB"),
    "black": (lambda frames: np.zeros_like(frames), r"black frames only"),
    "nan": (lambda frames: np.full(frames.shape, np.nan, np.float32), r"NaN"),
    "one nan": (
        lambda frames: np.where(np.arange(frames.size).reshape(frames.shape) == 77, np.inf, frames / 255),
        "NaN",
    ),
    "another clip": (other_clip, r"nothing of the source"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_edit_is_told(kind: str) -> None:
    draw, told = REFUSED[kind]
    with pytest.raises(VeraError, match=f"^it .*{told}") as error:
        run(DrawingEditor(draw), 9)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("draw", [unchanged, lambda frames: frames])
def test_an_editor_that_changed_nothing_is_seen(draw: Draw) -> None:
    clip = edited(DrawingEditor(draw), 9)
    assert len(list(clip.layers(source(9), None))) == 9
    assert not clip.touched


def test_an_editor_that_changed_one_window_is_seen() -> None:
    clip = edited(
        DrawingEditor(lambda frames: with_square(frames) if (frames[0] == source(20)[0]).all() else frames), 20
    )
    assert len(list(clip.layers(source(20), None))) == 20
    assert clip.touched


def test_a_black_source_may_stay_black() -> None:
    black = np.zeros((2, 32, 32, 3), np.uint8)
    assert np.array_equal(check_drawn(black, black, "it"), black)


@given(st.lists(st.integers(0, 9), max_size=5), st.sampled_from(["uint8", "float32", "float64"]))
def test_any_shape_is_frames_or_told(shape: list[int], dtype: str) -> None:
    given = np.full(shape, 1, dtype)
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    try:
        assert check_drawn(given, frames, "it").shape == frames.shape == given.shape
    except VeraError:
        assert given.shape != frames.shape
