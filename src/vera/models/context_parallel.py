"""Context parallelism (Ulysses): processes share the tokens of one sample, an equal part of each layer's tokens each.

Everything but self-attention is a token's own business. For self-attention the processes exchange tokens for heads, so
that each has all tokens of some heads. What a model returns is whole and the same in every process.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from diffusers import ContextParallelConfig
from diffusers.hooks.context_parallel import apply_context_parallel
from diffusers.models._modeling_parallel import ContextParallelOutput, ParallelConfig, gather_size_by_comm
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from vera.errors import VeraError


def enable_context_parallel(model: Any, degree: int, device_type: str = "cpu", uneven: bool = False) -> None:
    """Let each group of `degree` consecutive processes share the tokens of `model`, one of `vera.models.baselines`.

    Every process calls it, after `init_process_group`; the processes of a group then call the model with equal inputs.
    A process's gradients are those of its own tokens: the gradient of a loss that every process of a group computes
    from the whole output is the sum over the group.

    `uneven` allows token counts and heads that `degree` does not divide, without gradients and with more communication.
    VeraError for what does not divide otherwise, here or when the model is called.

    This is diffusers' `enable_parallelism`, on any device, and beside data-parallel groups.
    """
    size = dist.get_world_size()
    if degree < 2 or size % degree:
        raise VeraError(f"context parallelism: {size} processes cannot be grouped by {degree}")
    heads = int(model.config.num_attention_heads)
    if heads % degree and not uneven:
        fitting = [n for n in range(2, heads + 1) if heads % n == 0]
        raise VeraError(f"context parallelism: {degree} processes cannot share {heads} heads: take one of {fitting}")
    _check_backend(model)

    mesh = init_device_mesh(device_type, (size // degree, 1, degree), mesh_dim_names=("data", "ring", "ulysses"))
    config = ContextParallelConfig(ulysses_degree=degree, ulysses_anything=uneven, mesh=mesh)
    parallel = ParallelConfig(context_parallel_config=config)
    parallel.setup(dist.get_rank(), size, torch.device(device_type), mesh=mesh)
    model._parallel_config = parallel
    for module in model.modules():
        if hasattr(getattr(module, "processor", None), "_parallel_config"):
            module.processor._parallel_config = parallel

    plan = dict(model._cp_plan)
    if uneven:
        outputs = [name for name, entry in plan.items() if isinstance(entry, ContextParallelOutput)]
        for name in outputs:
            gather = partial(_gather_uneven, dim=plan.pop(name).gather_dim, group=mesh["ulysses"].get_group())
            model.get_submodule(name).register_forward_hook(gather)
    else:
        model.rope.register_forward_pre_hook(
            lambda _, args: check_tokens(args[0].shape[2:], model.config.patch_size, degree)
        )
    apply_context_parallel(model, config, plan)


def check_tokens(size: Sequence[int], patch_size: Sequence[int], degree: int) -> None:
    """VeraError unless `degree` processes can share the tokens of a latent clip of `size` T, H, W evenly."""
    tokens = math.prod(length // patch for length, patch in zip(size, patch_size, strict=True))
    if tokens % degree:
        clip = "x".join(str(length) for length in size)
        raise VeraError(
            f"context parallelism: {degree} processes cannot share the {tokens} tokens of a latent clip of {clip} "
            "evenly: change the size or the number of frames"
        )


def _check_backend(model: Any) -> None:
    for module in model.modules():
        backend = getattr(getattr(module, "processor", None), "_attention_backend", None)
        if backend is not None and not _AttentionBackendRegistry._is_context_parallel_available(backend):
            able = ", ".join(sorted(_AttentionBackendRegistry._supports_context_parallel))
            raise VeraError(f"context parallelism: backend {backend.value} cannot be split: take one of {able}")


def _gather_uneven(_: nn.Module, args: Any, output: Tensor, dim: int, group: Any) -> Tensor:
    """The parts of all processes, of unlike lengths, along `dim`; diffusers' own asks gloo for what it cannot do."""
    sizes = gather_size_by_comm(output.shape[dim], group)
    padding = [0, 0] * (output.ndim - dim - 1) + [0, max(sizes) - output.shape[dim]]
    padded = nn.functional.pad(output, padding).contiguous()
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded, group=group)
    return torch.cat([part.narrow(dim, 0, size) for part, size in zip(parts, sizes, strict=True)], dim)
