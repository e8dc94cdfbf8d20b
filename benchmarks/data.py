"""What a training sample costs: read and encoded on the fly, and read from a cache; and what the cache's dtype costs.

Run: python benchmarks/data.py [CLIPS]; needs `make assets`. Clips of 17 frames of 256x144 are rendered, written in the
released layout (lossless, so decoding is slower than of the released files) and cached with nano's autoencoder and text
encoder. The rows take turns in each round, so that a busy machine slows all of them; a ratio is the median over rounds
of the time that the first row takes by a row's in the same round. One process, one thread.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import cv2
import torch
import yaml

from vera.data.latents.dataset import ShardedLayers
from vera.data.released.dataset import ReleasedLayers
from vera.data.released.writer import append_row, write_clips
from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers
from vera.training.batches import collate, collate_latents
from vera.training.cache import cache_data
from vera.training.encoders import FrozenEncoders
from vera.training.latents import LAYERS
from vera.training.recipe import load_recipe

ROUNDS = 7
FRAMES, WIDTH, HEIGHT = 17, 256, 144
SPLITS = {"obj_add": "synthetic-obj-add", "background_replace": "synthetic-bg-change"}


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    with tempfile.TemporaryDirectory() as folder:
        clips = write(Path(folder), count)
        encoders, cache = encode(Path(folder), clips)
        compare(encoders, clips, cache)
        size = sum(path.stat().st_size for path in (Path(folder) / "cache" / "train").iterdir()) / count
        print(
            f"  a sample takes {size / 1e6:.2f} MB in the cache, {FRAMES * WIDTH * HEIGHT * 11 / 1e6:.1f} MB decoded\n"
        )
        rounding(encoders, clips)


def write(folder: Path, count: int) -> ReleasedLayers:
    layers = SyntheticLayers()
    splits = set()
    for number in range(count):
        sample = layers.sample(number, FRAMES, WIDTH, HEIGHT)
        split = SPLITS[sample.task]
        append_row(write_clips(sample, folder, split, f"{number:06d}"), folder, split, FRAMES)
        splits.add(split)
    return ReleasedLayers(
        str(folder),
        subsets=dict.fromkeys(sorted(splits), 1.0),
        clip_frames=FRAMES,
        frames=FRAMES,
        size=f"{WIDTH}x{HEIGHT}",
        held_out_share=0.0,
    )


def encode(folder: Path, clips: ReleasedLayers) -> tuple[FrozenEncoders, ShardedLayers]:
    autoencoder = str(files("vera.presets") / "nano" / "vae")
    recipe = {
        "method": "layered_flow",
        "output": "run",
        "steps": 1,
        "model": {},
        "data": {},
        "device": "cpu",
        "threads": 1,
        "objective": {"autoencoder": autoencoder},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    cache_data(path, folder / "cache", open_data=lambda data, held_out: clips)
    device = torch.device("cpu")
    encoders = FrozenEncoders(load_recipe(path).objective, device)
    return encoders, ShardedLayers(str(folder / "cache"))


def compare(encoders: FrozenEncoders, clips: ReleasedLayers, cache: ShardedLayers) -> None:
    """Seconds from keys to the network's input."""
    keys, cached_keys = clips.keys(), cache.keys()

    def decoded() -> list[LayeredSample]:
        return [clips.load(key) for key in keys]

    def on_the_fly() -> None:
        for key in keys:
            encoders.encode(collate([clips.load(key)]), LAYERS)

    def cached() -> None:
        for key in cached_keys:
            encoders.encode(collate_latents([cache.load(key)]), LAYERS)

    rows: dict[str, Callable[[], object]] = {
        "decode and encode on the fly": on_the_fly,
        "read the clips alone": decoded,
        "read from the cache": cached,
    }
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for work in rows.values():
        work()  # warms the file cache and the texts
    for _ in range(ROUNDS):
        for name, work in rows.items():
            start = time.perf_counter()
            work()
            seconds[name].append((time.perf_counter() - start) / len(cached_keys))
    base = seconds["decode and encode on the fly"]
    print(f"{len(cached_keys)} clips of {FRAMES} frames of {WIDTH}x{HEIGHT}")
    print(f"  {'':<32}{'ms a sample':>12}{'ratio':>8}")
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(base, times, strict=True))
        print(f"  {name:<32}{1000 * statistics.median(times):>12.1f}{ratio:>8.1f}")


@torch.no_grad()
def rounding(encoders: FrozenEncoders, clips: ReleasedLayers) -> None:
    """What 16 bits cost nano's latents, and its pictures decoded from them."""
    batches = [collate([clips.load(key)]) for key in list(clips.keys())]
    latents = torch.cat([encoders.encode(batch, LAYERS).layers[0] for batch in batches])
    exact = decode(encoders, latents)
    rms = latents.square().mean().sqrt()
    print(f"latents: root mean square {rms:.2f}, largest {latents.abs().max():.0f}")
    for dtype in (torch.float16, torch.bfloat16):
        rounded = latents.to(dtype).float()
        error = (rounded - latents).square().mean().sqrt()
        pixels = (decode(encoders, rounded) - exact).abs()
        print(
            f"  {dtype!s:<16} error {error:.1e}, decoded {pixels.square().mean().sqrt():.3f} of 255, "
            f"at most {pixels.max():.2f}"
        )


def decode(encoders: FrozenEncoders, latents: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to 255."""
    return (
        torch.cat([encoders.vae.decode(part * encoders.std + encoders.mean).sample for part in latents.split(3)])
        * 127.5
    )


if __name__ == "__main__":
    main()
