"""One dense DiT: the tokens of edit, alpha and composite in one sequence of a single Wan transformer."""

import math
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.loaders import PeftAdapterMixin
from diffusers.models.attention import AttentionMixin
from diffusers.models.cache_utils import CacheMixin
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.transformers.transformer_wan import (
    WanRotaryPosEmbed,
    WanTimeTextImageEmbedding,
    WanTransformerBlock,
)
from diffusers.utils import apply_lora_scale
from torch import Tensor, nn

from vera.models.baselines.variant import Config, Named, Variant
from vera.models.caches import LayerCaches
from vera.models.complete_weights import CompleteWeights
from vera.models.conversion.experts import COORDINATES
from vera.models.layer_tokens import LayerTokens, OutputHead, check_prediction_type
from vera.models.wan_attention import WanAttnProcessor


class DenseTransformer3DModel(
    LayerTokens,
    CompleteWeights,
    ModelMixin,  # type: ignore[misc]
    ConfigMixin,  # type: ignore[misc]
    PeftAdapterMixin,  # type: ignore[misc]
    LayerCaches,
    CacheMixin,  # type: ignore[misc]
    AttentionMixin,  # type: ignore[misc]
):
    """Predicts the velocity of all layers with the weights of one Wan2.1; sizes default to 1.3B.

    As in `VeraTransformer3DModel`, tokens of one pixel share a position and all tokens attend to each other; unlike
    there, all layers share every weight but their layer embeddings, and every layer reads the text.
    """

    _supports_gradient_checkpointing = True
    _no_split_modules = ["WanTransformerBlock"]  # noqa: RUF012
    _repeated_blocks = ["WanTransformerBlock"]  # noqa: RUF012

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
        frame_coordinates: bool = False,
        prediction_type: str = "flow_prediction",
    ) -> None:
        super().__init__()
        check_prediction_type(prediction_type)
        dim = num_attention_heads * attention_head_dim

        # 1. Patches and positions
        self.rope = WanRotaryPosEmbed(attention_head_dim, patch_size, rope_max_seq_len)
        self.patch_embedding = nn.Conv3d(in_channels, dim, patch_size, patch_size)
        self._make_embeddings(tuple(branches), in_channels, dim, patch_size, frame_coordinates)

        # 2. Time and text
        self.condition_embedder = WanTimeTextImageEmbedding(dim, freq_dim, dim * 6, text_dim)

        # 3. Blocks
        self.blocks = nn.ModuleList(
            WanTransformerBlock(dim, ffn_dim, num_attention_heads, qk_norm, cross_attn_norm, eps)
            for _ in range(num_layers)
        )
        self.set_attn_processor(WanAttnProcessor())

        # 4. Output
        self.output_head = OutputHead(dim, out_channels * math.prod(patch_size), eps)

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
        """Velocity of every layer's latent; arguments and result are those of `VeraTransformer3DModel.forward`."""
        count = hidden_states.shape[1]
        # Every layer's tokens have the same positions.
        rotary_emb = tuple(x.repeat(1, count, 1, 1) for x in self.rope(source))
        patch_embeddings = [(branch, self.patch_embedding) for branch in self.config.branches]
        tokens = torch.cat(self._embed_layers(patch_embeddings, hidden_states, source, mask), dim=1)

        temb, timestep_proj, encoder_hidden_states, _ = self.condition_embedder(timestep, encoder_hidden_states)
        timestep_proj = timestep_proj.unflatten(1, (6, -1))

        for block in self.blocks:
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                tokens = self._gradient_checkpointing_func(
                    block, tokens, encoder_hidden_states, timestep_proj, rotary_emb
                )
            else:
                tokens = block(tokens, encoder_hidden_states, timestep_proj, rotary_emb)

        patches = self.output_head(tokens, temb).unflatten(1, (count, -1))
        sample = self._velocity(patches, hidden_states, timestep)
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)


def _from_wan(config: Config, key: str, tensor: Tensor) -> Named:
    head = f"output_head.{key}" if key.startswith(("proj_out.", "scale_shift_table")) else key
    yield "coordinate_embedding.weight" if key == COORDINATES else head, tensor


DENSE = Variant(DenseTransformer3DModel, _from_wan)
