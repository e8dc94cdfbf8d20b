"""Exponential moving average of a model's weights."""

import copy

import torch
from torch import nn


def copy_model(model: nn.Module) -> nn.Module:
    """A frozen copy to average into."""
    return copy.deepcopy(model).requires_grad_(False).eval()


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move `ema` towards `model` after step `step`; early on it moves faster, so as to forget the initial weights."""
    decay = min(decay, (1 + step) / (10 + step))
    targets = [p.detach() for p in model.parameters()]
    torch._foreach_lerp_(list(ema.parameters()), targets, 1 - decay)
    for average, buffer in zip(ema.buffers(), model.buffers(), strict=True):
        average.copy_(buffer)
