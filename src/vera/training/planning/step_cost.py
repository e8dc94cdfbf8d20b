"""What a step of training costs, counted by running it on tensors that have shapes and no data."""

from contextlib import nullcontext
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vera.models.baselines import VARIANTS
from vera.training.methods import objective
from vera.training.networks import config_of, new_model
from vera.training.planning.cost_counter import CostCounter
from vera.training.recipe import FlowObjective, Recipe
from vera.training.run.state import choose_trained


@dataclass(frozen=True)
class Cost:
    """FLOPs of a forward pass and of a whole step, and the bytes alive at its worst moment, parameters left out."""

    forward: float
    step: float
    peak: float


@dataclass(frozen=True)
class Shape:
    """What a GPU gets in a step: `batch` samples of latents [C,T,H,W], in `branches`, with text [L,D]."""

    batch: int
    branches: int
    latent: tuple[int, ...]
    text: tuple[int, int]
    sharded: bool


def make_network(recipe: Recipe, channels: int, layers: int | None = None) -> Any:
    """The network that the recipe trains, perhaps of another depth; what it trains has gradients."""
    model_class = VARIANTS[recipe.variant].model
    config = {"in_channels": channels, "out_channels": channels}
    if recipe.init is not None and (
        Path(recipe.init).is_dir() or not recipe.model
    ):  # a plan may come before `vera init`
        config |= config_of(model_class, recipe.init)
    config = VARIANTS[recipe.variant].config(config | recipe.model)
    if layers is not None:
        config["num_layers"] = layers
    model = new_model(model_class, config)
    choose_trained(recipe, model)
    return model


def network_cost(recipe: Recipe, depth: int, shape: Shape, checkpointing: bool) -> Cost:
    """Of a step on one GPU. Blocks are alike, so that two short networks tell what each further block adds."""
    if depth <= 3 or recipe.variant == "vace":  # whose blocks differ
        return count_step(recipe, shape, checkpointing)
    two, three = (astuple(count_step(recipe, shape, checkpointing, layers)) for layers in (2, 3))
    return Cost(*(a + (depth - 2) * (b - a) for a, b in zip(two, three, strict=True)))


def count_step(recipe: Recipe, shape: Shape, checkpointing: bool, depth: int | None = None) -> Cost:
    """Count one training step of the recipe's network, perhaps of another depth, on tensors without data."""
    goal = recipe.objective
    assert isinstance(goal, FlowObjective)
    bf16 = recipe.dtype != "fp32"
    with init_empty_weights(include_buffers=False):
        model = make_network(recipe, shape.latent[0], depth).train()
    with FakeTensorMode():
        _fill(model, torch.bfloat16 if bf16 and shape.sharded else torch.float32)  # as FSDP hands them to a block
        for processor in model.attn_processors.values():
            processor._attention_backend = "native"  # on CPUs the model's own choice would be another than on GPUs
        if checkpointing:
            model.enable_gradient_checkpointing()
        for parameter in model.parameters():
            if parameter.requires_grad:  # gradients are counted apart
                parameter.register_post_accumulate_grad_hook(lambda p: setattr(p, "grad", None))
        layers, noise = (torch.empty(shape.batch, shape.branches, *shape.latent) for _ in range(2))
        source, mask = (torch.empty(shape.batch, *shape.latent) for _ in range(2))
        text, times = torch.empty(shape.batch, *shape.text), torch.empty(shape.batch)
        with CostCounter((*model.parameters(), *model.buffers())) as counter:
            with torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext():
                noisy = objective.add_noise(layers, noise, times)
                prediction = model(noisy, times * 1000, text, source, mask).sample
                errors = objective.branch_errors(prediction, objective.velocity(layers, noise))
                loss = objective.weighted_loss(errors, list(model.config.branches), goal.weights)
            del prediction, errors, noisy
            forward = counter.flops
            loss.backward()  # type: ignore[no-untyped-call]
    return Cost(forward, counter.flops, counter.peak)


def _fill(model: nn.Module, dtype: torch.dtype) -> None:
    """Give an empty model parameters and buffers of the present fake mode."""
    for module in model.modules():
        for name, p in list(module.named_parameters(recurse=False)):
            module.register_parameter(name, nn.Parameter(torch.empty(p.shape, dtype=dtype), p.requires_grad))
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty(buffer.shape, dtype=buffer.dtype))


def encoding_cost(vae: Any, samples: int, kinds: int, size: tuple[int, int, int]) -> Cost:
    """Of encoding clips of frames, height and width, `kinds` of each sample one after the other, in float32.

    As training does; `vae` has no data either.
    """
    with next(vae.parameters()).fake_mode, torch.no_grad(), CostCounter((*vae.parameters(), *vae.buffers())) as counter:
        vae.encode(torch.empty(samples, 3, *size)).latent_dist.mode()
    return Cost(kinds * counter.flops, kinds * counter.flops, counter.peak)
