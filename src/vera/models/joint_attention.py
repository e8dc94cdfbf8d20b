"""Joint self-attention: every branch projects its own tokens, all tokens attend to each other in one kernel call."""

from typing import Any

import torch
from diffusers.models.attention import AttentionModuleMixin
from torch import Tensor, nn

from vera.models.attention_kernel import apply_rotary_emb, attend, qk_norm


class JointAttnProcessor:
    """Computes `JointAttention`; diffusers' `set_attention_backend` and parallelism set the two attributes."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self, attn: "JointAttention", streams: list[Tensor], rotary_emb: tuple[Tensor, Tensor] | None
    ) -> list[Tensor]:
        """Attend over the tokens of all branches; the arguments are those of `JointAttention.forward`."""
        queries, keys, values = [], [], []
        for expert, stream in zip(attn.experts.values(), streams, strict=True):
            query = qk_norm(expert.norm_q, expert.to_q(stream))
            key = qk_norm(expert.norm_k, expert.to_k(stream))
            value = expert.to_v(stream)
            query, key, value = (x.unflatten(2, (attn.heads, -1)) for x in (query, key, value))
            if rotary_emb is not None:
                query = apply_rotary_emb(query, *rotary_emb)
                key = apply_rotary_emb(key, *rotary_emb)
            queries.append(query)
            keys.append(key)
            values.append(value)

        # [B, tokens of all branches, heads, head_dim]; without joint attention branches become batch entries.
        merge_dim = 1 if attn.joint else 0
        hidden_states = attend(
            torch.cat(queries, merge_dim),
            torch.cat(keys, merge_dim),
            torch.cat(values, merge_dim),
            self._attention_backend,
            self._parallel_config,
        )
        sizes = [query.shape[merge_dim] for query in queries]
        outputs = torch.split(hidden_states.flatten(2, 3), sizes, merge_dim)
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
    processor: Any  # JointAttnProcessor, or one of the same call set by the user
    _default_processor_cls = JointAttnProcessor
    _available_processors = [JointAttnProcessor]  # noqa: RUF012 (diffusers' protocol)
    _supports_qkv_fusion = False
    is_cross_attention = False

    def __init__(self, dim: int, heads: int, branches: tuple[str, ...], eps: float, joint: bool) -> None:
        super().__init__()
        self.heads = heads
        self.joint = joint
        self.experts = nn.ModuleDict({branch: AttentionProjections(dim, eps) for branch in branches})
        self.processor = JointAttnProcessor()

    def forward(self, streams: list[Tensor], rotary_emb: tuple[Tensor, Tensor] | None = None) -> list[Tensor]:
        """Map one [B, N, D] tensor per branch to as many of the same shapes."""
        outputs: list[Tensor] = self.processor(self, streams, rotary_emb)
        return outputs
