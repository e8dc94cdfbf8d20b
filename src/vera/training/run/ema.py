"""Exponential moving average of what a model learns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vera.training.parallel.distributed import local

Average = dict[str, Tensor]


def start_average(model: nn.Module) -> Average:
    """Copies of the trained parameters, by name, sharded as they are."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


@torch.no_grad()
def update_average(average: Average, model: nn.Module, step: int, decay: float) -> None:
    """Move `average` towards `model` after step `step`; early on it moves faster, to forget the initial weights."""
    decay = min(decay, (1 + step) / (10 + step))
    parameters = dict(model.named_parameters())
    held = [local(tensor) for tensor in average.values()]
    targets = [local(parameters[name].detach()) for name in average]
    torch._foreach_lerp_(held, targets, 1 - decay)


@contextmanager
def averaged(model: nn.Module, average: Average) -> Iterator[None]:
    """Within, `model` computes with the averaged weights; its own come back to the last bit."""
    parameters = dict(model.named_parameters())
    # Named once: where an error ends a forward, a sharded model holds other parameters, whole ones.
    pairs = [(local(parameters[name]), local(tensor)) for name, tensor in average.items()]
    _swap(pairs)
    try:
        yield
    finally:
        _swap(pairs)


@torch.no_grad()
def _swap(pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    for own, other in pairs:
        kept = own.clone()
        own.copy_(other)
        other.copy_(kept)
