"""A worker process against a server: what becomes of jobs, of their files and of the processes they start."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.jobs.live import TOYS, Live, live, wait

from vera.errors import VeraError
from vera.jobs.client import Client
from vera.jobs.embedded import embedded_worker
from vera.jobs.worker import run_worker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as served:
        yield served


@pytest.fixture
def worked(server: Live, tmp_path: Path) -> Iterator[Live]:
    with embedded_worker(server.url, server.token, tmp_path, TOYS):
        yield server


def gone(process: int) -> bool:
    """Whether a process is no more, or a corpse that nobody has taken away."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def partials(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "vera-partial" in path.name or path.name == "half"]


def test_how_jobs_end(worked: Live, tmp_path: Path) -> None:
    """Each in its way, one after the other, in one process as long as it lives."""
    store = worked.store
    jobs = {
        kind: store.submit(kind, {"number": 7, "out": f"takes/{kind}"})
        for kind in ("write", "boom", "full", "refuse", "huge", "unfit", "die")
    }
    warm = [store.submit("warm", {}) for _ in range(2)]
    ended = dict(zip(jobs, worked.ended(*jobs.values()), strict=True))
    assert ended["write"].state == "done" and ended["write"].result == {"number": 7}
    assert {path.name for path in (tmp_path / "takes/write").iterdir()} == {"a", "b", "job.json"}
    errors = {kind: job.error for kind, job in ended.items() if job.state == "failed"}
    assert errors.pop("huge", "").startswith("its result has 2,097,164 bytes, more than")  # type: ignore[union-attr]
    assert errors.pop("unfit", "").startswith("its result is no JSON object")  # type: ignore[union-attr]
    assert errors == {
        "boom": "ZeroDivisionError: out of luck",
        "full": "No space left on device; free space, then try again",
        "refuse": "clip.mp4: has no frames; choose another clip",
        "die": "its process was ended by SIGKILL (out of memory?), 3 times; its log tells how far it came",
    }
    assert not partials(tmp_path) and [path.name for path in (tmp_path / "takes").iterdir()] == ["write"]
    assert worked.http.get(f"/jobs/{jobs['die'].id}/log").text.count("about to die") == 3
    assert "ZeroDivisionError" in worked.http.get(f"/jobs/{jobs['boom'].id}/log").text
    first, second = (job.result or {} for job in worked.ended(*warm))
    assert (first["runs"], second["runs"]) == (1, 2) and first["process"] == second["process"]


def test_previews_come_before_the_end(worked: Live) -> None:
    (job,) = worked.ended(worked.store.submit("show", {}))
    assert job.state == "done" and job.previews == 2
    for layer, status in (("edit", 200), ("alpha", 200), ("composite", 404)):
        shown = worked.http.get(f"/jobs/{job.id}/previews/2/{layer}.jpg")
        assert shown.status_code == status
        assert status == 404 or (
            shown.content.startswith(b"\xff\xd8\xff") and shown.headers["content-type"] == "image/jpeg"
        )


def test_a_job_that_tells_how_far_it_is_stops_there_and_stays_warm(worked: Live, tmp_path: Path) -> None:
    store = worked.store
    (warm,) = worked.ended(store.submit("warm", {}))
    job = store.submit("count", {"to": 100_000, "out": "x"})
    wait(lambda: (told := store.job(job.id).progress) and told.done > 20)
    told = store.job(job.id).progress
    assert told is not None and told.stage == "counting" and told.eta is not None and 100 < told.eta < 20_000
    store.cancel(job.id)
    assert store.job(job.id).cancelling
    (stopped,) = worked.ended(job)
    assert stopped.state == "cancelled" and not stopped.cancelling and not (tmp_path / "x").exists()
    (again,) = worked.ended(store.submit("warm", {}))
    assert (again.result or {})["process"] == (warm.result or {})["process"] and (again.result or {})["runs"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["swallow", "deaf"])
