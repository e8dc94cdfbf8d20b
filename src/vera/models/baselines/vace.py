"""VACE-style context blocks: copies of some of Wan's blocks read the source and correct the others' hidden states."""

from typing import Any

import torch
from diffusers import PyramidAttentionBroadcastConfig, WanVACETransformer3DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models._modeling_parallel import ContextParallelInput, ContextParallelOutput
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from vera.errors import VeraError
from vera.models.baselines.variant import NEW, Config, Named, Variant, with_zero_channels
from vera.models.complete_weights import CompleteWeights
from vera.models.wan_attention import WanAttnProcessor


class ContextTransformer3DModel(CompleteWeights, WanVACETransformer3DModel, ModelMixin):  # type: ignore[misc]
    """Predicts the velocity of the composite only; sizes default to Wan2.1 1.3B.

    VACE's control is here the latents of source and mask, side by side in channels, instead of its inactive, reactive
    and mask parts. `vace_layers` are the blocks that have a context block; by default every second one, as in VACE
    1.3B (14B has every fifth). The projections into and out of the context start from zero, so that a new model does
    not see the source.
    """

    # Every context block reads the tokens that the first of the other blocks reads.
    _cp_plan = {  # noqa: RUF012 (diffusers' protocol)
        "rope": {index: ContextParallelInput(split_dim=1, expected_dims=4, split_output=True) for index in (0, 1)},
        "vace_blocks.*": {"hidden_states": ContextParallelInput(split_dim=1, expected_dims=3)},
        "vace_blocks.0": {"control_hidden_states": ContextParallelInput(split_dim=1, expected_dims=3)},
        "blocks.0": {"hidden_states": ContextParallelInput(split_dim=1, expected_dims=3)},
        "proj_out": ContextParallelOutput(gather_dim=1, expected_dims=3),
    }

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
        vace_layers: tuple[int, ...] | None = None,
        branches: tuple[str, ...] = ("composite",),
    ) -> None:
        if len(branches) != 1:
            raise ValueError(f"a model with context blocks predicts one branch, not {tuple(branches)}")
        layers = list(range(0, num_layers, 2) if vace_layers is None else vace_layers)
        self.register_to_config(vace_layers=layers)
        # Undecorated, so that the config holds this class's arguments and not VACE's.
        WanVACETransformer3DModel.__init__.__wrapped__(
            self,
            patch_size=patch_size,
            num_attention_heads=num_attention_heads,
            attention_head_dim=attention_head_dim,
            in_channels=in_channels,
            out_channels=out_channels,
            text_dim=text_dim,
            freq_dim=freq_dim,
            ffn_dim=ffn_dim,
            num_layers=num_layers,
            cross_attn_norm=cross_attn_norm,
            qk_norm=qk_norm,
            eps=eps,
            rope_max_seq_len=rope_max_seq_len,
            vace_layers=layers,
            vace_in_channels=2 * in_channels,
        )
        self.set_attn_processor(WanAttnProcessor())
        for linear in (self.vace_blocks[0].proj_in, *(block.proj_out for block in self.vace_blocks)):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

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
            hidden_states[:, 0],
            timestep,
            encoder_hidden_states,
            control_hidden_states=torch.cat([source, mask], dim=1),
            attention_kwargs=attention_kwargs,
            return_dict=False,
        )[0][:, None]
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)

    def enable_cache(self, config: Any) -> None:
        """Enable Pyramid Attention Broadcast; VeraError for caches of blocks, which would count the context twice."""
        if not isinstance(config, PyramidAttentionBroadcastConfig):
            raise VeraError(
                f"{type(config).__name__} skips blocks and with them what the context adds: with context blocks use "
                "PyramidAttentionBroadcastConfig, which skips attention only"
            )
        super().enable_cache(config)


def _from_wan(config: Config, key: str, tensor: Tensor) -> Named:
    """The context reads the source with Wan's own patch embedding, and then with copies of Wan's own blocks."""
    yield key, tensor
    if key.startswith("patch_embedding."):
        yield f"vace_{key}", with_zero_channels(tensor, 1) if key.endswith("weight") else tensor
    if key.startswith("blocks."):
        _, block, rest = key.split(".", 2)
        layers = list(config["vace_layers"])
        if int(block) in layers:
            yield f"vace_blocks.{layers.index(int(block))}.{rest}", tensor


VACE = Variant(ContextTransformer3DModel, _from_wan, new=rf"{NEW}|vace_blocks\.\d+\.proj_(in|out)\.")
