"""Encode the samples of a recipe's data once, to train from `kind: shards`.

Latents are kept as float16: normalised latents are of the order of 1, far from its bounds, and of the two 16-bit types
it is the finer. On nano's latents (rms 1.04, at most 22) its rounding is 2.0e-4 rms, bfloat16's 1.4e-3; decoded, that
moves a pixel by at most 0.12 of its 255 steps, bfloat16's by 0.88 (`python benchmarks/data.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from vera.data.latents.dataset import PARTS
from vera.data.latents.writer import SHARD_SAMPLES, Written, write_sample_shards
from vera.data.sample import BadSample, LatentSample, LayerData, LayeredSample
from vera.data.sources import open_layer_data
from vera.errors import VeraError
from vera.files import check_outputs
from vera.hardware import choose_device, kept_threads
from vera.training.batches import EVAL_STEP, check_bad_share, collate, start_worker
from vera.training.encoders import FrozenEncoders
from vera.training.latents import LAYERS
from vera.training.recipe import FlowObjective, Recipe, load_recipe
from vera.training.run.inputs import run_inputs
from vera.training.run.loop import OpenData


@kept_threads()
def cache_data(
    recipe_path: Path,
    out: Path,
    count: int | None = None,
    *,
    dtype: torch.dtype = torch.float16,
    shard_samples: int = SHARD_SAMPLES,
    retry: bool = False,
    open_data: OpenData = open_layer_data,
    report: Callable[[str], None] = print,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Written]:
    """Write the samples of the recipe's data to `out`, encoded by its autoencoder and text encoder, by part.

    That is all samples of a finite data set, or its first `count`; of an endless one the samples of its first `count`
    steps. The held-out part has all held-out samples of a finite data set, else those that training evaluates with. The
    same call goes on with work that was stopped; a larger `count` adds to it. Bad samples are left out and reported;
    with `retry` those that an earlier call left out are tried again.
    VeraError for a recipe that cannot be run, where `out` holds another cache, above `max_bad_share` and where the disk
    refuses.
    """
    if count is not None and count < 1:
        raise VeraError(f"a cache has one sample or more, not {count}")
    recipe = load_recipe(recipe_path)
    check_outputs(run_inputs(recipe_path, recipe), [out / part for part in PARTS.values()])
    if not isinstance(recipe.objective, FlowObjective):
        raise VeraError(f"{recipe_path}: {recipe.method} learns from clips; a cache is for layered_flow")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    opened = {held_out: open_data(recipe.data, held_out) for held_out in PARTS}
    keys = {
        False: _training_keys(opened[False], count),
        True: _held_out_keys(opened[True], max(1, recipe.sampling.count)),
    }
    encoders = FrozenEncoders(recipe.objective, choose_device(recipe.device, mps=False))
    note = {
        "encoders": encoders.describe(),
        "dtype": str(dtype).removeprefix("torch."),
        "data": recipe.data,
    }

    def skipped(problem: str, bad: int, seen: int) -> None:
        report(f"skipped  {problem}")
        check_bad_share(bad, seen, recipe.max_bad_share, problem)

    def write(held_out: bool) -> Written:
        data, part = opened[held_out], PARTS[held_out]
        return write_sample_shards(
            out / part,
            keys[held_out],
            lambda some: _encode(encoders, data, some, recipe, dtype),
            note,
            lambda: encoders.text.states(""),
            name_of=getattr(data, "name_of", repr),
            shard_samples=shard_samples,
            retry=retry,
            progress=lambda done, total: progress(part, done, total),
            skipped=skipped,
        )

    return {PARTS[held_out]: write(held_out) for held_out in (True, False)}


def _training_keys(data: LayerData, count: int | None) -> Sequence[Any]:
    if hasattr(data, "keys"):
        return list(data.keys())[:count]
    if count is None:
        raise VeraError("data: this data has no end; say with --count how many samples to keep")
    return [data.draw(step, 1)[0] for step in range(count)]


def _held_out_keys(data: LayerData, count: int) -> Sequence[Any]:
    if hasattr(data, "keys"):
        return list(data.keys())
    return [data.draw(EVAL_STEP + index, 1)[0] for index in range(count)]


class _Samples(Dataset[LayeredSample | LatentSample | BadSample]):
    """Map-style over keys; a bad sample is handed over, not raised, so that its process goes on."""

    def __init__(self, data: LayerData, keys: Sequence[Any]) -> None:
        self.data = data
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> LayeredSample | LatentSample | BadSample:
        try:
            return self.data.load(self.keys[index])
        except BadSample as error:
            return error


def _encode(
    encoders: FrozenEncoders, data: LayerData, keys: Sequence[Any], recipe: Recipe, dtype: torch.dtype
) -> Iterator[LatentSample | BadSample]:
    """The samples of `keys`, decoded by the recipe's workers ahead of the encoder."""
    options: Mapping[str, Any] = {"prefetch_factor": 2, "worker_init_fn": start_worker} if recipe.workers else {}
    loader = DataLoader(_Samples(data, keys), batch_size=None, num_workers=recipe.workers, **options)
    for sample in loader:
        if isinstance(sample, LatentSample):
            raise VeraError("data: holds latents already; cache the data of their clips")
        yield sample if isinstance(sample, BadSample) else _encoded(encoders, sample, dtype)


def _encoded(encoders: FrozenEncoders, sample: LayeredSample, dtype: torch.dtype) -> LatentSample | BadSample:
    latents = encoders.encode(collate([sample]).to(encoders.device), LAYERS)
    layers, source, mask = (x[0].to(dtype, copy=True).cpu() for x in (latents.layers, latents.source, latents.mask))
    if not (layers.isfinite().all() and source.isfinite().all() and mask.isfinite().all()):
        return BadSample(f"{sample.instruction!r}: has latents that are not finite in {dtype}")
    return LatentSample(
        layers=layers,
        source=source,
        mask=None if sample.mask is None else mask,
        text=encoders.text.states(sample.instruction),
        instruction=sample.instruction,
        task=sample.task,
    )
