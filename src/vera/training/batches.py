"""Batches for the loop: a pure function of the step, made ahead in worker processes."""

import math
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vera.data.sample import BadSample, LatentSample, LayerData, LayeredSample
from vera.errors import VeraError
from vera.workers import end_with_parent

# First step index reserved for evaluation draws: beyond any run's last step, so disjoint from what training draws.
EVAL_STEP = 1 << 30
BAD_AT_FIRST = 1000  # samples over which the share of bad ones is counted at least


@dataclass(frozen=True)
class _Tensors:
    """What batches share. `bad` says what was wrong with samples that others stand in for."""

    instructions: tuple[str, ...]
    bad: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.instructions)

    def to(self, device: torch.device) -> Self:
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device, non_blocking=True) for k, v in held.items() if isinstance(v, Tensor)}
        return replace(self, **moved)


@dataclass(frozen=True)
class Batch(_Tensors):
    """Samples of one shape. uint8: `source`, `edit`, `composite` [B,T,H,W,3], `alpha` and `mask` [B,T,H,W].

    `has_mask` [B] bool; the mask of a sample without one is zeros.
    """

    source: Tensor
    edit: Tensor
    alpha: Tensor
    composite: Tensor
    mask: Tensor
    has_mask: Tensor


@dataclass(frozen=True)
class LatentBatch(_Tensors):
    """Encoded samples of one shape, normalised: `layers` [B,3,C,T,H,W], `source` and `mask` [B,C,T,H,W].

    `text` [B,L,D] ends in zeros; `has_mask` [B] bool, and the mask of a sample without one is zeros.
    """

    layers: Tensor
    source: Tensor
    mask: Tensor
    has_mask: Tensor
    text: Tensor


def check_bad_share(bad: int, seen: int, max_share: float, problem: str) -> None:
    """VeraError where `bad` of `seen` samples are more than `max_share`; `problem` is what the last one had."""
    if bad > max_share * max(seen, BAD_AT_FIRST):
        raise VeraError(f"data: {bad} of {seen} samples cannot be used, more than max_bad_share; the last: {problem}")


def collate(samples: Sequence[LayeredSample], bad: Sequence[str] = ()) -> Batch:
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
        bad=tuple(bad),
    )


def collate_latents(samples: Sequence[LatentSample], bad: Sequence[str] = ()) -> LatentBatch:
    """Stack encoded samples of one shape; texts are padded to the longest."""
    length = max(len(s.text) for s in samples)
    texts = [torch.nn.functional.pad(s.text, (0, 0, 0, length - len(s.text))) for s in samples]
    return LatentBatch(
        layers=torch.stack([s.layers for s in samples]),
        source=torch.stack([s.source for s in samples]),
        mask=torch.stack([torch.zeros_like(s.source) if s.mask is None else s.mask for s in samples]),
        has_mask=torch.tensor([s.mask is not None for s in samples]),
        text=torch.stack(texts),
        instructions=tuple(s.instruction for s in samples),
        bad=tuple(bad),
    )


def load_sample(
    data: LayerData, index: int, batch_size: int, position: int, max_bad_share: float
) -> tuple[LayeredSample | LatentSample, list[str]]:
    """A sample of batch `index`, or the first usable stand-in for it, and what was wrong with those before.

    VeraError where stand-ins, too, are bad, more in a row than chance brings where a share of `max_bad_share` is.
    """
    bad: list[str] = []
    # Chance brings as many once in 5e8 samples: 8 up to a share of 0.08, 57 at 0.7, 990 from 0.98 on.
    attempts = math.ceil(-20 / math.log(min(max(max_bad_share, 0.08), 0.98)))
    for attempt in range(attempts):
        try:
            return data.load(data.draw(index, batch_size, attempt)[position]), bad
        except BadSample as error:
            bad.append(str(error))
    raise VeraError(f"data: {attempts} samples in a row cannot be used; the last: {bad[-1]}")


@dataclass(frozen=True)
class Share:
    """Which of the data-parallel processes this is: each loads an equal slice of every batch."""

    rank: int = 0
    size: int = 1


class _Batches(Dataset[Batch | LatentBatch | VeraError]):
    """Map-style: item `i` is this process's share of batch `i`.

    An error is handed over, not raised: the loader would wrap it into the trace of its worker.
    """

    def __init__(self, data: LayerData, batch_size: int, share: Share, max_bad_share: float) -> None:
        self.data = data
        self.batch_size = batch_size
        self.share = share
        self.max_bad_share = max_bad_share

    def __getitem__(self, index: int) -> Batch | LatentBatch | VeraError:
        try:
            return self._batch(index)
        except VeraError as error:
            return error

    def _batch(self, index: int) -> Batch | LatentBatch:
        count = len(self.data.draw(index, self.batch_size))
        if count % self.share.size:
            raise VeraError(f"batch_size: {count} samples cannot be shared by {self.share.size} processes")
        part = count // self.share.size
        first = self.share.rank * part
        places = range(first, first + part)
        loaded = [load_sample(self.data, index, self.batch_size, place, self.max_bad_share) for place in places]
        samples: Any = [sample for sample, _ in loaded]
        bad = [problem for _, problems in loaded for problem in problems]
        return (collate if isinstance(samples[0], LayeredSample) else collate_latents)(samples, bad)


def iterate_batches(
    data: LayerData,
    batch_size: int,
    start: int,
    stop: int,
    workers: int,
    share: Share = Share(),
    max_bad_share: float = 0.0,
) -> Iterator[Batch | LatentBatch]:
    """This process's share of batches `start` to `stop`; which worker makes a batch does not change it."""
    options: dict[str, Any] = {"prefetch_factor": 4, "worker_init_fn": start_worker} if workers else {}
    loader: DataLoader[Batch | LatentBatch | VeraError] = DataLoader(
        _Batches(data, batch_size, share, max_bad_share),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        generator=torch.Generator(),  # else the loader draws its seed from the global generator
        **options,
    )
    for batch in loader:
        if isinstance(batch, VeraError):
            raise batch
        yield batch


def start_worker(index: int) -> None:
    """One thread a worker; the main process decides when to stop, also where a signal reaches the whole group."""
    import cv2

    cv2.setNumThreads(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()  # torch's own watch ends no worker that waits for room in a pipe
