"""What a run keeps on disk and in memory: checkpoints, logs, averages, exported weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.training import checkpoint
from vera.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from vera.training.ema import copy_model, update_ema
from vera.training.export import cast_copy, replace_folder
from vera.training.log import Log, Meter


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for step in (5, 900, 1000):
        save_checkpoint(tmp_path, step, {"step": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000900.pt", "step-00001000.pt"]
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert load_checkpoint(newest) == {"step": 1000}


def test_a_save_that_dies_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 1, {"step": 1})

    def die(state: Any, file: Any) -> None:
        file.write(b"half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.torch, "save", die)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, 2, {"step": 2})
    monkeypatch.undo()
    newest = latest_checkpoint(tmp_path)
    assert newest is not None
    assert load_checkpoint(newest) == {"step": 1}
    save_checkpoint(tmp_path, 2, {"step": 2})
    assert not list(tmp_path.glob("*.tmp"))


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, {"weights": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(VeraError, match=r"step-00000001.pt: damaged"):
        load_checkpoint(path)


def test_no_checkpoint_yet(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "none") is None


def test_ema_forgets_the_start_and_then_averages() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    ema = copy_model(model)
    nn.init.ones_(model.weight)
    update_ema(ema, model, 0, 0.99)
    assert ema.weight.item() == pytest.approx(0.9)  # decay (1 + 0) / (10 + 0)
    update_ema(ema, model, 100_000, 0.75)
    assert ema.weight.item() == pytest.approx(0.9 + 0.1 * 0.25)
    assert not ema.weight.requires_grad


def test_meter_means_every_element_once() -> None:
    meter = Meter()
    meter.add({"loss": torch.tensor(1.0), "quarter_1": torch.tensor([2.0, 4.0]), "quarter_2": torch.zeros(0)})
    again = Meter(meter.state())  # as a resumed run would
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
