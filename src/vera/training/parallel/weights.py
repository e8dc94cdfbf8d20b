"""Weights in and out of a model that may be sharded: each process reads its own part; parts are gathered to write."""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from vera.errors import VeraError
from vera.models.conversion.checkpoint import DIFFUSERS_STEM, weight_files
from vera.training.export import DTYPES
from vera.training.networks import empty_model
from vera.training.parallel.distributed import local, whole


def materialise(model: nn.Module, device: torch.device) -> None:
    """Give the parameters of an `empty_model`, sharded or not, memory on `device`; what it holds is undefined."""
    buffers = dict(model.named_buffers())
    model.to_empty(device=device)
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])


@torch.no_grad()
def load_weights(model: nn.Module, folder: Path) -> None:
    """Fill the parameters from a folder in diffusers' layout, of which each process reads its own part only.

    Adapters stay as they are. VeraError for weights that are missing, superfluous, damaged or of another shape.
    """
    parameters = {_base_name(name): p for name, p in model.named_parameters() if ".lora_" not in name}
    with ExitStack() as stack:
        stored = dict(_open(folder, stack))
        for problem, names in (("missing", parameters.keys() - stored), ("unexpected", stored.keys() - parameters)):
            if names:
                raise VeraError(f"init: {folder} has {len(names)} {problem} weights, such as {min(names)}")
        for name, parameter in parameters.items():
            part = stored[name].get_slice(name)
            if tuple(part.get_shape()) != tuple(parameter.shape):
                raise VeraError(
                    f"init: {name} is {list(part.get_shape())} in {folder}, {list(parameter.shape)} in the recipe"
                )
            own = local(parameter)
            if own.numel():
                own.copy_(part[_own_slices(parameter)] if parameter.ndim else stored[name].get_tensor(name))


@torch.no_grad()
def initialise_lora(model: nn.Module, seed: int) -> None:
    """peft's own initialisation, the same for any sharding: A uniform by its fan-in, B zero."""
    for index, (name, parameter) in enumerate(model.named_parameters()):
        if ".lora_A." in name:
            bound = 1 / math.sqrt(parameter.shape[1])
            full = torch.empty(parameter.shape).uniform_(
                -bound, bound, generator=torch.Generator().manual_seed(seed * 1_000_003 + index)
            )
            local(parameter).copy_(full[_own_slices(parameter)])
        elif ".lora_B." in name:
            local(parameter).zero_()


@torch.no_grad()
def gather_model(model: Any, model_class: Any, dtype: str, keep: bool) -> Any:
    """A `model_class` like `model` on the CPU, in `dtype` ("fp16", "bf16" or "fp32"), or None unless `keep`.

    Every process must call, since each gives its part of every weight.
    """
    state = _gather(model, dtype, keep)
    if not keep:
        return None
    # Without diffusers' own entries: `from_config` would reset what `_use_default_values` lists, such as latent
    # statistics that were registered after the model was made.
    copied = empty_model(model_class, public_config(model))
    copied.load_state_dict(state, strict=False, assign=True)  # not strict: the state has no buffers
    return copied.eval()


@torch.no_grad()
def gather_lora(model: nn.Module, dtype: str, keep: bool) -> dict[str, Tensor] | None:
    """The adapter's tensors on the CPU under the names that diffusers loads; else as `gather_model`."""
    adapters = {name for name, _ in model.named_parameters() if ".lora_" in name}
    state = _gather(model, dtype, keep, adapters)
    return {name.replace(".default.", "."): tensor for name, tensor in state.items()} if keep else None


def public_config(model: Any) -> dict[str, Any]:
    """The config without diffusers' own entries."""
    return {name: value for name, value in model.config.items() if not name.startswith("_")}


def _gather(model: nn.Module, dtype: str, keep: bool, names: set[str] | None = None) -> dict[str, Tensor]:
    state = {}
    for name, parameter in model.named_parameters():
        if names is None or name in names:
            tensor = whole(parameter.detach())
            if keep:
                state[name] = tensor.to("cpu", DTYPES[dtype], copy=True)
    return state


def _open(folder: Path, stack: ExitStack) -> Iterator[tuple[str, Any]]:
    """Every stored name with the open file that holds it."""
    for path in weight_files(folder, DIFFUSERS_STEM):
        try:
            file = stack.enter_context(safe_open(path, "pt"))
        except (SafetensorError, OSError) as error:
            raise VeraError(f"init: {path} is damaged ({error}); fetch or convert it again") from None
        for name in file.keys():  # noqa: SIM118 (not a mapping)
            yield name, file


def _own_slices(parameter: Tensor) -> tuple[slice, ...]:
    if not isinstance(parameter, DTensor):
        return tuple(slice(0, size) for size in parameter.shape)
    shape, offset = compute_local_shape_and_global_offset(parameter.shape, parameter.device_mesh, parameter.placements)
    return tuple(slice(start, start + size) for start, size in zip(offset, shape, strict=True))


def _base_name(name: str) -> str:
    return name.replace(".base_layer.", ".")
