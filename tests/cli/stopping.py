"""A command that is stopped by a signal in the middle of its work, in a process of its own."""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.forks import SERVER

from vera.cli import main


def run_stopped(stage: tuple[str, str, str], number: signal.Signals, arguments: Sequence[str], errors: Path) -> int:
    """Run a command, stopped where the method of `stage` (module, class, name) is called for the second time.

    Returns its exit code, or the negative of the signal that ended it; standard error goes to a file.
    """
    process = SERVER.Process(target=_run, args=(stage, number, list(arguments), errors))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run(stage: tuple[str, str, str], number: signal.Signals, arguments: list[str], errors: Path) -> None:
    told = os.open(errors, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.dup2(told, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits it ignored
    _stop_in(*stage, number)
    sys.exit(main(arguments))


def _stop_in(module: str, owner: str, name: str, number: signal.Signals) -> None:
    target = getattr(import_module(module), owner)
    work, calls = getattr(target, name), []

    def stop(*args: Any, **options: Any) -> Any:
        calls.append(None)
        if len(calls) == 2:
            os.kill(os.getpid(), number)
        return work(*args, **options)

    setattr(target, name, stop)
