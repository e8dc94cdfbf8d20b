"""Original names: the same numbers come out of the original's arithmetic, written here by its own names."""

import math
from collections.abc import Mapping

import pytest
import torch
from diffusers import WanTransformer3DModel
from tests.wan_layouts import make_wan, original_key, original_text
from torch import Tensor
from torch.nn import functional as F
from transformers import UMT5EncoderModel

from vera import VeraError
from vera.models.conversion.wan import diffusers_key, umt5_config, umt5_key

Weights = Mapping[str, Tensor]


def t5_encode(w: Weights, ids: Tensor, mask: Tensor, heads: int) -> Tensor:
    """The Wan repository's T5 encoder: states [B, L, D] of tokens [B, L]."""

    def norm(x: Tensor, name: str) -> Tensor:
        return w[f"{name}.weight"] * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    def bias(name: str, length: int) -> Tensor:
        """[1, heads, L, L] by signed distance: 8 of 16 buckets a side are exact, the others logarithmic up to 128."""
        table = w[f"{name}.weight"]
        side = table.shape[0] // 2
        distance = torch.arange(length)[None] - torch.arange(length)[:, None]
        far = side // 2 + (distance.abs() / (side // 2)).log() / math.log(128 / (side // 2)) * (side - side // 2)
        near = torch.where(distance.abs() < side // 2, distance.abs(), far.clamp(max=side - 1).long())
        return table[near + side * (distance > 0)].permute(2, 0, 1)[None]

    x = w["token_embedding.weight"][ids]
    for i in range(1 + max(int(key.split(".")[1]) for key in w if key.startswith("blocks."))):
        block = f"blocks.{i}"
        normed = norm(x, f"{block}.norm1")
        q, k, v = (
            F.linear(normed, w[f"{block}.attn.{name}.weight"]).unflatten(-1, (heads, -1)).transpose(1, 2)
            for name in "qkv"
        )
        scores = q @ k.transpose(-1, -2) + bias(f"{block}.pos_embedding.embedding", ids.shape[1])
        scores = scores.masked_fill(mask[:, None, None] == 0, torch.finfo(x.dtype).min)
        attended = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + F.linear(attended, w[f"{block}.attn.o.weight"])
        normed = norm(x, f"{block}.norm2")
        gate = F.gelu(F.linear(normed, w[f"{block}.ffn.gate.0.weight"]), approximate="tanh")
        x = x + F.linear(gate * F.linear(normed, w[f"{block}.ffn.fc1.weight"]), w[f"{block}.ffn.fc2.weight"])
    return norm(x, "norm")


@torch.no_grad()
def test_the_converted_text_encoder_computes_what_the_original_does() -> None:
    encoder = make_wan().text_encoder
    for parameter in encoder.parameters():
        parameter.normal_(std=0.5)
    original = original_text(encoder)
    config = umt5_config({umt5_key(key): tuple(tensor.shape) for key, tensor in original.items()})
    converted = UMT5EncoderModel(config).eval()
    missing, unexpected = converted.load_state_dict({umt5_key(k): t for k, t in original.items()}, strict=False)
    assert set(missing) <= {"encoder.embed_tokens.weight"} and not unexpected

    ids = torch.randint(6, (2, 40), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(40) < torch.tensor([[40], [23]])).long()
    states = converted(ids, mask).last_hidden_state
    expected = t5_encode(original, ids, mask, heads=2)
    torch.testing.assert_close(states[0], expected[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states[1, :23], expected[1, :23], atol=1e-5, rtol=1e-5)


def test_the_real_text_encoder_has_its_shapes() -> None:
    """UMT5-XXL, on the meta device."""
    sizes = {"token_embedding.weight": (256384, 4096), "norm.weight": (4096,)}
    block = {"norm1": (4096,), "norm2": (4096,), "pos_embedding.embedding": (32, 64), "ffn.gate.0": (10240, 4096)}
    block |= {f"attn.{name}": (4096, 4096) for name in "qkvo"} | {"ffn.fc1": (10240, 4096), "ffn.fc2": (4096, 10240)}
    sizes |= {f"blocks.{i}.{name}.weight": shape for i in range(24) for name, shape in block.items()}
    shapes = {umt5_key(key): shape for key, shape in sizes.items()}
    with torch.device("meta"):
        expected = {key: tuple(t.shape) for key, t in UMT5EncoderModel(umt5_config(shapes)).state_dict().items()}
    expected.pop("encoder.embed_tokens.weight")
    assert shapes == expected


def test_a_tensor_that_no_text_encoder_has() -> None:
    for key in ("decoder.norm.weight", "blocks.0.cross_attn.q.weight", "head.weight"):
        with pytest.raises(VeraError, match=key):
            umt5_key(key)


def wan_block(w: Weights, block: str, x: Tensor, text: Tensor, time: Tensor, heads: int) -> Tensor:
    """The Wan repository's block, without positions: tokens [B, N, D], text [B, L, D], modulation [B, 6, D]."""
    dim = x.shape[-1]

    def attention(name: str, x: Tensor, context: Tensor) -> Tensor:
        def rms(x: Tensor, norm: str) -> Tensor:
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * w[f"{block}.{name}.{norm}.weight"]

        def linear(x: Tensor, leaf: str) -> Tensor:
            return F.linear(x, w[f"{block}.{name}.{leaf}.weight"], w[f"{block}.{name}.{leaf}.bias"])

        q, k, v = rms(linear(x, "q"), "norm_q"), rms(linear(context, "k"), "norm_k"), linear(context, "v")
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (q, k, v))
        return linear(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2), "o")

    def mlp(x: Tensor) -> Tensor:
        hidden = F.gelu(F.linear(x, w[f"{block}.ffn.0.weight"], w[f"{block}.ffn.0.bias"]), approximate="tanh")
        return F.linear(hidden, w[f"{block}.ffn.2.weight"], w[f"{block}.ffn.2.bias"])

    shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = (w[f"{block}.modulation"] + time).unbind(1)
    normed = F.layer_norm(x, (dim,), eps=1e-6) * (1 + scale[:, None]) + shift[:, None]
    x = x + attention("self_attn", normed, normed) * gate[:, None]
    # norm3 is the affine one and comes before the text; norm2 has no weights and comes before the feed-forward.
    before_text = F.layer_norm(x, (dim,), w[f"{block}.norm3.weight"], w[f"{block}.norm3.bias"], 1e-6)
    x = x + attention("cross_attn", before_text, text)
    normed = F.layer_norm(x, (dim,), eps=1e-6) * (1 + ffn_scale[:, None]) + ffn_shift[:, None]
    return x + mlp(normed) * ffn_gate[:, None]


@torch.no_grad()
def test_a_converted_block_computes_what_the_original_does() -> None:
    wan: WanTransformer3DModel = make_wan().transformer
    for parameter in wan.parameters():
        parameter.normal_(std=0.3)
    original = {original_key(key): tensor for key, tensor in wan.state_dict().items()}
    converted = make_wan().transformer
    converted.load_state_dict({diffusers_key(key): tensor for key, tensor in original.items()})

    generator = torch.Generator().manual_seed(0)
    x, text, time = (torch.randn(2, n, 24, generator=generator) for n in (12, 5, 6))
    still = (torch.ones(1, 12, 1, 12), torch.zeros(1, 12, 1, 12))  # cos and sin of no rotation
    computed = converted.blocks[1](x, text, time, still)
    expected = wan_block(original, "blocks.1", x, text, time, heads=2)
    torch.testing.assert_close(computed, expected, atol=1e-4, rtol=1e-4)
