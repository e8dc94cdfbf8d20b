"""Windows joined as layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.layers.layer_frame import LayerFrame
from vera.pipelines.editors.join import join_windows
from vera.pipelines.editors.protocol import Traits
from vera.pipelines.editors.windows import cut_windows, editor_windows, every_nth
from vera.pipelines.sampling.windows import plan_windows


def traits(window: int = 9, overlap: int = 3, rate: float | None = 16.0) -> Traits:
    return Traits((16, 16), 64, window, overlap, 4, rate, 50, 5.0)


def layer(color: float, alpha: float) -> LayerFrame:
    return LayerFrame(np.full((2, 3, 3), color, np.float32), np.full((2, 3), alpha, np.float32))


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 19))
def test_equal_layers_stay_as_they_are(count: int, size: int, overlap: int) -> None:
    windows = plan_windows(count, size, min(overlap, size - 1))
    frames = [layer(0.01 * number, 0.015 * number) for number in range(count)]
    joined = list(join_windows(windows, [frames[start : start + windows.size] for start in windows.starts]))
    assert len(joined) == count
    for one, other in zip(joined, frames, strict=True):
        assert np.allclose(one.edit, other.edit, atol=1e-6) and np.allclose(one.alpha, other.alpha, atol=1e-6)


def test_a_window_that_draws_nothing_has_no_say_in_the_colour() -> None:
    windows = plan_windows(6, 4, 2)
    assert windows.starts == (0, 2)
    joined = list(join_windows(windows, [[layer(0.8, 1.0)] * 4, [layer(0.1, 0.0)] * 4]))
    alphas = [float(frame.alpha[0, 0]) for frame in joined]
    assert alphas[:2] == [1, 1] and alphas[4:] == [0, 0]
    assert 1 > alphas[2] > alphas[3] > 0, "the layer fades out over what both windows show"
    assert all(np.allclose(frame.edit, 0.8) for frame in joined[:4])


def test_frames_of_one_window_are_not_touched() -> None:
    windows = plan_windows(6, 4, 2)
    first = [layer(0.3, 0.5) for _ in range(4)]
    joined = list(join_windows(windows, [first, [layer(0.3, 0.5)] * 4]))
    assert joined[0] is first[0] and joined[1] is first[1]


def test_layers_come_as_soon_as_they_are_whole() -> None:
    windows = plan_windows(6, 4, 2)
    drawn: list[int] = []

    def window(number: int) -> list[LayerFrame]:
        drawn.append(number)
        return [layer(0.5, 0.5)] * 4

    frames = join_windows(windows, (window(number) for number in range(2)))
    next(frames), next(frames)
    assert drawn == [0]
    next(frames)
    assert drawn == [0, 1]


@given(st.integers(1, 60))
def test_a_clip_is_cut_as_it_is_read(count: int) -> None:
    windows = editor_windows(count, traits())
    read: list[int] = []

    def frames():
        for number in range(count):
            read.append(number)
            yield np.full((1, 1, 3), number, np.uint8)

    for start, cut in zip(windows.starts, cut_windows(frames(), windows), strict=True):
        assert cut[:, 0, 0, 0].tolist() == list(range(start, start + windows.size))
        assert len(read) == start + windows.size
    assert read == list(range(count))


def test_a_clip_that_ends_early_is_told() -> None:
    with pytest.raises(ValueError, match="ended after 5 of 9"):
        list(cut_windows([np.zeros((1, 1, 3))] * 5, editor_windows(9, traits())))


@pytest.mark.parametrize(
    ("rate", "model", "every", "shown"),
    [(25, 16, 1, 1), (30, 16, 1, 1), (50, 16, 1, 3), (60, 16, 1, 3), (60, 24, 1, 2), (24, 24, 1, 1), (25, 16, 4, 4)],
)
def test_a_model_is_shown_no_less_than_its_rate(rate: float, model: float, every: int, shown: int) -> None:
    assert every_nth(rate, traits(rate=model), every) == shown
    assert every > 1 or rate / shown >= model


def test_pictures_have_no_rate() -> None:
    assert every_nth(120, traits(rate=None), 1) == 1
