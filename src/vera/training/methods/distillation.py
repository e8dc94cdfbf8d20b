"""Sampling in few steps without guidance: a student's step leads where several guided steps of its teacher do."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.models.networks import network_class, open_network
from vera.training.methods.objective import shift_times
from vera.training.networks import plain
from vera.training.recipe import Distillation

Predict = Callable[[Tensor, Tensor], Tensor]


def load_teacher(folder: str, vae: Any) -> Any:
    """Load the frozen float32 transformer of a pipeline in `folder`.

    VeraError if there is none, or if the pipeline has an autoencoder whose latents are not those of `vae`.
    """
    try:
        teacher = open_network(Path(folder) / "transformer", "transformer")
    except VeraError as error:
        raise VeraError(
            f"objective: no pipeline with a transformer of Vera in {folder} to learn from ({error})"
        ) from None
    if (Path(folder) / "vae").is_dir():
        # By what normalises latents, which is each autoencoder's own: weights may have been rounded to another type.
        _, config = network_class(Path(folder) / "vae", "vae")
        for name in ("latents_mean", "latents_std"):
            if name in config and plain(config[name]) != plain(vae.config[name]):
                raise VeraError(
                    f"objective: distillation: the teacher {folder} has another autoencoder ({name} differ); "
                    "make objective.autoencoder its own"
                )
    return teacher


def check_teacher(teacher: Any, model: Any) -> None:
    """VeraError unless both predict the same layers in the same order, from latents and texts of the same width."""
    for name in ("branches", "in_channels", "text_dim"):
        theirs, ours = (plain(network.config[name]) for network in (teacher, model))
        if theirs != ours:
            raise VeraError(
                f"objective: distillation: the teacher's {name} {theirs} are not the model's, {ours}; make them agree"
            )


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
