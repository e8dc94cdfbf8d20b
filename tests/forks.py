"""Copies of the test's process: one that imports everything anew would take longer than most tests."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path


def forked(work: Callable[[], int], errors: Path | None = None) -> int:
    """Start `work` in a copy of this process, which ends with its exit code; returns the copy's id.

    What it writes to standard error goes to a file, or nowhere; its output goes nowhere.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            told = os.open(errors or os.devnull, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            os.dup2(told, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            warnings.simplefilter("ignore")
            code = work()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Wait for a copy to end; the negative of its signal if one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
