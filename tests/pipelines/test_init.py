"""`init_pipeline`: a whole Vera pipeline from a whole Wan pipeline."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UniPCMultistepScheduler, WanPipeline
from tests.wan_layouts import make_wan, original_text, write_original
from torch import Tensor

from vera import VeraError
from vera.models import VeraTransformer3DModel
from vera.models.baselines import VARIANTS
from vera.pipelines import load_pipeline
from vera.pipelines.init import init_pipeline
from vera.presets import BASES

LAYOUTS = ["diffusers", "original"]
PRESET_FOLDER = Path(__file__).parents[2] / "src" / "vera" / "presets"
CLIP = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
WriteBase = Callable[[str], Path]


@pytest.fixture(scope="module")
def wan() -> WanPipeline:
    return make_wan()


@pytest.fixture
def write_base(wan: WanPipeline, tmp_path: Path) -> WriteBase:
    def write(layout: str) -> Path:
        if layout == "original":
            return write_original(wan, tmp_path / "base")
        wan.save_pretrained(tmp_path / "base")
        return tmp_path / "base"

    return write


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_every_part_is_the_bases(wan: WanPipeline, write_base: WriteBase, tmp_path: Path, layout: str) -> None:
    report = init_pipeline(write_base(layout), tmp_path / "vera")
    assert report.parts == ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
    assert (tmp_path / "vera" / "pipeline.py").is_file()
    vera = load_pipeline(str(tmp_path / "vera"), device="cpu", dtype="float32")
    assert report.parameters == vera.transformer.num_parameters()

    states = vera.encode_prompt("add a red balloon", max_sequence_length=512)[0]
    expected = wan.encode_prompt("add a red balloon", max_sequence_length=512)[0]
    torch.testing.assert_close(states, expected, atol=1e-6, rtol=0)
    for name, tensor in wan.vae.state_dict().items():
        assert torch.equal(vera.vae.state_dict()[name], tensor)
    assert vera.vae.config.latents_mean == wan.vae.config.latents_mean
    for name, tensor in wan.transformer.state_dict().items():
        if name.startswith("blocks.0.attn1."):
            name = name.replace("attn1.", "attn1.experts.alpha.")
            assert torch.equal(vera.transformer.state_dict()[name], tensor)
    assert isinstance(vera.scheduler, UniPCMultistepScheduler) and vera.scheduler.config.flow_shift == 8.0
    vera.set_progress_bar_config(disable=True)
    assert vera(CLIP, "add a red balloon", num_inference_steps=2).edit.shape == CLIP.shape


@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_one_step_of_every_branch_is_wans(write_base: WriteBase, wan: WanPipeline, tmp_path: Path, layout: str) -> None:
    """With text attention in all branches, and the pipeline's own inputs."""
    config = tmp_path / "config"
    (config / "transformer").mkdir(parents=True)
    (config / "scheduler").mkdir()
    for name in ("model_index.json", "scheduler/scheduler_config.json"):
        (config / name).write_text((PRESET_FOLDER / "vera-1.3b" / name).read_text())
    (config / "transformer" / "config.json").write_text(json.dumps({"text_branches": ["edit", "alpha", "composite"]}))
    init_pipeline(write_base(layout), tmp_path / "vera", config=str(config))
    vera = load_pipeline(str(tmp_path / "vera"), device="cpu", dtype="float32")
    x = torch.randn(1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    text, _ = vera.encode_prompt("add a red balloon")
    time = torch.tensor([700])
    expected = wan.transformer(x, time, text).sample
    sample = vera.transformer(x[:, None].expand(-1, 3, -1, -1, -1, -1), time, text, source=x).sample
    for branch in range(3):
        torch.testing.assert_close(sample[:, branch], expected, atol=1e-5, rtol=0)


def test_the_scheduler_starts_sampling_as_wan_does(write_base: WriteBase, wan: WanPipeline, tmp_path: Path) -> None:
    init_pipeline(write_base("diffusers"), tmp_path / "vera")
    vera = load_pipeline(str(tmp_path / "vera"), device="cpu")
    wan_scheduler = UniPCMultistepScheduler.from_config(wan.scheduler.config, flow_shift=8.0)
    wan_scheduler.set_timesteps(50)
    assert torch.equal(vera.set_timesteps(50), wan_scheduler.timesteps)


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(write_base: WriteBase, tmp_path: Path, variant: str) -> None:
    report = init_pipeline(write_base("original"), tmp_path / "vera", variant)
    assert report.transformer == VARIANTS[variant].model.__name__
    assert type(load_pipeline(str(tmp_path / "vera")).transformer) is VARIANTS[variant].model


@pytest.mark.parametrize("kind", ["folder", "original folder"])
def test_a_transformer_alone(write_base: WriteBase, tmp_path: Path, kind: str) -> None:
    base = write_base("original" if kind.startswith("original") else "diffusers")
    if kind == "folder":
        base /= "transformer"
    else:
        for part in base.glob("*.pth"):
            part.unlink()
    assert init_pipeline(base, tmp_path / "vera").parts == ("transformer",)
    assert sorted(path.name for path in (tmp_path / "vera").iterdir()) == ["transformer"]
    VeraTransformer3DModel.from_pretrained(tmp_path / "vera" / "transformer")


def test_dtype(write_base: WriteBase, tmp_path: Path) -> None:
    init_pipeline(write_base("diffusers"), tmp_path / "vera", dtype=torch.bfloat16)
    loaded = VeraTransformer3DModel.from_pretrained(tmp_path / "vera" / "transformer", torch_dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16


def test_the_card_says_what_it_is(write_base: WriteBase, tmp_path: Path) -> None:
    init_pipeline(write_base("diffusers"), tmp_path / "vera")
    card = (tmp_path / "vera" / "README.md").read_text()
    assert "Not trained yet" in card and "VeraTransformer3DModel" in card and "50 steps" in card
    assert str(tmp_path) not in card, "a folder of one's own is nobody's business"


# Presets


@pytest.mark.parametrize(("name", "parameters"), [("vera-1.3b", 3.922e9), ("vera-14b", 38.206e9)])
def test_presets_have_the_published_sizes(name: str, parameters: float) -> None:
    config = VeraTransformer3DModel.load_config(PRESET_FOLDER / name / "transformer")
    with torch.device("meta"):
        model = VeraTransformer3DModel.from_config(config)
    assert model.num_parameters() == pytest.approx(parameters, rel=1e-3)


@pytest.mark.parametrize(("name", "guidance", "shift"), [("vera-1.3b", 6.0, 8.0), ("vera-14b", 5.0, 5.0)])
def test_presets_have_defaults(name: str, guidance: float, shift: float) -> None:
    index = json.loads((PRESET_FOLDER / name / "model_index.json").read_text())
    assert (index["guidance_scale"], index["num_inference_steps"], index["window_frames"]) == (guidance, 50, 49)
    assert index["max_sequence_length"] == 512 and index["negative_prompt"].startswith("色调艳丽，过曝")
    assert UniPCMultistepScheduler.from_pretrained(PRESET_FOLDER / name / "scheduler").config.flow_shift == shift


@pytest.mark.parametrize("name", BASES)
def test_a_preset_without_weights_says_how_to_get_them(name: str) -> None:
    with pytest.raises(VeraError, match="vera init --base"):
        load_pipeline(name)


# Bad input


def refused(base: object, out: Path, *parts: object, **options: Any) -> None:
    with pytest.raises(VeraError) as error:
        init_pipeline(str(base), out, **options)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    assert not out.exists() and not list(out.parent.glob("vera*"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder", "tokenizer"])
def test_missing_parts(write_base: WriteBase, tmp_path: Path, layout: str, part: str) -> None:
    base = write_base(layout)
    original = {
        "transformer": "diffusion_pytorch_model.safetensors",
        "vae": "Wan2.1_VAE.pth",
        "text_encoder": "models_t5_umt5-xxl-enc-bf16.pth",
        "tokenizer": "google",
    }
    path = base / (part if layout == "diffusers" else original[part])
    path.rename(tmp_path / "elsewhere")
    refused(base, tmp_path / "vera", base, "missing" if path.suffix or layout == "original" else part)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("vae/diffusion_pytorch_model.safetensors", "not whole"),
        ("text_encoder/model.safetensors", "not whole"),
        ("transformer/diffusion_pytorch_model.safetensors", "not whole"),
    ],
)
def test_truncated_safetensors(write_base: WriteBase, tmp_path: Path, file: str, named: str) -> None:
    base = write_base("diffusers")
    (base / file).write_bytes((base / file).read_bytes()[:-100])
    refused(base, tmp_path / "vera", file, named)


@pytest.mark.parametrize("file", ["Wan2.1_VAE.pth", "models_t5_umt5-xxl-enc-bf16.pth"])
def test_damaged_pickles(write_base: WriteBase, tmp_path: Path, file: str) -> None:
    base = write_base("original")
    whole = (base / file).read_bytes()
    for content in (whole[:-1000], whole[:1000], b""):
        (base / file).write_bytes(content)
        refused(base, tmp_path / "vera", file, "not whole")


def test_pickled_weights_of_something_else(wan: WanPipeline, write_base: WriteBase, tmp_path: Path) -> None:
    base = write_base("original")
    text = original_text(wan.text_encoder)
    vae: dict[str, Tensor] = torch.load(base / "Wan2.1_VAE.pth")
    file = base / "models_t5_umt5-xxl-enc-bf16.pth"
    for change, named in (
        ({"decoder.weight": torch.zeros(1)}, "decoder.weight"),
        ({"blocks.1.attn.q.weight": None}, "weights are missing (first: encoder.block.1"),
        ({"token_embedding.weight": None}, "lacks 'shared.weight'"),
        ({"norm.weight": torch.ones(16, dtype=torch.int8)}, "quantised"),
    ):
        torch.save({key: tensor for key, tensor in (text | change).items() if tensor is not None}, file)
        refused(base, tmp_path / "vera", named)
    torch.save(text, file)
    for change, named in (({"conv1.bias": None}, "quant_conv.bias"), ({"encoder.conv1.bias": None}, "conv_in.bias")):
        torch.save(
            {key: tensor for key, tensor in (vae | change).items() if tensor is not None}, base / "Wan2.1_VAE.pth"
        )
        refused(base, tmp_path / "vera", "is not Wan2.1's autoencoder", named)


@pytest.mark.parametrize(
    ("file", "values", "named"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "is a FluxPipeline"),
        ("model_index.json", {"_class_name": "WanImageToVideoPipeline"}, "is a WanImageToVideoPipeline"),
        ("model_index.json", {"transformer_2": ["diffusers", "WanTransformer3DModel"]}, "Wan2.2"),
        ("model_index.json", {"expand_timesteps": True}, "Wan2.2"),
        ("transformer/config.json", {"image_dim": 1280, "in_channels": 36}, "type i2v"),
        ("transformer/config.json", {"in_channels": 48, "out_channels": 48}, "Wan2.2"),
        ("vae/config.json", {"z_dim": 48}, "48 latent channels"),
        ("vae/config.json", {"_class_name": "AutoencoderKL"}, "is a AutoencoderKL"),
    ],
)
def test_another_family(write_base: WriteBase, tmp_path: Path, file: str, values: dict[str, Any], named: str) -> None:
    base = write_base("diffusers")
    change(base / file, **values)
    refused(base, tmp_path / "vera", base, named)


def test_another_size_than_asked_for(write_base: WriteBase, tmp_path: Path) -> None:
    base = write_base("diffusers")
    refused(base, tmp_path / "vera", "num_attention_heads 2", "12", config="vera-1.3b")
    refused(base, tmp_path / "vera", "vera-1.3b", "vera-14b", config="vera-9b")


def test_names_that_are_nothing(write_base: WriteBase, tmp_path: Path) -> None:
    for base in ("picco", "", "a/b/c", "./gone", str(tmp_path / "gone")):
        refused(base, tmp_path / "vera", "no folder")
    refused(write_base("diffusers"), tmp_path / "vera", "mot, dense", variant="moe")


def test_out_that_cannot_be(write_base: WriteBase, tmp_path: Path) -> None:
    base = write_base("diffusers")
    (tmp_path / "taken").mkdir()
    with pytest.raises(VeraError, match="taken exists"):
        init_pipeline(base, tmp_path / "taken")
    with pytest.raises(VeraError, match="does not exist"):
        init_pipeline(base, tmp_path / "no" / "where")


LIMITED = """
import resource, signal, sys
from vera.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (2_000, 20_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    print(limit, main(sys.argv[1:]))
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_full_disk(write_base: WriteBase, tmp_path: Path, layout: str) -> None:
    """A limit of a file's size stands in for the disk: writing fails in one of the first files, then in the weights."""
    arguments = ["init", "--base", str(write_base(layout)), "--out", str(tmp_path / "vera")]
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2000", "2", "20000", "2"]
    lines = done.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"vera: {tmp_path / 'vera'}: cannot be written (") for line in lines)
    assert not list(tmp_path.glob("vera*"))
