"""Pairs of features in every order: adapters with what else changes the transformer. They work, or are refused."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FirstBlockCacheConfig
from tests.loras import inputs, save_lora, vera

from vera import VeraError
from vera.pipelines import VeraPipeline

pytestmark = pytest.mark.faults
MakePipeline = Callable[..., VeraPipeline]
Feature = Callable[[VeraPipeline], object]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_lora(tmp_path_factory.mktemp("lora"))


@pytest.fixture(autouse=True)
def not_traced() -> Iterator[None]:
    """What torch.compile returns runs the network itself: here the wrapper counts."""
    with torch.compiler.set_stance("force_eager"):
        yield


@torch.no_grad()
def predicted(pipeline: VeraPipeline) -> torch.Tensor:
    x = inputs()
    frames = x.pop("hidden_states")
    layers = frames[:, None].expand(-1, 3, -1, -1, -1, -1)
    with pipeline.transformer.cache_context("cond"):
        prediction: torch.Tensor = pipeline.transformer(layers, **x, source=frames).sample
    return prediction


def load(lora: Path) -> Feature:
    return lambda pipeline: pipeline.load_lora_weights(lora, adapter_name="look")


def twice(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        for name in ("one", "two"):
            pipeline.load_lora_weights(lora, adapter_name=name)
        pipeline.set_adapters(["one", "two"], [0.25, 0.75])
        assert pipeline.get_list_adapters() == {"transformer": ["one", "two"]}
        assert pipeline.get_active_adapters() == ["one", "two"]

    return run


def swap(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora, adapter_name="look")
        pipeline.load_lora_weights(lora, adapter_name="look", hotswap=True)

    return run


def fuse(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora)
        pipeline.fuse_lora()

    return run


def fuse_and_undo(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora)
        pipeline.fuse_lora()
        pipeline.unfuse_lora()

    return run


def unload(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora)
        pipeline.unload_lora_weights()

    return run


def switch_off(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora)
        pipeline.disable_lora()

    return run


def delete(lora: Path) -> Feature:
    def run(pipeline: VeraPipeline) -> None:
        pipeline.load_lora_weights(lora, adapter_name="look")
        pipeline.delete_adapters("look")

    return run


def compile_all(pipeline: VeraPipeline) -> None:
    pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")


def compile_each(pipeline: VeraPipeline) -> None:
    for index, block in enumerate(pipeline.transformer.blocks):
        pipeline.transformer.blocks[index] = torch.compile(block, backend="eager")


ADAPTERS = {
    "load": load,
    "twice": twice,
    "swap": swap,
    "fuse": fuse,
    "fuse and undo": fuse_and_undo,
    "unload": unload,
    "switch off": switch_off,
    "delete": delete,
}
WITHOUT = ("unload", "switch off", "delete")  # the network is as it was
OTHERS: dict[str, Feature] = {
    "8 bits": lambda p: p.transformer.enable_layerwise_casting(torch.float8_e4m3fn, compute_dtype=torch.float32),
    "compiled": compile_all,
    "blocks compiled": lambda p: p.transformer.compile_repeated_blocks(backend="eager"),
    "each block compiled": compile_each,
    "offloaded by block": lambda p: p.transformer.enable_group_offload(CPU, CPU, num_blocks_per_group=1),
    "offloaded by layer": lambda p: p.enable_group_offload(CPU, CPU, "leaf_level"),
    "cached": lambda p: p.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.0)),
}
REFUSED = {("8 bits", "fuse"), ("8 bits", "fuse and undo")}


@pytest.mark.parametrize("adapters_first", [True, False], ids=["then", "after"])
@pytest.mark.parametrize(("adapters", "other"), product(ADAPTERS, OTHERS))
def test_both_orders(make_pipeline: MakePipeline, lora: Path, adapters: str, other: str, adapters_first: bool) -> None:
    pipeline: Any = make_pipeline(transformer=vera())
    expected: Any = make_pipeline(transformer=vera())
    if adapters not in WITHOUT:
        load(lora)(expected)
    steps = [(adapters, ADAPTERS[adapters](lora)), (other, OTHERS[other])]
    first, second = steps if adapters_first else steps[::-1]
    first[1](pipeline)
    if (first[0], second[0]) in REFUSED:
        with pytest.raises(VeraError, match="cannot be fused into weights of 8 bits"):
            second[1](pipeline)
        return
    second[1](pipeline)
    changed, wanted = predicted(pipeline), predicted(expected)
    close = 0.15 if other == "8 bits" else 1e-5  # with 3 bits of fraction
    assert (changed - wanted).abs().max() <= close * wanted.abs().max()
