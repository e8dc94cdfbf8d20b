"""`vera studio` as a user starts it: a process, its link opened once, and what it is asked."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ENDED = ("done", "failed", "cancelled")


@dataclass
class Served:
    """A studio that is served, and a browser's session with it."""

    process: "subprocess.Popen[str]"
    client: httpx2.Client

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask for JSON; an error is the test's."""
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def wait(self, job: str, seconds: float = 600) -> dict[str, Any]:
        """Wait for a job to end."""
        said: dict[str, Any] = wait_for(lambda: _ended(self.ask("GET", f"/jobs/{job}")), seconds)
        return said


def wait_for(look: Callable[[], Any], seconds: float = 120) -> Any:
    """Look until there is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"nothing came in {seconds} s")


def _ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] in ENDED else None


def environment() -> dict[str, str]:
    """The shell's, with the code that is tested, wherever a process is started."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def served(*arguments: str | Path, folder: Path) -> Iterator[Served]:
    """Start `vera studio` in a folder, open its link, and end it as Ctrl-C does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vera", "studio", *map(str, arguments), "--no-browser"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        link = next(line.split()[1] for line in process.stdout if line.startswith("open "))
        with httpx2.Client(base_url=link.split("/open?")[0], timeout=120) as client:
            assert client.get(link).status_code == 303
            yield Served(process, client)
    finally:
        process.terminate()
        process.wait(120)
