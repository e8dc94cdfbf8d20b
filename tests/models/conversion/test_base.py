"""From a Wan transformer on disk to each Vera transformer on disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxTransformer2DModel, WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from safetensors.torch import load_file, save_file

from vera import VeraError
from vera.models.baselines import VARIANTS
from vera.models.baselines.text_to_video import TextToVideoTransformer3DModel
from vera.models.conversion.base import check_sizes, open_base, write_transformer
from vera.models.conversion.wan import diffusers_key

BRANCHES = ["edit", "alpha", "composite"]
WriteOriginal = Callable[..., Path]
MakeInputs = Callable[..., dict[str, torch.Tensor]]


@pytest.fixture(params=["diffusers", "diffusers sharded", "original", "original sharded"])
def folder(
    request: pytest.FixtureRequest, wan: WanTransformer3DModel, write_original: WriteOriginal, tmp_path: Path
) -> Path:
    layout, _, sharded = request.param.partition(" ")
    if layout == "original":
        return write_original(wan, shards=3 if sharded else 1)
    wan.save_pretrained(tmp_path / "wan", max_shard_size="50KB" if sharded else "10GB")
    return tmp_path / "wan"


@torch.no_grad()
def assert_is_wan(vera: Any, wan: WanTransformer3DModel, inputs: dict[str, torch.Tensor]) -> None:
    """Every branch predicts what Wan does. In float64 the sum over equal keys is exact to Wan's float32 norms."""
    inputs = {name: x.double() for name, x in inputs.items()}
    branches = len(vera.config.branches)
    x = inputs["hidden_states"] = inputs["hidden_states"][:, :1].expand(-1, branches, -1, -1, -1, -1)
    expected = wan.double()(x[:, 0], inputs["timestep"], inputs["encoder_hidden_states"]).sample
    sample = vera.double()(**inputs).sample
    for branch in range(branches):
        torch.testing.assert_close(sample[:, branch], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("max_shard_size", ["5GB", 60_000], ids=["single file", "sharded"])
def test_every_branch_is_the_base(
    folder: Path, wan: WanTransformer3DModel, make_inputs: MakeInputs, tmp_path: Path, max_shard_size: int | str
) -> None:
    out = tmp_path / "vera"
    write_transformer(open_base(folder), "mot", out, options={"text_branches": BRANCHES}, max_shard_size=max_shard_size)
    vera = VARIANTS["mot"].model.from_pretrained(out)
    assert (len(list(out.glob("*.safetensors"))) > 1) == (max_shard_size != "5GB")
    assert_is_wan(vera, wan, make_inputs(mask=True))

    vera.float().save_pretrained(tmp_path / "again")
    assert_is_wan(VARIANTS["mot"].model.from_pretrained(tmp_path / "again"), wan, make_inputs(mask=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_the_base(
    variant: str, wan: WanTransformer3DModel, make_inputs: MakeInputs, write_original: WriteOriginal, tmp_path: Path
) -> None:
    options = {"text_branches": BRANCHES} if variant == "mot" else {}
    base = open_base(write_original(wan))
    write_transformer(base, variant, tmp_path / "vera", options=options, max_shard_size=60_000)
    vera = VARIANTS[variant].model.from_pretrained(tmp_path / "vera")
    branches = len(vera.config.branches)
    inputs = make_inputs(branches=branches, mask=True)
    if (
        variant == "dense"
    ):  # its layers are one sequence with positions of their own: nothing to compare with but weights
        assert torch.equal(vera.blocks[1].attn1.to_q.weight, wan.blocks[1].attn1.to_q.weight)
        return
    assert_is_wan(vera, wan, inputs)


@pytest.mark.parametrize("prediction_type", ["flow_prediction", "sample"])
@pytest.mark.parametrize("frame_coordinates", [False, True])
@torch.no_grad()
def test_a_base_of_this_package_starts_every_expert(
    frame_coordinates: bool, prediction_type: str, tiny_config: Any, make_inputs: MakeInputs, tmp_path: Path
) -> None:
    """A text-to-video model is Wan, but for what it may have more; experts made of it predict what it does."""
    torch.manual_seed(0)
    traits = {"frame_coordinates": frame_coordinates, "prediction_type": prediction_type}
    base = TextToVideoTransformer3DModel(**tiny_config, **traits).eval()
    base.save_pretrained(tmp_path / "base")
    options = {"branches": BRANCHES, "text_branches": BRANCHES}
    write_transformer(open_base(tmp_path / "base"), "mot", tmp_path / "vera", options=options)
    vera = VARIANTS["mot"].model.from_pretrained(tmp_path / "vera")
    assert {name: vera.config[name] for name in traits} == traits

    inputs = {name: x.double() for name, x in make_inputs(branches=3, mask=True).items()}
    inputs["hidden_states"] = inputs["hidden_states"][:, :1].expand(-1, 3, -1, -1, -1, -1)
    expected = base.double()(**inputs).sample
    sample = vera.double()(**inputs).sample
    torch.testing.assert_close(sample, expected.expand_as(sample), atol=1e-12, rtol=0)
    if frame_coordinates:
        base.patch_embedding.coordinates.weight.zero_()
        assert (base(**inputs).sample - expected).abs().max() > 1e-6, "coordinates count"


def test_a_base_of_another_kind_than_the_configuration_is_told(tiny_config: Any, tmp_path: Path) -> None:
    TextToVideoTransformer3DModel(**tiny_config, prediction_type="sample").save_pretrained(tmp_path / "base")
    with pytest.raises(VeraError) as error:
        check_sizes(open_base(tmp_path / "base").sizes, {"prediction_type": "flow_prediction"}, "base")
    one_line(error, "prediction_type", "sample", "flow_prediction")


def test_a_bare_file(wan: WanTransformer3DModel, make_inputs: MakeInputs, tiny_config: Any, tmp_path: Path) -> None:
    """Its sizes are those of its tensors, heads being 128 wide as in every Wan2.1 model."""
    torch.manual_seed(0)
    wan = WanTransformer3DModel(**tiny_config | {"num_attention_heads": 1, "attention_head_dim": 128}).eval()
    wan.save_pretrained(tmp_path / "wan")
    bare = tmp_path / "model.safetensors"
    (tmp_path / "wan" / "diffusion_pytorch_model.safetensors").rename(bare)

    base = open_base(bare)
    assert base.sizes == {name: wan.config[name] for name in base.sizes} | {
        "patch_size": [1, 2, 2],
        "rope_max_seq_len": 1024,
    }
    write_transformer(base, "mot", tmp_path / "vera", options={"text_branches": BRANCHES})
    assert_is_wan(VARIANTS["mot"].model.from_pretrained(tmp_path / "vera"), wan, make_inputs())


def test_original_keys_as_diffusers_converts_them(wan: WanTransformer3DModel, write_original: WriteOriginal) -> None:
    weights = load_file(write_original(wan) / "diffusion_pytorch_model.safetensors")
    whole = convert_wan_transformer_to_diffusers(dict(weights))
    assert whole.keys() == wan.state_dict().keys()
    for key, tensor in weights.items():
        assert torch.equal(whole[diffusers_key(key)], tensor)
        assert torch.equal(wan.state_dict()[diffusers_key(key)], tensor)


def test_dtypes(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    wan.save_pretrained(tmp_path / "wan")
    base = open_base(tmp_path / "wan")
    for dtype in (None, torch.bfloat16, torch.float16):
        write_transformer(base, "mot", tmp_path / str(dtype), dtype)
        weights = load_file(tmp_path / str(dtype) / "diffusion_pytorch_model.safetensors")
        assert weights["blocks.0.attn1.experts.alpha.to_q.weight"].dtype == (dtype or torch.float32)
        assert weights["source_embedding.weight"].dtype == (dtype or torch.float32)
        assert weights["blocks.0.experts.edit.scale_shift_table"].dtype == torch.float32, "kept as the base has it"


def test_the_config_is_complete(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    """Fields that the base's config.json leaves out have Wan's defaults, which are not Vera's."""
    wan.save_pretrained(tmp_path / "wan")
    path = tmp_path / "wan" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in config.items() if key not in ("eps", "qk_norm")}))
    sizes = open_base(tmp_path / "wan").sizes
    assert sizes["eps"] == 1e-6 and sizes["qk_norm"] == "rms_norm_across_heads" and len(sizes) == 13


# Bad input


def one_line(error: pytest.ExceptionInfo[VeraError], *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


@pytest.fixture
def diffusers_folder(wan: WanTransformer3DModel, tmp_path: Path) -> Path:
    wan.save_pretrained(tmp_path / "wan", max_shard_size="50KB")
    return tmp_path / "wan"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"_class_name": "FluxTransformer2DModel"}, "is a FluxTransformer2DModel"),
        ({"_class_name": "CogVideoXTransformer3DModel"}, "is a CogVideoXTransformer3DModel"),
        ({"_class_name": "WanVACETransformer3DModel"}, "is a WanVACETransformer3DModel"),
        ({"image_dim": 1280, "added_kv_proj_dim": 24, "in_channels": 36}, "type i2v"),
        ({"in_channels": 36}, "reads 36 channels and writes 4"),
        ({"in_channels": 48, "out_channels": 48}, "Wan2.2"),
        ({"num_layers": 3}, "weights are missing (first: blocks.2"),
        ({"num_layers": 1}, "weights are unknown (first: blocks.1"),
        ({"ffn_dim": 80}, "by config.json"),
    ],
)
def test_another_family_or_size(diffusers_folder: Path, values: dict[str, Any], named: str) -> None:
    path = diffusers_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(VeraError) as error:
        open_base(diffusers_folder)
    one_line(error, diffusers_folder, named)


