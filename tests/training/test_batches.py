import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.data.released.data_set import made, write
from tests.training.drawn import DrawnLayers, drawn_batch, flow_fields, open_drawn, write_recipe

from vera.data.sample import BadSample, LatentSample, LayeredSample
from vera.errors import VeraError
from vera.models.pixels import to_network
from vera.training import load_recipe
from vera.training.batches import Batch, Share, collate, collate_latents, iterate_batches
from vera.training.run.loop import train
from vera.training.run.schedule import learning_rate


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


def test_processes_share_a_batch() -> None:
    source = DrawnLayers()
    whole = next(iterate_batches(source, 6, 4, 5, 0))
    parts = [next(iterate_batches(source, 6, 4, 5, 0, Share(rank, 3))) for rank in range(3)]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert torch.equal(torch.cat([part.source for part in parts]), whole.source)
    with pytest.raises(VeraError, match="6 samples cannot be shared by 4 processes"):
        next(iterate_batches(source, 6, 4, 5, 0, Share(0, 4)))


class Spoilt(DrawnLayers):
    """The first attempt at every `every`th sample fails."""

    every = 3

    def load(self, key: tuple[int, ...]) -> LayeredSample:
        step, index, attempt, _ = key
        if attempt == 0 and (step * 2 + index) % self.every == 0:
            raise BadSample(f"clip {step}-{index}: cut short")
        return super().load(key)


class Hopeless(DrawnLayers):
    def load(self, key: tuple[int, ...]) -> LayeredSample:
        raise BadSample("clip: not there")


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_samples_are_replaced_and_named(workers: int) -> None:
    source = Spoilt()
    batches = list(iterate_batches(source, 2, 0, 6, workers))
    assert [problem for batch in batches for problem in batch.bad] == [
        f"clip {step}-{index}: cut short" for step, index in ((0, 0), (1, 1), (3, 0), (4, 1))
    ]
    frames = source.draw(0, 2)[0][-1]
    assert isinstance(batches[0], Batch)
    assert torch.equal(batches[0].source[0], torch.from_numpy(source.load((0, 0, 1, frames)).source))
    assert all(len(batch) == 2 for batch in batches)
    with pytest.raises(VeraError, match=r"^data: 8 samples in a row cannot be used; the last: clip: not there$"):
        next(iterate_batches(Hopeless(), 2, 0, 6, workers))


def test_a_run_goes_on_over_bad_samples_up_to_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    fields: dict[str, Any] = {"steps": 6, "log_every": 3, "max_bad_share": 0.3}
    train(write_recipe(tmp_path, **fields), open_data=lambda data, held_out: Spoilt(), report=lines.append)
    assert [line for line in lines if line.startswith("skipped")] == [
        f"skipped  clip {step}-{index}: cut short" for step, index in ((0, 0), (1, 1), (3, 0), (4, 1))
    ]
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["bad_share"] for row in rows if "loss" in row] == [2 / 8, 2 / 8]

    monkeypatch.setattr("vera.training.batches.BAD_AT_FIRST", 1)
    fields |= {"max_bad_share": 0.1, "output": str(tmp_path / "other")}
    with pytest.raises(VeraError, match="data: 1 of 3 samples cannot be used, more than max_bad_share; the last: clip"):
        train(write_recipe(tmp_path, **fields), open_data=lambda data, held_out: Spoilt(), report=lines.append)


class Mostly(DrawnLayers):
    """Seven of ten samples are bad."""

    def load(self, key: tuple[int, ...]) -> LayeredSample:
        if np.random.default_rng((self.held_out, *key)).random() < 0.7:
            raise BadSample(f"clip {'held out' if self.held_out else 'trained on'} {key}: not there")
        return super().load(key)


@pytest.mark.faults
def test_as_many_in_a_row_may_be_bad_as_their_share_brings() -> None:
    batches = list(iterate_batches(Mostly(), 4, 0, 100, 0, max_bad_share=0.8))
    assert 0.6 < sum(len(batch.bad) for batch in batches) / sum(len(batch.bad) + 4 for batch in batches) < 0.8
    with pytest.raises(VeraError, match="samples in a row cannot be used"):
        next(iterate_batches(Hopeless(), 2, 0, 6, 0, max_bad_share=1.0))


@pytest.mark.faults
def test_bad_held_out_samples_are_reported(tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = write_recipe(tmp_path, steps=1, max_bad_share=1.0, sampling={"count": 8, "steps": 1})
    train(recipe, open_data=lambda data, held_out: Mostly(held_out=held_out), report=lines.append)
    assert any(line.startswith("skipped  clip held out (") for line in lines)


@pytest.mark.faults
@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("method", ["autoencoder", "layered_flow"])
def test_clips_that_no_latents_hold_are_refused_in_one_line(
    tmp_path: Path, tiny_model: Path, method: str, count: int
) -> None:
    """An autoencoder passes over what is left at the right and at the bottom, or fails on it much later."""
    fields = flow_fields(tiny_model) if method == "layered_flow" else {}
    recipe = write_recipe(tmp_path, **fields, data={"side": 36}, sampling={"count": count, "steps": 1})
    with pytest.raises(
        VeraError, match=r"^data: clips of \d frames of 36x36 are no whole latents.* multiples of 8, and"
    ):
        train(recipe, open_data=open_drawn, report=lambda line: None)


def test_encoded_samples_are_padded() -> None:
    layers, source = torch.randn(3, 4, 1, 2, 2).half(), torch.randn(4, 1, 2, 2).half()
    samples = [
        LatentSample(layers, source, mask, torch.ones(length, 5).half(), "add", "obj_add")
        for mask, length in ((source, 2), (None, 4))
    ]
    batch = collate_latents(samples)
    assert batch.layers.shape == (2, 3, 4, 1, 2, 2)
    assert batch.has_mask.tolist() == [True, False]
    assert not batch.mask[1].any()
    assert batch.text.shape == (2, 4, 5)
    assert batch.text.sum(dim=(1, 2)).tolist() == [10, 20]


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


def test_to_network_of_colour_and_grey() -> None:
    video = torch.zeros(2, 1, 4, 5, 3, dtype=torch.uint8)
    video[..., 0] = 255
    view = to_network(video)
    assert view.shape == (2, 3, 1, 4, 5)
    assert view[:, 0].unique().tolist() == [1.0]
    assert view[:, 1:].unique().tolist() == [-1.0]
    assert to_network(video[..., 0]).shape == (2, 3, 1, 4, 5)


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


READ_BEFORE = """
import sys, threading
from vera.data.released.dataset import ReleasedLayers
from vera.training.batches import iterate_batches

source = ReleasedLayers(sys.argv[1], None, 9, 9, "32x16", held_out_share=0)
here = source.load(source.draw(0, 1)[0])
beside = threading.Thread(target=source.load, args=source.draw(0, 1))
beside.start()
beside.join()
(batch,) = iterate_batches(source, 1, 0, 1, workers=1)
assert (batch.source[0].numpy() == here.source).all()
"""


@pytest.mark.faults
def test_a_worker_reads_clips_though_its_parent_has_read_some(tmp_path: Path) -> None:
    """It is forked, and has none of the threads by which its parent scaled frames."""
    split = "synthetic-obj-add"
    write(tmp_path, split, made(split, 0), "000000")
    subprocess.run([sys.executable, "-c", READ_BEFORE, str(tmp_path)], check=True, timeout=120)
