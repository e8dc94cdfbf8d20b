"""Raters by the hundred answer a study whose server is killed and whose database restarts: is any answer lost?

Run: python -m benchmarks.study_load [--raters 200] [--browsers 0] [--trials 3] [--seconds 15] [--kills 2] [--down 5]
                                     [--postgres]

A study is made of moving textures, served by `vera study serve`, and answered by simulated raters: over HTTP, and so
many of them in headless Chromium. Each looks and thinks for `--seconds` on average, half as long at least. The server
is killed (SIGKILL) when equal shares of all answers are kept, and stays away for `--down` seconds; PostgreSQL, Debian's
in a temporary folder, is stopped as by a power cut and started again. After the last answer the database is compared
with what was acknowledged.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.served import Server
from benchmarks.study_browsers import rate_in_browsers
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

CLIP, FRAMES = (416, 240), 24  # about 2.4 seconds of 416x240, three pictures each


@dataclass(frozen=True)
class Accidents:
    """What befalls a study: kills of its server, seconds that it stays away, a database that restarts once."""

    kills: int = 2
    down: float = 5.0
    held: Postgres | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of all answers: acknowledged, kept otherwise or not at all, kept twice; and what the raters noted."""

    acknowledged: int
    lost: int
    doubled: int
    log: Log


def study_server(study: Path, database: str | None) -> Server:
    """`vera study serve` of a study, not started yet."""
    return Server("study", "serve", study, *(() if database is None else ("--database", database)))


@contextmanager
def served(study: Path, database: str | None) -> Iterator[Server]:
    """Serve a study for the length of a block."""
    server = study_server(study, database)
    server.start()
    try:
        yield server
    finally:
        server.kill()


async def with_accidents(server: Server, run: "asyncio.Task[None]", log: Log, of: int, accidents: Accidents) -> None:
    """Kill the server and restart the database when equal shares of `of` answers are kept, and wait for the raters."""
    held = accidents.held
    shares = accidents.kills + 1 + (held is not None)
    for number in range(1, shares):
        while len(log.kept) < of * number / shares and not run.done():
            await asyncio.sleep(0.05)
        if held is not None and number == shares - 1:
            await asyncio.to_thread(held.restart)
        else:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(accidents.down)
            await asyncio.to_thread(server.start)
    await run


def make(folder: Path, raters: int, trials: int, size: tuple[int, int] = (64, 48), frames: int = 5) -> Path:
    """Make a study below `folder`, of clips of moving textures; returns its folder."""
    design = Design(raters=raters, trials=trials, catches=2, repeats=1)
    edits = make_edits(folder / "edits", max(4, trials + 2), frames, size)
    create_study(edits, (), folder / "study", design, trials=trials, seed=1)
    return folder / "study"


def load(made: Path, browsers: int, seconds: float, accidents: Accidents) -> Outcome:
    """Have a study answered through all accidents, and compare what is kept with what was acknowledged."""
    study, _ = open_study(made)
    tokens = read_struct(made / LINKS, Links).raters
    length, by_hand, log = study.design.length, tokens[:browsers], Log()
    drawn = tastes(study, len(tokens) - browsers, 0.65, 1.0, seconds, 0)
    database = None if accidents.held is None else accidents.held.url

    async def run(server: Server) -> None:
        begun = threading.Event()
        given = (server.url, by_hand, length, seconds, log, begun)
        pages = asyncio.create_task(asyncio.to_thread(rate_in_browsers, *given))
        await asyncio.to_thread(begun.wait)
        others = rate_all(server.url, study, tokens[browsers:], drawn, 0, log)
        both = asyncio.create_task(together(others, pages))
        await with_accidents(server, both, log, len(tokens) * length, accidents)

    with served(made, database) as server:
        asyncio.run(run(server))
    engine = open_database(database or made / DATABASE)
    kept = {(row["session"], row["trial"]): row["sides"] for row in answered_trials(engine)}
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(answers)).scalar() or 0
    lost = sum(kept.get(place) != sides for place, sides in log.kept.items())
    assert len(log.kept) == len(tokens) * length
    return Outcome(len(log.kept), lost, rows - 3 * len(kept), log)


async def together(*runs: Awaitable[object]) -> None:
    """Wait for all; the first that fails ends the wait."""
    await asyncio.gather(*runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--browsers", type=int, default=0)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--down", type=float, default=5.0)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(tempfile.mkdtemp(prefix="vera-study-load-"))
    try:
        made = make(folder, given.raters, given.trials, CLIP, FRAMES)
        with postgres() if given.postgres else nullcontext() as held:
            found = load(made, given.browsers, given.seconds, Accidents(given.kills, given.down, held))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    log = found.log
    print(
        f"{given.raters} raters, {given.browsers} of them in Chromium, {given.kills} kills"
        f"{', 1 restart of PostgreSQL' if given.postgres else ''}: {found.acknowledged} trials acknowledged, "
        f"{found.lost} lost, {found.doubled} doubled; {log.failures} requests failed and were sent again\n"
        f"answers that reached a living server: {told(log.seconds)}\n"
        f"from an answer's first request to its acknowledgement: {told(log.waited)}"
    )


def told(seconds: Sequence[float]) -> str:
    """Percentiles of times, in milliseconds."""
    p50, p95, p99, longest = np.percentile(seconds, (50, 95, 99, 100)) * 1000
    return f"p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}, longest {longest:.0f} ms"


if __name__ == "__main__":
    main()
