"""Raters by the hundred answer a study whose server is killed and whose database restarts: is any answer lost?

Run: python -m benchmarks.study_load [--raters 200] [--trials 10] [--seconds 5] [--kills 2] [--postgres]

A study is made of noise, served by `vera study serve`, and answered by simulated raters. After the last answer the
database is compared with what was acknowledged. PostgreSQL is Debian's, started in a temporary folder.
"""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.study_raters import Log, rate_all, tastes
from sqlalchemy import func, select
from tests.postgres import Postgres, postgres
from tests.study.made_study import make_edits

from vera.study.create import create_study
from vera.study.folder import DATABASE, LINKS, open_study, read_struct
from vera.study.links import Links
from vera.study.store.answers import answered_trials
from vera.study.store.connect import open_database, reading
from vera.study.store.tables import answers
from vera.study.study import Design

STARTS = 120.0  # seconds that a server has to start


@dataclass(frozen=True)
class Outcome:
    """What became of all answers: acknowledged, kept otherwise or not at all, kept twice; seconds of each answer."""

    acknowledged: int
    lost: int
    doubled: int
    seconds: tuple[float, ...]
    failures: int


class Server:
    """`vera study serve` on one port, which can be killed and started again."""

    def __init__(self, study: Path, database: str | None) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        options = [] if database is None else ["--database", database]
        self._command = [sys.executable, "-m", "vera", "study", "serve", str(study), "--port", str(self.port), *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + STARTS
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(self.url, timeout=2).read()
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the server did not start")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@contextmanager
def served(study: Path, database: str | None) -> Iterator[Server]:
    """Serve a study for the length of a block."""
    server = Server(study, database)
    server.start()
    try:
        yield server
    finally:
        server.kill()


async def with_accidents(
    server: Server, run: "asyncio.Task[Log]", kills: int, gap: float, held: Postgres | None
) -> Log:
    """Kill the server so many times, restart the database once, and wait for the raters."""
    for _ in range(kills):
        await asyncio.sleep(gap)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    if held is not None:
        await asyncio.sleep(gap)
        await asyncio.to_thread(held.restart)
    return await run


def load(folder: Path, raters: int, trials: int, seconds: float, kills: int, held: Postgres | None) -> Outcome:
    """Make a study in `folder`, have it answered through all accidents, and compare."""
    design = Design(raters=raters, trials=trials, catches=2, repeats=1)
    create_study(make_edits(folder / "edits", max(4, trials + 2)), (), folder / "study", design, trials=trials, seed=1)
    study, _ = open_study(folder / "study")
    links = read_struct(folder / "study" / LINKS, Links)
    drawn = tastes(study, raters, 0.65, 1.0, seconds, 0)
    database = None if held is None else held.url
    with served(folder / "study", database) as server:
        gap = design.length * seconds / (kills + 2 + (held is not None))

        async def run() -> Log:
            task = asyncio.create_task(rate_all(server.url, study, list(links.raters), drawn, 0))
            return await with_accidents(server, task, kills, gap, held)

        log = asyncio.run(run())
    engine = open_database(database or folder / "study" / DATABASE)
    kept = {(row["session"], row["trial"]): row["sides"] for row in answered_trials(engine)}
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(answers)).scalar() or 0
    lost = sum(kept.get(place) != sides for place, sides in log.kept.items())
    assert len(log.kept) == raters * design.length
    return Outcome(len(log.kept), lost, rows - 3 * len(kept), tuple(log.seconds), log.failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(tempfile.mkdtemp(prefix="vera-study-load-"))
    try:
        if given.postgres:
            with postgres() as held:
                found = load(folder, given.raters, given.trials, given.seconds, given.kills, held)
        else:
            found = load(folder, given.raters, given.trials, given.seconds, given.kills, None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    p50, p95, p99 = np.percentile(found.seconds, (50, 95, 99)) * 1000
    print(
        f"{given.raters} raters, {given.kills} kills{', 1 restart of PostgreSQL' if given.postgres else ''}: "
        f"{found.acknowledged} trials acknowledged, {found.lost} lost, {found.doubled} doubled; "
        f"{found.failures} requests failed and were sent again; p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms"
    )


if __name__ == "__main__":
    main()
