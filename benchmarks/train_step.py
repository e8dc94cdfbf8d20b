"""A training step of nano on a CPU, and what makes it short: `python -m benchmarks.train_step [--size base|layers]`.

The step of the recipe (compiled blocks, Muon, averaged weights) on a batch that is held already, against the same step
with one thing done otherwise: attention in bfloat16 as autocast would have it, and Muon's matrices one by one. Rounds
of steps alternate in one process. Instructions are encoded a batch at a time and one by one.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from benchmarks.train_throughput import NO_LIMIT, HeldLatents, trainer
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor

from vera.data.synthesis import SyntheticLayers
from vera.models import joint_attention, wan_attention
from vera.training.recipe import Recipe, load_recipe
from vera.training.run import schedule
from vera.training.text import TextStates

AUTOENCODER = "src/vera/presets/nano/vae"
# Recipe, latent [C,T,H,W], batch.
SIZES = {
    "base": ("recipes/nano-things.yaml", (32, 1, 14, 14), 64),
    "layers": ("recipes/nano.yaml", (32, 1, 18, 32), 24),
}
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=4, help="steps of each in a round")
    arguments = parser.parse_args()
    path, latent, batch = SIZES[arguments.size]
    recipe = load_recipe(Path(path), {"objective.autoencoder": AUTOENCODER, "init": None})
    recipe = replace(recipe, batch_size=batch, steps=NO_LIMIT)
    ways = {"as it is": as_it_is, "attention in bfloat16": in_bfloat16, "matrices one by one": one_by_one}
    steps = {name: way(recipe, latent) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
        step()
    for _ in range(arguments.rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(arguments.steps):
                step()
            seconds[name].append((time.perf_counter() - start) / arguments.steps)
    usual = statistics.median(seconds["as it is"])
    for name, values in seconds.items():
        each = statistics.median(values)
        print(f"{name:22} {each:.3f} s a step, {batch / each:5.1f} samples/s, {each / usual:.2f} times the usual")
    instructions()
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")


def as_it_is(recipe: Recipe, latent: tuple[int, ...]) -> Callable[[], None]:
    return trainer(recipe, HeldLatents(latent), CPU)


def in_bfloat16(recipe: Recipe, latent: tuple[int, ...]) -> Callable[[], None]:
    def attend(query: Tensor, key: Tensor, value: Tensor, *_: object) -> Tensor:
        output: Tensor = dispatch_attention_fn(query, key, value)
        return output

    step = as_it_is(recipe, latent)

    def patched() -> None:
        with ExitStack() as stack:
            for module in (joint_attention, wan_attention):
                stack.enter_context(mock.patch.object(module, "attend", attend))
            step()

    return patched


def one_by_one(recipe: Recipe, latent: tuple[int, ...]) -> Callable[[], None]:
    with mock.patch.object(schedule, "SMALL", 0):
        return as_it_is(recipe, latent)


def instructions() -> None:
    """Time of an instruction that is new, in a batch of 64 and alone."""
    layers = SyntheticLayers()
    texts = [layers.sample(index, 1, 64, 64).instruction for index in range(128)]
    encoder = TextStates("minilm", 32, CPU)
    encoder(["warm up"])
    taken = []
    for calls in ([texts[:64]], [[text] for text in texts[64:]]):
        start = time.perf_counter()
        for call in calls:
            encoder(call)
        taken.append((time.perf_counter() - start) / 64 * 1000)
    print(f"an instruction: {taken[0]:.1f} ms in a batch, {taken[1]:.1f} ms alone")


if __name__ == "__main__":
    main()
