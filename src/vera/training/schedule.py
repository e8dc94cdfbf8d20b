"""Optimizers and learning rate."""

import math

import torch
from torch import nn

from vera.training.recipe import Recipe


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
    matrices = muon_weights(recipe, model)
    taken = set(map(id, matrices))
    others = [(name, p) for name, p in model.named_parameters() if p.requires_grad and id(p) not in taken]
    decayed = [p for name, p in others if name.endswith(".weight") and p.ndim > 1]
    whole = [p for name, p in others if not (name.endswith(".weight") and p.ndim > 1)]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    groups = [{"params": decayed, "weight_decay": decay}, {"params": whole, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=rate, betas=recipe.betas, fused=True)
    if not matrices:
        return [adamw]
    return [adamw, torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")]


def muon_weights(recipe: Recipe, model: nn.Module) -> list[nn.Parameter]:
    """What Muon trains by this recipe: the matrices of the blocks, and none with another optimizer."""
    if recipe.optimizer != "muon":
        return []
    return [
        p
        for name, p in model.named_parameters()
        if p.requires_grad and p.ndim == 2 and name.endswith(".weight") and "blocks." in name
    ]
