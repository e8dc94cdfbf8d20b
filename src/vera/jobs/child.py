"""A runner as its worker holds it: started when there is a job, spoken to by pipes, killed if it must be."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from vera.jobs.orphans import family, kill_all


class Child:
    """A process of `vera.jobs.runner`, or none yet. Held by one thread, the main one: it ends with it."""

    def __init__(self, workspace: Path, table: str) -> None:
        self._workspace, self._table = workspace, table
        self._process: subprocess.Popen[bytes] | None = None
        self._channel, self._held = -1, b""
        self._family: list[psutil.Process] = []

    def begin(self, job: dict[str, Any], log: Path) -> None:
        """Have it run a job, and write what it prints to the end of `log`."""
        if self._process is None or not self.alive():
            self._start()
        with suppress(BrokenPipeError):  # it died just now: `alive` tells
            self._send({"run": job, "log": str(log)})

    def stop(self) -> None:
        """Ask it to stop its job."""
        with suppress(BrokenPipeError):
            self._send({"stop": True})

    def messages(self, timeout: float) -> list[dict[str, Any]]:
        """What it tells within `timeout` seconds."""
        ready, _, _ = select.select([self._channel], [], [], timeout)
        if ready:
            self._held += os.read(self._channel, 1 << 20)
        *lines, self._held = self._held.split(b"\n")
        return [json.loads(line) for line in lines]

    def alive(self) -> bool:
        """Whether it runs. One that does not is seen so before its group can be anybody else's."""
        assert self._process is not None
        return self._process.returncode is None and (
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        )

    def terminate(self) -> None:
        """Ask its whole group to end."""
        assert self._process is not None
        self._family = family(self._process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def kill(self, wait: float = 1.0) -> str:
        """End it, what it started included, if it still runs; the next job has a new one. Return how it ended."""
        process, self._process = self._process, None
        if process is None:
            return ""
        kill_all(process.pid, [*self._family, *family(process.pid)])
        self._family = []
        with suppress(subprocess.TimeoutExpired):  # the system itself holds it: it is left to that
            process.wait(wait)
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        os.close(self._channel)
        self._channel, self._held = -1, b""
        return _ending(process.returncode)

    def _start(self) -> None:
        self.kill()
        self._channel, theirs = os.pipe()
        command = [sys.executable, "-m", "vera.jobs.runner", self._table, str(self._workspace), str(theirs)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, start_new_session=True, pass_fds=[theirs], bufsize=0
        )
        os.close(theirs)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its process ended (code {code})"
    return f"its process was ended by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -9 else "")
