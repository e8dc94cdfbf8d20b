"""The denoiser: Wan2.1's text-to-video transformer as a mixture of transformers, one expert for each layer of the edit.

State dict: what Wan holds once is held once per branch; `vera.models.conversion` has the keys.
"""

import math
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.attention import AttentionMixin, FeedForward
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.normalization import FP32LayerNorm
from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed, WanTimeTextImageEmbedding
from diffusers.utils import apply_lora_scale
from torch import Tensor, nn

from vera.models.caches import LayerCaches
from vera.models.complete_weights import CompleteWeights
from vera.models.joint_attention import JointAttention
from vera.models.layer_tokens import LayerTokens, OutputHead, check_prediction_type
from vera.models.wan_attention import text_attention


class Expert(nn.Module):
    """What one branch owns in a block besides its attention projections; text attention only where `text` is set."""

    def __init__(self, dim: int, ffn_dim: int, heads: int, cross_attn_norm: bool, eps: float, text: bool) -> None:
        super().__init__()
        self.norm1 = FP32LayerNorm(dim, eps, elementwise_affine=False)
        if text:
            self.norm2 = FP32LayerNorm(dim, eps) if cross_attn_norm else nn.Identity()
            self.attn2 = text_attention(dim, heads, eps)
        else:
            self.attn2 = None
        self.norm3 = FP32LayerNorm(dim, eps, elementwise_affine=False)
        self.ffn = FeedForward(dim, inner_dim=ffn_dim, activation_fn="gelu-approximate")
        self.scale_shift_table = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(self, temb: Tensor) -> tuple[Tensor, ...]:
        """Modulation: shift, scale and gate of attention and of feed-forward, each [B, 1, D], in float32 as in Wan.

        A forward, so that hooks which bring a module's own parameters in see their use.
        """
        return (self.scale_shift_table + temb.float()).chunk(6, dim=1)


