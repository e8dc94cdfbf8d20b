"""Links guessed a thousand times a second while raters answer: how many guesses are listened to, and do raters notice?

Run: python -m benchmarks.study_guessing [--raters 100] [--seconds 5] [--rate 1000]

Raters open their links and answer over HTTP, first alone, then while another process at another address (127.0.0.2)
asks for links that are none. The times of `Links.open` and `Links.holds` are of secrets that differ from the right one
in the first letter or in the last.
"""

import argparse
import asyncio
import multiprocessing
import secrets
import tempfile
import timeit
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from benchmarks.study_load import make, served, told
from benchmarks.study_raters import Log, rate_all, tastes

from vera.study.folder import LINKS, open_study, read_struct
from vera.study.links import Links, make_links

GUESSER = "127.0.0.2"
CONNECTIONS = 20
ROUNDS = 20_000  # of a compared secret


@dataclass(frozen=True)
class Outcome:
    """Raters alone and beside guesses, what the guesses were answered, and for how many seconds they were made."""

    alone: Log
    beside: Log
    said: Counter[int]
    seconds: float


async def guess(port: int, rate: float, ended: asyncio.Event) -> Counter[int]:
    """Ask for links that are none, so many a second, until `ended`; counts the answers by status."""
    said: Counter[int] = Counter()
    clock = asyncio.get_running_loop().time
    began = clock()

    async def connection(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(GUESSER, 0))
        due = began + number / rate
        while not ended.is_set():
            await asyncio.sleep(max(0.0, due - clock()))
            due += CONNECTIONS / rate
            link = secrets.token_urlsafe(24)
            writer.write(f"GET /r/{link} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
            said[int(head.split()[1])] += 1
        writer.close()

    await asyncio.gather(*map(connection, range(CONNECTIONS)))
    return said


def guess_until(
    url: str, rate: float, ended: "multiprocessing.synchronize.Event", told: "multiprocessing.Queue[Counter[int]]"
) -> None:
    """Guess in a process of its own, so that raters are not slowed by who measures them."""

    async def run() -> Counter[int]:
        done = asyncio.Event()
        guessing = asyncio.create_task(guess(urlsplit(url).port or 80, rate, done))
        await asyncio.to_thread(ended.wait)
        done.set()
        return await guessing

    told.put(asyncio.run(run()))


def measure(folder: Path, raters: int, seconds: float, rate: float) -> Outcome:
    """Have two halves of a study's raters answer, the second beside guesses at `rate` a second."""
    made = make(folder, 2 * raters, 3)
    study, _ = open_study(made)
    tokens = read_struct(made / LINKS, Links).raters
    drawn = tastes(study, raters, 0.65, 1.0, seconds, 0)
    alone, beside = Log(), Log()
    processes = multiprocessing.get_context("spawn")
    ended, said = processes.Event(), processes.Queue()
    with served(made, None) as server:
        asyncio.run(rate_all(server.url, study, tokens[:raters], drawn, 0, alone))
        guesser = processes.Process(target=guess_until, args=(server.url, rate, ended, said))
        guesser.start()
        began = timeit.default_timer()
        asyncio.run(rate_all(server.url, study, tokens[raters:], drawn, 1, beside))
        ended.set()
        counted = said.get()
        took = timeit.default_timer() - began
        guesser.join()
    return Outcome(alone, beside, counted, took)


def compared(links: Links) -> str:
    """Median nanoseconds in which secrets are refused that are wrong at the first letter, and only at the last."""
    right = links.raters[0]
    seal = links.seal("session", "statement")
    rows = []
    for name, ask, secret in (
        ("links", links.open, right),
        ("seals", lambda wrong: links.holds("session", "statement", wrong), seal),
    ):
        wrong = (_other(secret[0]) + secret[1:], secret[:-1] + _other(secret[-1]))
        taken = [timeit.repeat(lambda: ask(one), number=100, repeat=ROUNDS // 100) for one in wrong]  # noqa: B023
        rows.append(f"{name} {' and '.join(f'{1e7 * float(np.median(times)):.0f}' for times in taken)} ns")
    return ", ".join(rows)


def _other(letter: str) -> str:
    return "A" if letter != "A" else "B"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raters", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=1000.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vera-study-guessing-") as folder:
        found = measure(Path(folder), given.raters, given.seconds, given.rate)
    guesses = sum(found.said.values())
    print(
        f"{guesses} guesses in {found.seconds:.0f} s, {guesses / found.seconds:.0f} a second: "
        f"{found.said[404]} listened to, {found.said[429]} not, {guesses - found.said[404] - found.said[429]} else\n"
        f"{given.raters} raters alone:  {len(found.alone.kept)} kept, {found.alone.failures} failed, "
        f"{told(found.alone.seconds)}\n"
        f"{given.raters} raters beside: {len(found.beside.kept)} kept, {found.beside.failures} failed, "
        f"{told(found.beside.seconds)}\n"
        f"wrong at the first letter and at the last: {compared(make_links(1))}"
    )


if __name__ == "__main__":
    main()
