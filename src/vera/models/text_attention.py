"""Text cross-attention: diffusers' `WanAttention` with a processor that shares the model's attention kernel."""

from diffusers.models.transformers.transformer_wan import WanAttention
from torch import Tensor

from vera.models.attention_kernel import attend, qk_norm


class TextAttnProcessor:
    """Computes `WanAttention` over text; diffusers' `set_attention_backend` sets the first attribute."""

    _attention_backend = None
    _parallel_config = None

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: None = None,
        rotary_emb: None = None,
    ) -> Tensor:
        """Map tokens [B, N, D], with text tokens [B, L, D], to [B, N, D]; masks and positions are not used for text."""
        query = qk_norm(attn.norm_q, attn.to_q(hidden_states))
        key = qk_norm(attn.norm_k, attn.to_k(encoder_hidden_states))
        value = attn.to_v(encoder_hidden_states)
        query, key, value = (x.unflatten(2, (attn.heads, -1)) for x in (query, key, value))
        # Text is whole on every device, so that context parallelism does not concern this attention.
        output = attend(query, key, value, self._attention_backend).flatten(2, 3)
        projected: Tensor = attn.to_out[1](attn.to_out[0](output))
        return projected


def text_attention(dim: int, heads: int, eps: float) -> WanAttention:
    """Wan's cross-attention from [B, N, dim] tokens to [B, L, dim] text tokens."""
    return WanAttention(
        dim, heads, dim // heads, eps, cross_attention_dim_head=dim // heads, processor=TextAttnProcessor()
    )
