"""The data engine at the size of a real build: `python -m benchmarks.construction_scale [--executor ray]`.

Stages that do nothing (tests/construction/toys.py) over 10,000 clips of 200 sources, in two processes or two actors of
a Ray of this machine's own. Printed: seconds by the clock and of the driver's processor for each stage run, and the
memory of the driver and of all processes together, what they share counted once.
"""

import argparse
import os
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
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path("src").resolve()), str(Path.cwd())])
    sources = options.clips // CLIPS_OF_A_SOURCE
    runs = sources + options.clips * (len(STAGES) - 1)
    most = [0.0, 0.0]
    ended = threading.Event()
    threading.Thread(target=watch, args=(most, ended), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.monotonic(), time.process_time()
        with opened(Path(folder), *[str(CLIPS_OF_A_SOURCE)] * sources) as build:
            finish(build, WORKERS, options.executor, tell)
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


def tell(what: str, done: int, of: int) -> None:
    """Take what a terminal would be told."""


def watch(most: list[float], ended: threading.Event) -> None:
    """Keep the most memory that the driver, and it with all it began, ever had."""
    driver = psutil.Process()
    while not ended.wait(2):
        held = []
        for process in [driver, *driver.children(recursive=True)]:
            with suppress(psutil.Error):
                held.append(process.memory_full_info().pss)
        most[:] = max(most[0], held[0]), max(most[1], sum(held))


if __name__ == "__main__":
    main()
