"""A LoRA is applied whole, and only where asked for, or not at all: layouts, parts that lack, strangers' files."""

import json
import pickle
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanPipeline, WanTransformer3DModel
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tests.loras import (
    BRANCHES,
    FILE,
    SIZES,
    adapt,
    every_branch,
    of_wan,
    original_layout,
    sample,
    save_adapter,
    vera,
)
from tests.pickles import Code

from vera import VeraError
from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline

pytestmark = pytest.mark.faults
MakePipeline = Callable[..., VeraPipeline]
State = dict[str, torch.Tensor]
ALPHA = 3.0


@pytest.fixture(scope="module")
def wan() -> WanTransformer3DModel:
    torch.manual_seed(2)
    return WanTransformer3DModel(**SIZES).eval()


@pytest.fixture(scope="module")
def wan_lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of a single Wan in diffusers' layout, rank 2, alpha 4."""
    torch.manual_seed(2)
    model = WanTransformer3DModel(**SIZES).eval()
    folder = tmp_path_factory.mktemp("lora")
    save_adapter(WanPipeline, model, adapt(model), folder)
    return folder / FILE


@pytest.fixture
def wan_state(wan_lora: Path) -> State:
    """The same in the original layout, with alphas, under `diffusion_model.`."""
    return original_layout(wan_lora, ALPHA)


def predicted(make_pipeline: MakePipeline, wan: WanTransformer3DModel, state: State, **options: Any) -> torch.Tensor:
    pipeline = make_pipeline(transformer=of_wan(wan))
    pipeline.load_lora_weights(state, **options)
    assert not [name for name, p in pipeline.transformer.named_parameters() if p.is_meta]
    return every_branch(pipeline)


# Layouts


def renamed(state: State, prefix: str, down: str = "lora_down", up: str = "lora_up") -> State:
    bare = {key.removeprefix("diffusion_model."): tensor for key, tensor in state.items()}
    return {
        prefix + key.replace("lora_down", down).replace("lora_up", up): tensor.clone() for key, tensor in bare.items()
    }


def flat(state: State) -> State:
    """As kohya and musubi-tuner name them."""
    named = {}
    for key, tensor in renamed(state, "").items():
        module, leaf = re.fullmatch(r"(.+?)\.(lora_.+|alpha)", key).groups()  # type: ignore[union-attr]
        named[f"lora_unet_{module.replace('.', '_')}.{leaf}"] = tensor
    return named


LAYOUTS: dict[str, Callable[[State], State]] = {
    "comfy": lambda state: renamed(state, "model.diffusion_model."),
    "bare": lambda state: renamed(state, ""),
    "diffsynth": lambda state: renamed(state, "", "lora_A.default", "lora_B.default"),
    "diffsynth pipeline": lambda state: renamed(state, "pipe.dit.", "lora_A.default", "lora_B.default"),
    "peft": lambda state: renamed(state, "base_model.model.", "lora_A", "lora_B"),
    "peft of a Wan": lambda state: renamed(state, "base_model.model.diffusion_model.", "lora_A", "lora_B"),
    "compiled": lambda state: renamed(state, "transformer._orig_mod.", "lora_A", "lora_B"),
    "kohya": flat,
}


@torch.no_grad()
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_the_same_lora(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State, layout: str
) -> None:
    expected = predicted(make_pipeline, wan, wan_state)
    assert torch.equal(predicted(make_pipeline, wan, LAYOUTS[layout](wan_state)), expected)


@torch.no_grad()
@pytest.mark.parametrize("kept", ["self_attn", "cross_attn", "ffn", "blocks.1", "blocks_1"])
@pytest.mark.parametrize("layout", ["comfy", "kohya", "peft"])
def test_a_part_of_the_modules_is_a_lora_too(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State, layout: str, kept: str
) -> None:
    some = {key: tensor for key, tensor in wan_state.items() if kept.replace("_1", ".1") in key}
    plain = every_branch(make_pipeline(transformer=of_wan(wan)))
    changed = predicted(make_pipeline, wan, LAYOUTS[layout](some))
    assert torch.equal(changed, predicted(make_pipeline, wan, some)) and not torch.equal(changed, plain)


