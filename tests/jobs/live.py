"""A server with a queue, in a thread of the test's process; workers are processes of their own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvicorn

from vera.jobs.job import ENDED, Job
from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import address, allowed_hosts, bind

LONG = 300  # seconds that anything may take to come about: a busy machine is late, not wrong
TOYS = "tests.jobs.toys:KINDS"


@dataclass
class Live:
    """`http` sends the server's token."""

    store: JobStore
    url: str
    token: str
    http: httpx2.Client

    def ended(self, *jobs: Job) -> list[Job]:
        """The jobs, once they ended."""
        wait(lambda: all(self.store.job(job.id).state in ENDED for job in jobs))
        return [self.store.job(job.id) for job in jobs]


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


@contextmanager
def live(workspace: Path, token: str | None = None, port: int = 0) -> Iterator[Live]:
    store, access = JobStore(workspace / "jobs.sqlite"), Access(token)
    app = make_app(title="t", hosts=allowed_hosts("127.0.0.1"), access=access, routers=[router(store)])
    with bind("127.0.0.1", port) as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        url, headers = address(bound, "127.0.0.1"), {"Authorization": f"Bearer {access.token}"}
        with httpx2.Client(base_url=f"{url}/api/v1", headers=headers) as http:
            yield Live(store, url, access.token, http)
        server.should_exit = True
        thread.join()
    store.close()
