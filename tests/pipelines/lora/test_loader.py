"""LoRA on a pipeline: files, fusing, and what was trained on a single Wan."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanPipeline, WanTransformer3DModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.loras import (
    BRANCHES,
    FILE,
    SIZES,
    adapt,
    every_branch,
    inputs,
    of_wan,
    original_layout,
    sample,
    save_adapter,
    vera,
)

from vera import VeraError
from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline

MakePipeline = Callable[..., VeraPipeline]


@pytest.fixture
def saved(make_pipeline: MakePipeline, tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """A folder with a LoRA, and what the pipeline that it comes from samples."""
    transformer = vera()
    lora = adapt(transformer)
    save_adapter(VeraPipeline, transformer, lora, tmp_path)
    return tmp_path, sample(make_pipeline(transformer=transformer))


@pytest.mark.parametrize("name", ["", FILE])
def test_a_saved_lora_loads_exactly(make_pipeline: MakePipeline, saved: tuple[Path, torch.Tensor], name: str) -> None:
    folder, expected = saved
    pipeline = make_pipeline(transformer=vera())
    plain = sample(pipeline)
    pipeline.load_lora_weights(folder / name)
    adapted = sample(pipeline)
    assert torch.equal(adapted, expected)
    assert (adapted - plain).abs().amax((1, 2, 3, 4)).min() > 1e-3, "of every layer"
    pipeline.unload_lora_weights()
    assert torch.equal(sample(pipeline), plain)
    assert pipeline.transformer.state_dict().keys() == vera().state_dict().keys()


def test_the_file_is_laid_out_as_diffusers_loads_it(saved: tuple[Path, torch.Tensor]) -> None:
    weights = load_file(saved[0] / FILE)
    assert all(key.startswith("transformer.") for key in weights)
    for branch in BRANCHES:
        assert f"transformer.blocks.1.attn1.experts.{branch}.to_q.lora_A.weight" in weights
    with safe_open(saved[0] / FILE, "pt") as file:
        metadata = file.metadata()["lora_adapter_metadata"]
    assert '"transformer.r": 2' in metadata and '"transformer.lora_alpha": 4' in metadata


def test_fusing_and_its_undoing(make_pipeline: MakePipeline, saved: tuple[Path, torch.Tensor]) -> None:
    folder, expected = saved
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(folder, adapter_name="look")
    before = {name: p.clone() for name, p in pipeline.transformer.named_parameters()}
    pipeline.fuse_lora()
    fused = {name for name, p in pipeline.transformer.named_parameters() if not torch.equal(p, before[name])}
    # In each of two blocks: four projections and two of the feed-forward of each branch, four for two texts.
    assert {branch: sum(f".{branch}." in name for name in fused) for branch in BRANCHES} == {
        "edit": 2 * (4 + 4 + 2),
        "alpha": 2 * (4 + 2),
        "composite": 2 * (4 + 4 + 2),
    }
    torch.testing.assert_close(sample(pipeline), expected, atol=1e-6, rtol=1e-6)
    pipeline.unfuse_lora()
    for name, parameter in pipeline.transformer.named_parameters():
        assert (parameter - before[name]).abs().max() <= 1e-6, name
    torch.testing.assert_close(sample(pipeline), expected, atol=1e-6, rtol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("state", ["loaded", "disabled", "fused", "compiled"])
def test_a_pipeline_with_a_lora_is_not_saved(
    make_pipeline: MakePipeline, saved: tuple[Path, torch.Tensor], tmp_path: Path, state: str
) -> None:
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(saved[0])
    if state == "disabled":
        pipeline.disable_lora()
    elif state == "fused":
        pipeline.fuse_lora()
    elif state == "compiled":
        pipeline.transformer = torch.compile(pipeline.transformer, backend="eager")
    with pytest.raises(VeraError, match="cannot hold a LoRA"):
        pipeline.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    if state == "disabled":
        pipeline.enable_lora()
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    pipeline.save_pretrained(tmp_path / "model")
    loaded = VeraPipeline.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(every_branch(loaded), every_branch(pipeline))


def test_scales_and_several_adapters(make_pipeline: MakePipeline, saved: tuple[Path, torch.Tensor]) -> None:
    folder, expected = saved
    pipeline = make_pipeline(transformer=vera())
    plain = sample(pipeline)
    pipeline.load_lora_weights(folder, adapter_name="a")
    pipeline.load_lora_weights(folder, adapter_name="b")
    pipeline.set_adapters(["a", "b"], [0.5, 0.5])
    torch.testing.assert_close(sample(pipeline), expected, atol=1e-5, rtol=1e-5)
    pipeline.set_adapters(["a", "b"], [0.0, 0.0])
    torch.testing.assert_close(sample(pipeline), plain, atol=1e-6, rtol=1e-6)


# LoRAs of a single Wan


@pytest.fixture
def wan() -> WanTransformer3DModel:
    torch.manual_seed(2)
    return WanTransformer3DModel(**SIZES).eval()


@torch.no_grad()
@pytest.mark.parametrize("branches", [None, ("edit",), ("alpha", "composite")], ids=["all", "edit", "others"])
@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_a_lora_of_wan_on_the_experts(
    make_pipeline: MakePipeline, tmp_path: Path, wan: WanTransformer3DModel, layout: str, branches: Any
) -> None:
    pipeline = make_pipeline(transformer=of_wan(wan))
    plain = wan(**inputs()).sample
    lora = adapt(wan, lora_alpha=6, alpha_pattern={"blocks.1.attn1.to_q": 3} if layout == "diffusers" else {})
    save_adapter(WanPipeline, wan, lora, tmp_path)
    if layout == "original":
        save_file(original_layout(tmp_path / FILE, 6), tmp_path / FILE)
    adapted = wan(**inputs()).sample
    assert (adapted - plain).abs().max() > 1e-2

    pipeline.load_lora_weights(tmp_path, branches=branches)
    for branch, prediction in zip(BRANCHES, every_branch(pipeline).unbind(1), strict=True):
        expected = adapted if branches is None or branch in branches else plain
        torch.testing.assert_close(prediction, expected, atol=2e-6, rtol=1e-6)


@torch.no_grad()
def test_a_lora_of_wan_where_alpha_has_no_text(
    make_pipeline: MakePipeline, tmp_path: Path, wan: WanTransformer3DModel
) -> None:
    save_adapter(WanPipeline, wan, adapt(wan), tmp_path)
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(tmp_path)
    adapted = {name.partition(".lora_")[0] for name, _ in pipeline.transformer.named_parameters() if ".lora_" in name}
    assert {branch: sum(f".{branch}." in name for name in adapted) for branch in BRANCHES} == {
        "edit": 2 * (4 + 4 + 2),
        "alpha": 2 * (4 + 2),
        "composite": 2 * (4 + 4 + 2),
    }


@pytest.mark.parametrize("variant", ["dense", "v2v", "v2v_concat", "vace"])
def test_a_lora_of_wan_on_other_variants(
    make_pipeline: MakePipeline, tmp_path: Path, wan: WanTransformer3DModel, variant: str
) -> None:
    save_adapter(WanPipeline, wan, adapt(wan), tmp_path)
    transformer = VARIANTS[variant].model(**VARIANTS[variant].config(SIZES)).eval()
    pipeline = make_pipeline(transformer=transformer)
    pipeline.load_lora_weights(tmp_path)
    adapted = {name.partition(".lora_")[0] for name, _ in transformer.named_parameters() if ".lora_" in name}
    assert len(adapted) == 2 * (4 + 4 + 2) and not any(name.startswith("vace") for name in adapted)


# What cannot be loaded


@pytest.mark.parametrize("problem", ["missing", "truncated", "foreign", "empty", "larger", "branch"])
def test_what_cannot_be_loaded_is_one_clear_line(
    make_pipeline: MakePipeline, tmp_path: Path, wan: WanTransformer3DModel, problem: str
) -> None:
    line = {
        "missing": "LoRA .*none.safetensors cannot be read",
        "truncated": "LoRA .* cannot be read",
        "foreign": "LoRA .* is of another model: it changes blocks.0.attn3.to_., which this Vera.* does not have",
        "empty": "LoRA .* is of another model",
        "larger": "LoRA .* is of a model of another size",
        "branch": "there is no branch shadow, only edit, alpha, composite",
    }[problem]
    file = tmp_path / FILE
    save_adapter(WanPipeline, wan, adapt(wan), tmp_path)
    weights = load_file(file)
    if problem == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    elif problem == "foreign":
        save_file({key.replace("attn1", "attn3"): tensor for key, tensor in weights.items()}, file)
    elif problem == "empty":
        save_file({}, file)
    elif problem == "larger":
        save_file({key: torch.cat([tensor] * 2, dim=int("lora_A" in key)) for key, tensor in weights.items()}, file)
    pipeline = make_pipeline(transformer=vera())
    path = tmp_path / "none.safetensors" if problem == "missing" else file
    with pytest.raises(VeraError, match=line) as raised:
        pipeline.load_lora_weights(path, branches=["shadow"] if problem == "branch" else None)
    assert "\n" not in str(raised.value)
    assert not [name for name, _ in pipeline.transformer.named_parameters() if "lora" in name]