# peft's own folders


@torch.no_grad()
@pytest.mark.parametrize("kind", ["safetensors", "bin", "subfolder", "file"])
@pytest.mark.parametrize(
    "config",
    [{}, {"use_rslora": True}, {"alpha_pattern": {"to_q": 1}}, {"use_dora": True}, {"rank_pattern": {"to_v": 3}}],
)
def test_a_folder_of_peft_has_its_strength(
    make_pipeline: MakePipeline, tmp_path: Path, config: dict[str, Any], kind: str
) -> None:
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=16, target_modules=["to_q", "to_v"], init_lora_weights=False, **config)
    model = get_peft_model(vera(), lora)
    folder = tmp_path / "deep" if kind == "subfolder" else tmp_path
    model.save_pretrained(folder)
    if kind == "bin":
        torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
        (folder / "adapter_model.safetensors").unlink()
    pipeline = make_pipeline(transformer=vera())
    given = folder / "adapter_model.safetensors" if kind == "file" else tmp_path
    pipeline.load_lora_weights(given, subfolder="deep" if kind == "subfolder" else None)
    expected = every_branch(make_pipeline(transformer=model.base_model.model))
    assert torch.equal(every_branch(pipeline), expected)


@pytest.mark.parametrize(
    ("text", "match"), [("{", "not JSON"), ("[]", "no mapping"), ('{"peft_type": "LOHA"}', "only LoRA is read")]
)
def test_a_configuration_that_peft_did_not_write(
    make_pipeline: MakePipeline, tmp_path: Path, wan_state: State, text: str, match: str
) -> None:
    save_file(wan_state, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(text)
    refused(make_pipeline, tmp_path, match)


# Incomplete


def refused(make_pipeline: MakePipeline, given: Any, match: str, **options: Any) -> None:
    """Neither loaded nor left in part; and the pipeline still samples, as before."""
    pipeline = make_pipeline(transformer=vera())
    before = pipeline.transformer.state_dict().keys()
    start = time.perf_counter()
    with pytest.raises(VeraError, match=match) as error:
        pipeline.load_lora_weights(given, **options)
    assert time.perf_counter() - start < 5 and "\n" not in str(error.value)
    assert pipeline.transformer.state_dict().keys() == before


@pytest.mark.parametrize("lacking", ["lora_A", "lora_B", "lora_down", "lora_up"])
@pytest.mark.parametrize("many", [1, 10])
def test_a_factor_that_lacks(
    make_pipeline: MakePipeline, tmp_path: Path, wan_lora: Path, wan_state: State, lacking: str, many: int
) -> None:
    state = load_file(wan_lora) if lacking in ("lora_A", "lora_B") else wan_state
    gone = [key for key in state if lacking in key][:many]
    save_file({key: tensor for key, tensor in state.items() if key not in gone}, tmp_path / FILE)
    refused(make_pipeline, tmp_path / FILE, "is incomplete: .* fetch it again")


@torch.no_grad()
def test_a_bias_of_some_layers_leaves_none_without_data(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State
) -> None:
    bias = torch.randn(24)
    changed = predicted(make_pipeline, wan, wan_state | {"diffusion_model.blocks.0.self_attn.o.diff_b": bias})
    expected = predicted(
        make_pipeline,
        wan,
        wan_state
        | {
            f"diffusion_model.blocks.{block}.{module}.diff_b": bias * (block == 0 and module == "self_attn.o")
            for block in range(2)
            for module in ("self_attn.q", "self_attn.o", "cross_attn.k")
        },
    )
    assert torch.equal(changed, expected)
    assert not torch.equal(changed, predicted(make_pipeline, wan, wan_state))


# Beyond what was asked


@torch.no_grad()
def test_other_branches_stay_as_they_were(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State
) -> None:
    time_projection = {
        "diffusion_model.time_projection.1.lora_down.weight": torch.randn(2, 24),
        "diffusion_model.time_projection.1.lora_up.weight": torch.randn(144, 2),
    }
    refused(make_pipeline, wan_state | time_projection, "time_proj, which all branches share", branches=["edit"])
    refused(make_pipeline, time_projection, "time_proj, which all branches share", branches=["alpha", "edit"])
    everywhere = predicted(make_pipeline, wan, wan_state | time_projection, branches=BRANCHES)
    assert torch.equal(everywhere, predicted(make_pipeline, wan, wan_state | time_projection))


def test_branches_of_a_lora_of_vera(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    model = vera()
    save_adapter(VeraPipeline, model, adapt(model), tmp_path)
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(tmp_path, branches=["alpha"])
    adapted = [name for name, _ in pipeline.transformer.named_parameters() if "lora_" in name]
    assert adapted and all(".experts.alpha." in name for name in adapted)


def test_branches_where_there_are_no_experts(make_pipeline: MakePipeline, wan_lora: Path) -> None:
    pipeline = make_pipeline(transformer=VARIANTS["dense"].model(**VARIANTS["dense"].config(SIZES)).eval())
    with pytest.raises(VeraError, match="has no experts"):
        pipeline.load_lora_weights(wan_lora, branches=["edit"])


# Differences of whole weights


@torch.no_grad()
@pytest.mark.parametrize(
    "name",
    [
        "blocks.0.self_attn.norm_q.diff",
        "patch_embedding.diff",
        "blocks.0.norm3.diff_b",
        "head.head.diff",
        "head.diff_b",
    ],
)
def test_what_is_not_applied_is_told(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State, name: str
) -> None:
    more = {f"diffusion_model.{name}": torch.ones(24)}
    with pytest.warns(UserWarning, match=f"1 differences of whole weights are not applied .*{re.escape(name)}"):
        changed = predicted(make_pipeline, wan, wan_state | more)
    assert torch.equal(changed, predicted(make_pipeline, wan, wan_state))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # zeros change nothing
        predicted(make_pipeline, wan, wan_state | {f"diffusion_model.{name}": torch.zeros(24)})


# Strangers' files


def with_metadata(**values: object) -> Callable[[Path, State], None]:
    metadata = {f"transformer.{name}": value for name, value in {"r": 2, "lora_alpha": 4, **values}.items()}
    return lambda path, state: save_file(state, path, metadata={"lora_adapter_metadata": json.dumps(metadata)})


def raw_metadata(text: str) -> Callable[[Path, State], None]:
    return lambda path, state: save_file(state, path, metadata={"lora_adapter_metadata": text})


def changed(change: Callable[[str, torch.Tensor], tuple[str, torch.Tensor]]) -> Callable[[Path, State], None]:
    def write(path: Path, state: State) -> None:
        first, *rest = state.items()
        save_file(dict([change(*first), *rest]), path)

    return write


def content(data: bytes) -> Callable[[Path, State], None]:
    def write(path: Path, state: State) -> None:
        path.write_bytes(data)

    return write


HANG = "(.+)+(.+)+(.+)+x$"
HARM: dict[str, tuple[Callable[[Path, State], None], str]] = {
    "pattern that hangs": (with_metadata(alpha_pattern={HANG: 4}), "alpha_pattern"),
    "patterns that hang": (with_metadata(alpha_pattern={"(?:" + ".*.*" * 20 + "|a)+": 4}), "alpha_pattern"),
    "pattern a class": (with_metadata(alpha_pattern={"[a-z.0-9_]+": 4}), "alpha_pattern"),
    "patterns a list": (with_metadata(alpha_pattern=["x"]), "alphas that are no numbers"),
    "pattern of a text": (with_metadata(alpha_pattern={"to_q": "4"}), "alphas that are no numbers"),
    "alpha NaN": (with_metadata(lora_alpha=float("nan")), "alpha of .* is nan"),
    "alpha infinite": (with_metadata(lora_alpha=float("inf")), "alpha of .* is inf"),
    "alpha huge": (with_metadata(lora_alpha=1e30), "alpha of"),
    "alpha a text": (with_metadata(lora_alpha="4"), "alphas that are no numbers"),
    "alpha a flag": (with_metadata(lora_alpha=True), "alphas that are no numbers"),
    "another adapter": (with_metadata(peft_type="LOHA"), "only LoRA"),
    "metadata deep": (raw_metadata("[" * 100_000), "not JSON"),
    "metadata a list": (raw_metadata("[]"), "no mapping"),
    "metadata no JSON": (raw_metadata("{"), "not JSON"),
    "NaN": (changed(lambda key, x: (key, x * float("nan"))), "no numbers"),
    "infinite": (changed(lambda key, x: (key, x / 0)), "no numbers"),
    "whole numbers": (changed(lambda key, x: (key, x.int())), "quantised"),
    "8 bits": (changed(lambda key, x: (key, x.to(torch.float8_e4m3fn))), "quantised"),
    "8 bits of alpha": (
        changed(lambda key, x: (key.partition(".lora_")[0] + ".alpha", torch.ones(1).to(torch.float8_e4m3fn))),
        "quantised",
    ),
    "no rank": (changed(lambda key, x: (key, x[:0])), "do not fit"),
    "another rank": (changed(lambda key, x: (key, torch.cat([x, x]))), "do not fit"),
    "a vector": (changed(lambda key, x: (key, x[0])), "do not fit"),
    "a LoHa": (changed(lambda key, x: (key.partition(".lora_")[0] + ".hada_w1_a", x)), "is a LoHa"),
    "a LoKr": (changed(lambda key, x: (key.partition(".lora_")[0] + ".lokr_w1", x)), "is a LoKr"),
    "a DoRA of kohya": (changed(lambda key, x: (key.partition(".lora_")[0] + ".dora_scale", x)), "is a DoRA"),
    "a whole weight": (changed(lambda key, x: (key.partition(".lora_")[0] + ".weight", x)), "whole weight"),
    "an unknown key": (changed(lambda key, x: ("evil", x)), "has a tensor evil"),
    "a block too many": (changed(lambda key, x: (key.replace("blocks.0", "blocks.99"), x)), "incomplete"),
    "of a text encoder": (
        lambda path, state: save_file(
            state | {f"text_encoder.layers.0.q.lora_{x}.weight": torch.ones(2, 2) for x in "AB"}, path
        ),
        "of another model",
    ),
    "on a norm": (
        lambda path, state: save_file(
            state | {f"transformer.blocks.0.attn1.norm_q.lora_{x}.weight": torch.ones(2, 2) for x in "AB"}, path
        ),
        "of another model",
    ),
    "two adapters": (
        lambda path, state: save_file(
            state | {key.replace("lora_A.", "lora_A.other."): x.clone() for key, x in state.items() if "lora_A" in key},
            path,
        ),
        "one adapter",
    ),
    "GGUF": (content(b"GGUF\x03\x00\x00\x00" + b"\x00" * 99), "GGUF"),
    "pickled": (content(pickle.dumps(Code())), "cannot be read"),
    "HTML": (content(b"<html><body>404</body></html>"), "HTML"),
    "empty file": (content(b""), "cannot be read"),
}


@pytest.mark.parametrize("harm", HARM)
def test_one_line_for_whatever_a_stranger_wrote(
    make_pipeline: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wan_lora: Path, harm: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write, match = HARM[harm]
    write(tmp_path / "look.safetensors", load_file(wan_lora))
    refused(make_pipeline, tmp_path / "look.safetensors", match)
    (tmp_path / "look.safetensors").rename(tmp_path / "look.bin")
    refused(make_pipeline, tmp_path / "look.bin", "damaged")
    assert not (tmp_path / "PWNED").exists()


def test_patterns_are_names_as_peft_matches_them(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    model = vera()
    patterns = {"^blocks.0.attn1.experts.edit.to_q": 1, "experts.alpha.to_k": 7, "ffn\\.net\\.2": 5, "to_v": 2}
    save_adapter(VeraPipeline, model, adapt(model, alpha_pattern=patterns, rank_pattern={"to_q": 3}), tmp_path)
    expected = make_pipeline(transformer=model)
    loaded = make_pipeline(transformer=vera())
    loaded.load_lora_weights(tmp_path)
    assert torch.equal(sample(loaded), sample(expected))


def test_a_pattern_of_many_gaps_does_not_hang(make_pipeline: MakePipeline, tmp_path: Path, wan_lora: Path) -> None:
    with_metadata(alpha_pattern={".*" * 100 + "x": 4})(tmp_path / FILE, load_file(wan_lora))
    start = time.perf_counter()
    make_pipeline(transformer=vera()).load_lora_weights(tmp_path)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "pattern",
    [
        ".*to_q",
        ".*edit.*to_q",
        r"^blocks\.0\..*to_q",
        r"^(?:blocks\.0\.attn1\.experts\.edit\.to_q|blocks\.1\.attn1\.experts\.alpha\.to_v)",
        r"(edit\.to_q|to_v)$",
        ".*",
    ],
)
def test_patterns_of_users_and_of_vera(make_pipeline: MakePipeline, tmp_path: Path, pattern: str) -> None:
    model = vera()
    save_adapter(VeraPipeline, model, adapt(model, alpha_pattern={pattern: 7}), tmp_path)
    loaded = make_pipeline(transformer=vera())
    loaded.load_lora_weights(tmp_path)
    assert torch.equal(sample(loaded), sample(make_pipeline(transformer=model)))


def test_what_was_loaded_is_saved_and_loads(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    """Of more ranks than one, which peft's configuration tells by patterns that Vera made."""
    model = vera()
    save_adapter(VeraPipeline, model, adapt(model, rank_pattern={"edit.to_q": 3, "to_v": 1}), tmp_path / "one")
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(tmp_path / "one", adapter_name="look")
    pipeline.transformer.save_lora_adapter(tmp_path / "two", adapter_name="look")
    loaded = make_pipeline(transformer=vera())
    loaded.load_lora_weights(tmp_path / "two")
    assert torch.equal(sample(loaded), sample(pipeline))


def test_patterns_are_of_the_network_that_was_trained(
    make_pipeline: MakePipeline, wan: WanTransformer3DModel, wan_state: State, tmp_path: Path
) -> None:
    """In the names of the Wan repository, which differ from diffusers'."""
    bare = {key: tensor for key, tensor in wan_state.items() if not key.endswith(".alpha")}
    alphas = {key: torch.tensor(9.0 if "self_attn.q" in key else ALPHA) for key in wan_state if key.endswith(".alpha")}
    metadata = {"r": 2, "lora_alpha": ALPHA, "alpha_pattern": {"self_attn.q": 9.0}}
    named = {"lora_adapter_metadata": json.dumps({f"transformer.{name}": value for name, value in metadata.items()})}
    save_file(renamed(bare, "diffusion_model.", "lora_A", "lora_B"), tmp_path / FILE, metadata=named)
    told = predicted(make_pipeline, wan, tmp_path / FILE)  # type: ignore[arg-type]
    torch.testing.assert_close(told, predicted(make_pipeline, wan, bare | alphas))


@pytest.mark.parametrize("name", ["", "a.b", "__class__"])
def test_adapter_names_that_peft_does_not_take(make_pipeline: MakePipeline, wan_lora: Path, name: str) -> None:
    pipeline = make_pipeline(transformer=vera())
    try:
        pipeline.load_lora_weights(wan_lora, adapter_name=name)
    except VeraError as error:
        assert "\n" not in str(error)
    sample(pipeline)


def test_a_name_in_use(make_pipeline: MakePipeline, wan_lora: Path) -> None:
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(wan_lora, adapter_name="look")
    with pytest.raises(VeraError, match="already in use"):
        pipeline.load_lora_weights(wan_lora, adapter_name="look")
    with pytest.raises(VeraError, match="no adapter other to be swapped"):
        pipeline.load_lora_weights(wan_lora, adapter_name="other", hotswap=True)


# Swaps


def of_vera(folder: Path, targets: list[str], **config: Any) -> Path:
    model = vera()
    save_adapter(VeraPipeline, model, adapt(model, target_modules=targets, **config), folder)
    return folder / FILE


SWAPS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "more modules": ({}, {"targets": ["to_q", "to_v"]}, "it changes .*to_v, which the adapter look does not"),
    "to a DoRA": ({}, {"use_dora": True}, "a DoRA cannot be swapped"),
    "of a DoRA": ({"use_dora": True}, {}, "a DoRA cannot be swapped"),
    "to biases": ({}, {"lora_bias": True}, "it has biases"),
    "a lower rank at a convolution": (
        {"targets": ["source_embedding"], "r": 3},
        {"targets": ["source_embedding"]},
        "its rank at source_embedding is lower",
    ),
}


@torch.no_grad()
@pytest.mark.parametrize("swap", SWAPS)
def test_a_swap_that_is_refused_leaves_the_adapter(make_pipeline: MakePipeline, tmp_path: Path, swap: str) -> None:
    before, after, match = SWAPS[swap]
    one, other = (
        of_vera(tmp_path / name, **{"targets": ["to_q"]} | config) for name, config in (("one", before), ("two", after))
    )
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(one, adapter_name="look")
    expected = every_branch(pipeline)
    with pytest.raises(VeraError, match=match) as error:
        pipeline.load_lora_weights(other, adapter_name="look", hotswap=True)
    assert "\n" not in str(error.value)
    assert pipeline.get_list_adapters() == {"transformer": ["look"]}
    assert torch.equal(every_branch(pipeline), expected)
    pipeline.load_lora_weights(other, adapter_name="other")


@torch.no_grad()
def test_a_fused_adapter_is_not_swapped(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    lora = of_vera(tmp_path, ["to_q"])
    pipeline = make_pipeline(transformer=vera())
    pipeline.load_lora_weights(lora, adapter_name="look")
    pipeline.fuse_lora()
    with pytest.raises(VeraError, match="look is fused"):
        pipeline.load_lora_weights(lora, adapter_name="look", hotswap=True)
    pipeline.unfuse_lora()
    pipeline.load_lora_weights(lora, adapter_name="look", hotswap=True)


@torch.no_grad()
def test_nothing_is_loaded_or_chosen_while_an_adapter_is_fused(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    lora = of_vera(tmp_path / "a", ["to_q"])
    other = of_vera(tmp_path, ["to_v"])
    both, pipeline = make_pipeline(transformer=vera()), make_pipeline(transformer=vera())
    for name, path in (("look", lora), ("other", other)):
        both.load_lora_weights(path, adapter_name=name)
    both.set_adapters(["look", "other"])
    with pytest.raises(VeraError, match="the adapter other is active and would not be fused"):
        both.fuse_lora(adapter_names=["look"])
    pipeline.load_lora_weights(lora, adapter_name="look")
    pipeline.fuse_lora()
    with pytest.raises(VeraError, match="the adapter look is fused: call unfuse_lora first, or unload_lora_weights"):
        pipeline.load_lora_weights(other, adapter_name="other")
    with pytest.raises(VeraError, match="the adapter look is fused"):
        pipeline.set_adapters("look", 0.5)
    pipeline.unload_lora_weights()
    pipeline.load_lora_weights(other, adapter_name="other")
    torch.testing.assert_close(every_branch(pipeline), every_branch(both), atol=1e-5, rtol=1e-5)
