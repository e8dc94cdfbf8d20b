"""Training in several processes is training in one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.drawn import flow_fields, write_recipe
from tests.training.running import alone, together

from vera.models import VeraTransformer3DModel

LOSSES = ("loss", "edit", "alpha", "composite", "gradient_norm")


def launch(recipe: Path, processes: int) -> subprocess.Popen[bytes]:
    """Train by `recipe` under torchrun; a process group of its own, so that all of it can be killed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    return subprocess.Popen(
        [*command, "-m", "tests.training.drawn", str(recipe)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()[-12000:]


def rows(run: Path) -> list[dict[str, Any]]:
    log = run / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def assert_same_curve(one: Path, other: Path) -> None:
    curves = [{row["step"]: row for row in rows(run) if "loss" in row} for run in (one, other)]
    assert curves[0].keys() == curves[1].keys() and curves[0]
    for step, row in curves[0].items():
        for name in LOSSES:
            assert curves[1][step][name] == pytest.approx(row[name], rel=1e-4), (step, name)


def assert_same_weights(one: Path, other: Path) -> None:
    files = [sorted((run / "ema").rglob("*.safetensors")) for run in (one, other)]
    assert [file.name for file in files[0]] == [file.name for file in files[1]]
    for first, second in zip(*files, strict=True):
        weights, others = load_file(first), load_file(second)
        for name, tensor in weights.items():
            torch.testing.assert_close(others[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, Any]:
    """A recipe that starts from weights in several files."""
    fields = flow_fields(tiny_model)
    torch.manual_seed(1)
    init = tmp_path_factory.mktemp("init")
    model = VeraTransformer3DModel(**fields["model"], in_channels=8, out_channels=8, text_dim=16)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(init, max_shard_size="20KB")
    return fields | {"init": str(init), "dtype": "fp32", "batch_size": 4, "steps": 12, "checkpoint_every": 3}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> Path:
    """A run of one process."""
    folder = tmp_path_factory.mktemp("unbroken")
    alone(write_recipe(folder, **fields))
    return folder / "run"


def test_two_processes_give_the_curve_of_one(tmp_path: Path, fields: dict[str, Any], unbroken: Path) -> None:
    together(write_recipe(tmp_path, **fields), 2)
    assert_same_curve(unbroken, tmp_path / "run")
    assert_same_weights(unbroken, tmp_path / "run")


def test_two_processes_share_the_tokens_of_a_sample(tmp_path: Path, fields: dict[str, Any], unbroken: Path) -> None:
    together(write_recipe(tmp_path, context_parallel=2, **fields), 2)
    assert_same_curve(unbroken, tmp_path / "run")
    assert_same_weights(unbroken, tmp_path / "run")


@pytest.mark.faults
def test_two_processes_train_an_autoencoder_in_bfloat16(tmp_path: Path) -> None:
    """Its held-out figures are of float32, without autocast, also where autocast computes the loss."""
    runs = []
    for name, run in (("one", alone), ("two", lambda recipe: together(recipe, 2))):
        (tmp_path / name).mkdir()
        run(write_recipe(tmp_path / name, batch_size=4, steps=2, dtype="bf16"))
        runs.append([row for row in rows(tmp_path / name / "run") if "held_out/psnr_edit" in row])
    assert [row["step"] for row in runs[0]] == [0, 2]
    for one, two in zip(*runs, strict=True):
        assert two == pytest.approx(one, rel=1e-2)


def test_two_processes_train_one_adapter(tmp_path: Path, fields: dict[str, Any]) -> None:
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(write_recipe(tmp_path / name, **fields | {"lora": {"rank": 3}, "freeze": ["alpha"], "steps": 6}))
    alone(runs[0])
    together(runs[1], 2)
    assert_same_curve(tmp_path / "one" / "run", tmp_path / "two" / "run")
    assert_same_weights(tmp_path / "one" / "run", tmp_path / "two" / "run")


@pytest.mark.slow
def test_two_processes_train_with_muon(tmp_path: Path, fields: dict[str, Any]) -> None:
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(write_recipe(tmp_path / name, **fields | {"optimizer": "muon", "steps": 6}))
    alone(runs[0])
    finish(launch(runs[1], 2))
    assert_same_curve(tmp_path / "one" / "run", tmp_path / "two" / "run")


@pytest.mark.slow
def test_a_killed_process_and_a_resume_by_one(tmp_path: Path, fields: dict[str, Any], unbroken: Path) -> None:
    """Whichever process dies at whichever step: what is left goes on in another number of processes."""
    recipe = write_recipe(tmp_path, **fields)
    step = random.Random().randint(4, 9)
    process = launch(recipe, 2)
    deadline = time.monotonic() + 600
    while not any(row["step"] >= step and "loss" in row for row in rows(tmp_path / "run")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    os.kill(int(random.choice(workers)), signal.SIGKILL)
    process.communicate(timeout=600)
    assert process.returncode != 0
    assert rows(tmp_path / "run")[-1]["step"] < 12

    alone(recipe)
    assert_same_curve(unbroken, tmp_path / "run")
    assert_same_weights(unbroken, tmp_path / "run")