class JointBlock(nn.Module):
    """One layer of all branches: a Wan block per branch, with one self-attention over all tokens."""

    experts: Any  # nn.ModuleDict of Expert

    def __init__(
        self,
        dim: int,
        ffn_dim: int,
        heads: int,
        branches: tuple[str, ...],
        text_branches: tuple[str, ...],
        cross_attn_norm: bool,
        eps: float,
        joint_attention: bool,
    ) -> None:
        super().__init__()
        self.attn1 = JointAttention(dim, heads, branches, eps, joint_attention)
        self.experts = nn.ModuleDict(
            {branch: Expert(dim, ffn_dim, heads, cross_attn_norm, eps, branch in text_branches) for branch in branches}
        )

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        temb: Tensor,
        rotary_emb: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Map tokens [B, branches * N, D] to the same shape.

        `encoder_hidden_states` [B, L, D] text tokens, `temb` [B, 6, D] modulation shared by the branches,
        `rotary_emb` cos and sin [1, N, 1, head_dim], the same positions for every branch.
        """
        experts = self.experts.values()
        streams = hidden_states.chunk(len(self.experts), dim=1)
        modulation = [expert(temb) for expert in experts]

        # 1. Self-attention over all branches
        normed = [
            (expert.norm1(x.float()) * (1 + scale) + shift).type_as(x)
            for expert, x, (shift, scale, *_) in zip(experts, streams, modulation, strict=True)
        ]
        attended = self.attn1(normed, rotary_emb)

        outputs = []
        for expert, x, attn_output, (_, _, gate, ffn_shift, ffn_scale, ffn_gate) in zip(
            experts, streams, attended, modulation, strict=True
        ):
            x = (x.float() + attn_output * gate).type_as(x)

            # 2. Text
            if expert.attn2 is not None:
                x = x + expert.attn2(expert.norm2(x.float()).type_as(x), encoder_hidden_states)

            # 3. Feed-forward
            ffn_output = expert.ffn((expert.norm3(x.float()) * (1 + ffn_scale) + ffn_shift).type_as(x))
            outputs.append((x.float() + ffn_output.float() * ffn_gate).type_as(x))
        return torch.cat(outputs, dim=1)


class VeraTransformer3DModel(
    LayerTokens,
    CompleteWeights,
    ModelMixin,  # type: ignore[misc]
    ConfigMixin,  # type: ignore[misc]
    PeftAdapterMixin,  # type: ignore[misc]
    LayerCaches,
    CacheMixin,  # type: ignore[misc]
    AttentionMixin,  # type: ignore[misc]
):
    """Predicts the flow-matching velocity of all layers at once; sizes default to Wan2.1 1.3B.

    Args, besides those of `WanTransformer3DModel`:
        branches: names of the layers, in the order of the input's second axis. Every branch but the first has a
            layer embedding. The source's tokens are added to the last branch, so that without a composite branch
            they go to the last layer that is left. Mask tokens are added to `alpha` (to the last branch where there
            is none).
        text_branches: the branches with text cross-attention.
        joint_attention: whether all tokens attend to each other, or each branch to itself only.
        frame_coordinates: whether tokens are told where in the frame they lie; for models trained from nothing.
        prediction_type: whether blocks predict the velocity (`flow_prediction`, as Wan) or the clean latents
            (`sample`), of which `forward` makes a velocity; small models learn the latter far sooner.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ["JointBlock"]  # noqa: RUF012
    _repeated_blocks = ["JointBlock"]  # noqa: RUF012

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        num_attention_heads: int = 12,
        attention_head_dim: int = 128,
        in_channels: int = 16,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 8960,
        num_layers: int = 30,
        cross_attn_norm: bool = True,
        qk_norm: str = "rms_norm_across_heads",
        eps: float = 1e-6,
        rope_max_seq_len: int = 1024,
        branches: tuple[str, ...] = ("edit", "alpha", "composite"),
        text_branches: tuple[str, ...] = ("edit", "composite"),
        joint_attention: bool = True,
        frame_coordinates: bool = False,
        prediction_type: str = "flow_prediction",
    ) -> None:
        super().__init__()
        branches, text_branches = tuple(branches), tuple(text_branches)  # lists when read from JSON
        if not set(text_branches) <= set(branches):
            raise ValueError(f"text_branches {text_branches} are not all among branches {branches}")
        if qk_norm != "rms_norm_across_heads":
            raise ValueError(f"qk_norm must be 'rms_norm_across_heads', as in every Wan2.1 model, not {qk_norm!r}")
        check_prediction_type(prediction_type)
        dim = num_attention_heads * attention_head_dim

        # 1. Patches and positions
        self.rope = WanRotaryPosEmbed(attention_head_dim, patch_size, rope_max_seq_len)
        self.patch_embedding = nn.ModuleDict(
            {branch: nn.Conv3d(in_channels, dim, patch_size, patch_size) for branch in branches}
        )
        self._make_embeddings(branches, in_channels, dim, patch_size, frame_coordinates)

        # 2. Time and text, shared
        self.condition_embedder = WanTimeTextImageEmbedding(dim, freq_dim, dim * 6, text_dim)

        # 3. Blocks
        self.blocks = nn.ModuleList(
            JointBlock(
                dim, ffn_dim, num_attention_heads, branches, text_branches, cross_attn_norm, eps, joint_attention
            )
            for _ in range(num_layers)
        )

        # 4. Output
        patch_values = out_channels * math.prod(patch_size)
        self.output_head = nn.ModuleDict({branch: OutputHead(dim, patch_values, eps) for branch in branches})

        self.gradient_checkpointing = False

    @apply_lora_scale("attention_kwargs")  # type: ignore[untyped-decorator]
    def forward(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        source: Tensor,
        mask: Tensor | None = None,
        attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[Tensor]:
        """Velocity of every layer's latent; T, H, W are multiples of the patch size.

        Args:
            hidden_states: noisy latents [B, branches, C, T, H, W].
            timestep: [B] in [0, 1000], one for all layers of a sample.
            encoder_hidden_states: text states [B, L, text_dim].
            source: clean latent of the source [B, C, T, H, W].
            mask: latent of the mask video [B, C, T, H, W]; all zeros for a sample is no mask.
            attention_kwargs: `scale` is the LoRA scale.

        Returns:
            `sample` [B, branches, C, T, H, W].
        """
        rotary_emb = self.rope(source)
        streams = self._embed_layers(self.patch_embedding.items(), hidden_states, source, mask)
        tokens = torch.cat(streams, dim=1)

        temb, timestep_proj, encoder_hidden_states, _ = self.condition_embedder(timestep, encoder_hidden_states)
        timestep_proj = timestep_proj.unflatten(1, (6, -1))

        for block in self.blocks:
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                tokens = self._gradient_checkpointing_func(
                    block, tokens, encoder_hidden_states, timestep_proj, rotary_emb
                )
            else:
                tokens = block(tokens, encoder_hidden_states, timestep_proj, rotary_emb)

        heads = zip(self.output_head.values(), tokens.chunk(len(self.output_head), dim=1), strict=True)
        patches = torch.stack([head(stream, temb) for head, stream in heads], dim=1)  # [B, branches, N, patch values]
        sample = self._velocity(patches, hidden_states, timestep)
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)

    def enable_cache(self, config: Any) -> None:
        """Enable one of diffusers' caches; those that skip blocks must know the block's class first."""
        # Imported here: it loads every transformer of diffusers.
        from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry

        TransformerBlockRegistry.register(JointBlock, TransformerBlockMetadata(return_hidden_states_index=0))
        super().enable_cache(config)
