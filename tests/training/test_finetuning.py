"""From given weights: everything, some branches, or an adapter is trained."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.drawn import flow_fields, open_drawn, write_recipe
from torch.distributed.checkpoint import FileSystemReader

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.training.run.loop import train

EMA = Path("run/ema")


def run(folder: Path, **fields: Any) -> Path:
    folder.mkdir(exist_ok=True)
    train(write_recipe(folder, **fields), open_data=open_drawn, report=lambda line: None)
    return folder / "run"


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.fixture
def fields(tiny_model: Path, tmp_path: Path) -> dict[str, Any]:
    """A recipe that starts from weights without zeros."""
    fields = flow_fields(tiny_model)
    torch.manual_seed(1)
    model = VeraTransformer3DModel(**fields["model"], in_channels=8, out_channels=8, text_dim=16)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(tmp_path / "init")
    return fields | {"init": str(tmp_path / "init"), "learning_rate": 1e-2, "dtype": "fp32"}


def test_frozen_branches_keep_their_weights(tmp_path: Path, fields: dict[str, Any]) -> None:
    exported = run(tmp_path / "a", **fields, freeze=["composite", "alpha"]) / "ema" / "transformer"
    before = load_file(tmp_path / "init" / "diffusion_pytorch_model.safetensors")
    after = load_file(exported / "diffusion_pytorch_model.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        frozen = bool({"composite", "alpha"} & set(name.split(".")))
        # The edit branch sees neither source nor mask itself, and the last block's text states end in it.
        assert torch.equal(after[name], tensor) == frozen, name


@pytest.mark.faults
def test_with_all_frozen_there_is_nothing_to_train(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(VeraError, match="freeze: leaves nothing to train"):
        run(tmp_path / "a", **fields, lora={"rank": 2}, freeze=["edit", "alpha", "composite"])


@pytest.mark.faults
def test_a_run_goes_on_without_what_it_started_from(tmp_path: Path, fields: dict[str, Any]) -> None:
    """A checkpoint has all weights, but those under a LoRA."""
    folder = run(tmp_path / "a", **fields, steps=2)
    (tmp_path / "init").rename(tmp_path / "gone")
    run(tmp_path / "a", **fields, steps=4)
    (tmp_path / "gone").rename(tmp_path / "init")
    assert len(losses(folder)) == 4


def test_the_network_of_init_needs_no_model(tmp_path: Path, fields: dict[str, Any]) -> None:
    runs = [
        run(tmp_path / name, **fields | {"model": model}, steps=2)
        for name, model in (("a", fields["model"]), ("b", {}))
    ]
    named, unnamed = (load_file(one / "ema/transformer/diffusion_pytorch_model.safetensors") for one in runs)
    assert all(torch.equal(named[name], unnamed[name]) for name in named)


def test_a_branch_that_there_is_not(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(VeraError, match="freeze: VeraTransformer3DModel has no weights of a branch shadow"):
        run(tmp_path / "a", **fields, freeze=["shadow"])


def test_an_adapter_is_trained_resumed_and_loaded(tmp_path: Path, fields: dict[str, Any]) -> None:
    fields |= {"lora": {"rank": 2, "alpha": 4}}
    unbroken = run(tmp_path / "a", **fields, steps=6)
    run(tmp_path / "b", **fields, steps=6, checkpoint_every=3, sample_every=3)
    broken = tmp_path / "b" / "run"
    newest = broken / "checkpoints" / "step-00000006"
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    run(tmp_path / "b", **fields, steps=6, checkpoint_every=3)
    assert losses(broken) == losses(unbroken)
    weights = [load_file(folder / "ema" / "pytorch_lora_weights.safetensors") for folder in (unbroken, broken)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert all(name.startswith("transformer.blocks.") for name in weights[0])
    assert sum(tensor.abs().sum() > 0 for name, tensor in weights[0].items() if "lora_B" in name) > 5

    base = VeraTransformer3DModel.from_pretrained(fields["init"])
    base.load_lora_adapter(weights[0])
    # The base is not part of a checkpoint.
    stored = FileSystemReader(broken / "checkpoints" / "step-00000006").read_metadata().state_dict_metadata
    assert all(".lora_" in name for name in stored if name.startswith(("model.", "average.")))


@pytest.mark.faults
def test_an_adapter_needs_weights_to_add_to(tmp_path: Path, fields: dict[str, Any]) -> None:
    """New weights would be lost: no checkpoint has what lies under an adapter."""
    with pytest.raises(VeraError, match=r"lora: .*init.*name their folder"):
        run(tmp_path / "a", **fields | {"init": None, "lora": {"rank": 2}})
    assert not (tmp_path / "a" / "run").exists()


def test_an_adapter_goes_on_over_no_other_base(tmp_path: Path, fields: dict[str, Any]) -> None:
    fields |= {"lora": {"rank": 2, "alpha": 4}}
    run(tmp_path / "a", **fields, steps=2)
    change_base(fields)
    with pytest.raises(VeraError, match="was trained with base"):
        run(tmp_path / "a", **fields, steps=4)


def test_an_adapter_s_base_is_that_of_its_beginning(tmp_path: Path, fields: dict[str, Any]) -> None:
    """The base's own training may replace it meanwhile."""
    fields |= {"lora": {"rank": 2, "alpha": 4}, "log_every": 1}
    told = iter(["parameters trained", "step 0", "step 1"])

    def report(line: str) -> None:
        if next(told, "") == "step 1":
            change_base(fields)

    train(write_recipe(tmp_path, **fields, steps=2), open_data=open_drawn, report=report)
    assert next(told, None) is None
    with pytest.raises(VeraError, match="was trained with base"):
        train(write_recipe(tmp_path, **fields, steps=4), open_data=open_drawn, report=report)


def change_base(fields: dict[str, Any]) -> None:
    weights = Path(fields["init"]) / "diffusion_pytorch_model.safetensors"
    save_file({name: tensor + 1e-3 for name, tensor in load_file(weights).items()}, weights)


def test_activation_checkpointing_changes_nothing(tmp_path: Path, fields: dict[str, Any]) -> None:
    plain, checkpointed = (run(tmp_path / str(on), **fields, gradient_checkpointing=on) for on in (False, True))
    assert losses(plain) == pytest.approx(losses(checkpointed), rel=1e-6)


def test_another_model_than_that_of_init_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(VeraError, match="model: ffn_dim is 48 in the recipe, 32 in"):
        run(tmp_path / "a", **fields | {"model": fields["model"] | {"ffn_dim": 48}})
    with pytest.raises(VeraError, match="holds a VeraTransformer3DModel, this recipe trains a DenseTransformer3DModel"):
        run(tmp_path / "a", **fields, variant="dense")
