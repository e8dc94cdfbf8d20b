"""Training of the patch autoencoder: principal components first, then a residual decoder."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vera.data.sample import LatentSample, LayerData, LayeredSample
from vera.errors import VeraError
from vera.hardware import Autocast
from vera.models.autoencoder_patch import AutoencoderPatch3D, latent_statistics, pca_initialise
from vera.models.pixels import to_network
from vera.training.batches import EVAL_STEP, Batch, LatentBatch, collate, load_sample
from vera.training.encoders import caches, check_size
from vera.training.networks import model_of, new_model
from vera.training.recipe import AutoencoderObjective, Recipe
from vera.training.sheet import write_sample_sheet

KINDS = ("source", "edit", "alpha", "composite")
PCA_CROP = 64  # pixels a side: many small clips tell more of the patches than a few large ones
BATCHES_TO_MOTION = 32


class AutoencoderTraining:
    """`autoencoder`: reconstruct source, edit, alpha (as grey) and composite alike."""

    in_float32 = True

    def __init__(
        self,
        recipe: Recipe,
        held_out: Sequence[LayeredSample | LatentSample],
        device: torch.device,
        autocast: Autocast = nullcontext,  # methods are made alike; this one computes in float32
    ) -> None:
        assert isinstance(recipe.objective, AutoencoderObjective)
        self.recipe = recipe
        self.objective = recipe.objective
        self.held_out = [_pixels(sample) for sample in held_out]
        self.device = device

    def model_class(self) -> Any:
        """Name the only class that this method trains."""
        return AutoencoderPatch3D

    def check_data(self, data: LayerData) -> None:
        """Refuse caches: they hold latents."""
        if caches(data):
            raise VeraError("data: shards hold latents; autoencoder learns from clips, take those")

    def make_model(self, data: LayerData) -> nn.Module:
        """Make a network, of principal components of the data's clips if the recipe says so."""
        if self.recipe.init is not None:
            if self.objective.pca_clips:
                raise VeraError("objective: pca_clips would overwrite the weights of init; set it to 0")
            return cast(nn.Module, model_of(AutoencoderPatch3D, self.recipe.model, self.recipe.init))
        model: AutoencoderPatch3D = new_model(AutoencoderPatch3D, self.recipe.model)
        if self.objective.pca_clips:
            clips = gather_crops(data, self.objective.pca_clips, self.recipe.seed, self.recipe.max_bad_share)
            pca_initialise(model, clips)
            mean, std = latent_statistics(model, clips)
            model.register_to_config(latents_mean=mean, latents_std=std)
        return model

    def identity(self) -> dict[str, Any]:
        """What is trained, besides what every run keeps to."""
        return {"train_encoder": self.objective.train_encoder}

    def check_model(self, model: nn.Module) -> None:
        """Any autoencoder will do."""

    def freeze(self, model: nn.Module) -> None:
        """Keep the encoder as it is unless the recipe trains it."""
        assert isinstance(model, AutoencoderPatch3D)
        model.encoder.requires_grad_(self.objective.train_encoder)

    def loss(
        self, model: nn.Module, batch: Batch | LatentBatch, seeds: Sequence[int]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum L1, squared and gradient errors of the reconstruction, as the recipe weighs them."""
        check_size(model, batch.source)
        target = torch.cat([to_network(getattr(batch, kind)) for kind in KINDS])
        output = model(target, noise=self._noise(model, target.shape, seeds)).sample.float()
        terms = {
            "l1": F.l1_loss(output, target),
            "mse": F.mse_loss(output, target),
            "gradient": gradient_error(output, target),
        }
        total = torch.stack([getattr(self.objective, name) * value for name, value in terms.items()]).sum()
        decibels = {f"psnr_{k}": v for k, v in zip(KINDS, psnr(output, target).chunk(len(KINDS)), strict=True)}
        return total, {"loss": total, **terms, **decibels}

    def _noise(self, model: Any, shape: torch.Size, seeds: Sequence[int]) -> Tensor | None:
        """Noise for the latents of all kinds of each sample; `shape` is that of their video."""
        level, config = self.objective.latent_noise, model.config
        if not level:
            return None
        frames = 1 + (shape[2] - 1) // config.scale_factor_temporal
        height, width = (side // config.scale_factor_spatial for side in shape[3:])
        drawn = [token_noise(seed, (len(KINDS), config.z_dim, frames, height, width), level) for seed in seeds]
        return torch.stack(drawn, dim=1).flatten(0, 1).to(self.device)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, sheet: Path | None) -> dict[str, float]:
        """PSNR of every kind, in float32. At step 0 the residual is zero: this is the linear code's."""
        decibels: dict[str, list[float]] = defaultdict(list)
        rows = []
        for sample in self.held_out:
            batch = collate([sample]).to(self.device)
            check_size(model, batch.source)
            row = []
            for kind in KINDS:
                target = to_network(getattr(batch, kind))
                output = model(target).sample.clamp(-1, 1)
                decibels[kind].append(psnr(output, target).item())
                row += [target, output]
            rows.append((sample.instruction, [tile[0].permute(1, 2, 3, 0) / 2 + 0.5 for tile in row]))
        if sheet is not None and rows:
            write_sample_sheet(sheet, rows)
        return {f"held_out/psnr_{kind}": sum(values) / len(values) for kind, values in decibels.items()}

    def save(self, exported: Any, folder: Path) -> None:
        """The autoencoder alone."""
        exported.save_pretrained(folder)


def gather_crops(data: LayerData, count: int, seed: int, max_bad_share: float = 0.0) -> Tensor:
    """`count` crops [count,3,T,64,64] in [-1,1], of one shape, drawn in turn from the four kinds of clip.

    Of the lengths that the data have, and sizes below 64, the first to fill the count wins; stills only if no motion is
    among many batches.
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[torch.Size, list[Tensor]] = defaultdict(list)
    step = EVAL_STEP
    while True:
        for position in range(len(data.draw(step, 4))):
            batch = collate([_pixels(load_sample(data, step, 4, position, max_bad_share)[0])])
            for kind in KINDS:
                video = to_network(getattr(batch, kind))[0]
                height, width = video.shape[2:]
                top = int(torch.randint(max(height - PCA_CROP, 0) + 1, (), generator=generator))
                left = int(torch.randint(max(width - PCA_CROP, 0) + 1, (), generator=generator))
                crop = video[:, :, top : top + PCA_CROP, left : left + PCA_CROP]
                if len(found[crop.shape]) < count:
                    found[crop.shape].append(crop.clone())
        still_only = step - EVAL_STEP >= BATCHES_TO_MOTION and len({shape[1] for shape in found}) == 1
        for shape, crops in found.items():
            if len(crops) == count and (shape[1] > 1 or still_only):
                return torch.stack(crops)
        step += 1


def _pixels(sample: LayeredSample | LatentSample) -> LayeredSample:
    if isinstance(sample, LatentSample):
        raise VeraError("data: an autoencoder is trained on frames, not on cached latents")
    return sample


def token_noise(seed: int, shape: tuple[int, ...], level: float) -> Tensor:
    """What a denoiser may get wrong in latents of `shape` [N,C,T,h,w]: noise, for each of N a share of up to `level`.

    One half varies from latent to latent, the other from token to token, which are 2x2 latents.
    """
    generator = torch.Generator().manual_seed(seed)
    *outer, height, width = shape
    fine = torch.randn(shape, generator=generator)
    coarse = torch.randn(*outer, -(-height // 2), -(-width // 2), generator=generator)
    coarse = coarse.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)[..., :height, :width]
    return level * torch.rand(shape[0], 1, 1, 1, 1, generator=generator) * (fine + coarse) / 2**0.5


def psnr(output: Tensor, target: Tensor) -> Tensor:
    """Decibels of each sample, [B], of videos [B,...] in [-1,1]."""
    error = (output.clamp(-1, 1) - target).square().flatten(1).mean(1) / 4
    return -10 * error.clamp_min(1e-10).log10()


def gradient_error(output: Tensor, target: Tensor, scales: int = 3) -> Tensor:
    """Mean absolute error of horizontal and vertical differences at full, half and quarter size; [B,3,T,H,W]."""
    difference = (output - target).transpose(1, 2).flatten(0, 1)
    terms = []
    for scale in range(scales):
        if scale:
            difference = F.avg_pool2d(difference, 2)
        terms += [difference.diff(dim=-1).abs().mean(), difference.diff(dim=-2).abs().mean()]
    return torch.stack(terms).mean()
