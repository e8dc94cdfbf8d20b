"""Kinds of job that fare in every way a job can."""

import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from vera.errors import VeraError
from vera.jobs.work import Work

NAMES = ("write", "count", "deaf", "die", "full", "boom", "refuse", "warm", "show", "swallow", "huge", "unfit", "odd")
KINDS = {name: f"tests.jobs.toys:{name}" for name in NAMES}


def write(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Two files, which are right together only; takes `seconds`."""
    for name in ("a", "b"):
        work.progress("writing", int(name == "b"), 2)
        (work.out / name).write_text(str(spec["number"]))
        time.sleep(spec.get("seconds", 0) / 2)
    with Path(work.workspace / "ran.txt").open("a", encoding="utf-8") as log:
        log.write(f"{spec['number']}\n")
    return {"number": spec["number"]}


def count(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    for done in range(spec["to"]):
        work.progress("counting", done, spec["to"])
        time.sleep(0.02)
    return {}


def deaf(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Signals blocked and ignored, in a loop of C that holds the interpreter; what it started has left its group."""
    (work.out / "half").write_text("half")
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (work.workspace / "child.txt").write_text(str(child.pid))
    work.progress("deaf", 0, 1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    return {"sum": sum(itertools.repeat(1, 1 << 62))}


def die(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    (work.out / "half").write_text("half")
    print("about to die", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def full(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    (work.out / "half").write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device")


def boom(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    (work.out / "half").write_text("half")
    raise ZeroDivisionError("out of luck\nsecond line")


def refuse(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    raise VeraError("clip.mp4: has no frames; choose another clip")


def warm(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    work.warm["runs"] = work.warm.get("runs", 0) + 1
    return {"runs": work.warm["runs"], "process": os.getpid()}


def show(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    grey = np.full((4, 6), 128, np.uint8)
    for step in (1, 2):
        work.preview(SimpleNamespace(step=step, edit=np.dstack([grey] * 3), alpha=grey, composite=None))  # type: ignore[arg-type]
    return {}


def swallow(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Takes no notice of what it is told."""
    while True:
        with suppress(BaseException):
            work.progress("on and on", 0, 1)
        time.sleep(0.05)


def huge(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    return {"text": "x" * (2 << 20)}


def unfit(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Results beyond JSON."""
    return {"number": float("nan")}


def odd(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Tells of itself what no JSON holds: names that are not UTF-8, numbers of numpy, a long error."""
    for done in range(3):
        work.progress("caf\udce9.mp4\x1b[31m" + "x" * 500, np.int64(done), np.int64(2))
        time.sleep(0.6)
    raise ValueError("caf\udce9" + "y" * 10_000)
