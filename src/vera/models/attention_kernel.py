"""What every attention of the model shares: the kernel (diffusers' dispatcher, a faster path on CPU) and qk-norm."""

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn


def attend(
    query: Tensor, key: Tensor, value: Tensor, backend: Any | None = None, parallel_config: Any | None = None
) -> Tensor:
    """Attention over [B, N, heads, head_dim] tensors of one dtype, without a mask; returns the query's shape.

    The kernel is the one that `backend` names, else diffusers' active one, except when training in bfloat16 on a CPU:
    there the backward pass of torch's fused kernel takes 1 to 6 times as long as plain matrix products do. With
    `parallel_config` the tokens are this process's share, and the kernel exchanges them with the others.
    """
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16 and query.requires_grad
    if slow and backend is None and parallel_config is None:
        return _attend_by_matmul(query, key, value)
    output: Tensor = dispatch_attention_fn(query, key, value, backend=backend, parallel_config=parallel_config)
    return output


def qk_norm(norm: nn.RMSNorm, projected: Tensor) -> Tensor:
    """RMS-normalise queries or keys [B, N, D] and keep their dtype.

    Under autocast the projection is of lower precision than the norm's weight; torch has no fused kernel for that mix.
    """
    normed: Tensor = norm(projected.to(norm.weight.dtype))
    return normed.to(projected.dtype)


def _attend_by_matmul(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention that holds all scores, [B, heads, N, keys], at once."""
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    output: Tensor = scores.softmax(dim=-1) @ value
    return output.transpose(1, 2)
