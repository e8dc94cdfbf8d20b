"""Plain text-to-video: Wan itself, which a layered transformer starts from, as one of the variants."""

from typing import Any

from diffusers import WanTransformer3DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from vera.models.baselines.variant import Variant, keep_names
from vera.models.caches import LayerCaches
from vera.models.complete_weights import CompleteWeights
from vera.models.layer_tokens import WAVES, check_prediction_type, coordinate_waves, velocity_of
from vera.models.wan_attention import WanAttnProcessor


class PlacedPatches(nn.Conv3d):
    """Wan's patch embedding, to whose tokens `coordinates` adds where in the frame they lie."""

    def __init__(self, in_channels: int, dim: int, patch_size: tuple[int, int, int]) -> None:
        super().__init__(in_channels, dim, patch_size, patch_size)
        self.coordinates = nn.Linear(2 * WAVES, dim, bias=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Tokens [B, D, T, H, W] of latents [B, C, T, H, W]."""
        tokens: Tensor = super().forward(latents)
        places: Tensor = self.coordinates(coordinate_waves(*tokens.shape[3:]).to(tokens))
        return tokens + places.permute(2, 0, 1)[:, None]


class TextToVideoTransformer3DModel(CompleteWeights, LayerCaches, WanTransformer3DModel, ModelMixin):  # type: ignore[misc]
    """Predicts the velocity of a clip from its text alone; sizes default to Wan2.1 1.3B, and weights have its names.

    `frame_coordinates` and `prediction_type` are those of `VeraTransformer3DModel`; without them this is Wan.
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
        frame_coordinates: bool = False,
        prediction_type: str = "flow_prediction",
    ) -> None:
        if len(branches) != 1:
            raise ValueError(f"a text-to-video model predicts one branch, not {tuple(branches)}")
        check_prediction_type(prediction_type)
        # Undecorated, so that the config holds this class's arguments and not Wan's.
        WanTransformer3DModel.__init__.__wrapped__(
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
        )
        self.set_attn_processor(WanAttnProcessor())
        if frame_coordinates:
            dim = num_attention_heads * attention_head_dim
            self.patch_embedding = PlacedPatches(in_channels, dim, patch_size)

    def forward(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        source: Tensor | None = None,
        mask: Tensor | None = None,
        attention_kwargs: dict[str, Any] | None = None,
        return_dict: bool = True,
    ) -> Transformer2DModelOutput | tuple[Tensor]:
        """Velocity [B, 1, C, T, H, W]; arguments are those of `VeraTransformer3DModel.forward`, two of them unused."""
        noisy = hidden_states[:, 0]
        sample: Tensor = super().forward(
            noisy, timestep, encoder_hidden_states, attention_kwargs=attention_kwargs, return_dict=False
        )[0]
        if self.config.prediction_type == "sample":
            sample = velocity_of(sample, noisy, timestep)
        return Transformer2DModelOutput(sample=sample[:, None]) if return_dict else (sample[:, None],)


T2V = Variant(TextToVideoTransformer3DModel, keep_names)
