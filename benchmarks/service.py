"""How fast the API answers while a job runs: `python -m benchmarks.service`.

A server with its worker, as `vera studio` starts them, and a job that keeps a core busy and tells how far it is. Each
of 50 clients follows the events and asks once a second for the queue, a job or a picture in ranges, as a page does.
Then the same without pauses: as many requests as the server answers. `ready`: from the start of the process to its
first answer.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil

from vera.jobs.work import Work

CLIENTS, JOBS = 50, 100
KINDS = {"burn": "benchmarks.service:burn"}
SERVER = """
import sys
from pathlib import Path
from fastapi import APIRouter
from vera.jobs.embedded import embedded_worker
from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.media import media
from vera.service.run import allowed_hosts, serve

workspace, access = Path(sys.argv[1]), Access()
store, files = JobStore(workspace / "jobs.sqlite"), APIRouter()

@files.get("/api/v1/file")
def file():
    return media(workspace / "proxy.mp4", workspace)

app = make_app(title="t", hosts=allowed_hosts("127.0.0.1"), access=access, routers=[router(store), files])
for number in range(int(sys.argv[2])):
    store.submit("burn", {"number": number, "instruction": "x" * 200})
serve(app, ready=lambda url: print(url, access.token, flush=True),
      beside=lambda url: embedded_worker(url, access.token, workspace, "benchmarks.service:KINDS"))
"""


def burn(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Keep a core busy for an hour."""
    begin, done = time.monotonic(), 0
    while time.monotonic() - begin < 3600:
        done += 1
        work.progress("burning", done, 1 << 40)
        sum(range(100_000))
    return {}


async def follow(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/events", timeout=None) as stream:
        async for _ in stream.aiter_lines():
            pass


async def ask(client: httpx2.AsyncClient, ids: list[str], until: float, pause: float, times: list[float]) -> None:
    chance = random.Random(id(client))
    await asyncio.sleep(chance.random() * pause)
    while time.monotonic() < until:
        path = chance.choice(["/jobs", f"/jobs/{chance.choice(ids)}", "/file"])
        headers = {"Range": f"bytes={chance.randrange(900_000)}-{1_000_000}"} if path == "/file" else {}
        begin = time.perf_counter()
        response = await client.get(path, headers=headers)
        times.append((time.perf_counter() - begin) * 1000)
        assert response.status_code in (200, 206), response.text
        await asyncio.sleep(pause * chance.uniform(0.5, 1.5))


async def load(url: str, token: str, seconds: float, pause: float) -> list[float]:
    headers, times = {"Authorization": f"Bearer {token}"}, []
    limits = httpx2.Limits(max_connections=3 * CLIENTS)
    async with httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=headers, limits=limits, timeout=30) as client:
        jobs = (await client.get("/jobs")).json()["jobs"]
        assert jobs[0]["state"] == "running" and jobs[0]["progress"], "the job does not run yet"
        streams = [asyncio.create_task(follow(client)) for _ in range(CLIENTS)]
        until, ids = time.monotonic() + seconds, [job["id"] for job in jobs]
        await asyncio.gather(*(ask(client, ids, until, pause, times) for _ in range(CLIENTS)))
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    return times


def tell(what: str, times: list[float], seconds: float) -> None:
    p95 = statistics.quantiles(times, n=20)[18]
    print(
        f"{what}: {len(times) / seconds:.0f} requests a second, median {statistics.median(times):.1f} ms, "
        f"p95 {p95:.1f} ms, longest {max(times):.0f} ms"
    )


def busy(process: int) -> float:
    """Seconds of the processor that a process took."""
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    seconds = parser.parse_args().seconds
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "proxy.mp4").write_bytes(os.urandom(1 << 20))
        begin = time.perf_counter()
        server = subprocess.Popen([sys.executable, "-c", SERVER, folder, str(JOBS)], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        url, token = server.stdout.readline().split()
        print(f"ready: {time.perf_counter() - begin:.2f} s ({JOBS} jobs submitted meanwhile)")
        time.sleep(3)
        used, own = busy(server.pid), time.process_time()
        tell("50 pages", asyncio.run(load(url, token, seconds, 1.0)), seconds)
        used, own = busy(server.pid) - used, time.process_time() - own
        print(f"of a core: {used / seconds:.0%} by the server, {own / seconds:.0%} by these clients")
        tell("without pauses", asyncio.run(load(url, token, seconds / 2, 0.0)), seconds / 2)
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
