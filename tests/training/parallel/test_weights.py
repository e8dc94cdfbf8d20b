"""Weights in and out of models that are trained."""

from pathlib import Path

import pytest
import torch

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.training.lora import add_lora
from vera.training.networks import empty_model
from vera.training.parallel.weights import (
    gather_lora,
    gather_model,
    initialise_lora,
    load_weights,
    materialise,
    public_config,
)
from vera.training.recipe import Lora

CPU = torch.device("cpu")


def tiny(**changes: object) -> VeraTransformer3DModel:
    config = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4}
    config |= {"text_dim": 16, "freq_dim": 16, "ffn_dim": 32, "num_layers": 2}
    return VeraTransformer3DModel(**config | changes)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[VeraTransformer3DModel, Path]:
    torch.manual_seed(0)
    model = tiny()
    model.save_pretrained(tmp_path / "model", max_shard_size="20KB")
    assert len(list((tmp_path / "model").glob("*.safetensors"))) > 2
    return model, tmp_path / "model"


def test_an_empty_model_is_filled_from_shards(stored: tuple[VeraTransformer3DModel, Path]) -> None:
    model, folder = stored
    other = empty_model(VeraTransformer3DModel, public_config(model))
    assert {parameter.device.type for parameter in other.parameters()} == {"meta"}
    materialise(other, CPU)
    load_weights(other, folder)
    for (name, parameter), expected in zip(other.named_parameters(), model.parameters(), strict=True):
        assert torch.equal(parameter, expected), name
    buffers = [dict(m.named_buffers()) for m in (other, model)]
    assert buffers[0].keys() == buffers[1].keys() and buffers[0]
    assert all(torch.equal(buffers[0][name], buffers[1][name]) for name in buffers[0])


def test_what_does_not_fit_is_named(stored: tuple[VeraTransformer3DModel, Path], tmp_path: Path) -> None:
    _, folder = stored
    with pytest.raises(VeraError, match=r"has \d+ missing weights, such as blocks\.2\."):
        load_weights(tiny(num_layers=3), folder)
    with pytest.raises(VeraError, match=r"has \d+ unexpected weights, such as blocks\.1\."):
        load_weights(tiny(num_layers=1), folder)
    with pytest.raises(VeraError, match=r"is \[.*\] in .*, \[.*\] in the recipe"):
        load_weights(tiny(ffn_dim=48), folder)
    shard = sorted(folder.glob("*.safetensors"))[1]
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(VeraError, match=f"{shard.name} is damaged"):
        load_weights(tiny(), folder)
    shard.unlink()
    with pytest.raises(VeraError, match=f"{shard.name} is missing"):
        load_weights(tiny(), folder)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("fp16", torch.float16), ("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_a_gathered_copy(dtype: str, expected: torch.dtype) -> None:
    model = tiny()
    copied = gather_model(model, VeraTransformer3DModel, dtype, keep=True)
    assert public_config(copied) == public_config(model)
    for (name, parameter), own in zip(copied.named_parameters(), model.parameters(), strict=True):
        assert parameter.dtype == expected
        assert torch.equal(parameter, own.to(expected)), name
        assert parameter.data_ptr() != own.data_ptr()
    assert gather_model(model, VeraTransformer3DModel, dtype, keep=False) is None


def test_an_adapter_starts_without_effect_and_is_gathered_alone(stored: tuple[VeraTransformer3DModel, Path]) -> None:
    model, folder = stored
    adapted = empty_model(VeraTransformer3DModel, public_config(model))
    add_lora(adapted, Lora(rank=2, targets=("to_q", "to_out.0")))
    materialise(adapted, CPU)
    load_weights(adapted, folder)
    initialise_lora(adapted, seed=3)
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    # Two maps of each of 2 blocks: self-attention of three branches, text attention of two.
    assert len(trained) == 2 * 2 * 2 * 5
    inputs = torch.randn(1, 3, 4, 1, 4, 4), torch.ones(1), torch.randn(1, 3, 16), torch.randn(1, 4, 1, 4, 4)
    assert torch.equal(adapted(*inputs).sample, model(*inputs).sample)
    state = gather_lora(adapted, "fp32", keep=True)
    assert state is not None
    assert "blocks.0.attn1.experts.alpha.to_q.lora_A.weight" in state
    assert len(state) == len(trained)
    assert all(tensor.abs().sum() > 0 for name, tensor in state.items() if "lora_A" in name)


def test_a_lora_without_targets_is_refused() -> None:
    with pytest.raises(VeraError, match=r"lora: .*to_w"):
        add_lora(tiny(), Lora(targets=("to_w",)))
