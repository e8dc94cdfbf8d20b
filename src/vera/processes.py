"""Sampling in several processes that torchrun started, one GPU each: they share the tokens of every forward."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist


@contextmanager
def process_group(cuda: bool | None = None) -> Iterator[None]:
    """Join the processes that torchrun started, if it did; on GPUs (`cuda`; where there are any, if None) each has its
    own. What lies on the CPU is exchanged there in either case.
    """
    if "RANK" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1 or dist.is_initialized():
        yield
        return
    cuda = torch.cuda.is_available() if cuda is None else cuda
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return int(os.environ.get("RANK", "0")) == 0


def group_size() -> int:
    """How many processes share the work; 1 outside `process_group`."""
    return dist.get_world_size() if dist.is_initialized() else 1
