"""A tiny Wan2.1 pipeline, and the names that its tensors have in the original layout."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

# Written from the Wan repository's module names: what diffusers calls the left is the right there.
TRANSFORMER_NAMES = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("attn1.to_out.0", "self_attn.o"),
    ("attn1.to_", "self_attn."),
    ("attn1.", "self_attn."),
    ("attn2.to_out.0", "cross_attn.o"),
    ("attn2.to_", "cross_attn."),
    ("attn2.", "cross_attn."),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
    ("norm2.", "norm3."),
    ("proj_out.", "head.head."),
)


def original_key(key: str) -> str:
    """A tensor's name in the original layout."""
    if key == "scale_shift_table":
        return "head.modulation"
    if key.endswith("scale_shift_table"):
        return key.replace("scale_shift_table", "modulation")
    for ours, theirs in TRANSFORMER_NAMES:
        if ours in key:
            return key.replace(ours, theirs)
    return key


WORDS = ["<pad>", "<unk>", "add", "a", "red", "balloon"]
TO_ORIGINAL_TEXT = {
    "layer.0.layer_norm": "norm1",
    "layer.0.SelfAttention.relative_attention_bias": "pos_embedding.embedding",
    "layer.0.SelfAttention": "attn",
    "layer.1.layer_norm": "norm2",
    "layer.1.DenseReluDense.wi_0": "ffn.gate.0",
    "layer.1.DenseReluDense.wi_1": "ffn.fc1",
    "layer.1.DenseReluDense.wo": "ffn.fc2",
    "encoder.final_layer_norm": "norm",
    "encoder.block": "blocks",
    "shared": "token_embedding",
}
"""Names of transformers' UMT5 encoder and of the Wan repository's T5 encoder."""


def make_wan(**transformer: Any) -> WanPipeline:
    torch.manual_seed(0)
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    sizes = {"num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 40, "num_layers": 2, "text_dim": 16}
    text = UMT5Config(vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2)
    return WanPipeline(
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>"),
        UMT5EncoderModel(text).eval(),
        AutoencoderKLWan(base_dim=4).eval(),
        UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        WanTransformer3DModel(**sizes | {"freq_dim": 32} | transformer).eval(),
    )


def write_original(wan: WanPipeline, folder: Path) -> Path:
    folder.mkdir()
    transformer = {original_key(key): tensor for key, tensor in wan.transformer.state_dict().items()}
    save_file(transformer, folder / "diffusion_pytorch_model.safetensors")
    config = {"_class_name": "WanModel", "model_type": "t2v", "num_heads": wan.transformer.config.num_attention_heads}
    config |= {"in_dim": 16, "out_dim": 16, "eps": 1e-6}
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(original_text(wan.text_encoder), folder / "models_t5_umt5-xxl-enc-bf16.pth")
    torch.save(original_vae(wan.vae), folder / "Wan2.1_VAE.pth")
    wan.tokenizer.save_pretrained(folder / "google" / "umt5-xxl")
    return folder


def original_text(encoder: UMT5EncoderModel) -> dict[str, torch.Tensor]:
    weights = {}
    for key, tensor in encoder.state_dict().items():
        if key == "encoder.embed_tokens.weight":
            continue
        for theirs, original in TO_ORIGINAL_TEXT.items():
            key = key.replace(theirs, original)
        weights[key] = tensor.clone()
    return weights


def original_vae(vae: AutoencoderKLWan) -> dict[str, torch.Tensor]:
    """Names of the Wan repository's modules, those that diffusers maps to a tensor of this autoencoder."""
    leaves = [f"residual.{i}.{leaf}" for i in (0, 2, 3, 6) for leaf in ("gamma", "weight", "bias")]
    leaves += [f"{name}.{leaf}" for name in ("shortcut", "resample.1", "time_conv") for leaf in ("weight", "bias")]
    leaves += ["norm.gamma", *(f"{name}.{leaf}" for name in ("to_qkv", "proj") for leaf in ("weight", "bias"))]
    modules = [f"encoder.downsamples.{i}" for i in range(11)] + [f"decoder.upsamples.{i}" for i in range(15)]
    modules += [f"{side}.middle.{i}" for side in ("encoder", "decoder") for i in range(3)]
    names = [f"{module}.{leaf}" for module in modules for leaf in leaves]
    outer = ("conv1", "conv2", "encoder.conv1", "decoder.conv1", "encoder.head.2", "decoder.head.2")
    names += [f"{module}.{leaf}" for module in outer for leaf in ("weight", "bias")]
    names += ["encoder.head.0.gamma", "decoder.head.0.gamma"]
    weights, known = {}, vae.state_dict()
    for name in names:
        (converted,) = convert_wan_vae_to_diffusers({name: None})
        if converted in known:
            weights[name] = known[converted].clone()
    assert len(weights) == len(known)
    return weights
