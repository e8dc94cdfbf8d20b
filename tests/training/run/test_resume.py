"""A run that was killed goes on as if it never had been."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.conftest import save_tiny_model
from tests.training.drawn import DrawnLayers, flow_fields, open_drawn, write_recipe
from tests.training.running import alone, start

from vera.cli.signals import unwinding
from vera.data.mixture import Mixture
from vera.data.sample import LayeredSample
from vera.errors import VeraError
from vera.training.export import replace_folder
from vera.training.methods import make_method
from vera.training.parallel.distributed import World
from vera.training.recipe import load_recipe
from vera.training.run import loop
from vera.training.run.loop import stop_signals, train
from vera.training.run.schedule import make_optimizers
from vera.training.run.state import resume

TIMING = ("samples_per_second", "data_wait_seconds")


def quiet(line: str) -> None:
    pass


def rows_of(run: Path) -> list[str]:
    return (run / "log.jsonl").read_text().splitlines()


def figures(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in rows_of(run)]
    return [{k: v for k, v in row.items() if k not in TIMING} for row in rows]


def assert_same_run(one: Path, other: Path) -> None:
    assert figures(one) == figures(other)
    files = [sorted((run / "ema").rglob("*.safetensors")) for run in (one, other)]
    assert files[0]
    for first, second in zip(*files, strict=True):
        weights, others = load_file(first), load_file(second)
        assert all(torch.equal(weights[name], others[name]) for name in weights)


def wait_for_rows(process: ForkServerProcess, run: Path, count: int) -> None:
    deadline = time.monotonic() + 240
    log = run / "log.jsonl"
    while not log.exists() or log.read_text().count("\n") < count:
        assert process.is_alive(), "ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_kill_and_resume_is_the_unbroken_run(tmp_path: Path, tiny_model: Path, optimizer: str) -> None:
    fields = flow_fields(tiny_model) | {
        "optimizer": optimizer,
        "steps": 30,
        "checkpoint_every": 3,
        "sample_every": 7,
        "workers": 1,
    }
    folders = [tmp_path / name for name in ("unbroken", "killed")]
    for folder in folders:
        folder.mkdir()
    unbroken, killed = (write_recipe(folder, accumulate=2, **fields) for folder in folders)
    alone(unbroken)

    process = start(killed)
    wait_for_rows(process, folders[1] / "run", 6)
    process.kill()
    process.join()
    assert len(rows_of(folders[1] / "run")) < len(figures(folders[0] / "run"))
    alone(killed)
    assert_same_run(*(folder / "run" for folder in folders))


@pytest.mark.faults
@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, 0), (signal.SIGTERM, 1), (signal.SIGUSR1, 1), (signal.SIGHUP, 1)]
)
def test_a_signal_ends_with_a_checkpoint_of_the_last_step(tmp_path: Path, number: int, workers: int) -> None:
    """Sent to the whole group, as cluster managers do, so that the workers get it too."""
    recipe = write_recipe(tmp_path, steps=100_000, checkpoint_every=90_000, workers=workers)
    process = start(recipe)
    wait_for_rows(process, tmp_path / "run", 3)
    os.killpg(process.pid, number)
    process.join(600)
    assert process.exitcode == 0
    steps = [row["step"] for row in figures(tmp_path / "run")]
    assert [p.stem for p in (tmp_path / "run" / "checkpoints").iterdir()] == [f"step-{steps[-1]:08d}"]


def test_figures_between_log_rows_survive(tmp_path: Path) -> None:
    """A checkpoint in the middle of a logging window keeps what the window has seen."""
    fields = {"steps": 8, "log_every": 4, "checkpoint_every": 3}
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    train(write_recipe(one, **fields), open_data=open_drawn, report=quiet)

    class KilledError(Exception):
        pass

    class Failing(DrawnLayers):
        def load(self, key: tuple[int, ...]) -> LayeredSample:
            if key[0] == 5:
                raise KilledError
            return super().load(key)

    recipe = write_recipe(other, **fields)
    with pytest.raises(KilledError):
        train(recipe, open_data=lambda data, held_out: Failing(held_out=held_out), report=quiet)
    train(recipe, open_data=open_drawn, report=quiet)
    assert_same_run(one / "run", other / "run")


def test_what_ended_after_its_last_checkpoint_is_exported_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    fields = {"steps": 4, "checkpoint_every": 2}
    train(write_recipe(one, **fields), open_data=open_drawn, report=quiet)

    def fail_at_the_end(folder: Path, write: Callable[[Path], None]) -> None:
        if len(list((folder.parent / "checkpoints").iterdir())) > 1:
            raise VeraError("the disk is full")
        replace_folder(folder, write)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "replace_folder", fail_at_the_end)
        with pytest.raises(VeraError, match="the disk is full"):
            train(write_recipe(other, **fields), open_data=open_drawn, report=quiet)
    train(write_recipe(other, **fields), open_data=open_drawn, report=quiet)
    assert_same_run(one / "run", other / "run")


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, steps=100_000, checkpoint_every=90_000)
    process = start(recipe)
    wait_for_rows(process, tmp_path / "run", 3)
    with pytest.raises(VeraError, match="another process writes here"):
        train(recipe, overrides={"learning_rate": 0.5}, open_data=open_drawn, report=quiet)
    os.kill(process.pid or 0, signal.SIGTERM)
    process.join(600)
    assert process.exitcode == 0
    assert all(row.get("learning_rate", 0) < 0.5 for row in figures(tmp_path / "run"))


def test_a_finished_run_stays_as_it_is_and_can_be_prolonged(tmp_path: Path) -> None:
    train(write_recipe(tmp_path, steps=2), open_data=open_drawn, report=quiet)
    before = figures(tmp_path / "run")
    train(write_recipe(tmp_path, steps=2), open_data=open_drawn, report=quiet)
    assert figures(tmp_path / "run") == before
    train(write_recipe(tmp_path, steps=3), open_data=open_drawn, report=quiet)
    assert figures(tmp_path / "run")[-1]["step"] == 3


@pytest.mark.faults
def test_fewer_steps_than_are_done_are_told(tmp_path: Path) -> None:
    train(write_recipe(tmp_path), open_data=open_drawn, report=lambda line: None)
    shutil.rmtree(tmp_path / "run" / "ema")  # as if it had been killed before
    lines: list[str] = []
    train(write_recipe(tmp_path, steps=2), open_data=open_drawn, report=lines.append)
    assert lines[-1] == "warning  4 steps are done, the recipe has 2: there is nothing left to do"
    assert (tmp_path / "run" / "ema").is_dir()


@pytest.mark.faults
def test_a_run_that_was_moved_is_not_begun_anew_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(write_recipe(tmp_path, steps=2), open_data=open_drawn, report=lambda line: None)
    moved = tmp_path / "moved"
    (tmp_path / "run").rename(moved)
    monkeypatch.chdir(moved)
    for path in (moved / "recipe.yaml", Path("recipe.yaml")):
        with pytest.raises(VeraError, match=f"its output is .*run, and it lies .* write output: {moved} into it"):
            train(path, open_data=open_drawn)
        with pytest.raises(VeraError, match="was that moved"):
            train(path, open_data=open_drawn, overrides={"steps": 4})
    assert not (tmp_path / "run").exists()
    train(moved / "recipe.yaml", open_data=open_drawn, overrides={"output": str(tmp_path / "new")}, report=str)
    assert (tmp_path / "new" / "ema").is_dir(), "a new run by its recipe"
    text = (moved / "recipe.yaml").read_text()
    (moved / "recipe.yaml").write_text(text.replace(str(tmp_path / "run"), str(moved)).replace("steps: 2", "steps: 4"))
    train(moved / "recipe.yaml", open_data=open_drawn, report=str)
    assert (moved / "checkpoints" / "step-00000004").is_dir()


@pytest.mark.faults
def test_what_an_autoencoder_trains_stays(tmp_path: Path) -> None:
    train(write_recipe(tmp_path), open_data=open_drawn, report=lambda line: None)
    other = write_recipe(tmp_path, steps=6, objective={"pca_clips": 8, "train_encoder": True})
    with pytest.raises(VeraError, match="was trained with train_encoder False, the recipe has True"):
        train(other, open_data=open_drawn)


def test_a_run_is_neither_overwritten_nor_continued_as_another_model(tmp_path: Path) -> None:
    train(write_recipe(tmp_path, steps=2), open_data=open_drawn, report=quiet)
    with pytest.raises(VeraError, match="holds a run already"):
        train(write_recipe(tmp_path, steps=2), resume_run=False, open_data=open_drawn, report=quiet)
    changed = write_recipe(tmp_path, steps=2, model={"z_dim": 8, "width": 16, "num_blocks": 1})
    with pytest.raises(VeraError, match=r"was trained with model .*, the recipe has"):
        train(changed, open_data=open_drawn, report=quiet)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_that_goes_on_steps_as_its_recipe_says(tmp_path: Path, tiny_model: Path, optimizer: str) -> None:
    fields = flow_fields(tiny_model) | {"optimizer": optimizer, "steps": 2}
    train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    fields |= {"weight_decay": 0.5, "betas": [0.5, 0.6], "learning_rate": 3e-3}
    recipe = load_recipe(write_recipe(tmp_path, **fields))
    method = make_method(recipe, [], torch.device("cpu"), contextlib.nullcontext)
    state = resume(
        recipe, method, DrawnLayers(), tmp_path / "run/checkpoints/step-00000002", World(torch.device("cpu"))
    )
    for optimizer_, new in zip(state.optimizers, make_optimizers(recipe, state.model), strict=True):
        assert len(optimizer_.state) == sum(len(group["params"]) for group in new.param_groups)
        for group, own in zip(optimizer_.param_groups, new.param_groups, strict=True):
            assert {**group, "params": 0} == {**own, "params": 0}
            assert all(one is other for one, other in zip(group["params"], own["params"], strict=True))


@pytest.mark.parametrize("part", ["vae", "vae/config.json", "text_encoder"])
def test_a_run_goes_on_with_no_other_encoders(tmp_path: Path, part: str) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    fields = flow_fields(model)
    train(write_recipe(tmp_path, **fields, steps=1), open_data=open_drawn, report=quiet)
    moved = shutil.copytree(model, tmp_path / "moved")
    moved_fields = flow_fields(moved)
    train(write_recipe(tmp_path, **moved_fields, steps=2), open_data=open_drawn, report=quiet)
    if part == "vae/config.json":
        config = json.loads((moved / part).read_text())
        (moved / part).write_text(json.dumps(config | {"latents_std": [3.0] * 8}))
    else:
        weights = next((moved / part).glob("*.safetensors"))
        save_file({name: tensor + 1e-3 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    with pytest.raises(VeraError, match=f"was trained with {'text' if part == 'text_encoder' else 'auto'}"):
        train(write_recipe(tmp_path, **moved_fields, steps=3), open_data=open_drawn, report=quiet)
    # A checkpoint of before does not know its encoders.
    record = tmp_path / "run/checkpoints/step-00000002/record.json"
    held = json.loads(record.read_text())
    held["run"] = {
        name: value for name, value in held["run"].items() if "encoder" not in name and name != "autoencoder"
    }
    record.write_text(json.dumps(held))
    train(write_recipe(tmp_path, **moved_fields, steps=3), open_data=open_drawn, report=quiet)


@pytest.mark.faults
def test_a_signal_that_somebody_settled_stays_as_it_is() -> None:
    """nohup ignores SIGHUP, and submitit takes the notice of a job's end itself."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        with stop_signals() as stop:
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            signal.raise_signal(signal.SIGUSR1)
            assert stop == [signal.SIGUSR1]
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
        with unwinding(), stop_signals() as stop:  # as the command line has it
            signal.raise_signal(signal.SIGTERM)
            assert stop == [signal.SIGTERM]
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with unwinding(), stop_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop == [signal.SIGHUP]
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@pytest.mark.faults
def test_another_batch_size_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    for fields in ({"steps": 2}, {"steps": 3}, {"steps": 4, "batch_size": 1}):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=told.append)
    warnings = [line for line in told if line.startswith("warning")]
    assert len(warnings) == 1 and "batches were 1 of 2 a step, now 1 of 1" in warnings[0]


