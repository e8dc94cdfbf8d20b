"""Windows over latent frames: coverage, partition of unity, and what averaging does."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vera.pipelines.sampling.windows import average_windows, latent_length, plan_windows

lengths = st.integers(1, 300)
sizes = st.integers(1, 40)


@given(st.integers(1, 1000), st.integers(1, 8))
def test_latent_frames_hold_all_frames(frames: int, stride: int) -> None:
    held = 1 + (latent_length(frames, stride) - 1) * stride
    assert frames <= held < frames + stride


@given(lengths, sizes, st.data())
def test_every_frame_is_covered_with_the_overlap_asked_for(length: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    windows = plan_windows(length, size, overlap)
    assert windows.size == min(size, length)
    assert windows.starts[0] == 0
    assert windows.starts[-1] + windows.size == length
    for start, following in zip(windows.starts, windows.starts[1:], strict=False):
        assert 0 < following - start <= windows.size - overlap


@given(lengths, sizes, st.data())
def test_weights_are_a_partition_of_unity(length: int, size: int, data: st.DataObject) -> None:
    windows = plan_windows(length, size, data.draw(st.integers(0, size - 1)))
    assert (windows.weights > 0).all()
    ones = average_windows(lambda frames: torch.ones(1, frames.stop - frames.start, 1, 1), windows)
    assert ones.shape == (1, length, 1, 1)
    torch.testing.assert_close(ones, torch.ones_like(ones), rtol=0, atol=1e-6)


@given(lengths, sizes, st.data())
def test_windows_that_agree_give_back_what_they_agree_on(length: int, size: int, data: st.DataObject) -> None:
    windows = plan_windows(length, size, data.draw(st.integers(0, size - 1)))
    x = torch.randn(2, 3, length, 2, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(average_windows(lambda frames: x[:, :, frames], windows), x, rtol=0, atol=1e-6)


def test_one_window_is_no_window_at_all() -> None:
    x = torch.randn(1, 7, 2, 2)
    windows = plan_windows(7, 9, 4)
    assert windows.starts == (0,)
    assert torch.equal(average_windows(lambda frames: x[:, frames], windows), x)


def test_a_frame_counts_most_where_it_lies_in_the_middle() -> None:
    windows = plan_windows(8, 5, 2)
    values = iter((0.0, 1.0))
    mean = average_windows(lambda frames: torch.full((1, 5, 1, 1), next(values)), windows).flatten()
    # Overlap at frames 3 and 4: weights 2 and 1 of the first window against 1 and 2 of the second.
    torch.testing.assert_close(mean, torch.tensor([0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1]))


@pytest.mark.parametrize(("length", "size", "overlap", "starts"), [(13, 5, 1, (0, 4, 8)), (6, 5, 0, (0, 1))])
def test_windows_are_spread_evenly(length: int, size: int, overlap: int, starts: tuple[int, ...]) -> None:
    assert plan_windows(length, size, overlap).starts == starts
