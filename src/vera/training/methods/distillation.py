"""Sampling in few steps without guidance: a student's step leads where several guided steps of its teacher do."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.models.networks import open_network
from vera.training.methods.objective import shift_times
from vera.training.recipe import Distillation

Predict = Callable[[Tensor, Tensor], Tensor]


def load_teacher(folder: str) -> Any:
    """Load the frozen float32 transformer of a pipeline in `folder`; VeraError if there is none."""
    try:
        return open_network(Path(folder) / "transformer", "transformer")
    except VeraError as error:
        raise VeraError(
            f"objective: no pipeline with a transformer of Vera in {folder} to learn from ({error})"
        ) from None


def guided(conditional: Predict, unconditional: Predict, guidance: float) -> Predict:
    """Classifier-free guidance of two predictions of velocity."""

    def predict(noisy: Tensor, times: Tensor) -> Tensor:
        blind = unconditional(noisy, times)
        return blind + guidance * (conditional(noisy, times) - blind)

    return predict


def step_times(places: Tensor, goal: Distillation, shift: float) -> Tensor:
    """Where a student's step begins, where it ends, and the teacher's times between: [teacher_steps + 1, B].

    `places` [B] in [0,1) choose among the student's steps. The student takes them as the pipeline does with Euler's
    method: from time 1, evenly before the shift, to 0.
    """
    steps = (places * goal.steps).floor()
    parts = torch.linspace(0, 1, goal.teacher_steps + 1, device=places.device)[:, None]
    return shift_times(1 - (steps + parts) / goal.steps, shift)


@torch.no_grad()
def mean_velocity(predict: Predict, noisy: Tensor, times: Tensor) -> Tensor:
    """Velocity that leads `noisy` [B,...] in one step where Euler steps over `times` [steps + 1, B] lead it."""
    x = noisy
    for now, then in pairwise(times):
        x = x + _like(then - now, x) * predict(x, now).float()
    return (x - noisy) / _like(times[-1] - times[0], x)


def _like(times: Tensor, x: Tensor) -> Tensor:
    return times.reshape(-1, *[1] * (x.ndim - 1))
