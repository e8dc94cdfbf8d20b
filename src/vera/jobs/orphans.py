"""Processes that end with the one that started them, and take along those that they started."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

import psutil

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the system kill this process once the one that started it is no more, whatever it is busy with.

    Linux only; elsewhere the end of a pipe has to do. The system looks at the thread that started this process.
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def family(process: int) -> list[psutil.Process]:
    """All processes that one started, and those started in turn, also those that left its group."""
    with suppress(psutil.Error):
        found: list[psutil.Process] = psutil.Process(process).children(recursive=True)
        return found
    return []


def kill_all(process: int, others: list[psutil.Process]) -> None:
    """Kill a process, its group (it leads one), and `others` of its family."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
    for other in others:
        with suppress(psutil.Error):
            other.kill()  # psutil knows a process from a later one with its number