@pytest.mark.parametrize("values", [{"model_type": "i2v", "in_dim": 36}, {"model_type": "ti2v", "in_dim": 48}])
def test_another_family_in_the_original_layout(
    wan: WanTransformer3DModel, write_original: WriteOriginal, values: dict[str, Any]
) -> None:
    with pytest.raises(VeraError) as error:
        open_base(write_original(wan, **values))
    one_line(error, f"type {values['model_type']}")


def test_a_bare_file_of_another_family(tmp_path: Path, tiny_config: Any) -> None:
    flux = FluxTransformer2DModel(
        num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=1, axes_dims_rope=(2, 2, 4)
    )
    image = WanTransformer3DModel(**tiny_config | {"image_dim": 16, "added_kv_proj_dim": 24})
    for model, named in ((flux, "is no Wan transformer"), (image, "type i2v")):
        save_file(model.state_dict(), tmp_path / "bare.safetensors")
        with pytest.raises(VeraError) as error:
            open_base(tmp_path / "bare.safetensors")
        one_line(error, "bare.safetensors", named)


def test_a_bare_file_of_unknown_heads(wan: WanTransformer3DModel, tmp_path: Path) -> None:
    save_file(wan.state_dict(), tmp_path / "bare.safetensors")
    with pytest.raises(VeraError) as error:
        open_base(tmp_path / "bare.safetensors")
    one_line(error, "no multiple of 128")


