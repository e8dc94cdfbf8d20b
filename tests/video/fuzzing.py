"""Damaged files by the hundred: clips of six containers, changed at random, through `vera composite`.

A worker process does one file after the other and is held to the rules: exit code 0, 2 or 3, one line of error, never a
trace, nothing half-written. Its parent sees to the time and the memory that it takes.
"""

import contextlib
import io
import json
import random
import re
import resource
import select
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.clips import make_clip

from vera.cli import main
from vera.layers import LayeredEdit, save_layers
from vera.video import open_clip

SECONDS, BYTES = 30, 2 << 30
# Suffix: codec, pixel format, sound.
CLIPS = {
    ".mp4": ("libx264", "yuv420p", "aac"),
    ".mov": ("prores_ks", "yuv422p10le", "pcm_s16le"),
    ".mkv": ("ffv1", "yuv420p", "libopus"),
    ".webm": ("libvpx-vp9", "yuv420p", "libopus"),
    ".avi": ("mjpeg", "yuvj420p", ""),
    ".ts": ("mpeg2video", "yuv420p", "aac"),
}
HEADER = 4096  # bytes at either end, where containers keep what they say of themselves
FRAMES = 8


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the exit code, seconds, the worker's peak memory so far in bytes, what broke a rule."""

    case: int
    code: int
    peak: int
    broken: str


def make_clips(folder: Path) -> None:
    """A clip and its layers for each container."""
    for suffix, (codec, pix_fmt, sound) in CLIPS.items():
        options = {"crf": "28", "cpu-used": "8"} if codec == "libvpx-vp9" else {"crf": "25"} if "264" in codec else {}
        clip = make_clip(folder / f"whole{suffix}", FRAMES, codec=codec, pix_fmt=pix_fmt, audio=sound, options=options)
        info = open_clip(clip)
        alpha = np.zeros((FRAMES, 48, 64), np.uint16)
        alpha[:, 8:24, 8:24] = 40000
        edit = LayeredEdit(np.full((*alpha.shape, 3), 200, np.uint8), alpha, info.pts, info.time_base)
        save_layers(edit, folder / f"layers{suffix}")


def mutated(data: bytes, case: int) -> bytes:
    """`data` cut off, or with bytes changed, put in or taken out, mostly where headers lie; the same for a case."""
    draw = random.Random(case)
    if draw.random() < 0.25:
        return data[: draw.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        end = len(changed)
        low, high = draw.choice(((0, min(HEADER, end)), (max(0, end - HEADER), end), (0, min(64, end)), (0, end)))
        place = draw.randrange(low, max(high, low + 1))
        kind = draw.randrange(5)
        if kind == 0:
            changed[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            changed[place : place + 4] = draw.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4), b"\x00\x00\x00\x01"))
        elif kind == 2:
            changed[place : place + draw.randrange(1, 200)] = b""
        elif kind == 3:
            changed[place:place] = draw.randbytes(draw.randrange(1, 200))
        else:
            changed[place : place + 32] = draw.randbytes(32)
    return bytes(changed)


def work(folder: Path, cases: list[int]) -> None:
    """The worker: one line of JSON for each case."""
    for case in cases:
        suffix = list(CLIPS)[case % len(CLIPS)]
        source = folder / f"case{suffix}"
        source.write_bytes(mutated((folder / f"whole{suffix}").read_bytes(), case))
        out = folder / f"out{'.mkv' if suffix in ('.webm', '.avi', '.ts') else suffix}"
        layers = folder / f"layers{suffix}"
        before = set(folder.iterdir())
        said = io.StringIO()
        code, broken = -1, ""
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("default")
                code = main(["composite", str(source), str(layers), "--out", str(out)])
            broken = judge(code, said.getvalue().splitlines(), set(folder.iterdir()) - before, out)
        except BaseException as error:  # whatever reaches here would have been a trace
            broken = f"{type(error).__name__}: {error}"
        out.unlink(missing_ok=True)
        print(json.dumps([case, code, peak_memory(), broken]), flush=True)


def peak_memory() -> int:
    """The most memory that this program has held, in bytes. Linux's `ru_maxrss` begins with that of its parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text("ascii"))[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def judge(code: int, lines: list[str], made: set[Path], out: Path) -> str:
    """What breaks a rule, "" if nothing does."""
    errors = [line for line in lines if not line.startswith("vera: warning: ") and line.startswith("vera: ")]
    if code not in (0, 2, 3):
        return f"exit code {code}"
    if len(errors) != (code == 2):
        return f"{len(errors)} lines of error with exit code {code}"
    if made != (set() if code == 2 else {out}):
        return f"made {sorted(path.name for path in made)} with exit code {code}"
    if code != 2:
        open_clip(out)
    return ""


def fuzz(folder: Path, cases: list[int]) -> Iterator[Outcome]:
    """Run the cases in a worker; one that hangs or dies breaks a rule, and another goes on behind it."""
    make_clips(folder)
    left = list(cases)
    while left:
        command = [sys.executable, "-c", WORKER, str(folder), json.dumps(left)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as worker:
            assert worker.stdout is not None
            while left:
                ready, _, _ = select.select([worker.stdout], [], [], SECONDS + 30 * (len(left) == len(cases)))
                line = worker.stdout.readline() if ready else b""
                if not line:
                    worker.kill()
                    yield Outcome(left[0], -1, 0, "died" if ready else f"took more than {SECONDS} s")
                    left.pop(0)
                    break
                outcome = Outcome(*json.loads(line))
                left.pop(0)
                if outcome.peak > BYTES and not outcome.broken:
                    outcome = Outcome(outcome.case, outcome.code, outcome.peak, f"took {outcome.peak >> 20} MiB")
                yield outcome


WORKER = """
import json, sys
from pathlib import Path
from tests.video.fuzzing import work
work(Path(sys.argv[1]), json.loads(sys.argv[2]))
"""
