"""Weights of Casper and ROSE, which take things out of clips, and the parts of Wan2.1 that they run with.

Both are tuned from Wan2.1-Fun-1.3B-InP: a transformer of 36 channels, 16 of noise, 4 of a mask and 16 of a clip, that
also looks at a picture. diffusers has its class and not its configuration, so sizes are read from the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.files import read_json
from vera.metrics.learned.weights import fill, read_tensors
from vera.models.conversion.wan import family_sizes, is_original

CHANNELS = 36
EPS = 1e-6  # of all Wan2.1 models
PARTS = {
    "vae": ("diffusers", "AutoencoderKLWan"),
    "text_encoder": ("transformers", "UMT5EncoderModel"),
    "image_encoder": ("transformers", "CLIPVisionModel"),
}


@dataclass(frozen=True)
class WanInpainting:
    """The networks, on their device, with the tokenizer of the text encoder."""

    transformer: Any
    vae: Any
    text_encoder: Any
    image_encoder: Any
    tokenizer: Any


def load_inpainting(path: Path, base: Path, where: torch.device, number: torch.dtype) -> WanInpainting:
    """Load the transformer of a file or folder, in Wan's own layout or diffusers', and the other parts of `base`.

    VeraError for what is none of this, or lacks weights.
    """
    from diffusers import WanImageToVideoPipeline
    from transformers import AutoTokenizer

    from vera.pipelines.editors.parts import load_networks
    from vera.pipelines.load import quiet_libraries

    transformer = load_transformer(path, number)
    for part in (*PARTS, "tokenizer"):
        if not (base / part).is_dir():
            raise VeraError(f"model {base}: has no {part}; its base is Wan2.1 image-to-video in diffusers' layout")
    with quiet_libraries():
        parts = load_networks(base, PARTS, WanImageToVideoPipeline, number, f"model {base}")
        tokenizer = AutoTokenizer.from_pretrained(base / "tokenizer", local_files_only=True, trust_remote_code=False)
    networks = {name: network.eval().to(where) for name, network in {**parts, "transformer": transformer}.items()}
    return WanInpainting(**networks, tokenizer=tokenizer)


def load_transformer(path: Path, number: torch.dtype) -> Any:
    """The transformer of a file, or of all files of a folder, in `number`, but for what diffusers keeps in float32."""
    from accelerate import init_empty_weights
    from diffusers import WanTransformer3DModel

    tensors = _read(path)
    sizes = _sizes(tensors, path)
    with init_empty_weights(include_buffers=False):
        network = WanTransformer3DModel(**sizes)
    kept = set(WanTransformer3DModel._keep_in_fp32_modules)
    tensors = {
        name: tensor.to(torch.float32 if kept & set(name.split(".")) else number) for name, tensor in tensors.items()
    }
    fill(network, tensors, path, "model")
    return network.requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    if not files:
        raise VeraError(f"model {path}: is no folder with weights (.safetensors); check the path")
    tensors = {name: tensor for file in files for name, tensor in read_tensors(file, "model").items()}
    return convert_wan_transformer_to_diffusers(tensors) if is_original(tensors) else tensors


def _sizes(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    config = read_json(path / "config.json") if (path / "config.json").is_file() else {}
    heads = config.get("num_attention_heads", config.get("num_heads")) if isinstance(config, dict) else None
    sizes = family_sizes(shapes, heads, EPS, f"model {path}")
    if sizes["in_channels"] != CHANNELS:
        raise VeraError(f"model {path}: reads {sizes['in_channels']} channels, and removal by mask has {CHANNELS}")
    try:
        pictures = shapes["condition_embedder.image_embedder.norm1.weight"][0]
        added = shapes["blocks.0.attn2.add_k_proj.weight"][1]
    except (KeyError, IndexError):
        raise VeraError(f"model {path}: takes no picture, as Casper and ROSE do; is it the right one?") from None
    return {**sizes, "image_dim": pictures, "added_kv_proj_dim": added}
