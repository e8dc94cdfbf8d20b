"""What a run keeps on disk and in memory: checkpoints, logs, averages, exported weights."""

import io
import json
import os
import pickle
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.drawn import flow_fields, open_drawn, write_recipe
from torch import nn

from vera import whole
from vera.errors import VeraError
from vera.models import AutoencoderPatch3D, VeraTransformer3DModel
from vera.training.export import cast_copy, replace_folder
from vera.training.parallel.distributed import World
from vera.training.run import checkpoint
from vera.training.run.checkpoint import latest_checkpoint, load_tensors, read_record, save_checkpoint
from vera.training.run.ema import averaged, start_average, update_average
from vera.training.run.log import Log, Meter
from vera.training.run.loop import train

ALONE = World(torch.device("cpu"))


def save(folder: Path, step: int, size: int = 4) -> Path:
    return save_checkpoint(folder, step, {"weights": torch.full((size,), float(step))}, {"step": step}, ALONE)


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (5, 900, 1000):
        save(tmp_path, step)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000900", "step-00001000"]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert read_record(newest) == {"step": 1000}
    tensors = {"weights": torch.zeros(4)}
    load_tensors(newest, tensors, ALONE)
    assert tensors["weights"].tolist() == [1000.0] * 4


@pytest.mark.faults
def test_checkpoints_have_the_order_of_their_steps_and_not_of_their_names(tmp_path: Path) -> None:
    for step in (99_999_999, 100_000_000, 100_000_001):
        assert latest_checkpoint(tmp_path) in (None, tmp_path / f"step-{step - 1:08d}")
        assert save(tmp_path, step) == latest_checkpoint(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-100000000", "step-100000001"]


@pytest.mark.faults
def test_a_kill_while_an_old_checkpoint_goes_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, ignore_errors: bool = False) -> None:
        raise KeyboardInterrupt

    for step in (1, 2):
        save(tmp_path, step)
    with monkeypatch.context() as patch:
        patch.setattr(whole.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path, 3)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000002", "step-00000003"]
    save(tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000004"]


def test_a_save_that_dies_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)

    def die(tensors: Any, checkpoint_id: Path, no_dist: bool) -> None:
        (checkpoint_id / "__0_0.distcp").write_bytes(b"half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", die)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 2)
    monkeypatch.undo()
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert read_record(newest) == {"step": 1}
    save(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002"]


FULL_DISK = """
import resource, sys, torch
from pathlib import Path
from tests.training.run.test_state import save
folder = Path(sys.argv[1])
save(folder, 1)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
save(folder, 2, size=1 << 20)
"""


def test_a_full_disk_leaves_the_one_before(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "VeraError" in last and "step-00000002: cannot be written" in last
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    tensors = {"weights": torch.zeros(4)}
    load_tensors(tmp_path / "step-00000001", tensors, ALONE)
    assert tensors["weights"].tolist() == [1.0] * 4


@pytest.mark.faults
def test_a_checkpoint_that_cannot_be_written_names_the_one_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", refuse)
        with pytest.raises(VeraError, match=r"cannot be written .*; there is no checkpoint before it$"):
            save(tmp_path, 1)
    save(tmp_path, 1)
    monkeypatch.setattr(checkpoint, "save", refuse)
    with pytest.raises(VeraError, match=r"cannot be written .*; .*step-00000001 is whole$"):
        save(tmp_path, 2)


@pytest.mark.parametrize("part", ["record.json", ".metadata", "__0_0.distcp"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, part: str) -> None:
    path = save(tmp_path, 1, size=1000)
    (path / part).write_bytes((path / part).read_bytes()[:10])
    with pytest.raises(VeraError, match=r"step-00000001: damaged checkpoint"):
        read_record(path)
        load_tensors(path, {"weights": torch.zeros(1000)}, ALONE)


class Hostile:
    """Runs a command when it is unpickled, as any pickle may."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.victim,)


@pytest.mark.faults
@pytest.mark.parametrize("place", ["itself", "data", "storage", "planner", "rank", "bytes"])
def test_nothing_in_a_checkpoint_is_run(tmp_path: Path, place: str) -> None:
    path = save_checkpoint(tmp_path / "run", 1, {"weights": torch.ones(4), "rate": [0.5]}, {"step": 1}, ALONE)
    hostile, victim = Hostile(tmp_path / "PWNED"), tmp_path / "PWNED"
    metadata = path / ".metadata"
    held = pickle.loads(metadata.read_bytes())
    if place == "itself":
        held = hostile
    elif place == "data":
        held.state_dict_metadata["weights"] = hostile
    elif place == "storage":
        held.storage_data[hostile] = hostile
    elif place == "planner":
        held.planner_data = {"weights": hostile}
    elif place == "rank":  # torch reads it where `.metadata` is not there
        metadata.unlink()
        metadata = path / "__0.metadata"
        held = hostile
    else:
        payload = io.BytesIO()
        torch.save(hostile, payload)
        (path / "__7_7.distcp").write_bytes(payload.getvalue())
        index = next(index for index in held.storage_data if index.fqn.startswith("rate"))
        held.storage_data[index] = replace(
            held.storage_data[index], relative_path="__7_7.distcp", offset=0, length=len(payload.getvalue())
        )
    metadata.write_bytes(pickle.dumps(held))
    with pytest.raises(VeraError, match="damaged checkpoint") as error:
        load_tensors(path, {"weights": torch.zeros(4), "rate": [0.0]}, ALONE)
    assert not victim.exists() and "\n" not in str(error.value)


@pytest.mark.faults
def test_metadata_that_asks_for_memory(tmp_path: Path) -> None:
    """A dozen bytes that make a pickle's reader in C take gigabytes for values that are not there."""
    path = save(tmp_path, 1)
    (path / ".metadata").write_bytes(pickle.dumps(None)[:-1] + b"r\xff\xff\xff\x04.")
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(VeraError, match="damaged checkpoint"):
        load_tensors(path, {"weights": torch.zeros(4)}, ALONE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < 100_000  # KB


@pytest.mark.faults
def test_metadata_that_waits(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    (path / ".metadata").unlink()
    os.mkfifo(path / ".metadata")
    with pytest.raises(VeraError, match="damaged checkpoint"):
        load_tensors(path, {"weights": torch.zeros(4)}, ALONE)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["/etc/passwd", "../other/__0_0.distcp", "__9_9.distcp"])
def test_a_checkpoint_reads_its_own_files_only(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, 1)
    held = pickle.loads((path / ".metadata").read_bytes())
    held.storage_data = {index: replace(place, relative_path=name) for index, place in held.storage_data.items()}
    (path / ".metadata").write_bytes(pickle.dumps(held))
    with pytest.raises(VeraError, match="damaged checkpoint"):
        load_tensors(path, {"weights": torch.zeros(4)}, ALONE)


@pytest.mark.faults
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
        torch.distributed.DistBackendError("NCCL error: remote process exited"),
        torch.distributed.DistNetworkError("timed out after 300000ms"),
        TimeoutError(),
        PermissionError(13, "Permission denied"),
        OSError(5, "Input/output error"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_no_damage_is_not_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    path = save(tmp_path, 1)

    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(checkpoint.Planner, "resolve_tensor", fail)
    with pytest.raises(VeraError, match="may well be whole: keep it") as told:
        load_tensors(path, {"weights": torch.zeros(4)}, ALONE)
    assert "delete" not in str(told.value) and "\n" not in str(told.value) and type(error).__name__ in str(told.value)


@pytest.mark.faults
@pytest.mark.parametrize("text", ["[]", "null", "[" * 100_000, "\xff", "{"])
def test_a_record_of_any_kind(tmp_path: Path, text: str) -> None:
    path = save(tmp_path, 1)
    (path / "record.json").write_text(text, encoding="latin-1")
    with pytest.raises(VeraError, match="damaged checkpoint"):
        read_record(path)


def test_no_checkpoint_yet(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "none") is None


def test_average_forgets_the_start_and_then_averages() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = start_average(model)
    nn.init.ones_(model.weight)
    update_average(average, model, 0, 0.99)
    assert average["weight"].item() == pytest.approx(0.9)  # decay (1 + 0) / (10 + 0)
    update_average(average, model, 100_000, 0.75)
    assert average["weight"].item() == pytest.approx(0.9 + 0.1 * 0.25)


def test_averaged_weights_are_lent_and_frozen_ones_are_not_averaged() -> None:
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    average = start_average(model)
    assert set(average) == {"weight"}
    own, held = model.weight.detach().clone(), average["weight"].add_(1).clone()
    with averaged(model, average):
        assert torch.equal(model.weight, held)
    assert torch.equal(model.weight, own)
    assert torch.equal(average["weight"], held)


@pytest.mark.faults
def test_an_error_under_the_average_is_the_one_that_is_told() -> None:
    """An error leaves a sharded model with whole parameters in the place of its own."""
    model = nn.Linear(3, 2)
    average, sharded = start_average(model), model.weight
    own, held = sharded.detach().clone(), average["weight"].add_(1).clone()
    with pytest.raises(ZeroDivisionError), averaged(model, average):
        model.weight = nn.Parameter(torch.zeros(4, 3))
        raise ZeroDivisionError
    assert torch.equal(sharded, own) and torch.equal(average["weight"], held)


def test_meter_means_every_element_once() -> None:
    meter = Meter()
    meter.add({"loss": torch.tensor(1.0), "quarter_1": torch.tensor([2.0, 4.0]), "quarter_2": torch.zeros(0)})
    again = Meter(sums=meter.state())  # as a resumed run would
    again.add({"loss": torch.tensor(3.0), "quarter_1": torch.tensor([6.0])})
    assert again.take() == {"loss": 2.0, "quarter_1": 4.0}
    assert again.take() == {}


def test_a_resumed_log_drops_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": float(step)} for step in (1, 2, 3)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 4, "lo', encoding="utf-8")
    log = Log(tmp_path, 2)
    log.write(3, {"loss": 30.0})
    log.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [*rows[:2], {"step": 3, "loss": 30.0}]


@pytest.mark.faults
@pytest.mark.parametrize("kept", [0, 2])
def test_a_resumed_log_doubles_nothing_on_the_board(tmp_path: Path, kept: int) -> None:
    """Also not what a run that begins anew, before its first checkpoint, evaluates at step 0."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for number, first in enumerate((0, kept + 1 if kept else 0)):
        log = Log(tmp_path, kept if first else 0)
        for step in range(first, 4):
            log.write(step, {"loss": float(step)})
        log.close()
        (written,) = (path for path in (tmp_path / "tensorboard").iterdir() if path.suffix != ".x")
        written.rename(written.with_name(f"events.out.tfevents.{number:010d}.x"))  # or both were of one second
    events = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [0, 1, 2, 3]


@pytest.mark.faults
def test_a_disk_that_refuses_the_board_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what its own thread wrote it tells when the next row, or the end, comes."""
    board = pytest.importorskip("torch.utils.tensorboard").SummaryWriter

    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(board, "add_scalar", refuse)
    monkeypatch.setattr(board, "close", refuse)
    log = Log(tmp_path, 0)
    with pytest.raises(VeraError, match=r"cannot be written .No space left on device.; free the disk"):
        log.write(1, {"loss": 1.0})
    log.close()


@pytest.mark.parametrize(("dtype", "expected"), [("fp16", torch.float16), ("fp32", torch.float32)])
def test_export_replaces_the_folder(tmp_path: Path, dtype: str, expected: torch.dtype) -> None:
    model = AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1, latents_std=[3.0] * 8)
    folder = tmp_path / "ema"
    folder.mkdir()
    (folder / "stale").touch()
    replace_folder(folder, cast_copy(model, dtype).save_pretrained)
    assert [p.name for p in tmp_path.iterdir()] == ["ema"]
    assert not (folder / "stale").exists()
    weights = load_file(folder / "diffusion_pytorch_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {expected}
    assert AutoencoderPatch3D.from_pretrained(folder).config.latents_std == [3.0] * 8
    assert model.encoder.weight.dtype == torch.float32


def test_blocks_are_compiled_for_more_sizes_than_torch_does_by_itself(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []
    monkeypatch.setattr(
        VeraTransformer3DModel, "compile_repeated_blocks", lambda _, recompile_limit: limits.append(recompile_limit)
    )
    recipe = write_recipe(tmp_path, **flow_fields(tiny_model) | {"compile": True, "steps": 1})
    train(recipe, open_data=open_drawn, report=lambda line: None)
    assert limits[0] >= 4 * torch._dynamo.config.recompile_limit
