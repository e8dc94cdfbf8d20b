"""A run that diverges ends in one line, with its last good checkpoint, and does not train on nothing for hours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.drawn import open_drawn, write_recipe

from vera.errors import VeraError
from vera.training.methods.autoencoder import AutoencoderTraining
from vera.training.run import loop
from vera.training.run.log import Log, Meter, read_log
from vera.training.run.loop import SKIPPED, train

pytestmark = pytest.mark.faults


def break_steps(monkeypatch: pytest.MonkeyPatch, broken: range) -> None:
    """Make the loss of these steps, counted from 0, not finite."""
    whole, calls = AutoencoderTraining.loss, iter(range(10_000))

    def loss(*arguments: Any) -> Any:
        total, figures = whole(*arguments)
        return (total * torch.nan, figures | {"loss": total * torch.nan}) if next(calls) in broken else (total, figures)

    monkeypatch.setattr(AutoencoderTraining, "loss", loss)


def strict_rows(run: Path) -> list[dict[str, Any]]:
    """The rows of a log by a parser that knows no NaN."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    return [json.loads(line, parse_constant=refuse) for line in (run / "log.jsonl").read_text().splitlines()]


def checkpoints(run: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in (run / "checkpoints").glob("step-*"))


def test_steps_that_are_skipped_are_counted_and_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_steps(monkeypatch, range(4, 1000))
    told: list[str] = []
    recipe = write_recipe(tmp_path, steps=100, checkpoint_every=1)
    with pytest.raises(
        VeraError, match=r"step 14: the gradients of the last 10 steps .*step-00000004 is from before"
    ) as e:
        train(recipe, open_data=open_drawn, report=told.append)
    assert "\n" not in str(e.value)
    assert sum("its gradient is not finite" in line for line in told) == SKIPPED
    assert checkpoints(tmp_path / "run") == [3, 4]
    rows = [row for row in strict_rows(tmp_path / "run") if "skipped_share" in row]
    assert [row["skipped_share"] for row in rows] == [0.0] * 4 + [1.0] * (SKIPPED - 1)
    assert all(row["gradient_norm"] is None and "loss" not in row for row in rows[4:])


def test_a_broken_batch_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_steps(monkeypatch, range(1, 2))
    train(write_recipe(tmp_path, steps=4, checkpoint_every=2), open_data=open_drawn, report=lambda line: None)
    assert checkpoints(tmp_path / "run") == [4]  # that of step 2 waited for a good one
    assert (tmp_path / "run" / "ema").is_dir()


@pytest.mark.parametrize("steps", [1, 2, 4, 30])
def test_a_rate_that_breaks_the_weights_publishes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(loop, "learning_rate", lambda recipe, step: 1e25)
    with pytest.raises(VeraError, match="diverged"):
        train(write_recipe(tmp_path, steps=steps, checkpoint_every=50), open_data=open_drawn, report=lambda line: None)
    assert not (tmp_path / "run" / "ema").exists() and not (tmp_path / "run" / "checkpoints").exists()


def test_figures_that_are_not_finite_do_not_count() -> None:
    meter = Meter()
    meter.add({"loss": torch.tensor([1.0, float("nan"), 3.0, float("inf")])})
    assert meter.state() == {"loss": (4.0, 2.0)}
    assert meter.take() == {"loss": 2.0}


def test_a_log_is_json(tmp_path: Path) -> None:
    log = Log(tmp_path, 0)
    log.write(1, {"loss": float("nan"), "norm": np.inf, "rate": 0.5})
    log.close()
    assert strict_rows(tmp_path) == [{"step": 1, "loss": None, "norm": None, "rate": 0.5}] == read_log(tmp_path)


@pytest.mark.parametrize("line", ["[]", "{}", '{"step": "a"}', "[" * 100_000, "no"])
def test_a_log_of_a_stranger_is_refused_in_one_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "log.jsonl").write_text(f'{{"step": 1}}\n{line}\n')
    with pytest.raises(VeraError, match=r"log\.jsonl:2: "):
        Log(tmp_path, 1)