def test_whatever_a_job_does_its_worker_is_free_soon(worked: Live, tmp_path: Path, kind: str) -> None:
    """One that takes no notice; one that blocks signals, holds the interpreter, and has a child in another group."""
    store = worked.store
    job = store.submit(kind, {"out": "x"})
    wait(lambda: store.job(job.id).progress)
    begin = time.monotonic()
    store.cancel(job.id)
    following = store.submit("write", {"number": 1, "out": "y"})
    wait(lambda: store.job(following.id).state == "running")
    taken = time.monotonic() - begin
    assert store.job(job.id).state == "cancelled"
    print(f"{kind}: worker free after {taken:.1f} s")
    assert worked.ended(following)[0].state == "done" and not partials(tmp_path)
    if kind == "deaf":
        wait(lambda: gone(int((tmp_path / "child.txt").read_text())))


def test_a_worker_that_ends_gives_its_job_back(server: Live, tmp_path: Path) -> None:
    with embedded_worker(server.url, server.token, tmp_path, TOYS):
        job = server.store.submit("count", {"to": 100_000, "out": "x"})
        wait(lambda: server.store.job(job.id).progress)
    back = server.store.job(job.id)
    assert (back.state, back.attempts, back.worker) == ("queued", 0, None) and not partials(tmp_path)
    assert [step.note for step in server.store.history(job.id)][-1] == "given back"


@pytest.mark.slow
def test_an_embedded_worker_that_dies_is_started_anew(worked: Live, tmp_path: Path) -> None:
    """And begins its job again at once, as it is known that it lost it; the runner is gone with it."""
    store = worked.store
    job = store.submit("write", {"number": 1, "seconds": 3, "out": "x"})
    wait(lambda: store.job(job.id).progress)
    (worker,) = [each for each in psutil.Process().children() if "vera.jobs.embedded" in each.cmdline()]
    (runner,) = worker.children()
    worker.kill()
    wait(lambda: gone(runner.pid))
    (done,) = worked.ended(job)
    assert (done.state, done.attempts) == ("done", 2) and not partials(tmp_path)
    assert (tmp_path / "ran.txt").read_text() == "1\n"


@pytest.mark.faults
def test_an_embedded_worker_that_cannot_work_says_why_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vera.jobs.embedded", "http://127.0.0.1:1", str(tmp_path / "none"), TOYS]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None and process.stderr is not None
    process.stdin.write(b"token\n")
    process.stdin.flush()  # and held open: its end is the server's
    told = process.stderr.read().decode()
    assert process.wait(120) == 1 and told.startswith("worker: ") and told.count("\n") == 1
    process.stdin.close()


SERVER = """
import sys
from pathlib import Path
from tests.jobs.live import TOYS
from vera.jobs.embedded import embedded_worker
from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app
from vera.service.run import allowed_hosts, serve

workspace, access = Path(sys.argv[1]), Access()
store = JobStore(workspace / "jobs.sqlite")
app = make_app(title="t", hosts=allowed_hosts("127.0.0.1"), access=access, routers=[router(store)])
store.submit("count", {"to": 100000})
serve(app, ready=lambda url: print("ready", flush=True),
      beside=lambda url: embedded_worker(url, access.token, workspace, TOYS))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_embedded_worker_ends_with_its_server(tmp_path: Path, number: signal.Signals) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stdout.readline() == "ready\n"
    process = psutil.Process(server.pid)
    wait(lambda: len(process.children(recursive=True)) == 2)
    family = process.children(recursive=True)
    wait(lambda: list((tmp_path / "logs").glob("*.log")))
    server.send_signal(number)
    server.wait(120)
    wait(lambda: all(gone(each.pid) for each in family))


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["claim", "running", "before rename", "after rename", "before report"])
def test_a_worker_that_dies_at_each_stage(server: Live, tmp_path: Path, stage: str) -> None:
    """Another one ends the job: its files are whole, and it was not run again if they were."""
    job = server.store.submit("write", {"number": 1, "out": "takes/t"})
    dying = subprocess.Popen(
        [sys.executable, "-c", DYING, server.url, str(tmp_path), stage], stdin=subprocess.PIPE, text=True
    )
    dying.communicate(f"{server.token}\n", timeout=60)
    assert dying.returncode == -signal.SIGKILL
    assert server.store.job(job.id).state == "running"
    with embedded_worker(server.url, server.token, tmp_path, TOYS):
        # Not until its lease ran out would another worker get it; one of its name gets it at once.
        wait(lambda: server.store.job(job.id).state == "done")
    done = server.store.job(job.id)
    assert done.attempts == 2 and done.result == {"number": 1} and not partials(tmp_path)
    assert {path.name for path in (tmp_path / "takes/t").iterdir()} == {"a", "b", "job.json"}
    assert (tmp_path / "ran.txt").read_text().count("1\n") == (2 if stage == "before rename" else 1)


DYING = """
import os, signal, sys
from pathlib import Path
import vera.jobs.client, vera.jobs.worker, vera.jobs.child
from tests.jobs.live import TOYS

