from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.drawn import DrawnLayers, drawn_batch, write_recipe

from vera.data.sample import LayeredSample
from vera.training import load_recipe
from vera.training.batches import collate, iterate_batches, network_view
from vera.training.schedule import learning_rate


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_of_their_steps(workers: int) -> None:
    source = DrawnLayers()
    batches = list(iterate_batches(source, 3, 4, 9, workers))
    assert len(batches) == 5
    for step, batch in enumerate(batches, start=4):
        expected = drawn_batch(step, 3)
        assert batch.instructions == expected.instructions
        for name in ("source", "edit", "alpha", "composite", "mask", "has_mask"):
            assert torch.equal(getattr(batch, name), getattr(expected, name))


def test_making_batches_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(iterate_batches(DrawnLayers(), 1, 0, 2, 1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sample_without_a_mask_has_zeros() -> None:
    video = np.full((1, 8, 8, 3), 9, np.uint8)
    alpha = np.full((1, 8, 8), 7, np.uint8)
    samples = [LayeredSample(video, video, alpha, video, mask, "add", "obj_add") for mask in (alpha, None)]
    batch = collate(samples)
    assert batch.has_mask.tolist() == [True, False]
    assert batch.mask.flatten(1).amax(1).tolist() == [7, 0]
    assert len(batch) == 2


def test_network_view_of_colour_and_grey() -> None:
    video = torch.zeros(2, 1, 4, 5, 3, dtype=torch.uint8)
    video[..., 0] = 255
    view = network_view(video)
    assert view.shape == (2, 3, 1, 4, 5)
    assert view[:, 0].unique().tolist() == [1.0]
    assert view[:, 1:].unique().tolist() == [-1.0]
    assert network_view(video[..., 0]).shape == (2, 3, 1, 4, 5)


def test_learning_rate_rises_then_falls(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, steps=100, warmup=10, learning_rate=1.0, final_lr_ratio=0.1)
    recipe = load_recipe(path)
    rates = [learning_rate(recipe, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))


def test_other_schedules(tmp_path: Path) -> None:
    fields = {"steps": 100, "warmup": 10, "learning_rate": 1.0, "final_lr_ratio": 0.1}
    linear = load_recipe(write_recipe(tmp_path, schedule="linear", **fields))
    assert [learning_rate(linear, step) for step in (10, 55, 100)] == pytest.approx([1.0, 0.55, 0.1])
    constant = load_recipe(write_recipe(tmp_path, schedule="constant", **fields))
    assert {learning_rate(constant, step) for step in (10, 55, 100)} == {1.0}
