"""Eight people annotate a build while its server is killed twice: is anything lost, or done twice?

Run: python -m benchmarks.annotation_load [--clips 24] [--people 8] [--browsers 2] [--kills 2] [--overlap 0.25]

A build of toy footage, a ball each that crosses a scene, is served by `vera data annotate`. Simulated people take
tasks, point at the ball, look at its mask and answer, two of them in Chromium; what the server does not answer is sent
again. In the end its file is compared with all that was acknowledged. A tenth of 24 clips would be two: more are given
to a second person.
"""

import argparse
import os
import random
import secrets
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
from benchmarks.annotation_browsers import annotate_in_browsers
from benchmarks.annotation_log import Log
from benchmarks.served import Server
from tests.construction.crossing import centre, write_footage, write_recipe

from vera.annotation.desk import open_desk
from vera.construction.construct import build_samples
from vera.construction.decisions import held_decisions
from vera.resumable import read_rows

LOOKS = 3.0  # seconds that a person looks at a task at most
BROWSER = "browser"  # how people in Chromium are called, with a number


@dataclass(frozen=True)
class Outcome:
    """What became of it. `wrong` are tasks that fewer or more people answered than were wanted; `paged` are answers by
    people in Chromium."""

    tasks: int
    paged: int
    overlaps: int
    events: int
    lost_events: int
    lost_answers: int
    wrong: int
    decided: int
    disputed: int
    doubled: int
    again: int
    seconds: dict[str, list[float]]


def annotation_server(out: Path, token: Path, overlap: float) -> Server:
    """`vera data annotate` of a build, not started yet."""
    return Server("data", "annotate", out, "--token-file", token, "--overlap", overlap, "--no-browser")


class Person:
    """A simulated person: takes tasks until there are none, points, looks and answers."""

    def __init__(self, number: int, url: str, token: str, log: Log) -> None:
        self.name, self._log, self._rng = f"person {number}", log, random.Random(number)
        self._client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=60)

    def work(self) -> None:
        """Do all that there is."""
        while (found := self._take()) is not None:
            lease, begun = found["lease"], found["seq"]
            time.sleep(self._rng.uniform(0, LOOKS))
            t = self._rng.randrange(4, 13)
            x, y = centre(t)
            events = [
                {"kind": "box", "frame": t, "box": [x - 16, y - 16, 33, 33]},
                {"kind": "plus", "frame": t, "point": [x, y]},
                {"kind": "undo"},
                {"kind": "noun", "noun": "ball"},
            ]
            for seq in range(begun, len(events)):
                self._ask("event", "POST", f"/api/leases/{lease}/events", {"seq": seq, "event": events[seq]})
                self._log.events[lease, seq] = events[seq]
            self._ask("mask", "GET", f"/api/leases/{lease}/masks/1/{t}")
            self._ask("picture", "GET", f"/api/leases/{lease}/pictures/clip/{t}")
            self._ask("answer", "POST", f"/api/leases/{lease}/answer", {"accept": True, "of": found["of"]})
            self._log.answers.add(lease)

    def _take(self) -> Any:
        return self._ask("claim", "POST", "/api/claims", {"person": self.name, "gate": "annotate"}).json()["work"]

    def _ask(self, kind: str, method: str, path: str, body: Any = None) -> httpx.Response:
        while True:
            began = time.perf_counter()
            try:
                response = self._client.request(method, path, json=body)
            except httpx.HTTPError:
                self._log.again += 1
                time.sleep(0.2)
                continue
            self._log.seconds.setdefault(kind, []).append(time.perf_counter() - began)
            assert response.is_success, response.text
            return response


def load(folder: Path, clips: int, people: int, browsers: int, kills: int, overlap: float) -> Outcome:
    """Make a build in `folder`, have it annotated through all accidents, and compare."""
    write_footage(folder / "footage", *range(1, clips + 1))
    build_samples(write_recipe(folder / "r.yaml"), folder / "out", workers=os.cpu_count() or 1)
    token = secrets.token_urlsafe(32)
    (folder / "token").write_text(token)
    (folder / "token").chmod(0o600)
    server, log = annotation_server(folder / "out", folder / "token", overlap), Log()
    server.start()
    try:
        threads = [
            threading.Thread(target=Person(number, server.url, token, log).work, daemon=True)
            for number in range(people - browsers)
        ]
        names = [f"{BROWSER} {number}" for number in range(browsers)]
        begun = threading.Event()
        pages = (server.url, token, names, log, begun)
        threads.insert(0, threading.Thread(target=annotate_in_browsers, args=pages, daemon=True))
        for thread in threads:
            thread.start()
            begun.wait()  # the pages have a task each before the others, who are faster, take all
        for number in range(kills):
            _wait(log, (number + 1) * clips // (kills + 1))
            server.kill()
            server.start()
        for thread in threads:
            thread.join()
    finally:
        server.kill()
    return compare(folder / "out", log)


def _wait(log: Log, answers: int) -> None:
    while len(log.answers) < answers:
        time.sleep(0.02)


def compare(out: Path, log: Log) -> Outcome:
    """Compare the server's file and the build's log with what was acknowledged."""
    desk = open_desk(out)  # settles what the server had no time for
    store = desk.store
    leases = {row["id"]: row for row in store.rows("SELECT * FROM leases")}
    kept = {
        (row["id"], row["seq"]): row["body"]
        for row in store.rows("SELECT id, seq, body FROM events JOIN leases ON leases.number = lease")
    }
    tasks = store.rows("SELECT * FROM tasks")
    done = Counter(row["task"] for row in leases.values() if row["state"] == "done")
    desk.close()
    rows = [row for path in held_decisions(out / "decisions") for row in read_rows(path, mend=False)]
    clips = Counter(row["clip"] for row in rows)
    return Outcome(
        tasks=len(tasks),
        paged=sum(leases[lease]["person"].startswith(BROWSER) for lease in log.answers),
        overlaps=sum(task["wanted"] == 2 for task in tasks),
        events=len(log.events),
        lost_events=sum(key not in kept for key in log.events),
        lost_answers=sum(leases[lease]["state"] != "done" for lease in log.answers),
        wrong=sum(done[task["number"]] != task["wanted"] for task in tasks),
        decided=len(clips),
        disputed=sum(task["state"] == "disputed" for task in tasks),
        doubled=sum(count > 1 for count in clips.values()),
        again=log.again,
        seconds=log.seconds,
    )


def main() -> None:
    """Print what became of all tasks and events, and how long requests took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--browsers", type=int, default=2, help="of these people, those in Chromium")
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--overlap", type=float, default=0.25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vera-annotation-") as folder:
        found = load(Path(folder), options.clips, options.people, options.browsers, options.kills, options.overlap)
    print(f"tasks                {found.tasks}, of them {found.overlaps} for two people")
    print(f"answers by pages     {found.paged}")
    print(f"by too few or many   {found.wrong}")
    print(f"events               {found.events} acknowledged, {found.lost_events} lost")
    print(f"answers              {found.lost_answers} lost")
    print(f"decided              {found.decided}, twice {found.doubled}, disputed {found.disputed}")
    print(f"requests sent again  {found.again}")
    for kind, seconds in found.seconds.items():
        low, high = np.percentile(seconds, [50, 95])
        print(f"{kind:<20} p50 {1000 * low:.0f} ms, p95 {1000 * high:.0f} ms ({len(seconds)})")


if __name__ == "__main__":
    main()
