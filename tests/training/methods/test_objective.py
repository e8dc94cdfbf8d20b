import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vera.training.methods.objective import (
    add_noise,
    branch_errors,
    channel_weights,
    place_weights,
    quartiles,
    sample_times,
    shift_times,
    velocity,
    weighted_loss,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(shift=st.floats(0.1, 20))
def test_shift_keeps_the_ends_and_the_order(shift: float) -> None:
    times = shift_times(torch.linspace(0, 1, 50, dtype=torch.float64), shift)
    assert times[0] == 0
    assert times[-1] == pytest.approx(1)
    assert (times.diff() > 0).all()


def test_shift_is_wans() -> None:
    assert shift_times(torch.tensor([0.5]), 3.0).item() == pytest.approx(0.75)
    assert torch.equal(shift_times(torch.tensor([0.3]), 1.0), torch.tensor([0.3]))


@pytest.mark.parametrize("kind", ["logit_normal", "uniform"])
def test_times_come_from_the_generator(kind: str) -> None:
    first, again, other = (sample_times(1000, kind, 0.0, 1.0, 1.0, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.min() >= 0 and first.max() <= 1
    assert first.mean().item() == pytest.approx(0.5, abs=0.03)
    assert sample_times(1000, kind, 0.0, 1.0, 3.0, seeded(1)).mean() > 0.6


def test_logit_normal_prefers_the_middle_and_moves_with_its_mean() -> None:
    times = sample_times(4000, "logit_normal", 0.0, 0.5, 1.0, seeded(0))
    assert ((times > 0.25) & (times < 0.75)).float().mean() > 0.9
    assert sample_times(4000, "logit_normal", 1.0, 1.0, 1.0, seeded(0)).mean() > 0.65


def test_noise_and_velocity_are_one_straight_line() -> None:
    clean, noise = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    times = torch.tensor([0.0, 0.4, 1.0])
    noisy = add_noise(clean, noise, times)
    assert torch.equal(noisy[0], clean[0])
    assert torch.equal(noisy[2], noise[2])
    # Following the velocity back from any time ends at the clean latent.
    back = noisy - times[:, None, None] * velocity(clean, noise)
    torch.testing.assert_close(back, clean)


def test_loss_weighs_branches() -> None:
    prediction = torch.zeros(2, 3, 1, 1, 2, 2)
    target = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1, 1, 1).expand_as(prediction)
    errors = branch_errors(prediction, target)
    assert torch.equal(errors, torch.tensor([[1.0, 4.0, 9.0]]).expand(2, 3))
    branches = ("edit", "alpha", "composite")
    assert weighted_loss(errors, branches, {}).item() == pytest.approx(14 / 3)
    assert weighted_loss(errors, branches, {"edit": 0, "composite": 3}).item() == pytest.approx((4 + 27) / 4)


def test_channels_may_count_as_their_variance() -> None:
    weights = channel_weights(torch.tensor([2.0, 1.0]), ("edit", "alpha"), ("alpha",))
    target = torch.zeros(1, 2, 2, 1, 2, 2)
    first, second = target.clone(), target.clone()
    first[:, :, 0], second[:, :, 1] = 1.0, 1.0
    assert branch_errors(first, target, weights).tolist() == [[0.5, pytest.approx(0.8)]]
    assert branch_errors(second, target, weights).tolist() == [[0.5, pytest.approx(0.2)]]


def test_quartiles_sort_by_time() -> None:
    parts = quartiles(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.1, 0.3, 0.99, 1.0]))
    assert [part.tolist() for part in parts.values()] == [[1.0], [2.0], [], [3.0, 4.0]]


def test_places_outside_of_the_matte_count_less() -> None:
    branches = ("edit", "alpha", "composite")
    empty = torch.randn(1, 8, 1, 2, 3)
    layers = torch.randn(2, 3, 8, 1, 2, 3)
    layers[:, 1] = empty
    layers[0, 1, 5, 0, 0, 1] += 0.5
    weights = place_weights(layers, empty, branches, 0.25)
    assert weights.shape == (2, 3, 1, 1, 2, 3)
    assert weights[0, 0].flatten().tolist() == [0.25, 1.0, 0.25, 0.25, 0.25, 0.25]
    assert torch.equal(weights[0, 2], weights[0, 0])
    assert (weights[:, 1] == 1).all() and (weights[1, 0] == 0.25).all()

    # An error inside counts four times one outside, and equal errors everywhere count as without weights.
    target = torch.zeros_like(layers)
    inside, outside = target.clone(), target.clone()
    inside[0, 0, :, 0, 0, 1], outside[0, 0, :, 0, 1, 1] = 1.0, 1.0
    ratio = branch_errors(inside, target, weights)[0, 0] / branch_errors(outside, target, weights)[0, 0]
    assert ratio.item() == pytest.approx(4)
    same = torch.ones_like(layers)
    torch.testing.assert_close(branch_errors(same, target, weights), branch_errors(same, target))
