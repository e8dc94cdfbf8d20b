"""A thousand jobs, four workers, and twenty times somebody pulls the plug."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from tests.jobs.live import wait

from vera.jobs.job import ENDED
from vera.jobs.store import JobStore

JOBS, WORKERS, KILLS = 1000, 4, 20
TOKEN = "0123456789abcdef"

SERVER = """
import sys
from pathlib import Path
from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts, serve

workspace, port, count, token = Path(sys.argv[1]), *map(int, sys.argv[2:4]), sys.argv[4]
store = JobStore(workspace / "jobs.sqlite")
for number in range(count):
    (workspace / f"takes/{number % 10}").mkdir(parents=True, exist_ok=True)
    store.submit("write", {"number": number, "seconds": 0.15, "out": f"takes/{number % 10}/{number}"}, key=str(number))
app = make_app(title="t", hosts=allowed_hosts("127.0.0.1"), access=Access(token), routers=[router(store)])
serve(app, port=port, ready=lambda url: print(url, flush=True))
"""
WORKER = """
import sys
from pathlib import Path
from tests.jobs.live import TOYS
from vera.jobs.worker import run_worker

run_worker(sys.argv[1], sys.argv[2], Path(sys.argv[3]), table=TOYS)
"""


class Plant:
    """The processes: whichever is killed is started anew."""

    def __init__(self, workspace: Path) -> None:
        self.workspace, self.port = workspace, 0
        self.server = self.serve()
        self.workers = [self.work() for _ in range(WORKERS)]

    def serve(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", SERVER, str(self.workspace), str(self.port), str(JOBS), TOKEN]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if not self.port:
            assert server.stdout is not None
            self.port = int(server.stdout.readline().rpartition(":")[2])
        return server

    def work(self) -> "subprocess.Popen[bytes]":
        url = f"http://127.0.0.1:{self.port}"
        return subprocess.Popen([sys.executable, "-c", WORKER, url, TOKEN, str(self.workspace)])

    def kill(self, what: str, chance: random.Random) -> None:
        if what == "server":
            self.server.kill()
            self.server.wait()
            self.server = self.serve()
        else:
            number = chance.randrange(WORKERS)
            runners = psutil.Process(self.workers[number].pid).children()
            self.workers[number].kill()
            self.workers[number].wait()
            assert not psutil.wait_procs(runners, timeout=60)[1]  # no job runs on without its worker
            self.workers[number] = self.work()

    def end(self) -> None:
        for process in (*self.workers, self.server):
            process.kill()
            process.wait()


def finished(workspace: Path) -> int:
    return len(list(workspace.glob("takes/*/*/job.json")))


def until(workspace: Path, count: int) -> None:
    """Wait for so many results."""
    wait(lambda: finished(workspace) >= count)


def ended(workspace: Path) -> bool:
    """Whether the server knows how each job ended."""
    # Beside the server, which alone may hold the store.
    with closing(sqlite3.connect(f"file:{workspace / 'jobs.sqlite'}?mode=ro", uri=True, timeout=60)) as queue:
        ((left,),) = queue.execute("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')")
    return left == 0


@pytest.mark.slow
def test_no_job_is_lost_or_done_twice(tmp_path: Path) -> None:
    chance, begin = random.Random(5), time.monotonic()
    kills = ["server", "worker"] * (KILLS // 2)
    plant = Plant(tmp_path)
    try:
        for number, what in enumerate(kills):
            # Spread over the work, at no particular moment of a job.
            until(tmp_path, int((number + chance.random()) / (KILLS + 1) * JOBS))
            plant.kill(what, chance)
        until(tmp_path, JOBS)
        wait(lambda: ended(tmp_path))  # leases of who was killed last run out
    finally:
        plant.end()
    store = JobStore(tmp_path / "jobs.sqlite")
    jobs = store.jobs(ended=10 * JOBS)
    states = Counter(job.state for job in jobs)
    done = Counter(step.state for job in jobs for step in store.history(job.id))["done"]
    begun = sum("begun" in step.note for job in jobs for step in store.history(job.id))
    ran = len((tmp_path / "ran.txt").read_text().splitlines())
    print(
        f"{JOBS} jobs, {KILLS} kills: {dict(states)}, done {done} times, begun {begun}, run to the end {ran} times, "
        f"{time.monotonic() - begin:.0f} s"
    )
    assert states == {"done": JOBS} and done == JOBS and all(job.state in ENDED for job in jobs)
    for job in jobs:
        number, folder = job.spec["number"], tmp_path / job.spec["out"]
        assert {path.name: path.read_text() for path in folder.iterdir() if path.name != "job.json"} == {
            "a": str(number), "b": str(number)
        }  # fmt: skip
        assert json.loads((folder / "job.json").read_text()) == {"job": job.id, "result": {"number": number}}
        assert job.result == {"number": number}
    assert finished(tmp_path) == JOBS and not list(tmp_path.rglob("*vera-*"))
    assert begun > JOBS  # some were hit
