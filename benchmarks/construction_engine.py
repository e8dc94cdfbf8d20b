"""What the data engine itself costs: `python -m benchmarks.construction_engine`, in seconds of the processor.

Toy stages that do nothing (tests/construction/toys.py) over 200 clips: CPU time of a stage run, of the same command
again with nothing to do, and of the index with many clips.
"""

import os
import tempfile
import time
from pathlib import Path

from tests.construction.toys import STAGES, finish, opened

from vera.construction.engine.databases import Sqlite
from vera.construction.engine.index import Index
from vera.construction.engine.state import Task

CLIPS = 200
ROWS = 200_000


def main() -> None:
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        start = time.process_time()
        with opened(root / "out", *["50"] * (CLIPS // 50)) as build:
            finish(build)
        runs = CLIPS // 50 + CLIPS * (len(STAGES) - 1)
        print(f"a stage run: {(time.process_time() - start) / runs * 1000:.2f} ms ({runs} runs, one process)")
        start = time.process_time()
        with opened(root / "out", *["50"] * (CLIPS // 50)) as build:
            finish(build)
        print(f"{CLIPS} clips again, nothing to do: {time.process_time() - start:.2f} s")
        measure_index(root / "index.sqlite")


def measure_index(path: Path) -> None:
    """Claims and counts among many clips that each have five tasks."""
    index = Index(Sqlite(path))
    start = time.process_time()
    for number in range(ROWS):
        unit = f"{number:016x}"
        index.put(
            unit,
            [Task("clip", unit, "", f"s{rank}", rank, "ready" if not rank else "blocked", "") for rank in range(5)],
        )
    print(f"index of {ROWS:,} clips: {(time.process_time() - start) / ROWS * 1e6:.0f} us to put one")
    start = time.process_time()
    for _ in range(1000):
        assert index.claim(range(5)) is not None
    print(f"claim among {ROWS:,}, up to 1,000 leased: {(time.process_time() - start) * 1000:.0f} us")
    start = time.process_time()
    index.counts()
    print(f"count of {ROWS:,} clips: {time.process_time() - start:.2f} s")
    index.close()


if __name__ == "__main__":
    main()
