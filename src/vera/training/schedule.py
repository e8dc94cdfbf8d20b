"""Optimizer and learning rate."""

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


def make_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """AdamW over what is trained; only the weights of linear maps and convolutions decay."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    decayed = [p for name, p in trained if name.endswith(".weight") and p.ndim > 1]
    others = [p for name, p in trained if not (name.endswith(".weight") and p.ndim > 1)]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
