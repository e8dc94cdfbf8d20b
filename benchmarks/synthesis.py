"""How fast synthetic clips are made: `python benchmarks/synthesis.py [--renders DIR]`; needs `make assets`.

Prints clips a second by the wall clock, of all processes together, and processor time for each clip, which other work
on the machine disturbs less; and the share that the parts of a clip take.
"""

import argparse
import cProfile
import os
import pstats
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.records import read_records

SIZE = (17, 256, 144)  # frames, width, height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="clips for each process")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--renders", default=None)
    options = parser.parse_args()
    print(f"{SIZE[0]} frames of {SIZE[1]}x{SIZE[2]}; load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    streams = [("2D", None, 0.0), *([("3D", options.renders, 1.0)] if options.renders else [])]
    for name, renders, share in streams:
        wall, cpu, count = measure(renders, share, options.workers, options.count)
        print(f"{name}: {count / wall:.1f} clips/s on {options.workers} processes, {1000 * cpu / count:.0f} ms a clip")
    if options.renders:
        records = read_records(Path(options.renders))
        views = sum(len(record.spec.angles) for record in records)
        seconds = sum(record.seconds for record in records)
        errors = [record.identity_error for record in records]
        worst = max(record.identity_worst for record in records)
        print(
            f"renders: {len(records)} of {views} views at {records[0].samples} samples, {seconds / views:.1f} s a view"
        )
        print(f"identity: mean {sum(errors) / len(errors):.2f}, largest {worst:.2f} of 255")
    profile(options.renders)


def measure(renders: str | None, share: float, workers: int, count: int) -> tuple[float, float, int]:
    """Wall seconds, processor seconds and clips, once every process has opened its assets."""
    with ProcessPoolExecutor(workers, initializer=open_layers, initargs=(renders, share)) as pool:
        list(pool.map(make, [0] * workers * 4))
        start = time.perf_counter()
        cpu = sum(pool.map(make, range(workers * count)))
        return time.perf_counter() - start, cpu, workers * count


def open_layers(renders: str | None, share: float) -> None:
    global layers
    cv2.setNumThreads(1)
    layers = SyntheticLayers(renders=renders, render_share=share)


def make(index: int) -> float:
    start = time.process_time()
    layers.sample(index, *SIZE)
    return time.process_time() - start


def profile(renders: str | None) -> None:
    open_layers(renders, 0.4)
    profiler = cProfile.Profile()
    for index in range(40):
        profiler.runcall(make, index)
    stats = pstats.Stats(profiler)
    times = {key[2]: value[3] for key, value in stats.stats.items() if "vera" in key[0]}  # type: ignore[attr-defined]
    total = times["sample"]
    parts = ("make_sample", "film", "render_cutout", "render_shadows", "photo_scene", "panorama_scene", "cut_out")
    print("share of a clip: " + ", ".join(f"{part} {times[part] / total:.0%}" for part in parts if part in times))


if __name__ == "__main__":
    main()
