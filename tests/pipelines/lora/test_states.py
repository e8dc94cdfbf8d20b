"""Adapters that are fused, switched off or scaled, in other orders: what was said holds, or the call is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.loras import CLIP, sample, save_lora, vera

from vera import VeraError
from vera.pipelines import VeraPipeline
from vera.pipelines.load import choice_of

pytestmark = pytest.mark.faults
MakePipeline = Callable[..., VeraPipeline]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lora(tmp_path_factory.mktemp("lora"))


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, lora: Path) -> Any:
    """A pipeline with the adapters "a", active at a weight of 0.5, and "b"."""
    made = make_pipeline(transformer=vera())
    made.load_lora_weights(lora, adapter_name="a")
    made.load_lora_weights(lora, adapter_name="b")
    made.set_adapters(["a"], [0.5])
    return made


def to_disk(pipeline: Any, folder: Path) -> None:
    pipeline.transformer.enable_group_offload(CPU, CPU, "leaf_level", offload_to_disk_path=str(folder))


@pytest.mark.parametrize("scale", [0.0, 0.5, -1.0])
def test_a_scale_of_one_call_leaves_the_weights(pipeline: Any, scale: float) -> None:
    expected = sample(pipeline)
    pipeline(CLIP, "add a red balloon", attention_kwargs={"scale": scale}, output_type="latent")
    assert torch.equal(sample(pipeline), expected)


def test_a_scale_does_not_reach_what_is_fused(pipeline: Any) -> None:
    pipeline.fuse_lora()
    with pytest.raises(VeraError, match="does not reach a fused adapter"):
        pipeline(CLIP, "add a red balloon", attention_kwargs={"scale": 0.5})


@pytest.mark.parametrize("change", ["delete_adapters", "disable_lora", "set_adapters"])
def test_what_is_fused_stays_until_it_is_taken_out(pipeline: Any, change: str) -> None:
    pipeline.disable_lora()
    plain = sample(pipeline)
    pipeline.enable_lora()
    expected = sample(pipeline)
    pipeline.fuse_lora()
    with pytest.raises(VeraError, match=f"{change}: the adapter a is fused"):
        getattr(pipeline, change)(*[] if change == "disable_lora" else ["a"])
    torch.testing.assert_close(sample(pipeline), expected)
    pipeline.unfuse_lora()
    torch.testing.assert_close(sample(pipeline), expected)
    pipeline.delete_adapters(["a", "b"])
    torch.testing.assert_close(sample(pipeline), plain)


def test_all_active_adapters_are_fused_however_they_are_named(pipeline: Any) -> None:
    pipeline.set_adapters(["a", "b"], [0.5, 0.5])
    expected = sample(pipeline)
    with pytest.raises(VeraError, match="the adapter b is active and would not be fused"):
        pipeline.fuse_lora(["transformer"], 1.0, False, ["a"])
    pipeline.fuse_lora(["transformer"], 1.0, False, ["a", "b"])
    torch.testing.assert_close(sample(pipeline), expected)


def test_nothing_is_added_to_what_is_switched_off(pipeline: Any, lora: Path) -> None:
    pipeline.disable_lora()
    assert choice_of(pipeline).lora == ()
    for change in (
        lambda: pipeline.load_lora_weights(lora, adapter_name="c"),
        lambda: pipeline.set_adapters("b"),
        pipeline.fuse_lora,
    ):
        with pytest.raises(VeraError, match="switched off: call enable_lora first"):
            change()
    assert pipeline.get_list_adapters() == {"transformer": ["a", "b"]}
    pipeline.enable_lora()
    assert choice_of(pipeline).lora == ("a",)


def test_adapters_are_not_changed_over_weights_on_disk(pipeline: Any, lora: Path, tmp_path: Path) -> None:
    """diffusers loses the weights as it adds layers, and peft fuses into memory that nobody filled."""
    expected = sample(pipeline)
    to_disk(pipeline, tmp_path / "weights")
    for change in (
        lambda: pipeline.load_lora_weights(lora, adapter_name="c"),
        pipeline.fuse_lora,
        pipeline.unfuse_lora,
        pipeline.unload_lora_weights,
    ):
        with pytest.raises(VeraError, match=r"offloaded to disk|holds the weights elsewhere"):
            change()
        assert torch.equal(sample(pipeline), expected)
    pipeline.load_lora_weights(lora, adapter_name="a", hotswap=True)
    pipeline.set_adapters("b", 0.5)
    torch.testing.assert_close(sample(pipeline), expected)


@pytest.mark.parametrize(
    "weight", [float("nan"), float("inf"), -1e9, "0.5", [1.0, "x"], {"transformer": {"blocks.0": "x"}}]
)
def test_what_is_no_weight_changes_nothing(pipeline: Any, weight: Any) -> None:
    """Fused, it broke the network for ever; active, it failed in a forward, or the model was said to be damaged."""
    expected = sample(pipeline)
    with pytest.raises(VeraError, match="set_adapters: a weight is a number of at most 100"):
        pipeline.set_adapters("a" if not isinstance(weight, list) else ["a", "b"], weight)
    if not isinstance(weight, list | dict):
        with pytest.raises(VeraError, match="fuse_lora: lora_scale is a number of at most 100"):
            pipeline.fuse_lora(lora_scale=weight)
        with pytest.raises(VeraError, match="attention_kwargs: scale is a number of at most 100"):
            pipeline(CLIP, "add a red balloon", attention_kwargs={"scale": weight})
    assert torch.equal(sample(pipeline), expected)


@pytest.mark.parametrize("weights", [0.5, [0.5], {"transformer": 0.5}, [{"transformer": 0.5}]])
def test_weights_in_every_form_of_diffusers(pipeline: Any, weights: Any) -> None:
    expected = sample(pipeline)
    pipeline.set_adapters("b")
    pipeline.set_adapters("a", weights)
    assert torch.equal(sample(pipeline), expected)


@pytest.mark.parametrize("names", [["a", "a"], []])
def test_adapters_are_named_once(pipeline: Any, names: list[str]) -> None:
    """One that was named twice counted twice."""
    expected = sample(pipeline)
    with pytest.raises(VeraError, match="set_adapters: name adapters, each once"):
        pipeline.set_adapters(names)
    with pytest.raises(VeraError, match="fuse_lora: name adapters, each once"):
        pipeline.fuse_lora(adapter_names=names or ["a", "a"])
    assert torch.equal(sample(pipeline), expected)


def test_one_component_is_named_by_a_text(pipeline: Any) -> None:
    expected = sample(pipeline)
    pipeline.fuse_lora("transformer")
    torch.testing.assert_close(sample(pipeline), expected, rtol=0, atol=1e-4)


def test_branches_are_named(make_pipeline: MakePipeline, lora: Path) -> None:
    pipeline = make_pipeline(transformer=vera())
    with pytest.raises(VeraError, match="branches names none of edit, alpha, composite"):
        pipeline.load_lora_weights(lora, branches=[])
    with pytest.raises(VeraError, match="there is no branch edits, only edit"):
        pipeline.load_lora_weights(lora, branches="edits")
    pipeline.load_lora_weights(lora, branches="edit")
    listed = make_pipeline(transformer=vera())
    listed.load_lora_weights(lora, branches=["edit"])
    assert torch.equal(sample(pipeline), sample(listed))
