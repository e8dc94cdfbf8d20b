"""What is and what is not Wan2.1 text-to-video, and the names of its tensors in its two layouts.

The original layout is that of the Wan repository (`self_attn.q`, `head.head`), the other diffusers'.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from transformers import UMT5Config

from vera.errors import VeraError

Shapes = Mapping[str, tuple[int, ...]]

# What diffusers, and Vera too, calls the sizes of a Wan transformer.
SIZES = (
    "patch_size",
    "num_attention_heads",
    "attention_head_dim",
    "in_channels",
    "out_channels",
    "text_dim",
    "freq_dim",
    "ffn_dim",
    "num_layers",
    "cross_attn_norm",
    "qk_norm",
    "eps",
    "rope_max_seq_len",
)
TRAITS = ("frame_coordinates", "prediction_type")  # of a base that was trained by this package
HEAD_DIM = 128  # of every Wan2.1 model
_WAN22_CHANNELS = 48  # latent channels of Wan2.2 TI2V-5B
_CLASSES = ("WanTransformer3DModel", "WanModel", "TextToVideoTransformer3DModel")
_START = "Vera starts from Wan2.1 text-to-video"


def diffusers_key(key: str) -> str:
    """The diffusers name of a tensor of an original Wan transformer."""
    # diffusers converts whole state dicts, but every tensor of a text-to-video model by its name alone.
    (converted,) = convert_wan_transformer_to_diffusers({key: None})
    return str(converted)


def is_original(keys: Mapping[str, Any]) -> bool:
    """Whether these are the names of the original layout."""
    return any(key.startswith(("head.", "model.diffusion_model.head.")) for key in keys)


def check_family(config: Mapping[str, Any], where: str) -> None:
    """VeraError, which names `where`, unless this config.json is of Wan2.1 text-to-video, in either layout."""
    name = config.get("_class_name")
    if name not in _CLASSES:
        raise VeraError(f"{where} is a {name}: {_START}, a {_CLASSES[0]} or, in its original layout, a {_CLASSES[1]}")
    kind = config.get("model_type", "t2v")
    if config.get("image_dim") or config.get("added_kv_proj_dim"):
        kind = "i2v"
    if kind != "t2v":
        raise VeraError(f"{where} is of type {kind}: {_START}, type t2v")
    read, written = (config.get(f"{side}_channels", config.get(f"{side}_dim")) for side in ("in", "out"))
    check_channels(read, written, where)


def check_channels(read: int | None, written: int | None, where: str) -> None:
    """VeraError where the channels tell another family."""
    if _WAN22_CHANNELS in (read, written):
        raise VeraError(f"{where} has {_WAN22_CHANNELS} latent channels, as Wan2.2 TI2V-5B: {_START}")
    if read != written:
        raise VeraError(f"{where} reads {read} channels and writes {written}, as models with image input do: {_START}")


def sizes_from_shapes(shapes: Shapes, heads: int | None, eps: float, where: str) -> dict[str, Any]:
    """The sizes of a Wan text-to-video transformer with tensors of these shapes, in diffusers' names.

    Shapes do not tell the heads: they are taken to be 128 wide, as in every Wan2.1 model, unless `heads` is given.
    """
    if any("attn2.add_k_proj" in key or "image_embedder" in key for key in shapes):
        raise VeraError(f"{where} is of type i2v: {_START}, type t2v")
    sizes = family_sizes(shapes, heads, eps, where)
    check_channels(sizes["in_channels"], sizes["out_channels"], where)
    return sizes


def family_sizes(shapes: Shapes, heads: int | None, eps: float, where: str) -> dict[str, Any]:
    """The sizes of any Wan transformer, as `sizes_from_shapes`, but for those of image input, which it may have."""
    try:
        dim, in_channels, *patch_size = shapes["patch_embedding.weight"]
        text_dim = shapes["condition_embedder.text_embedder.linear_1.weight"][1]
        freq_dim = shapes["condition_embedder.time_embedder.linear_1.weight"][1]
        ffn_dim = shapes["blocks.0.ffn.net.0.proj.weight"][0]
        out_channels = shapes["proj_out.weight"][0] // math.prod(patch_size)
    except KeyError as error:
        raise VeraError(f"{where} is no Wan transformer: it has no {error}") from None
    except (ValueError, IndexError, ZeroDivisionError):
        raise VeraError(f"{where} is no Wan transformer: its tensors have other shapes") from None
    if heads is not None and (type(heads) is not int or not 0 < heads <= dim or dim % heads):
        raise VeraError(f"{where}: config.json: {dim} channels cannot be those of {heads!r} heads")
    if heads is None and dim % HEAD_DIM:
        raise VeraError(f"{where}: {dim} channels are no multiple of {HEAD_DIM}, a head of Wan2.1: add its config.json")
    heads = heads or dim // HEAD_DIM
    return {
        "patch_size": patch_size,
        "num_attention_heads": heads,
        "attention_head_dim": dim // heads,
        "in_channels": in_channels,
        "out_channels": out_channels,
        "text_dim": text_dim,
        "freq_dim": freq_dim,
        "ffn_dim": ffn_dim,
        "num_layers": 1 + max(int(number[1]) for key in shapes if (number := re.match(r"blocks\.(\d{1,6})\.", key))),
        "cross_attn_norm": "blocks.0.norm2.weight" in shapes,
        "qk_norm": "rms_norm_across_heads",
        "eps": eps,
        "rope_max_seq_len": 1024,
    }


# The text encoder: the original's own names of an UMT5 encoder and those of transformers

_UMT5_BLOCK = {
    "norm1.weight": "layer.0.layer_norm.weight",
    "attn.q.weight": "layer.0.SelfAttention.q.weight",
    "attn.k.weight": "layer.0.SelfAttention.k.weight",
    "attn.v.weight": "layer.0.SelfAttention.v.weight",
    "attn.o.weight": "layer.0.SelfAttention.o.weight",
    "pos_embedding.embedding.weight": "layer.0.SelfAttention.relative_attention_bias.weight",
    "norm2.weight": "layer.1.layer_norm.weight",
    "ffn.gate.0.weight": "layer.1.DenseReluDense.wi_0.weight",
    "ffn.fc1.weight": "layer.1.DenseReluDense.wi_1.weight",
    "ffn.fc2.weight": "layer.1.DenseReluDense.wo.weight",
}
_UMT5_OUTER = {"token_embedding.weight": "shared.weight", "norm.weight": "encoder.final_layer_norm.weight"}


def umt5_key(key: str) -> str:
    """The name in transformers' `UMT5EncoderModel` of a tensor of the original encoder; VeraError for any other."""
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)", key)
    if block and block[2] in _UMT5_BLOCK:
        return f"encoder.block.{block[1]}.{_UMT5_BLOCK[block[2]]}"
    if key not in _UMT5_OUTER:
        raise VeraError(
            f"the text encoder has a tensor {key}, which no UMT5 encoder of Wan has: take Wan2.1's own file"
        )
    return _UMT5_OUTER[key]


def umt5_config(shapes: Shapes) -> UMT5Config:
    """Config of the encoder whose tensors, in transformers' names, have these shapes."""
    vocabulary, dim = shapes["shared.weight"]
    attention = "encoder.block.0.layer.0.SelfAttention"
    buckets, heads = shapes[f"{attention}.relative_attention_bias.weight"]
    return UMT5Config(
        vocab_size=vocabulary,
        d_model=dim,
        d_kv=shapes[f"{attention}.q.weight"][0] // heads,
        d_ff=shapes["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"][0],
        num_layers=1 + max(int(key.split(".")[2]) for key in shapes if key.startswith("encoder.block.")),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        architectures=["UMT5EncoderModel"],
    )
