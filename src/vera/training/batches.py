"""Batches for the loop: a pure function of the step, made ahead in worker processes."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vera.data.sample import LayeredSample

# Far beyond any run's end: the data of the last stage of a curriculum, disjoint from what steps draw.
BEYOND = 1 << 30


class LayerSource(Protocol):
    """What the trainer asks of data: `vera.data.synthesis.SyntheticLayers` is one."""

    def batch(self, step: int, batch_size: int) -> list[LayeredSample]:
        """Samples of one shape, the same whenever asked."""


@dataclass(frozen=True)
class Batch:
    """Samples of one shape. uint8: `source`, `edit`, `composite` [B,T,H,W,3], `alpha` and `mask` [B,T,H,W].

    `has_mask` [B] bool; the mask of a sample without one is zeros.
    """

    source: Tensor
    edit: Tensor
    alpha: Tensor
    composite: Tensor
    mask: Tensor
    has_mask: Tensor
    instructions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.instructions)

    def to(self, device: torch.device) -> "Batch":
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "instructions"}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})


def collate(samples: Sequence[LayeredSample]) -> Batch:
    """Stack samples of one shape."""
    masks = [np.zeros_like(s.alpha) if s.mask is None else s.mask for s in samples]
    return Batch(
        source=torch.from_numpy(np.stack([s.source for s in samples])),
        edit=torch.from_numpy(np.stack([s.edit for s in samples])),
        alpha=torch.from_numpy(np.stack([s.alpha for s in samples])),
        composite=torch.from_numpy(np.stack([s.composite for s in samples])),
        mask=torch.from_numpy(np.stack(masks)),
        has_mask=torch.tensor([s.mask is not None for s in samples]),
        instructions=tuple(s.instruction for s in samples),
    )


class _Batches(Dataset[Batch]):
    """Map-style: item `i` is batch `i`."""

    def __init__(self, source: LayerSource, batch_size: int) -> None:
        self.source = source
        self.batch_size = batch_size

    def __getitem__(self, index: int) -> Batch:
        return collate(self.source.batch(index, self.batch_size))


def iterate_batches(source: LayerSource, batch_size: int, start: int, stop: int, workers: int) -> Iterator[Batch]:
    """Batches `start` to `stop`; which process makes a batch does not change it."""
    options: dict[str, Any] = {"prefetch_factor": 4, "worker_init_fn": _start_worker} if workers else {}
    loader = DataLoader(
        _Batches(source, batch_size),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        generator=torch.Generator(),  # else the loader draws its seed from the global generator
        **options,
    )
    return iter(loader)


def _start_worker(index: int) -> None:
    """One thread a worker; the main process decides when to stop."""
    import cv2

    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def network_view(video: Tensor) -> Tensor:
    """uint8 RGB [B,T,H,W,3] or grey [B,T,H,W] to float32 [B,3,T,H,W] in [-1,1]."""
    if video.ndim == 4:
        video = video[..., None].expand(*video.shape, 3)
    return video.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