def die(*given, **named):
    os.kill(os.getpid(), signal.SIGKILL)

url, workspace, stage = sys.argv[1:]
if stage == "claim":
    vera.jobs.child.Child.begin = die
elif stage == "running":
    vera.jobs.worker._talk = die
elif stage == "before report":
    vera.jobs.client.Client.report = die
table = {"before rename": "tests.jobs.dying:BEFORE", "after rename": "tests.jobs.dying:AFTER"}.get(stage, TOYS)
vera.jobs.worker.run_worker(url, input(), Path(workspace), name="embedded", table=table)
"""


@pytest.mark.slow
def test_a_server_that_comes_back_hears_how_it_ended(tmp_path: Path) -> None:
    """The job runs on while the server is away, and its worker tries until it is heard."""
    with live(tmp_path) as first:
        token, port = first.token, int(first.url.rpartition(":")[2])
        worker = subprocess.Popen(
            [sys.executable, "-c", REMOTE, first.url, str(tmp_path)], stdin=subprocess.PIPE, text=True
        )
        assert worker.stdin is not None
        worker.stdin.write(f"{token}\n")
        worker.stdin.flush()
        job = first.store.submit("write", {"number": 1, "seconds": 2, "out": "x"})
        wait(lambda: first.store.job(job.id).state == "running")
    with live(tmp_path, token, port) as second:
        (done,) = second.ended(job)
        assert (done.state, done.attempts) == ("done", 1)
    worker.kill()
    worker.wait()


REMOTE = """
import sys
from pathlib import Path
from tests.jobs.live import TOYS
from vera.jobs.worker import run_worker

run_worker(sys.argv[1], input(), Path(sys.argv[2]), table=TOYS)
"""


def test_what_a_worker_is_told_that_cannot_work(server: Live, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match=r"refuses this worker .*is it the server's token"):
        run_worker(server.url, "wrong-token-0123456", tmp_path, table=TOYS)
    with pytest.raises(VeraError, match="is no folder; name the server's workspace"):
        run_worker(server.url, server.token, tmp_path / "missing", table=TOYS)
    with pytest.raises(VeraError, match=r"gives no jobs \(Not Found\); is it the URL"):
        run_worker(f"{server.url}/elsewhere", server.token, tmp_path, table=TOYS)
    for url in ("not a url", "ftp://x", "http://[", "", "http://", "http://a b", "http://host:99999"):
        with pytest.raises(VeraError, match="is no URL"):
            run_worker(url, server.token, tmp_path, table=TOYS)


def test_what_a_job_says_of_itself_is_made_fit_to_be_told(worked: Live) -> None:
    """Else it would not be heard, be taken for lost, and be begun again and again."""
    (job,) = worked.ended(worked.store.submit("odd", {}))
    assert (job.state, job.attempts) == ("failed", 1)
    assert job.error is not None and job.error.startswith("ValueError: caf\\xe9yyy") and len(job.error) == 2000
    assert job.progress is not None and job.progress.stage.startswith("caf\\xe9.mp4\\x1b[31mxxx")
    assert len(job.progress.stage) == 200 and job.progress.total == 2


def test_unfit_progress_costs_no_lease(server: Live, tmp_path: Path) -> None:
    job = server.store.submit("a", {})
    client = Client(server.url, server.token, "w")
    claim = client.claim(["a"])
    assert claim is not None and claim["job"]["id"] == job.id
    unfit = {"stage": "s", "done": 1, "total": 2, "eta": 1e12}
    assert client.heartbeat(claim, unfit) == "go on"
    server.store.cancel(job.id)
    assert client.heartbeat(claim, unfit) == "stop"
    client.close()


def test_kinds_that_a_worker_does_not_know_wait_for_another(worked: Live) -> None:
    unknown = worked.store.submit("nothing", {})
    worked.ended(worked.store.submit("warm", {}))
    assert worked.store.job(unknown.id).state == "queued"
