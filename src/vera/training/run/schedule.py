"""Optimizers and learning rate."""

import math

import torch
from torch import Tensor, nn

from vera.training.recipe import Recipe
from vera.training.run.muon import SMALL, BatchedMuon


def learning_rate(recipe: Recipe, step: int) -> float:
    """Rate of step `step`, counted from 0: linear warm-up, then down to the final ratio as `schedule` says."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.learning_rate
    progress = min((step - recipe.warmup) / max(recipe.steps - recipe.warmup, 1), 1.0)
    left = 1 - progress if recipe.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return recipe.learning_rate * (recipe.final_lr_ratio + (1 - recipe.final_lr_ratio) * left)


def make_optimizers(recipe: Recipe, model: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW over what is trained, but for what Muon takes. Only weights of linear maps and convolutions decay.

    Muon (Jordan et al., 2024) steps by the scale of Liu et al. (arXiv 2502.16982): AdamW's rate and decay hold for it.
    """
    weights, matrices = _weights(model), muon_weights(recipe, model)
    ids, taken = set(map(id, weights.values())), set(map(id, matrices))
    decayed = [p for p in weights.values() if id(p) not in taken]
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in ids]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, fused=True)
    if not matrices:
        return [adamw]
    if all(type(p.data) is Tensor and p.numel() <= SMALL for p in matrices):  # not spread over processes
        return [adamw, BatchedMuon(matrices, lr=rate, weight_decay=decay)]
    return [adamw, torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")]


def muon_weights(recipe: Recipe, model: nn.Module) -> list[nn.Parameter]:
    """What Muon trains by this recipe: the matrices of the blocks, and none with another optimizer."""
    if recipe.optimizer != "muon":
        return []
    return [p for name, p in _weights(model).items() if p.ndim == 2 and "blocks." in name]


def _weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """The trained weights of linear maps and convolutions, by name."""
    named = model.named_parameters()
    return {name: p for name, p in named if p.requires_grad and name.endswith(".weight") and p.ndim > 1}
