"""Kinds of job whose process kills its worker while the results take their name."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.jobs import toys

from vera.jobs.work import Work

BEFORE = {"write": "tests.jobs.dying:before"}
AFTER = {"write": "tests.jobs.dying:after"}


def before(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    toys.write(spec, work)
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def after(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Once the folder has its name; before anybody is told."""
    rename = Path.rename

    def then_die(self: Path, target: Path) -> Path:
        renamed = rename(self, target)
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        return renamed

    Path.rename = then_die  # type: ignore[method-assign]
    return toys.write(spec, work)
