"""The queue's file and what only shows at its edges: keys, edits, damage, newer versions, full disks, clocks."""

import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from tests.conftest import small_disk

from vera.errors import VeraError
from vera.jobs.database import VERSION
from vera.jobs.job import Progress
from vera.jobs.store import LEASE, JobStore
from vera.service.errors import ConflictError, MissingError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "jobs.sqlite"


def test_a_key_is_one_job(path: Path) -> None:
    store = JobStore(path)
    first = store.submit("edit", {"a": 1, "b": 2}, key="k")
    assert store.submit("edit", {"b": 2, "a": 1}, key="k") == first  # the order of fields says nothing
    for kind, spec in (("edit", {"a": 2}), ("export", {"a": 1, "b": 2})):
        with pytest.raises(ConflictError, match="'k': this key was used for other work"):
            store.submit(kind, spec, key="k")
    assert store.submit("edit", {}).id != store.submit("edit", {}).id
    assert len(store.jobs()) == 3
    store.close()
    assert JobStore(path).submit("edit", {"a": 1, "b": 2}, key="k").id == first.id


def test_many_with_one_key_at_once(path: Path) -> None:
    store, ids = JobStore(path), set()
    threads = [threading.Thread(target=lambda: ids.add(store.submit("a", {}, key="k").id)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 1 and len(store.jobs()) == 1


def test_many_workers_at_once_get_a_job_each(path: Path) -> None:
    store = JobStore(path)
    jobs = {store.submit("a", {}).id for _ in range(40)}
    got: list[str] = []

    def work(name: str) -> None:
        while (claim := store.claim(name, ["a"])) is not None:
            got.append(claim.job.id)
            store.report(claim.job.id, name, claim.lease, "done", result={})

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(jobs)


def test_edits_and_results(path: Path) -> None:
    store = JobStore(path)
    job = store.submit("a", {"x": 1})
    assert store.edit(job.id, {"x": 2}).spec == {"x": 2}
    claim = store.claim("w", ["a"])
    assert claim is not None and claim.job.spec == {"x": 2}
    for change in (lambda: store.edit(job.id, {}), lambda: store.move(job.id, 0)):
        with pytest.raises(ConflictError, match="no longer waits"):
            change()
    done = store.report(job.id, "w", claim.lease, "done", result={"y": 3})
    assert (done.state, done.result, done.progress, done.error) == ("done", {"y": 3}, None, None)
    assert store.cancel(job.id) == done  # too late: it is whole


@pytest.mark.faults
def test_pictures_are_of_the_attempt_that_runs(path: Path) -> None:
    store = JobStore(path)
    job = store.submit("edit", {}).id
    first = store.claim("w", ["edit"])
    assert first is not None
    store.preview(job, "w", first.lease, 9)
    store.cancel(job)
    store.report(job, "w", first.lease, "cancelled")
    assert store.job(job).previews == 9  # of what was cancelled
    assert store.retry(job).previews == 0
    second = store.claim("w", ["edit"])
    assert second is not None
    store.preview(job, "w", second.lease, 5)
    third = store.claim("w", ["edit"])  # the worker began anew
    assert third is not None and third.job.previews == 0
    store.preview(job, "w", third.lease, 1)
    assert store.job(job).previews == 1


def test_progress_and_previews(path: Path) -> None:
    store = JobStore(path)
    job = store.submit("a", {})
    claim = store.claim("w", ["a"])
    assert claim is not None
    store.heartbeat(job.id, "w", claim.lease, Progress("sampling", 3, 8, 12.5))
    before = store.last()
    store.heartbeat(job.id, "w", claim.lease, Progress("sampling", 3, 8, 12.5))
    assert store.last() == before  # nothing is new
    store.preview(job.id, "w", claim.lease, 3)
    store.preview(job.id, "w", claim.lease, 2)
    told = store.job(job.id)
    assert told.progress == Progress("sampling", 3, 8, 12.5) and told.previews == 3
    failed = store.report(job.id, "w", claim.lease, "failed", error="no")
    assert failed.progress == told.progress  # how far it came
    again = store.retry(job.id)
    assert (again.progress, again.error, again.attempts, again.worker) == (None, None, 0, None)


@pytest.mark.parametrize("spec", [{"a": float("nan")}, {"a": float("inf")}, {"a": {1, 2}}, {"a": b"x"}])
def test_specs_that_are_no_json(path: Path, spec: dict[str, object]) -> None:
    store = JobStore(path)
    with pytest.raises(VeraError, match="JSON of finite numbers"):
        store.submit("a", spec)
    assert not store.jobs() and store.last() == 0


def test_ids_that_are_none(path: Path) -> None:
    store = JobStore(path)
    for call in (store.job, store.cancel, store.retry, store.history, lambda job: store.move(job, 0)):
        for job in ("", "x", "../../etc", "\0", "' OR 1=1 --"):
            with pytest.raises(MissingError, match="no such job"):
                call(job)


def test_the_machines_clock_moves_no_lease(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    store = JobStore(path, lambda: now[0])
    job = store.submit("a", {})
    claim = store.claim("w", ["a"])
    assert claim is not None
    for jump in (-1e9, 1e9):
        monkeypatch.setattr("vera.jobs.store.time.time", lambda jump=jump: 1.8e9 + jump)
        assert store.job(job.id).state == "running"
        assert not store.heartbeat(job.id, "w", claim.lease)
    now[0] = LEASE + 1
    assert store.job(job.id).state == "queued"


def test_a_word_of_its_worker_prolongs_a_lease(path: Path) -> None:
    now = [0.0]
    store = JobStore(path, lambda: now[0])
    job = store.submit("a", {})
    claim = store.claim("w", ["a"])
    assert claim is not None
    for now[0] in (LEASE * 0.9, LEASE * 1.8, LEASE * 2.7):
        store.heartbeat(job.id, "w", claim.lease)
        assert store.job(job.id).state == "running"
    now[0] += LEASE * 1.1
    assert store.job(job.id).state == "queued"


def test_a_worker_that_begins_anew_has_lost_its_job(path: Path) -> None:
    store = JobStore(path)
    job = store.submit("a", {})
    first = store.claim("embedded", ["a"])
    again = store.claim("embedded", ["a"])
    assert first is not None and again is not None and again.job.id == job.id
    assert (again.job.attempts, again.lease) == (2, first.lease + 1)
    with pytest.raises(ConflictError, match="no longer this worker's"):
        store.report(job.id, "embedded", first.lease, "done", result={})


def test_the_third_loss_is_a_failure(path: Path) -> None:
    store = JobStore(path)
    job = store.submit("a", {})
    for _ in range(3):
        claim = store.claim("w", ["a"])
        assert claim is not None
        store.report(job.id, "w", claim.lease, "died", error="its process was ended by SIGSEGV")
    lost = store.job(job.id)
    assert lost.state == "failed" and lost.attempts == 3
    assert lost.error == "its process was ended by SIGSEGV, 3 times; its log tells how far it came"
    assert store.claim("w", ["a"]) is None
    assert [step.state for step in store.history(job.id)] == ["queued", *["running", "queued"] * 2, "running", "failed"]


def test_workers_that_are_heard_of(path: Path) -> None:
    now = [0.0]
    store = JobStore(path, lambda: now[0])
    store.claim("a", ["x"])
    now[0] = LEASE / 2
    store.claim("b", ["x"])
    assert store.workers() == 2
    now[0] = LEASE + 1
    assert store.workers() == 1


def test_one_server_holds_it(path: Path) -> None:
    store = JobStore(path)
    with pytest.raises(VeraError, match="another server uses it"):
        JobStore(path)
    store.close()
    JobStore(path).close()


def test_a_newer_version(path: Path) -> None:
    JobStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(VeraError, match="written by a newer version of Vera"):
        JobStore(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(VeraError, match="database of another program"):
        JobStore(path)


@pytest.mark.parametrize("how", ["noise", "cut", "page", "header"])
def test_a_damaged_file(path: Path, how: str) -> None:
    store = JobStore(path)
    for _ in range(200):
        store.submit("a", {"text": "x" * 200})
    store.close()
    content = bytearray(path.read_bytes())
    if how == "noise":
        content = bytearray(os.urandom(len(content)))
    elif how == "cut":
        content = content[: len(content) // 2 + 100]
    elif how == "page":
        content[4096:] = os.urandom(len(content) - 4096)
    else:
        content[100:200] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(VeraError, match=r"jobs\.sqlite: (is damaged|is a database of another)"):
        JobStore(path)
    assert path.read_bytes() == bytes(content)  # nothing is made worse
    path.unlink()
    JobStore(path).close()


def test_no_file_at_all(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises((VeraError, OSError)):
        JobStore(path)


def test_a_full_disk_loses_nothing(path: Path) -> None:
    """What cannot be kept is refused; what was kept stays, and once there is room all goes on."""
    now = [0.0]
    store = JobStore(path, lambda: now[0])
    held, waits = store.submit("a", {}), store.submit("b", {})
    claim = store.claim("w", ["a"])
    assert claim is not None
    size = (path.with_name("jobs.sqlite-wal")).stat().st_size
    with small_disk(size + 4096):
        with pytest.raises(sqlite3.OperationalError) as raised:
            for _ in range(100):
                store.submit("a", {"text": "x" * 4000})
        kept = store.jobs()
        now[0] = LEASE + 1
        assert store.job(held.id).state == "running"  # it cannot be said now that its lease ran out
        assert store.events(0)[-1].number == store.last()
    assert raised.value.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
    assert store.job(held.id).state == "queued" and store.job(waits.id).state == "queued"
    assert {job.id for job in kept} == {job.id for job in store.jobs()}
    store.submit("a", {})
    store.close()
    assert len(JobStore(path).jobs()) == len(kept) + 1


def test_times_are_for_people(path: Path) -> None:
    store = JobStore(path)
    before = time.time()
    job = store.submit("a", {})
    store.claim("w", ["a"])
    done = store.cancel(job.id)
    assert done.started is not None and before <= done.created <= done.started <= time.time() and done.ended is None
