"""The data engine at the size of a real build: `python -m benchmarks.construction_scale [--executor ray]`.

Stages that do nothing (tests/construction/toys.py) over 10,000 clips of 200 sources, in two processes or two actors of
a Ray of this machine's own. Printed: seconds by the clock and of the driver's processor for each stage run, in each
quarter of the runs, and the memory of the driver and of all processes together, what they share counted once, at the
end of each quarter.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
from tests.construction.toys import STAGES, finish, opened

CLIPS_OF_A_SOURCE = 50
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    parser.add_argument("--clips", type=int, default=10_000)
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    sources = options.clips // CLIPS_OF_A_SOURCE
    runs = sources + options.clips * (len(STAGES) - 1)
    most = [0.0, 0.0]
    ended, quarters = threading.Event(), Quarters(runs)
    threading.Thread(target=watch, args=(most, ended), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.monotonic(), time.process_time()
        with opened(Path(folder), *[str(CLIPS_OF_A_SOURCE)] * sources) as build:
            finish(build, WORKERS, options.executor, quarters)
            done = len(build.index.find("done", "publish"))
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
        ended.set()
        print(f"{options.executor}: {done:,} of {options.clips:,} clips, {runs:,} stage runs in {seconds:.0f} s")
        print(
            f"{seconds / runs * 1000:.1f} ms a run by the clock, {cpu / runs * 1000:.1f} ms of the driver's processor"
        )
        print(f"memory: driver {most[0] / 1e6:.0f} MB, all processes {most[1] / 1e6:.0f} MB")
        start = time.monotonic()
        with opened(Path(folder), *[str(CLIPS_OF_A_SOURCE)] * sources) as build:
            finish(build, WORKERS, options.executor)
        print(f"the same again, nothing to do: {time.monotonic() - start:.1f} s")


class Quarters:
    """Tells after each quarter of the runs what they took, and the memory that is held then."""

    def __init__(self, runs: int) -> None:
        self.runs, self.told = runs, 0
        self.at, self.cpu = time.monotonic(), time.process_time()

    def __call__(self, what: str, done: int, of: int) -> None:
        if done * 4 < (self.told + 1) * self.runs:
            return
        self.told += 1
        at, cpu = time.monotonic(), time.process_time()
        clock, own = (held / (self.runs / 4) * 1000 for held in (at - self.at, cpu - self.cpu))
        driver, everybody = (held / 1e6 for held in memory())
        print(
            f"quarter {self.told}: {clock:.1f} ms a run, {own:.1f} ms of the driver's processor; "
            f"driver {driver:.0f} MB, all processes {everybody:.0f} MB",
            flush=True,
        )
        self.at, self.cpu = at, cpu


def memory() -> tuple[float, float]:
    """Bytes of the driver, and of it with all it began."""
    driver, held = psutil.Process(), []
    for process in [driver, *driver.children(recursive=True)]:
        with suppress(psutil.Error):
            held.append(process.memory_full_info().pss)
    return held[0], sum(held)


def watch(most: list[float], ended: threading.Event) -> None:
    """Keep the most memory that the driver, and it with all it began, ever had."""
    while not ended.wait(2):
        most[:] = map(max, most, memory())


if __name__ == "__main__":
    main()
