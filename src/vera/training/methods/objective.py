"""Flow matching as pure functions. Time 0 is clean, time 1 is noise; all randomness comes from the generator given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vera.training.recipe import FlowObjective

COVERED = 0.1  # by how much a normalised latent is off where a matte is not empty; a matte of 0.02 is by 0.24 in nano's


def sample_times(count: int, kind: str, mean: float, std: float, shift: float, generator: torch.Generator) -> Tensor:
    """Times [count] in (0,1) on the generator's device: `logit_normal` or `uniform`, then `shift_times`."""
    if kind == "uniform":
        times = torch.rand(count, generator=generator, device=generator.device)
    else:
        normal = torch.randn(count, generator=generator, device=generator.device)
        times = torch.sigmoid(mean + std * normal)
    return shift_times(times, shift)


def shift_times(times: Tensor, shift: float) -> Tensor:
    """Wan's shift of times in [0,1] towards noise: `s t / (1 + (s - 1) t)`."""
    return shift * times / (1 + (shift - 1) * times)


def add_noise(clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """`(1 - t) clean + t noise`, for `clean` and `noise` [B,...] and `times` [B]."""
    t = times.reshape(-1, *[1] * (clean.ndim - 1))
    return (1 - t) * clean + t * noise


def velocity(clean: Tensor, noise: Tensor) -> Tensor:
    """What the network predicts: `noise - clean`."""
    return noise - clean


def branch_errors(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared error of every sample and branch, [B,K] float32, of tensors [B,K,C,T,H,W].

    With `weights` that broadcast to them it is a weighted mean over the channels and places of a sample's branch.
    """
    errors = (prediction.float() - target.float()).square()
    if weights is not None:
        errors = errors * (weights / weights.mean((2, 3, 4, 5), keepdim=True))
    return errors.flatten(2).mean(2)


def place_weights(layers: Tensor, empty: Tensor, branches: Sequence[str], outside: float) -> Tensor:
    """What each place of the normalised latents `layers` [B,K,C,T,H,W] counts, [B,K,1,T,H,W]: `outside` or 1.

    Places where the true matte is 0 are outside; its latent is there that of an empty one, `empty` [1,C,T,H,W]. The
    branch `alpha` counts alike everywhere.
    """
    alpha = branches.index("alpha")
    covered = (layers[:, alpha] - empty).abs().amax(1, keepdim=True) > COVERED
    weights = torch.where(covered, 1.0, outside)[:, None].repeat(1, len(branches), 1, 1, 1, 1)
    weights[:, alpha] = 1.0
    return weights


def channel_weights(std: Tensor, branches: Sequence[str], by_variance: Sequence[str]) -> Tensor:
    """What each latent channel counts, [1,K,C,1,1,1], given the standard deviations `std` [C] before normalisation."""
    weights = torch.ones(1, len(branches), len(std), 1, 1, 1, device=std.device)
    for branch in by_variance:
        weights[0, branches.index(branch), :, 0, 0, 0] = std.square()
    return weights


def weighted_loss(errors: Tensor, branches: Sequence[str], weights: Mapping[Any, float]) -> Tensor:
    """Scalar: mean of `errors` [B,K] over samples and, by `weights` (1 where a branch is not named), over branches."""
    weight = torch.tensor([weights.get(branch, 1.0) for branch in branches], device=errors.device)
    return (errors.mean(0) * weight).sum() / weight.sum()


def quartiles(errors: Tensor, times: Tensor) -> dict[str, Tensor]:
    """`errors` [B] sorted by quarter of the time axis: `quarter_1` (nearly clean) to `quarter_4` (nearly noise)."""
    quarter = (times * 4).long().clamp(0, 3)
    return {f"quarter_{index + 1}": errors[quarter == index] for index in range(4)}


@dataclass(frozen=True)
class Draws:
    """The randomness of a step: `times` [B] in (0,1), `noise` [B,...], and who loses mask or text, bool [B].

    `places` [B] are uniform in [0,1), to choose times from a list by.
    """

    times: Tensor
    places: Tensor
    noise: Tensor
    no_mask: Tensor
    no_text: Tensor


def draw(seeds: Sequence[int], shape: Sequence[int], goal: FlowObjective, device: torch.device) -> Draws:
    """Every sample's randomness from its own seed, so that it does not depend on the batch; `shape` is that of one."""
    times, noise, uniform = [], [], []
    for seed in seeds:
        generator = torch.Generator(device).manual_seed(seed)
        times.append(sample_times(1, goal.timesteps, goal.mean, goal.std, goal.shift, generator))
        uniform.append(torch.rand(3, generator=generator, device=device))
        noise.append(torch.randn(*shape, generator=generator, device=device))
    places, mask, text = torch.stack(uniform).T
    return Draws(torch.cat(times), places, torch.stack(noise), mask < goal.mask_drop, text < goal.instruction_drop)
