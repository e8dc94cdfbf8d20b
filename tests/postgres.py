"""Debian's PostgreSQL in a temporary folder, by another user where this one is root, which it refuses."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = Path("/usr/lib/postgresql")
PERSON = "postgres"  # that Debian's package makes


class Postgres:
    """A cluster of its own, which listens on the loopback without a password."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs, self._folder, self._port = programs, folder, port
        self.url = f"postgresql://{PERSON}@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Make the cluster if there is none, start it and wait until it answers."""
        if not (self._folder / "data").exists():
            self._run("initdb", "-D", "data", "-U", PERSON, "--auth=trust", "--no-sync")
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends connections, `immediate` is as a power cut."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def restart(self) -> None:
        """Stop it as a power cut would, and start it again."""
        self.stop("immediate")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--init-groups", *command]
        done = subprocess.run(command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; None if it is not installed."""
    found = sorted(PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a cluster for the length of a block."""
    programs = postgres_programs()
    assert programs is not None, "no PostgreSQL: `make test-slow` installs Debian's"
    folder = Path(tempfile.mkdtemp(prefix="vera-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, PERSON, PERSON)
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
        held = Postgres(programs, folder, port)
        held.start()
        try:
            yield held
        finally:
            held.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
