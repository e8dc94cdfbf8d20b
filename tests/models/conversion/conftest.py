"""A tiny Wan on disk in each of its layouts."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file
from tests.wan_layouts import original_key
from torch import Tensor


@pytest.fixture
def wan(tiny_config: dict[str, Any]) -> WanTransformer3DModel:
    torch.manual_seed(0)
    return WanTransformer3DModel(**tiny_config).eval()


@pytest.fixture
def write_original(tmp_path: Path) -> Callable[..., Path]:
    """Give `write_original(wan, shards=1, **config)`: a folder in the original layout."""

    def write(wan: WanTransformer3DModel, shards: int = 1, **config: Any) -> Path:
        folder = tmp_path / f"original-{shards}"
        folder.mkdir()
        weights = {original_key(key): tensor for key, tensor in wan.state_dict().items()}
        write_weights(folder, weights, shards)
        sizes = {
            "_class_name": "WanModel",
            "model_type": "t2v",
            "dim": wan.config.num_attention_heads * wan.config.attention_head_dim,
            "eps": wan.config.eps,
            "ffn_dim": wan.config.ffn_dim,
            "freq_dim": wan.config.freq_dim,
            "in_dim": wan.config.in_channels,
            "num_heads": wan.config.num_attention_heads,
            "num_layers": wan.config.num_layers,
            "out_dim": wan.config.out_channels,
            "text_len": 512,
        }
        (folder / "config.json").write_text(json.dumps(sizes | config))
        return folder

    return write


def write_weights(folder: Path, weights: Mapping[str, Tensor], shards: int) -> None:
    """`diffusion_pytorch_model`, in one file or several with an index, as the original 14B has them."""
    if shards == 1:
        save_file(dict(weights), folder / "diffusion_pytorch_model.safetensors")
        return
    weight_map = {}
    for shard in range(shards):
        name = f"diffusion_pytorch_model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = dict(list(weights.items())[shard::shards])
        save_file(part, folder / name)
        weight_map |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
