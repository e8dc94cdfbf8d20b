"""The worker that a server starts for itself, and that ends with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from vera.errors import VeraError
from vera.jobs.worker import KINDS, run_worker
from vera.workers import beside

NAME = "embedded"  # there is one of a server: what it had before a restart is its own to begin again
AGAIN = 1.0  # seconds before one that died is started anew
PATIENCE = 10.0  # seconds that it has to end


@contextmanager
def embedded_worker(server: str, token: str, workspace: Path, table: str = KINDS) -> Iterator[None]:
    """Keep a worker of a server running beside it; one that dies is started anew."""
    # One thread from beginning to end: on Linux a process that asks to end with its parent ends with its thread.
    with beside(lambda ended: _keep(ended, server, token, workspace, table)):
        yield


def _keep(ended: threading.Event, server: str, token: str, workspace: Path, table: str) -> None:
    while not ended.is_set():
        process = subprocess.Popen(
            [sys.executable, "-m", "vera.jobs.embedded", server, str(workspace), table],
            stdin=subprocess.PIPE,
            start_new_session=True,  # an interrupt at the terminal is the server's, which then ends this one
        )
        assert process.stdin is not None
        process.stdin.write(f"{token}\n".encode())  # not an argument, which every user of the machine can read
        process.stdin.flush()
        while process.poll() is None and not ended.wait(0.1):
            pass
        process.stdin.close()
        _end(process)
        ended.wait(AGAIN)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(server: str, workspace: str, table: str) -> None:
    """Work until stdin, on which the token comes first, ends with the server. Exits with one line for a VeraError."""
    signal.signal(signal.SIGTERM, _interrupt)
    token = sys.stdin.readline().strip()
    threading.Thread(target=_follow, daemon=True).start()
    try:
        run_worker(server, token, Path(workspace), name=NAME, table=table)
    except KeyboardInterrupt:
        return
    except VeraError as error:
        sys.exit(f"worker: {error}")


def _follow() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # what it does to end is not to be cut short
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(*sys.argv[1:])
