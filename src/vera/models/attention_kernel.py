"""What every attention of the model shares: the kernel, which is diffusers' dispatcher, qk-norm and rotations."""

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn


def attend(
    query: Tensor, key: Tensor, value: Tensor, backend: Any | None = None, parallel_config: Any | None = None
) -> Tensor:
    """Attention over [B, N, heads, head_dim] tensors of one dtype, without a mask; returns the query's shape.

    The kernel that `backend` names gets the tokens as they are. Without a name it is diffusers' active one, and trains
    in float32 on a CPU. With `parallel_config` the tokens are this process's share, and the kernel exchanges them with
    the others.
    """
    on_cpu = query.device.type == "cpu" and backend is None
    if on_cpu and query.dtype == torch.bfloat16 and query.requires_grad:
        # The backward pass of torch's fused kernel takes up to 5 times as long in bfloat16 as in float32, and inductor
        # makes matrix products that spell out attention into that kernel again.
        with torch.autocast("cpu", enabled=False):
            return attend(query.float(), key.float(), value.float(), None, parallel_config).to(query.dtype)
    output: Tensor = dispatch_attention_fn(query, key, value, backend=backend, parallel_config=parallel_config)
    return output


def qk_norm(norm: nn.RMSNorm, projected: Tensor) -> Tensor:
    """RMS-normalise queries or keys [B, N, D] and keep their dtype.

    Under autocast the projection is of lower precision than the norm's weight; torch has no fused kernel for that mix.
    """
    normed: Tensor = norm(projected.to(norm.weight.dtype))
    return normed.to(projected.dtype)


def apply_rotary_emb(x_bnhd: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate interleaved pairs of `x` [B, N, heads, head_dim] by cos, sin [1, N, 1, head_dim]; keeps the dtype."""
    even, odd = torch.unflatten(x_bnhd, -1, (-1, 2)).unbind(-1)
    rotated = torch.stack((-odd, even), dim=-1).flatten(-2)
    return (x_bnhd * cos + rotated * sin).to(x_bnhd.dtype)
