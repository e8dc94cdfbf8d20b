"""One form of errors, without a word of the server's inside."""

import errno
import logging
import sqlite3

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from tests.service.conftest import HOST, Site

from vera.service.app import make_app
from vera.service.errors import ConflictError, MissingError, NoRoomError, TooLargeError

KIND = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ('{"text": "bad"}', 422, "bad.mp4: is bad; choose another"),
        ('{"text": "bug"}', 500, "the server failed at this; its log says more"),
        ('{"text": 1}', 422, "text: Input should be a valid string"),
        ('{"size": 1}', 422, "text: Field required"),
        ("{", 422, "1: JSON decode error"),
        ("[" * 100_000, 400, "error parsing the body"),
        ('{"text": "\\ud800"}', 422, "half a character"),
        ('{"text": "\\ud83d\\ude00 \\u00e9 NaN"}', 200, ""),
        ('{"text": "a", "size": NaN}', 422, "finite"),
        ('{"text": "a", "size": 1e999}', 422, "size: "),
        ("nul", 422, "JSON decode error"),
        ("\ufeff{}", 422, ""),
    ],
)
def test_bodies(site: Site, body: str, status: int, told: str) -> None:
    response = site.program().post("/api/v1/notes", content=body.encode(), headers=KIND)
    assert response.status_code == status
    if status == 200:
        return
    assert list(response.json()) == ["detail"]
    assert told in response.json()["detail"] and "\n" not in response.json()["detail"]
    assert "inside" not in response.text and "Traceback" not in response.text


def test_a_bug_is_told_in_the_log_without_the_query(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.program().post("/api/v1/notes?token=of-somebody", json={"text": "bug"})
    assert "POST /api/v1/notes failed" in caplog.text and "ZeroDivisionError" in caplog.text
    assert "of-somebody" not in caplog.text


def test_paths_and_methods_that_there_are_not(site: Site) -> None:
    client = site.program()
    assert client.get("/api/v1/nothing").json() == {"detail": "Not Found"}
    assert client.delete("/api/v1/me").status_code == 405 and list(client.delete("/api/v1/me").json()) == ["detail"]


def failing(error: Exception) -> FastAPI:
    router = APIRouter()

    @router.get("/")
    def fail() -> None:
        raise error

    return make_app(title="", hosts=["127.0.0.1"], access=lambda: None, routers=[router])


def full() -> sqlite3.Error:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (x)")
    with pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    return raised.value


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507),
        (OSError(errno.EIO, "Input/output error"), 500),
        (full(), 507),
        (sqlite3.DatabaseError("database disk image is malformed"), 500),
        (MissingError("no"), 404),
        (ConflictError("no"), 409),
        (TooLargeError("no"), 413),
        (NoRoomError("no"), 507),
        (RuntimeError("secret"), 500),
    ],
)
def test_what_kind_of_error_is_answered_how(error: Exception, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    response = TestClient(failing(error), base_url=HOST).get("/")
    assert response.status_code == status and list(response.json()) == ["detail"]
    assert bool(caplog.records) == (status == 500) and "secret" not in response.text