@pytest.mark.faults
def test_data_that_have_grown_are_told(tmp_path: Path) -> None:
    """The order of an epoch is one of as many samples as there are."""
    told: list[str] = []

    class Finite(DrawnLayers):
        lengths: ClassVar[list[int]] = []

    def grown(data: object, held_out: bool) -> Mixture:
        return Mixture([Finite(held_out=held_out), DrawnLayers(held_out=held_out)], [1, 1])

    for steps, lengths in ((2, [5]), (3, [5]), (4, [7]), (5, [7])):
        Finite.lengths = lengths
        train(write_recipe(tmp_path, steps=steps), open_data=grown, report=told.append)
    warnings = [line for line in told if line.startswith("warning")]
    assert len(warnings) == 1 and "the data have 7 samples, 5 before" in warnings[0]


@pytest.mark.faults
def test_what_has_changed_in_the_recipe_is_told(tmp_path: Path) -> None:
    """Its copy in the folder then says nothing of the steps before."""
    told: list[str] = []
    fields: dict[str, Any] = {"steps": 2, "data": {"lengths": {1: 1}}}  # JSON has no names that are numbers
    for changed in ({}, {}, {"seed": 5, "data": {"lengths": {5: 1}}}):
        recipe = write_recipe(tmp_path, **fields | changed)
        train(recipe, open_data=lambda data, held_out: DrawnLayers(held_out=held_out), report=told.append)
    notes = [line for line in told if line.startswith("note")]
    assert notes == ["note     the recipe has changed since: data; seed 5, not 0"]
