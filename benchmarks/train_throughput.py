"""What the trainer costs: `python benchmarks/train_throughput.py`.

Training steps of the joint model by `vera.training` (batches from a data source, randomness for each sample, losses by
branch and time, averaged weights, logged figures) against a bare loop that calls the same network, mean squared error,
AdamW and clipping on one batch it already holds. Both see as many tokens; rounds of steps alternate in one process.
Prints the trainer's throughput over the bare loop's; the goal is 0.95.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch

from vera.data.sample import LatentSample
from vera.hardware import choose_device, make_autocast
from vera.models import AutoencoderPatch3D
from vera.training.batches import iterate_batches
from vera.training.methods import make_method
from vera.training.parallel.distributed import World
from vera.training.recipe import FlowObjective, Recipe
from vera.training.run.ema import update_average
from vera.training.run.loop import Run, train_step
from vera.training.run.schedule import learning_rate
from vera.training.run.state import start

# Network, latent [C,T,H,W], batch; text is MiniLM's, 32 states of 384.
SIZES: dict[str, tuple[dict[str, Any], tuple[int, ...], int]] = {
    "small": (
        {"num_layers": 2, "num_attention_heads": 4, "attention_head_dim": 64, "ffn_dim": 1024},
        (32, 3, 16, 16),
        2,
    ),
    "1.3b": ({}, (16, 13, 60, 104), 1),
}
NO_LIMIT = 1 << 20


class HeldLatents:
    """A source of samples that cost nothing to load."""

    def __init__(self, latent: tuple[int, ...]) -> None:
        layers, source, mask = torch.randn(3, *latent), torch.randn(latent), torch.randn(latent)
        self.sample = LatentSample(
            layers.bfloat16(), source.bfloat16(), mask.bfloat16(), torch.randn(32, 384).bfloat16(), "a", "obj_add"
        )

    def draw(self, step: int, batch_size: int, attempt: int = 0) -> list[int]:
        return list(range(batch_size))

    def load(self, key: int) -> LatentSample:
        return self.sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5, help="steps of each loop in a round")
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    config, latent, batch_size = SIZES[arguments.size]
    device = choose_device(arguments.device)

    with tempfile.TemporaryDirectory() as name:
        AutoencoderPatch3D(z_dim=latent[0], width=8, num_blocks=1).save_pretrained(f"{name}/vae")
        recipe = Recipe(
            method="layered_flow",
            output=name,
            steps=NO_LIMIT,
            model=config | {"text_dim": 384},
            data={},
            objective=FlowObjective(autoencoder=f"{name}/vae"),
            batch_size=batch_size,
            gradient_checkpointing=arguments.size == "1.3b",
            workers=arguments.workers,
        )
        source = HeldLatents(latent)
        loops = {"trainer": trainer(recipe, source, device), "bare": bare(recipe, source, device)}
        seconds: dict[str, list[float]] = {name: [] for name in loops}
        for step in loops.values():
            for _ in range(2):
                step()
        for index in range(arguments.rounds):
            for loop in sorted(loops, reverse=bool(index % 2)):  # who is first alternates too
                seconds[loop].append(timed(loops[loop], arguments.steps, device))

    ratios = [bare_seconds / ours for bare_seconds, ours in zip(seconds["bare"], seconds["trainer"], strict=True)]
    for loop, values in seconds.items():
        print(f"{loop:8} {arguments.steps * batch_size / statistics.median(values):8.3f} samples/s")
    print(f"trainer over bare: {statistics.median(ratios):.3f} (rounds {min(ratios):.3f} to {max(ratios):.3f})")
    print(f"{device}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")


def trainer(recipe: Recipe, source: HeldLatents, device: torch.device) -> Callable[[], None]:
    """One turn of the loop in `vera.training.run.loop`."""
    world, autocast = World(device), make_autocast(recipe.dtype, device)
    method = make_method(recipe, [], device, autocast)
    state = start(recipe, method, source, world)
    run = Run(recipe, method, world, autocast, None, lambda line: None)
    batches = iterate_batches(source, recipe.batch_size, 0, NO_LIMIT, recipe.workers)

    def step() -> None:
        train_step(run, state, batches, learning_rate(recipe, state.step))
        update_average(state.average, state.model, state.step, recipe.ema_decay)
        state.step += 1
        if state.step % recipe.log_every == 0:
            state.meter.take()

    return step


def bare(recipe: Recipe, source: HeldLatents, device: torch.device) -> Callable[[], None]:
    """The same network with nothing around it."""
    autocast = make_autocast(recipe.dtype, device)
    model: Any = start(recipe, make_method(recipe, [], device, autocast), source, World(device)).model
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, fused=True)
    held = source.sample
    layers, given, mask, text = (
        torch.stack([x.float()] * recipe.batch_size).to(device)
        for x in (held.layers, held.source, held.mask, held.text)
        if x is not None
    )

    def step() -> None:
        noise, times = torch.randn_like(layers), torch.rand(len(layers), device=device)
        t = times[:, None, None, None, None, None]
        with autocast():
            prediction = model((1 - t) * layers + t * noise, times * 1000, text, given, mask).sample
            loss = torch.nn.functional.mse_loss(prediction.float(), noise - layers)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
        optimizer.zero_grad()

    return step


def timed(step: Callable[[], None], count: int, device: torch.device) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
