"""The processes of a run: one, or as many as torchrun started, each with one device.

Parameters, gradients and optimizer are sharded over all processes (FSDP2). Processes that share the tokens of a sample
(context parallelism) get the same samples; the others get different ones.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from vera.errors import VeraError
from vera.hardware import choose_device
from vera.processes import process_group

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among those of the run. `mesh` has the dimensions `data` and `context`; None for one process."""

    device: torch.device
    rank: int = 0
    size: int = 1
    mesh: DeviceMesh | None = None

    @property
    def main(self) -> bool:
        """Whether this process writes logs, sheets and exported weights."""
        return self.rank == 0

    @property
    def data_rank(self) -> int:
        """Which of the groups that load different samples this process is in."""
        return 0 if self.mesh is None else self.mesh["data"].get_local_rank()

    @property
    def data_size(self) -> int:
        """How many groups load different samples."""
        return 1 if self.mesh is None else self.mesh["data"].size()

    @property
    def context_size(self) -> int:
        """How many processes share the tokens of a sample."""
        return 1 if self.mesh is None else self.mesh["context"].size()

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()

    def first(self, action: Callable[[], T]) -> T:
        """Have the main process act for all: every process gets its result, or raises its OSError or VeraError."""
        outcome: list[Any] = [None, None]
        if self.main:
            try:
                outcome[0] = action()
            except (OSError, VeraError) as error:
                outcome[1] = error
        if self.size > 1:
            dist.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise outcome[1]
        result: T = outcome[0]
        return result

    def sum(self, values: Tensor) -> Tensor:
        """`values`, on the CPU, summed over the data-parallel processes."""
        if self.data_size > 1:
            assert self.mesh is not None
            values = values.to(self.device)
            dist.all_reduce(values, group=self.mesh["data"].get_group())
        return values.cpu()

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process."""
        if self.size == 1:
            return flag
        flags = torch.tensor([flag], dtype=torch.int32, device=self.device)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags.item())


@contextmanager
def start_world(device: str, context_parallel: int) -> Iterator[World]:
    """The world of this process, by torchrun's environment. VeraError where the numbers do not divide."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size % context_parallel:
        raise VeraError(f"context_parallel: {size} processes cannot be grouped by {context_parallel}")
    chosen = choose_device(device, mps=False)  # which has no float64: sums and logs are in it
    if size == 1:
        yield World(chosen)
        return
    with process_group(cuda=chosen.type == "cuda"):
        if chosen.type == "cuda":
            chosen = torch.device("cuda", torch.cuda.current_device())
        shape = (size // context_parallel, context_parallel)
        mesh = init_device_mesh(chosen.type, shape, mesh_dim_names=("data", "context"))
        yield World(chosen, dist.get_rank(), size, mesh)


def shard(model: nn.Module, world: World, bf16: bool) -> None:
    """Shard `model` in place over all processes, one unit for each repeated block and one for the rest.

    With `bf16` the parameters travel and compute in bfloat16, also norms and modulation tables, which one process keeps
    in float32: FSDP has one type for each unit. Gradients are reduced in float32. Inputs are left to
    autocast: a timestep of up to 1000 does not survive bfloat16.
    """
    if world.size == 1:
        return
    mesh = init_device_mesh(world.device.type, (world.size,))
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    if bf16:
        policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    blocks = set(getattr(model, "_repeated_blocks", None) or ())
    for module in model.modules():
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh, mp_policy=policy)
    # A model's output is a view of its last tensor. torch warns of writing to it in place, which nothing here does.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module")
    # The rest, too, gives its copies back after a forward, since one that is not trained on has no backward.
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)


def local(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The tensor from all processes' parts; every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
