"""Simulated raters, who answer a served study over HTTP as its page does: links, consent, videos, answers sent again.

Run: python -m benchmarks.study_raters STUDY URL [--raters N] [--seconds 5] [--rater-sd 1] [--rate 0.65] [--seed 0]

They know which result is the reference's by the videos' hashes in the study's folder, which no rater has.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

from vera.metrics.statistics import logit_of_win_rate
from vera.study.analysis.exclusions import SHOWN_BY_CATCHES
from vera.study.folder import LINKS, open_study, read_struct, sha256
from vera.study.links import Links
from vera.study.study import QUESTIONS, Item, Study

PATIENCE, LONGEST = 1.0, 30.0  # seconds to the second try, and at most between two: as the page has them
GIVE_UP = 120.0  # seconds after which a server that is away stays away
Sides = dict[str, str]


@dataclass
class Log:
    """What was acknowledged, by session and trial, and how long it took.

    Args:
        seconds: of each answer's last request, which reached a living server.
        waited: seconds from each answer's first request to its acknowledgement, with all that failed between.
        failures: requests that nobody answered, or only to say that the database is away.
    """

    kept: dict[tuple[str, int], Sides] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    failures: int = 0


@dataclass(frozen=True)
class Taste:
    """How a rater chooses: logits for the reference by baseline and question, `care` how surely catches are seen.

    `seconds`: mean time to decide, which is half as long at least and half as long again at most.
    """

    logits: np.ndarray
    care: float
    seconds: float

    def choose(self, item: Item, swapped: bool, rng: random.Random) -> Sides:
        """Choose a side for each question."""
        sides = {}
        for number, question in enumerate(QUESTIONS):
            if item.baseline < 0:
                chance = self.care if question in SHOWN_BY_CATCHES else 0.9
            else:
                chance = 1 / (1 + np.exp(-self.logits[item.baseline, number]))
            first = (rng.random() < chance) == (item.reference == "first")
            sides[question] = "left" if first != swapped else "right"
        return sides


async def rate(url: str, token: str, study: Study, taste: Taste, log: Log, rng: random.Random) -> None:
    """Answer a whole session, through whatever becomes of the server."""
    items = {item.sha256: item for item in study.items}
    await asyncio.sleep(rng.uniform(0, taste.seconds))  # nobody comes at the same moment as all others
    async with httpx.AsyncClient(base_url=url, timeout=20, verify=False) as client:  # a rater has no store of keys
        opened = await again(client, log, "GET", f"/r/{token}")
        session = opened.headers["location"].removeprefix("/#")
        path = f"/api/sessions/{session}"
        state = (await again(client, log, "POST", f"{path}/consent", {"adult": True, "agreed": True})).json()
        for number, trial in enumerate(state["trials"]):
            if trial["answered"]:
                continue
            began = time.monotonic()
            video = await again(client, log, "GET", f"{path}/media/{number}")
            await asyncio.sleep(taste.seconds * rng.uniform(0.5, 1.5))
            sides = taste.choose(items[sha256(video.content)], trial["swapped"], rng)
            body = answer(sides, 1000 * (trial["seconds"] + time.monotonic() - began), rng)
            sent = await again(client, log, "PUT", f"{path}/answers/{number}", body)
            assert sent.status_code == 200, sent.text
            log.kept[session, number] = sides


async def again(client: httpx.AsyncClient, log: Log, method: str, path: str, body: Any = None) -> httpx.Response:
    """Ask until the server answers, as the page does."""
    first, pause = time.monotonic(), PATIENCE
    while True:
        began = time.monotonic()
        try:
            response = await client.request(method, path, json=body)
            if response.status_code < 500 and response.status_code != 429:
                if method == "PUT":
                    now = time.monotonic()
                    log.seconds.append(now - began)
                    log.waited.append(now - first)
                return response
            why = response.text
        except httpx.TransportError as error:
            why = str(error)
        log.failures += 1
        if time.monotonic() > first + GIVE_UP:
            raise TimeoutError(f"{method} {path}: {why}")
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(LONGEST, 2 * pause)


def answer(sides: Sides, milliseconds: float, rng: random.Random) -> dict[str, Any]:
    """What a page sends of a trial."""
    taken = round(milliseconds)
    record = {
        "rt": taken, "time_elapsed": taken, "passes": rng.randint(1, 3), "heat_shown": rng.randint(0, 1),
        "heat_ms": 0, "hidden": 0, "width": 1280, "height": 800, "device": 1, "events": [{"t": 0, "kind": "play"}],
    }  # fmt: skip
    return {"attempt": f"{rng.getrandbits(128):032x}", "sides": sides, "record": record}


def tastes(study: Study, raters: int, rate: float, rater_sd: float, seconds: float, seed: int) -> list[Taste]:
    """Draw raters who prefer the reference at `rate` and differ by `rater_sd` logits; one in ten is careless."""
    rng = np.random.default_rng(seed)
    mean = logit_of_win_rate(rate, rater_sd)
    shape = (study.baselines, len(QUESTIONS))
    return [
        Taste(mean + rater_sd * rng.standard_normal(shape), 0.5 if number % 10 == 9 else 0.99, seconds)
        for number in range(raters)
    ]


async def rate_all(url: str, study: Study, tokens: Sequence[str], drawn: Sequence[Taste], seed: int, log: Log) -> None:
    """Have every rater answer at the same time."""
    await asyncio.gather(
        *(
            rate(url, token, study, taste, log, random.Random(f"{seed} {number}"))
            for number, (token, taste) in enumerate(zip(tokens, drawn, strict=True))
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("url")
    parser.add_argument("--raters", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first link that is used")
    parser.add_argument("--seconds", type=float, default=5.0, help="mean time to decide")
    parser.add_argument("--rate", type=float, default=0.65)
    parser.add_argument("--rater-sd", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    study, _ = open_study(given.study)
    links = read_struct(given.study / LINKS, Links)
    tokens = list(links.raters[given.first : None if given.raters is None else given.first + given.raters])
    drawn = tastes(study, len(tokens), given.rate, given.rater_sd, given.seconds, given.seed)
    log = Log()
    asyncio.run(rate_all(given.url, study, tokens, drawn, given.seed, log))
    p50, p95 = np.percentile(log.seconds, (50, 95)) * 1000
    print(f"{len(log.kept)} trials of {len(tokens)} raters kept; p50 {p50:.0f} ms, p95 {p95:.0f} ms")


if __name__ == "__main__":
    main()
