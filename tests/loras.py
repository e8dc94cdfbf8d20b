"""Tiny transformers, LoRAs on them in several layouts, and what they predict."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanTransformer3DModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from vera.models import VeraTransformer3DModel
from vera.models.conversion import wan_to_vera
from vera.pipelines import VeraPipeline

BRANCHES = ("edit", "alpha", "composite")
FILE = "pytorch_lora_weights.safetensors"
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2"]
SIZES: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 2,
}
CLIP = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)


def vera(**config: Any) -> VeraTransformer3DModel:
    torch.manual_seed(0)
    return VeraTransformer3DModel(**SIZES, **config).eval()


def sample(pipeline: VeraPipeline) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    layers = pipeline(CLIP, "add a red balloon", generator=generator, output_type="latent", output_composite=True)
    return torch.stack([layers.edit, layers.alpha, layers.composite])


@torch.no_grad()
def adapt(model: Any, **config: Any) -> LoraConfig:
    """Add an adapter that changes what the model predicts."""
    config = {"r": 2, "lora_alpha": 4, "target_modules": TARGETS} | config
    lora = LoraConfig(**config)
    torch.manual_seed(1)
    model.add_adapter(lora)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.normal_(std=0.3)
    return lora


def save_adapter(pipeline_class: Any, model: Any, lora: LoraConfig, folder: Path) -> None:
    pipeline_class.save_lora_weights(
        folder,
        transformer_lora_layers=get_peft_model_state_dict(model),
        transformer_lora_adapter_metadata=lora.to_dict(),
    )


def save_lora(folder: Path) -> Path:
    """Write an adapter of the tiny Vera to a folder."""
    model = vera()
    save_adapter(VeraPipeline, model, adapt(model), folder)
    return folder


def of_wan(model: WanTransformer3DModel) -> VeraTransformer3DModel:
    """A Vera of which every branch is this Wan, by itself."""
    transformer = vera(joint_attention=False, text_branches=BRANCHES)
    transformer.load_state_dict(wan_to_vera(model.state_dict(), BRANCHES, BRANCHES), strict=False)
    return transformer


def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "hidden_states": torch.randn(1, 4, 2, 4, 6, generator=generator),
        "timestep": torch.tensor([300.0]),
        "encoder_hidden_states": torch.randn(1, 5, 16, generator=generator),
    }


@torch.no_grad()
def every_branch(pipeline: VeraPipeline) -> torch.Tensor:
    x = inputs()
    hidden_states = x.pop("hidden_states")
    layers = hidden_states[:, None].expand(-1, 3, -1, -1, -1, -1)
    prediction: torch.Tensor = pipeline.transformer(layers, **x, source=hidden_states).sample
    return prediction


def original_layout(file: Path, alpha: float) -> dict[str, torch.Tensor]:
    """The same LoRA in the names of the Wan repository."""
    names = {
        "attn1": "self_attn",
        "attn2": "cross_attn",
        "to_out.0": "o",
        "ffn.net.0.proj": "ffn.0",
        "ffn.net.2": "ffn.2",
    }
    names |= {f"to_{x}": x for x in "qkv"} | {
        "transformer.": "diffusion_model.",
        "lora_A": "lora_down",
        "lora_B": "lora_up",
    }
    weights = {}
    for key, tensor in load_file(file).items():
        for theirs, original in names.items():
            key = key.replace(theirs, original)
        weights[key] = tensor
        weights[key.partition(".lora_")[0] + ".alpha"] = torch.tensor(alpha)
    return weights
