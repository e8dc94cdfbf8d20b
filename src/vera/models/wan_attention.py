"""Wan's attention: diffusers' `WanAttention` with a processor that shares the model's attention kernel."""

from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor

from vera.models.attention_kernel import apply_rotary_emb, attend, qk_norm


class WanAttnProcessor:
    """Computes `WanAttention`; diffusers' `set_attention_backend` and parallelism set the two attributes."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Map tokens [B, N, D], which attend to text tokens [B, L, D] or to each other, to [B, N, D]; no masks."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = qk_norm(attn.norm_q, attn.to_q(hidden_states))
        key = qk_norm(attn.norm_k, attn.to_k(context))
        value = attn.to_v(context)
        query, key, value = (x.unflatten(2, (attn.heads, -1)) for x in (query, key, value))
        if rotary_emb is not None:
            query, key = (apply_rotary_emb(x, *rotary_emb) for x in (query, key))
        # Text is whole on every device, so that context parallelism does not concern it.
        parallel_config = self._parallel_config if encoder_hidden_states is None else None
        output = attend(query, key, value, self._attention_backend, parallel_config).flatten(2, 3)
        projected: Tensor = attn.to_out[1](attn.to_out[0](output))
        return projected


def text_attention(dim: int, heads: int, eps: float) -> WanAttention:
    """Wan's cross-attention from [B, N, dim] tokens to [B, L, dim] text tokens."""
    return WanAttention(
        dim, heads, dim // heads, eps, cross_attention_dim_head=dim // heads, processor=WanAttnProcessor()
    )