def test_other_sizes_than_asked_for(diffusers_folder: Path) -> None:
    sizes = open_base(diffusers_folder).sizes
    check_sizes(sizes, sizes | {"patch_size": tuple(sizes["patch_size"])}, "base")
    with pytest.raises(VeraError) as error:
        check_sizes(sizes, {"num_layers": 30}, "base")
    one_line(error, "num_layers 2", "30")


def test_missing_shard(diffusers_folder: Path) -> None:
    shard = sorted(diffusers_folder.glob("*.safetensors"))[1]
    shard.unlink()
    with pytest.raises(VeraError) as error:
        open_base(diffusers_folder)
    one_line(error, shard.name, "missing")


def test_weights_that_are_there_twice_are_not_guessed(diffusers_folder: Path) -> None:
    whole = diffusers_folder / "diffusion_pytorch_model.safetensors"
    whole.write_bytes(b"")
    with pytest.raises(VeraError) as error:
        open_base(diffusers_folder)
    one_line(error, f"both {whole.name} and {whole.name}.index.json", "remove what is older")


@pytest.mark.parametrize("keep", [0.99, 0.5, 0.0])
def test_truncated_shard(diffusers_folder: Path, keep: float) -> None:
    shard = sorted(diffusers_folder.glob("*.safetensors"))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(VeraError) as error:
        open_base(diffusers_folder)
    one_line(error, shard.name, "not whole")


def test_no_weights_no_config_and_no_index(diffusers_folder: Path, tmp_path: Path) -> None:
    index = diffusers_folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text("{}")
    with pytest.raises(VeraError, match="no index"):
        open_base(diffusers_folder)
    index.unlink()
    open_base(diffusers_folder)  # all shards are there
    for shard in diffusers_folder.glob("*.safetensors"):
        shard.unlink()
    with pytest.raises(VeraError, match=r"diffusion_pytorch_model\.safetensors is missing"):
        open_base(diffusers_folder)
    (diffusers_folder / "config.json").write_text("{")
    with pytest.raises(VeraError, match="cannot be read"):
        open_base(diffusers_folder)
    (diffusers_folder / "config.json").unlink()
    with pytest.raises(VeraError, match="is missing"):
        open_base(diffusers_folder)


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn])
def test_quantised_weights(wan: WanTransformer3DModel, tmp_path: Path, dtype: torch.dtype) -> None:
    weights = wan.state_dict()
    weights["blocks.0.ffn.net.2.weight"] = weights["blocks.0.ffn.net.2.weight"].to(dtype)
    save_file(weights, tmp_path / "fp8.safetensors")
    with pytest.raises(VeraError) as error:
        open_base(tmp_path / "fp8.safetensors")
    one_line(error, "blocks.0.ffn.net.2.weight", "quantised")


def test_missing_and_unknown_weights(wan: WanTransformer3DModel, diffusers_folder: Path) -> None:
    for change in ({"proj_out.bias": None}, {"extra": torch.zeros(1)}):
        weights = {key: tensor for key, tensor in (wan.state_dict() | change).items() if tensor is not None}
        for old in diffusers_folder.glob("*.safetensors*"):
            old.unlink()
        save_file(weights, diffusers_folder / "diffusion_pytorch_model.safetensors")
        with pytest.raises(VeraError) as error:
            open_base(diffusers_folder)
        one_line(error, "1 weights are", next(iter(change)))
