"""Caches of latents for tests: samples of random numbers, one of them bad."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from vera.data.latents.writer import Written, write_sample_shards
from vera.data.sample import BadSample, LatentSample

SMALL = 3  # samples of a shard
BAD = 7


def make(key: int) -> LatentSample:
    """Clips of two lengths, four instructions, every third with a mask."""
    generator = torch.Generator().manual_seed(key)
    shape = (3, 4, 1 + key % 2, 8, 8)
    layers, source = torch.randn(shape, generator=generator), torch.randn(shape[1:], generator=generator)
    return LatentSample(
        layers=layers.half(),
        source=source.half(),
        mask=source.half() + 1 if key % 3 == 0 else None,
        text=torch.full((2 + key % 4, 6), key % 4).half(),
        instruction=f"add «{key % 4}»",
        task="obj_add" if key % 5 else "background_replace",
    )


def encode(keys: Sequence[int]) -> Iterator[LatentSample | BadSample]:
    for key in keys:
        yield BadSample(f"clip {key}: torn") if key == BAD else make(key)


def empty_text() -> torch.Tensor:
    return torch.full((1, 6), -1.0).half()


def write(folder: Path, count: int = 20, note: str = "a", shard_samples: int = SMALL) -> Written:
    return write_sample_shards(
        folder, range(count), encode, {"encoders": note}, empty_text, shard_samples=shard_samples
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same(sample: LatentSample, other: LatentSample) -> None:
    for name in ("layers", "source", "text"):
        assert torch.equal(getattr(sample, name), getattr(other, name))
    assert (sample.mask is None) == (other.mask is None)
    assert sample.mask is None or other.mask is None or torch.equal(sample.mask, other.mask)
    assert (sample.instruction, sample.task) == (other.instruction, other.task)
