"""Joint self-attention: every branch projects its own tokens, all tokens attend to each other in one kernel call."""

from typing import Any

import torch
from diffusers.models.attention import AttentionModuleMixin
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn


def apply_rotary_emb(x_bnhd: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate interleaved pairs of `x` [B, N, heads, head_dim] by cos, sin [1, N, 1, head_dim]; keeps the dtype."""
    even, odd = torch.unflatten(x_bnhd, -1, (-1, 2)).unbind(-1)
    rotated = torch.stack((-odd, even), dim=-1).flatten(-2)
    return (x_bnhd * cos + rotated * sin).to(x_bnhd.dtype)


class JointAttnProcessor:
    """Computes `JointAttention`; diffusers' `set_attention_backend` and parallelism set the two attributes."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self, attn: "JointAttention", streams: list[Tensor], rotary_emb: tuple[Tensor, Tensor] | None
    ) -> list[Tensor]:
        queries, keys, values = [], [], []
        for expert, stream in zip(attn.experts.values(), streams, strict=True):
            value = expert.to_v(stream)
            query = expert.norm_q(expert.to_q(stream)).unflatten(2, (attn.heads, -1))
            key = expert.norm_k(expert.to_k(stream)).unflatten(2, (attn.heads, -1))
            if rotary_emb is not None:
                query = apply_rotary_emb(query, *rotary_emb)
                key = apply_rotary_emb(key, *rotary_emb)
            # Under autocast the norms give float32; the kernel runs in the dtype of the projections.
            queries.append(query.to(value.dtype))
            keys.append(key.to(value.dtype))
            values.append(value.unflatten(2, (attn.heads, -1)))

        # [B, tokens of all branches, heads, head_dim]; without joint attention branches become batch entries.
        merge_dim = 1 if attn.joint else 0
        hidden_states = dispatch_attention_fn(
            torch.cat(queries, merge_dim),
            torch.cat(keys, merge_dim),
            torch.cat(values, merge_dim),
            backend=self._attention_backend,
            parallel_config=self._parallel_config,
        )
        sizes = [query.shape[merge_dim] for query in queries]
        outputs = hidden_states.flatten(2, 3).split(sizes, merge_dim)
        return [
            expert.to_out[1](expert.to_out[0](output))
            for expert, output in zip(attn.experts.values(), outputs, strict=True)
        ]


class AttentionProjections(nn.Module):
    """One branch's query, key, value and output projections, named as in diffusers' `WanAttention`."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.to_out = nn.ModuleList([nn.Linear(dim, dim), nn.Dropout(0.0)])
        self.norm_q = nn.RMSNorm(dim, eps=eps)
        self.norm_k = nn.RMSNorm(dim, eps=eps)


class JointAttention(nn.Module, AttentionModuleMixin):  # type: ignore[misc]
    """Self-attention over the tokens of all branches together.

    With `joint=False` each branch attends to itself only (all branches must then have as many tokens).
    """

    experts: Any  # nn.ModuleDict of AttentionProjections
    _default_processor_cls = JointAttnProcessor
    _available_processors = [JointAttnProcessor]  # noqa: RUF012 (diffusers' protocol)
    _supports_qkv_fusion = False
    is_cross_attention = False

    def __init__(self, dim: int, heads: int, branches: tuple[str, ...], eps: float, joint: bool) -> None:
        super().__init__()
        self.heads = heads
        self.joint = joint
        self.experts = nn.ModuleDict({branch: AttentionProjections(dim, eps) for branch in branches})
        self.set_processor(JointAttnProcessor())

    def forward(self, streams: list[Tensor], rotary_emb: tuple[Tensor, Tensor] | None = None) -> list[Tensor]:
        """Map one [B, N, D] tensor per branch to as many of the same shapes."""
        outputs: list[Tensor] = self.processor(self, streams, rotary_emb)
        return outputs
