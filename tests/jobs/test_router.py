"""The queue over HTTP, as pages and workers meet it."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.jobs.live import Live, live, wait

from vera.errors import VeraError
from vera.jobs.job import Job
from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import make_app

JPEG = b"\xff\xd8\xff" + b"x" * 10


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "jobs.sqlite")
    yield store
    store.close()


def only_text(job: Job, spec: dict[str, Any]) -> dict[str, Any]:
    if set(spec) != {"text"}:
        raise VeraError("spec: only its text can be changed")
    return {**job.spec, **spec}


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def page(store: JobStore, access: Access) -> TestClient:
    """A browser that opened the link; its paths are below /api/v1."""
    app = make_app(
        title="t", hosts=["127.0.0.1"], access=access, routers=[router(store, only_text)], public=[access.router]
    )
    client = TestClient(app, base_url="http://127.0.0.1/api/v1/", follow_redirects=False)
    client.get(f"http://127.0.0.1{access.link()}")
    return client


@pytest.fixture
def worker(page: TestClient, access: Access) -> TestClient:
    return TestClient(
        page.app, base_url="http://127.0.0.1/api/v1/", headers={"Authorization": f"Bearer {access.token}"}
    )


def test_the_queue_as_a_page_sees_it(page: TestClient, store: JobStore) -> None:
    assert page.get("jobs").json() == {"jobs": [], "paused": False, "workers": 0, "event": 0}
    first, second = store.submit("a", {"text": "x"}), store.submit("a", {})
    store.claim("w", ["a"])
    seen = page.get("jobs").json()
    assert [(job["id"], job["state"]) for job in seen["jobs"]] == [(first.id, "running"), (second.id, "queued")]
    assert seen["workers"] == 1 and seen["event"] == store.last()
    assert page.get(f"jobs/{first.id}").json() == seen["jobs"][0]
    assert set(seen["jobs"][0]) == {
        "id", "kind", "spec", "state", "priority", "position", "attempts", "worker", "cancelling", "progress", "error",
        "result", "previews", "created", "started", "ended",
    }  # fmt: skip
    assert [step["state"] for step in page.get(f"jobs/{first.id}/history").json()] == ["queued", "running"]


def test_the_description(page: TestClient) -> None:
    """Of version 3.1, errors of one form everywhere, also where the answer is a stream or a picture."""
    described = page.get("http://127.0.0.1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len(operations) > 10
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in operations:
        assert all(
            operation["responses"][status]["content"] == problem for status in ("401", "404", "422", "500", "507")
        )


def test_changes(page: TestClient, store: JobStore) -> None:
    jobs = [store.submit("a", {"text": str(number), "model": "m"}) for number in range(3)]
    path = f"jobs/{jobs[2].id}"
    assert page.patch(path, json={"position": 0, "spec": {"text": "new"}}).json()["spec"] == {
        "text": "new",
        "model": "m",
    }
    assert [job["id"] for job in page.get("jobs").json()["jobs"]] == [jobs[2].id, jobs[0].id, jobs[1].id]
    refused = page.patch(path, json={"spec": {"text": "a", "out": "../x"}})
    assert refused.status_code == 422 and refused.json() == {"detail": "spec: only its text can be changed"}
    assert page.post(f"{path}/retry").status_code == 409
    assert page.patch(path, json={"cancel": True}).json()["state"] == "cancelled"
    assert page.patch(path, json={"position": 0}).status_code == 409
    assert page.post(f"{path}/retry").json()["state"] == "queued"
    assert page.patch("queue", json={"paused": True}).json()["paused"] is True
    assert store.claim("w", ["a"]) is None
    for body in ({"position": -1}, {"cancel": False}, {"priority": 5}, {"spec": []}, {"position": 10**9}, []):
        assert page.patch(path, json=body).status_code == 422
    assert page.patch("queue", json={}).status_code == 422


@pytest.mark.parametrize("job", ["0" * 16, "x", "..%2f..", "0" * 17, "%00", "' OR 1"])
def test_jobs_that_there_are_not(page: TestClient, job: str) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/retry"),
        ("GET", "/log"),
        ("GET", "/history"),
        ("GET", "/previews/1/edit.jpg"),
    ):
        body = {} if method == "PATCH" else None
        assert page.request(method, f"jobs/{job}{path}", json=body).status_code in (404, 422)


def test_what_workers_say_is_not_for_pages(page: TestClient, worker: TestClient, store: JobStore) -> None:
    """A page, or who got hold of a browser, cannot end a job or put pictures into one."""
    job = store.submit("a", {})
    ask = {"worker": "w", "kinds": ["a"]}
    for path in ("claim", "heartbeat", "report", "preview"):
        assert page.post(f"workers/{path}", json=ask).status_code == 403
    claim = worker.post("workers/claim", json=ask).json()
    assert claim["job"]["id"] == job.id
    mine = {"job": job.id, "worker": "w", "lease": claim["lease"]}
    told = {"stage": "s", "done": 1, "total": 2, "eta": 0.5}
    assert worker.post("workers/heartbeat", json={**mine, "progress": told}).json() == {"stop": False}
    assert page.get(f"jobs/{job.id}").json()["progress"] == told
    page.patch(f"jobs/{job.id}", json={"cancel": True})
    assert worker.post("workers/heartbeat", json=mine).json() == {"stop": True}
    assert worker.post("workers/report", json={**mine, "outcome": "cancelled"}).json()["state"] == "cancelled"
    assert worker.post("workers/report", json={**mine, "outcome": "done", "result": {}}).status_code == 409
    assert worker.post("workers/claim", json=ask).json() is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease": -1},
        {"lease": 1 << 63},
        {"outcome": "lost"},
        {"worker": ""},
        {"error": "x" * 5000},
        {"result": 1},
        {"other": 1},
        {"lease": None},
    ],
)
def test_reports_beyond_all_use(worker: TestClient, store: JobStore, wrong: dict[str, Any]) -> None:
    job = store.submit("a", {})
    claim = worker.post("workers/claim", json={"worker": "w", "kinds": ["a"]}).json()
    report = {"job": job.id, "worker": "w", "lease": claim["lease"], "outcome": "done", "result": {}, **wrong}
    assert worker.post("workers/report", json=report).status_code == 422
    assert store.job(job.id).state == "running"


def test_previews(page: TestClient, worker: TestClient, store: JobStore, tmp_path: Path) -> None:
    """A step is told of when all its pictures can be read, and only its worker sends them."""
    job = store.submit("a", {})
    lease = worker.post("workers/claim", json={"worker": "w", "kinds": ["a"]}).json()["lease"]
    about = {"job": job.id, "worker": "w", "lease": lease, "step": 3, "layer": "edit"}

    def send(content: bytes = JPEG, kind: str = "image/jpeg", **other: Any) -> int:
        return worker.post(
            "workers/preview", params={**about, **other}, content=content, headers={"content-type": kind}
        ).status_code

    assert send(last=False) == 204 and store.job(job.id).previews == 0
    assert send(layer="alpha") == 204 and store.job(job.id).previews == 3
    shown = page.get(f"jobs/{job.id}/previews/3/alpha.jpg")
    assert shown.content == JPEG and shown.headers["content-type"] == "image/jpeg"
    assert page.get(f"jobs/{job.id}/previews/3/composite.jpg").status_code == 404
    assert page.get(f"jobs/{job.id}/previews/3/x.jpg").status_code == 422
    for wrong, status in (
        ({"content": b"<svg onload=alert(1)>"}, 422),
        ({"kind": "image/svg+xml"}, 415),
        ({"content": JPEG + b"x" * (4 << 20)}, 413),
        ({"layer": "../x"}, 422),
        ({"step": 0}, 422),
        ({"step": 10**9}, 422),
        ({"worker": "v"}, 409),
        ({"lease": lease + 1}, 409),
        ({"job": "../../x"}, 404),
        ({"job": "0" * 16}, 404),
    ):
        assert send(**wrong) == status, wrong
    assert sorted(path.name for path in tmp_path.rglob("*.jpg")) == ["alpha.jpg", "edit.jpg"]


def test_the_end_of_a_long_log(page: TestClient, store: JobStore, tmp_path: Path) -> None:
    job = store.submit("a", {})
    assert page.get(f"jobs/{job.id}/log").status_code == 404
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"{job.id}.log").write_bytes(b"begin" + b"<script>\xff\n" * 100_000 + b"end")
    shown = page.get(f"jobs/{job.id}/log")
    assert shown.headers["content-type"].startswith("text/plain") and len(shown.content) == 256 << 10
    assert shown.content.endswith(b"end") and b"begin" not in shown.content


def told(lines: Iterator[str], count: int) -> list[tuple[int, str, Any]]:
    """The next events of a stream."""
    events, event = [], {}
    for line in lines:
        if line.startswith((":", "retry")):
            continue
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            events.append((int(event["id"]), event["event"], json.loads(event["data"])))
            event = {}
        if len(events) == count:
            return events
    raise AssertionError("the stream ended")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(tmp_path) as served:
        yield served


def test_events_from_where_a_page_was(server: Live) -> None:
    """What a page lost is told once it is back, each job in its present state; then what comes, as it comes."""
    store = server.store
    seen = server.http.get("/jobs").json()["event"]
    jobs = [store.submit("a", {"n": number}) for number in range(3)]
    with server.http.stream("GET", "/events", params={"after": seen}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = told(stream.iter_lines(), 4)
        assert [(kind, data["id"]) for _, kind, data in events[:3]] == [("job", job.id) for job in jobs]
        assert events[3][1:] == ("queue", {"paused": False, "workers": 0})
    last = events[2][0]
    store.cancel(jobs[1].id)
    store.move(jobs[2].id, 0)
    with server.http.stream("GET", "/events", headers={"Last-Event-ID": str(last)}) as stream:
        lines = stream.iter_lines()
        again = told(lines, 3)
        assert {data["id"]: data["state"] for _, kind, data in again if kind == "job"} == {
            jobs[1].id: "cancelled", jobs[2].id: "queued"
        }  # fmt: skip
        threading.Timer(0.3, store.pause, [True]).start()
        assert told(lines, 1)[0][1:] == ("queue", {"paused": True, "workers": 0})
        threading.Timer(0.3, store.cancel, [jobs[2].id]).start()
        assert told(lines, 1)[0][2]["state"] == "cancelled"
    with server.http.stream("GET", "/events", headers={"Last-Event-ID": "9" * 20}) as stream:
        assert told(stream.iter_lines(), 1)[0][1] == "queue"
    assert server.http.get("/events", headers={"Last-Event-ID": "9" * 21}).status_code == 422


def test_a_page_that_leaves_is_forgotten(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    looks = 0

    def workers() -> int:
        nonlocal looks
        looks += 1
        return 0

    def still() -> bool:
        before = looks
        time.sleep(0.5)
        return looks == before

    server.store.workers = workers  # type: ignore[method-assign]
    for number in range(20):
        with server.http.stream("GET", "/events", params={"after": 0}) as stream:
            next(stream.iter_lines())
            for _ in range(20):  # it leaves while there is much to send
                server.store.submit("a", {"text": "x" * 1000, "number": number})
    assert looks >= 20
    wait(still)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
