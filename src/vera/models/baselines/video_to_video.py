"""Plain video-to-video: Wan with the source, and a mask, as further channels of what it denoises."""

from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from vera.models.baselines.variant import Config, Named, Variant, with_zero_channels
from vera.models.caches import LayerCaches
from vera.models.complete_weights import CompleteWeights
from vera.models.wan_attention import WanAttnProcessor


class ConcatTransformer3DModel(CompleteWeights, LayerCaches, WanTransformer3DModel, ModelMixin):  # type: ignore[misc]
    """Predicts the velocity of the composite only; sizes default to Wan2.1 1.3B.

    The patch embedding reads three times `in_channels`: noise, source, mask. A convolution over concatenated channels
    is the sum of convolutions over each, so this is the same function, of the same weights, as a
    `VeraTransformer3DModel` with the one branch `composite`, which adds the source's tokens.
    """

    # Without the entry for Wan2.2's timestep of every token.
    _cp_plan = {name: plan for name, plan in WanTransformer3DModel._cp_plan.items() if name}  # noqa: RUF012

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
        branches: tuple[str, ...] = ("composite",),
    ) -> None:
        if len(branches) != 1:
            raise ValueError(f"a video-to-video model predicts one branch, not {tuple(branches)}")
        # Undecorated, so that the config holds this class's arguments and not Wan's.
        WanTransformer3DModel.__init__.__wrapped__(
            self,
            patch_size=patch_size,
            num_attention_heads=num_attention_heads,
            attention_head_dim=attention_head_dim,
            in_channels=3 * in_channels,
            out_channels=out_channels,
            text_dim=text_dim,
            freq_dim=freq_dim,
            ffn_dim=ffn_dim,
            num_layers=num_layers,
            cross_attn_norm=cross_attn_norm,
            qk_norm=qk_norm,
            eps=eps,
            rope_max_seq_len=rope_max_seq_len,
        )
        self.set_attn_processor(WanAttnProcessor())
        nn.init.zeros_(self.patch_embedding.weight[:, in_channels:].detach())

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
        """Velocity [B, 1, C, T, H, W] of the latent; arguments are those of `VeraTransformer3DModel.forward`."""
        mask = torch.zeros_like(source) if mask is None else mask
        sample = super().forward(
            torch.cat([hidden_states[:, 0], source, mask], dim=1),
            timestep,
            encoder_hidden_states,
            attention_kwargs=attention_kwargs,
            return_dict=False,
        )[0][:, None]
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)


def _from_wan(config: Config, key: str, tensor: Tensor) -> Named:
    yield key, with_zero_channels(tensor, 2) if key == "patch_embedding.weight" else tensor


V2V_CONCAT = Variant(ConcatTransformer3DModel, _from_wan)
