"""`vera init` from every layout in which a Wan2.1 lies about: the same weights, or the layout by its name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import WanPipeline
from safetensors.torch import load_file, save_file
from tests.pickles import Code
from tests.wan_layouts import make_wan, original_key, write_original

from vera import VeraError
from vera.pipelines import load_pipeline
from vera.pipelines.init import init_pipeline

pytestmark = pytest.mark.faults
STEM = "diffusion_pytorch_model"
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def wan() -> WanPipeline:
    return make_wan(attention_head_dim=128)  # as every Wan2.1: a bare file does not tell


@pytest.fixture(scope="module")
def expected(wan: WanPipeline, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("expected")
    save_file(wan.transformer.state_dict(), folder / "wan.safetensors")
    init_pipeline(folder / "wan.safetensors", folder / "vera")
    return (folder / "vera" / "transformer" / f"{STEM}.safetensors").read_bytes()


def original(state: State) -> State:
    return {original_key(key): tensor for key, tensor in state.items()}


def begun(prefix: str, more: State | None = None) -> Callable[[State], State]:
    return lambda state: {f"{prefix}{key}": tensor.clone() for key, tensor in state.items()} | (more or {})


BESIDE = {"vae.conv1.weight": torch.ones(2), "text_encoders.umt5xxl.shared.weight": torch.ones(2, 2)}
NAMES: dict[str, Callable[[State], State]] = {
    "diffusers": begun(""),
    "original": original,
    "comfy": lambda state: begun("diffusion_model.")(original(state)),
    "comfy, with model": lambda state: begun("model.diffusion_model.")(original(state)),
    "all in one": lambda state: begun("model.diffusion_model.", BESIDE)(original(state)),
    "compiled": begun("_orig_mod."),
    "of a data-parallel run": begun("module."),
    "compiled, of a run": begun("module._orig_mod."),
}


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pth", "bin"])
def test_a_file_of_weights(wan: WanPipeline, tmp_path: Path, expected: bytes, names: str, suffix: str) -> None:
    state, file = NAMES[names](wan.transformer.state_dict()), tmp_path / f"wan.{suffix}"
    if suffix == "safetensors":
        save_file(state, file)
    else:
        torch.save({"state_dict": state} if suffix == "pth" else state, file)
    init_pipeline(file, tmp_path / "vera")
    assert (tmp_path / "vera" / "transformer" / f"{STEM}.safetensors").read_bytes() == expected


@pytest.mark.parametrize("variant", [None, "fp16"])
@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("sharded", [False, True])
def test_a_transformer_of_one_variant_or_format(
    wan: WanPipeline, tmp_path: Path, expected: bytes, variant: str | None, form: str, sharded: bool
) -> None:
    size = "500KB" if sharded else "10GB"
    options = {"variant": variant, "safe_serialization": form == "safetensors", "max_shard_size": size}
    wan.transformer.save_pretrained(tmp_path / "wan", **options)
    init_pipeline(tmp_path / "wan", tmp_path / "vera")
    assert (tmp_path / "vera" / "transformer" / f"{STEM}.safetensors").read_bytes() == expected


def test_a_whole_pipeline_of_one_variant(wan: WanPipeline, tmp_path: Path) -> None:
    wan.save_pretrained(tmp_path / "plain")
    wan.save_pretrained(tmp_path / "wan", variant="fp16")
    (tmp_path / "wan" / "vae" / "unused.onnx").write_bytes(b"0")
    for base in ("plain", "wan"):
        init_pipeline(tmp_path / base, tmp_path / f"vera of {base}")
    one, other = (load_pipeline(str(tmp_path / f"vera of {base}"), "cpu", "float32") for base in ("plain", "wan"))
    for part in ("transformer", "vae", "text_encoder"):
        state = getattr(other, part).state_dict()
        assert all(torch.equal(tensor, state[key]) for key, tensor in getattr(one, part).state_dict().items())
    assert not (tmp_path / "vera of wan" / "vae" / "unused.onnx").exists()


# Layouts that are not read, and strangers' files


def keep(name: str, data: bytes) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        shutil.rmtree(folder / "transformer")
        (folder / "transformer").mkdir()
        (folder / "transformer" / "config.json").write_text('{"_class_name": "WanTransformer3DModel"}')
        (folder / "transformer" / name).write_bytes(data)

    return change


def config(file: str, **values: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def text(file: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_text(content)


def weights(change: Callable[[State], State]) -> Callable[[Path], object]:
    path = f"transformer/{STEM}.safetensors"
    return lambda folder: save_file(change(load_file(folder / path)), folder / path)


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "GGUF in the folder": (keep("wan.Q8_0.gguf", b"GGUF"), "wan.Q8_0.gguf instead"),
    "GGUF as safetensors": (keep(f"{STEM}.safetensors", b"GGUF" + bytes(99)), "is GGUF"),
    "HTML as safetensors": (keep(f"{STEM}.safetensors", b"<html>404</html>"), "is HTML"),
    "onnx": (keep("model.onnx", b"0"), "model.onnx instead"),
    "another name": (keep("wan2.1.safetensors", b"0"), "wan2.1.safetensors instead"),
    "layers a million": (config("transformer/config.json", num_layers=1_000_000), "num_layers is 1000000"),
    "heads 0": (config("transformer/config.json", num_attention_heads=0), "transformer"),
    "heads a text": (config("transformer/config.json", num_attention_heads="two"), "no Wan transformer"),
    "width huge": (config("transformer/config.json", attention_head_dim=10**12), "attention_head_dim"),
    "patch of texts": (config("transformer/config.json", patch_size=["a"]), "no Wan transformer"),
    "index a list": (text("model_index.json", "[]"), "no configuration"),
    "index deep": (text("model_index.json", "[" * 100_000), "cannot be read"),
    "config deep": (text("transformer/config.json", "[" * 100_000), "cannot be read"),
    "vae config null": (text("vae/config.json", "null"), "no configuration"),
    "no text encoder named": (text("model_index.json", '{"_class_name": "WanPipeline"}'), "names no vae"),
    "blocks that are no numbers": (weights(lambda w: w | {"blocks.x.evil": torch.ones(1)}), "unknown"),
    "whole numbers": (weights(lambda w: w | {"evil": torch.ones(1, dtype=torch.int8)}), "quantised"),
}


@pytest.mark.parametrize("harm", HARM)
def test_one_line(wan: WanPipeline, tmp_path: Path, harm: str) -> None:
    change, named = HARM[harm]
    wan.save_pretrained(tmp_path / "wan")
    change(tmp_path / "wan")
    with pytest.raises(VeraError) as error:
        init_pipeline(tmp_path / "wan", tmp_path / "vera")
    assert "\n" not in str(error.value) and named in str(error.value)
    assert not (tmp_path / "vera").exists()


@pytest.mark.parametrize("file", ["wan.gguf", "wan.safetensors", "wan.pt", "wan.ckpt"])
@pytest.mark.parametrize("data", [b"", b"GGUF" + bytes(99), b"<!DOCTYPE html>", b"PK\x03\x04" + bytes(99), bytes(64)])
def test_a_file_of_something_else(tmp_path: Path, file: str, data: bytes) -> None:
    (tmp_path / file).write_bytes(data)
    with pytest.raises(VeraError) as error:
        init_pipeline(tmp_path / file, tmp_path / "vera")
    assert "\n" not in str(error.value) and file in str(error.value)
    if data.startswith(b"GGUF"):
        assert "GGUF" in str(error.value)


@pytest.mark.parametrize(
    "held",
    [
        [1],
        {"a": 1},
        {1: torch.ones(1)},
        {},
        torch.ones(2),
        {"blocks.999999.ffn.0.weight": torch.ones(2, 2)},
    ],
)
def test_a_pickle_of_something_else(tmp_path: Path, held: object) -> None:
    torch.save(held, tmp_path / "wan.pt")
    with pytest.raises(VeraError) as error:
        init_pipeline(tmp_path / "wan.pt", tmp_path / "vera")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth"])
@pytest.mark.parametrize("held", [[1], {"a": 1}, Code(), {"shared.weight": torch.ones(1)}])
def test_an_original_part_of_something_else(
    wan: WanPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, held: object
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(held, write_original(wan, tmp_path / "wan") / file)
    with pytest.raises(VeraError) as error:
        init_pipeline(tmp_path / "wan", tmp_path / "vera")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "vera").exists() and not (tmp_path / "PWNED").exists()
