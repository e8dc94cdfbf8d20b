"""Requests that no page of ours and no program sends: others were run, read or filled by each of them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.service.conftest import HOST, Site

from vera.service.bodies import BODIES
from vera.service.guard import HEADERS, Guard, host_name

JSON_LIMIT = BODIES["application/json"] or 0
NOTE = {"text": "fine"}


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "127.0.0.1:", "", "127.0.0.1:8000:1"]
)
def test_another_name_for_this_machine_is_refused(site: Site, host: str) -> None:
    """DNS rebinding: a page's own name is made to resolve to this machine."""
    with site.program() as client:
        assert client.get("/api/v1/me", headers={"host": host}).status_code == 421
        assert client.get(site.access.link(), headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "LOCALHOST:1"])
def test_our_names_with_any_port(site: Site, host: str) -> None:
    assert site.program().get("/api/v1/me", headers={"host": host}).status_code == 200


def test_two_hosts_are_none(site: Site) -> None:
    """A proxy may go by one of them, the server by the other."""
    headers = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]
    assert status_of(site, "GET", "/api/v1/me", headers) == 421
    assert status_of(site, "GET", "/api/v1/me", []) == 421


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://127.0.0.1:9000",
        "http://127.0.0.1",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example/http://127.0.0.1:8000",
        "file://",
        "",
    ],
)
def test_a_foreign_page_changes_nothing(site: Site, origin: str) -> None:
    """CSRF: `null` is the origin of sandboxed frames and of files; another port is another's page; no prefix counts."""
    client = site.browser()
    for method, path in (("POST", "/api/v1/notes"), ("DELETE", "/api/v1/uploads/" + "0" * 32), ("PATCH", "/nothing")):
        assert client.request(method, path, json=NOTE, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("site_of", ["cross-site", "same-site", "nonsense"])
def test_browsers_say_when_a_page_is_foreign(site: Site, site_of: str) -> None:
    """A page of another port of this machine is of the same site, and cookies know no ports."""
    assert site.browser().post("/api/v1/notes", json=NOTE, headers={"sec-fetch-site": site_of}).status_code == 403


def test_our_page_and_programs_pass(site: Site) -> None:
    ours = {"origin": HOST, "sec-fetch-site": "same-origin"}
    assert site.browser().post("/api/v1/notes", json=NOTE, headers=ours).status_code == 200
    assert (
        site.browser().post("/api/v1/notes", json=NOTE, headers={"origin": HOST.replace("http", "https")}).status_code
        == 200
    )
    assert site.program().post("/api/v1/notes", json=NOTE).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "TEXT/PLAIN",
    ],
)
def test_bodies_that_a_foreign_form_can_send_are_refused(site: Site, kind: str) -> None:
    response = site.browser().post("/api/v1/notes", content='{"text": "fine"}', headers={"content-type": kind})
    assert response.status_code == 415


def test_json_without_its_type_is_not_read(site: Site) -> None:
    response = site.program().post("/api/v1/notes", content='{"text": "fine"}')
    assert response.status_code == 422


def test_a_body_that_is_too_large(site: Site) -> None:
    """By its length if told, by its bytes if not, and the answer is ours."""
    client, kind = site.program(), {"content-type": "application/json"}
    text = b'{"text": "' + b"x" * JSON_LIMIT + b'"}'

    def pieces() -> Iterator[bytes]:
        yield from (text[start : start + 65536] for start in range(0, len(text), 65536))

    for content in (text, pieces()):
        response = client.post("/api/v1/notes", content=content, headers=kind)
        assert response.status_code == 413 and set(response.json()) == {"detail"}
        assert response.headers["x-content-type-options"] == "nosniff"
    assert client.post("/api/v1/notes", json={"text": "x" * (JSON_LIMIT - 100)}).status_code == 200


def test_every_answer_has_the_headers(site: Site) -> None:
    answers = [
        site.client().get("/api/v1/me"),
        site.client().get("/nothing"),
        site.program().get("/api/v1/me"),
        site.program().post("/api/v1/notes", json={"text": "bug"}),
        site.program().get("/"),
        site.program().get("/api/v1/me", headers={"host": "evil.example"}),
        site.client().get(site.access.link()),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 200, 500, 200, 421, 303]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "cache-control" in answer.headers
    policy = answers[0].headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src" not in policy and "default-src 'self'" in policy
    assert answers[2].headers["cache-control"] == "no-store"


def test_no_websocket() -> None:
    async def app(*call: Any) -> None:
        raise AssertionError("was reached")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(app, ["127.0.0.1"])({"type": "websocket"}, app, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


@given(st.text(alphabet="[]:.0123456789ab@/\\ ", max_size=20))
def test_a_host_is_a_name_of_ours_only_by_itself_or_with_a_port(host: str) -> None:
    names = {"127.0.0.1", "[::1]", "localhost"}
    if host_name(host) in names:
        name = host_name(host)
        assert host == name or (host.startswith(f"{name}:") and host.removeprefix(f"{name}:").isdecimal())


@pytest.mark.parametrize(
    ("host", "name"), [("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("A:1", "a"), ("a:", ""), ("a:b", "")]
)
def test_hosts_and_their_names(host: str, name: str) -> None:
    assert host_name(host) == name


def status_of(site: Site, method: str, path: str, headers: list[tuple[bytes, bytes]]) -> int:
    """What a request with exactly these headers is answered."""
    found = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        found.append(message.get("status"))

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
        "root_path": "",
    }
    asyncio.run(site.app(scope, receive, send))
    return int(found[0])
