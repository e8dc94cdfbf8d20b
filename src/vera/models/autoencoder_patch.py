"""A patch autoencoder for video with the surface of `AutoencoderKLWan`, made for CPUs.

The encoder is one linear projection of 4x8x8 patches, set to the principal components of the data. The decoder starts
as its transpose and adds what residual convolutions over neighbouring patches find, which removes the blocks that a
linear decoder leaves. As the encoder never changes after the projection is set, latents and all that is trained on them
stay valid while the decoder is improved. Every latent frame is coded on its own, so decoding in chunks is exact.
"""

from collections.abc import Callable

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import AutoencoderMixin, DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn
from torch.nn import functional as F


class PatchProjection(nn.Conv3d):
    """`[B,3,1+4k,8h,8w]` to `[B,C,1+k,h,w]`: a linear map of patches, whose first frame stands for four equal ones."""

    def forward(self, x: Tensor) -> Tensor:
        """Project a clip; a still frame is read once, by the sum of what four would meet."""
        _, *sides = self.stride
        still = F.conv3d(x[:, :, :1], self.weight.sum(2, keepdim=True), self.bias, (1, *sides))
        latents = still if x.shape[2] == 1 else torch.cat([still, super().forward(x[:, :, 1:])], dim=2)
        return latents.contiguous()


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions over the patches of one latent frame, added to their input. `[N,C,H,W]` to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Residual of features [B,C,T,H,W]."""
        detail: Tensor = self.conv2(F.silu(self.conv1(F.silu(self.norm(hidden)))))
        return hidden + detail


class AutoencoderPatch3D(ModelMixin, AutoencoderMixin, ConfigMixin):  # type: ignore[misc]
    """Codes `[B,3,1+4k,8h,8w]` video in [-1,1] as `[B,z_dim,1+k,h,w]` latents, and back.

    The first frame is coded alone, as if it had stood still for four frames; each later latent frame holds four frames.
    `enable_slicing` codes the clips of a batch one after the other. There are no tiles: the decoder's norms look at the
    whole frame, so that `enable_tiling` raises NotImplementedError.

    Args:
        z_dim: latent channels.
        width: channels of the residual decoder.
        num_blocks: its residual blocks.
        scale_factor_temporal, scale_factor_spatial: size of a patch in frames and pixels.
        latents_mean, latents_std: per channel; `(z - mean) / std` is what a transformer sees, as for Wan.
    """

    _supports_gradient_checkpointing = False

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        z_dim: int = 32,
        width: int = 192,
        num_blocks: int = 3,
        scale_factor_temporal: int = 4,
        scale_factor_spatial: int = 8,
        latents_mean: list[float] | None = None,
        latents_std: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.use_slicing = False
        patch = (scale_factor_temporal, scale_factor_spatial, scale_factor_spatial)
        self.register_to_config(
            latents_mean=latents_mean or [0.0] * z_dim,
            latents_std=latents_std or [1.0] * z_dim,
        )
        self.encoder = PatchProjection(3, z_dim, patch, stride=patch)
        self.decoder = nn.ConvTranspose3d(z_dim, 3, patch, stride=patch)
        self.conv_in = nn.Conv2d(z_dim, width, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(width) for _ in range(num_blocks))
        self.norm_out = nn.GroupNorm(8, width)
        self.proj_out = nn.Conv2d(width, 3 * scale_factor_temporal * scale_factor_spatial**2, 1)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)  # type: ignore[arg-type]

    def latents(self, x: Tensor) -> Tensor:
        """The linear projection itself: `[B,3,1+4k,8h,8w]` to `[B,z_dim,1+k,h,w]`."""
        projected: Tensor = self.encoder(x)
        return projected

    @apply_forward_hook  # type: ignore[untyped-decorator]  # or offloading would not see its use
    def encode(self, x: Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """`[B,3,1+4k,8h,8w]` in [-1,1] to a distribution whose mode is the latent (its variance is negligible)."""
        mean = self._by_slices(self.latents, x)
        posterior = DiagonalGaussianDistribution(torch.cat([mean, torch.full_like(mean, -30.0)], dim=1))
        return AutoencoderKLOutput(latent_dist=posterior) if return_dict else (posterior,)

    @apply_forward_hook  # type: ignore[untyped-decorator]
    def decode(self, z: Tensor, return_dict: bool = True) -> DecoderOutput | tuple[Tensor]:
        """`[B,z_dim,1+k,h,w]` to `[B,3,1+4k,8h,8w]`, clamped to [-1,1] outside of training."""
        video = self._by_slices(self._decode, z)
        return DecoderOutput(sample=video) if return_dict else (video,)

    def enable_tiling(self) -> None:
        """Raise NotImplementedError: see the class."""
        raise NotImplementedError(f"Tiling is not implemented for {type(self).__name__}.")

    def _by_slices(self, code: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        sliced = self.use_slicing and len(batch) > 1
        return torch.cat([code(clip[None]) for clip in batch]) if sliced else code(batch)

    def _decode(self, z: Tensor) -> Tensor:
        batch, _, frames, height, width = z.shape
        hidden = self.conv_in(z.transpose(1, 2).flatten(0, 1))
        for block in self.blocks:
            hidden = block(hidden)
        patches = self.proj_out(F.silu(self.norm_out(hidden)))
        patch_t, patch_s = self.config.scale_factor_temporal, self.config.scale_factor_spatial
        detail = (
            patches.reshape(batch, frames, 3, patch_t, patch_s, patch_s, height, width)
            .permute(0, 2, 1, 3, 6, 4, 7, 5)
            .reshape(batch, 3, frames * patch_t, height * patch_s, width * patch_s)
        )
        video: Tensor = (self.decoder(z) + detail)[:, :, patch_t - 1 :]  # of the first frame's four the last is kept
        if not self.training:
            video = video.clamp(-1, 1)
        return video

    def forward(
        self, sample: Tensor, return_dict: bool = True, noise: Tensor | None = None
    ) -> DecoderOutput | tuple[Tensor]:
        """Encode and decode; `noise`, in units of the standard deviation of each channel, is added to the latents."""
        latents = self.latents(sample)
        if noise is not None:
            std = torch.tensor(self.config.latents_std, device=noise.device)
            latents = latents + noise * std[:, None, None, None]
        return self.decode(latents, return_dict=return_dict)


@torch.no_grad()
def pca_initialise(model: AutoencoderPatch3D, clips: Tensor) -> None:
    """Set the projection to the principal components of `clips` `[N,3,1+4k,8h,8w]` in [-1,1].

    The optimal linear code of its width in the squared error; the decoder becomes its transpose.
    """
    weight, bias, offset = model.encoder.weight, model.encoder.bias, model.decoder.bias
    assert bias is not None and offset is not None
    patch_t, patch_s = weight.shape[2], weight.shape[3]
    size = weight[0].numel()
    count, total, moment = 0, torch.zeros(size).double(), torch.zeros(size, size).double()
    for clip in clips:
        video = torch.cat([clip[:, :1].expand(-1, patch_t, -1, -1), clip[:, 1:]], dim=1)
        patches = video.unfold(1, patch_t, patch_t).unfold(2, patch_s, patch_s).unfold(3, patch_s, patch_s)
        rows = patches.permute(1, 2, 3, 0, 4, 5, 6).reshape(-1, size).double()
        count += len(rows)
        total += rows.sum(0)
        moment += rows.T @ rows
    # One colour offset for all pixels: a mean that varied inside the patch would print its pattern on flat areas.
    mean = (total / count).reshape(3, -1).mean(1).repeat_interleave(size // 3)
    cross = torch.outer(mean, total)
    _, vectors = torch.linalg.eigh(moment - cross - cross.T + count * torch.outer(mean, mean))
    basis = vectors.flip(1)[:, : weight.shape[0]].T  # [z, 3*4*8*8], largest variance first
    weight.copy_(basis.reshape(weight.shape))
    bias.copy_(-basis @ mean)
    model.decoder.weight.copy_(basis.reshape(model.decoder.weight.shape))
    offset.copy_(mean.reshape(3, -1)[:, 0])


@torch.no_grad()
def latent_statistics(model: AutoencoderPatch3D, clips: Tensor) -> tuple[list[float], list[float]]:
    """`latents_mean` and `latents_std` for the config, measured on `clips` `[N,3,1+4k,8h,8w]` in [-1,1].

    The scale is the square root of each channel's deviation, with unit mean power overall: channels keep some of their
    order of importance, where full whitening would give noise as much weight in the loss as shape.
    """
    latents = model.latents(clips).transpose(0, 1).flatten(1).double()
    mean, deviation = latents.mean(1), latents.std(1).clamp_min(1e-4)
    scale = deviation.sqrt() * deviation.mean().sqrt()
    return mean.tolist(), scale.tolist()
