"""The door: who passes, by what, and that there is no way round it."""

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from tests.service.conftest import HOST, Site

from vera.service.access import LIFETIME, Access


def test_a_link_opens_once(site: Site) -> None:
    link, first, second = site.access.link(), site.client(), site.client()
    assert first.get("/api/v1/me").status_code == 401
    opened = first.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert first.get("/api/v1/me").json() == {"kind": "browser", "name": ""}
    assert second.get(link).status_code == 403 and second.get("/api/v1/me").status_code == 401
    assert second.get(site.access.link()).status_code == 303  # another link, another browser


def test_the_cookie_is_for_this_page_alone(site: Site) -> None:
    cookie = site.client().get(site.access.link()).headers["set-cookie"]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/", f"max-age={LIFETIME}"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert site.access.token not in cookie
    over_tls = TestClient(site.app, base_url=HOST.replace("http", "https"), follow_redirects=False)
    assert "secure" in over_tls.get(site.access.link()).headers["set-cookie"].lower()


def test_a_browser_that_loads_ahead_does_not_use_the_link_up(site: Site) -> None:
    link, client = site.access.link(), site.client()
    assert client.get(link, headers={"sec-purpose": "prefetch;prerender"}).status_code == 403
    assert client.get(link).status_code == 303


def test_who_opens_a_link_is_told_of(site: Site) -> None:
    used = []
    access = Access(used=lambda: used.append(1))
    assert access.link() != access.link() and not used
    site.access.used = access.used
    site.client().get(site.access.link())
    site.client().get("/open?token=wrong")
    assert used == [1]


@pytest.mark.parametrize("token", ["", "wrong", "é", "a" * 10_000, "token "])
def test_wrong_links_and_tokens(site: Site, token: str) -> None:
    assert site.client().get("/open", params={"token": token}).status_code == 403
    header = f"Bearer {token}".encode()
    response = site.client().get("/api/v1/me", headers={b"authorization": header})
    assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"


def test_the_token_only_as_bearer(site: Site) -> None:
    for header in (
        site.access.token,
        f"Basic {site.access.token}",
        f"Bearer {site.access.token}x",
        f"Bearer{site.access.token}",
    ):
        assert site.client(authorization=header).get("/api/v1/me").status_code == 401
    assert site.client().get("/api/v1/me", params={"token": site.access.token}).status_code == 401
    assert site.client(authorization=f"bearer {site.access.token}").get("/api/v1/me").json()["kind"] == "program"


def test_cookies_that_we_did_not_seal(site: Site) -> None:
    client = site.browser()
    ((name, value),) = client.cookies.items()
    until, nonce, seal = value.split(".")
    forged = [
        f"{int(until) + 1}.{nonce}.{seal}",
        f"{until}.{nonce}x.{seal}",
        f"{until}.{nonce}.{seal[:-1]}",
        f"{until}.{nonce}.",
        f"{until}.{nonce}",
        seal,
        "",
        ".",
        "..",
        "é.é.é",
    ]
    for value in forged:
        header = f"{name}={value}".encode()
        assert site.client().get("/api/v1/me", headers={b"cookie": header}).status_code == 401


def test_an_old_cookie_and_one_of_another_server(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site.browser()
    other = Access()
    site.access._key, key = other._key, site.access._key
    assert client.get("/api/v1/me").status_code == 401
    site.access._key = key
    assert client.get("/api/v1/me").status_code == 200
    monkeypatch.setattr("vera.service.access.time.time", lambda: 4e9)
    assert client.get("/api/v1/me").status_code == 401


def test_with_a_token_of_ones_own_browsers_stay_known(site: Site) -> None:
    token = "of-the-file-0123456789"
    first, again, other = Access(token), Access(token), Access("another-0123456789")
    assert (first._cookie, first._key) == (again._cookie, again._key)
    assert first._cookie != other._cookie  # two servers of one machine do not log each other's people out


def test_people_of_a_proxy(site: Site) -> None:
    def me(address: str, headers: list[tuple[str, str]]) -> object:
        with TestClient(site.app, base_url=HOST, client=(address, 5000)) as client:
            response = client.get("/api/v1/me", headers=headers)
            return response.json() if response.status_code == 200 else response.status_code

    named = [("x-forwarded-user", "ada")]
    assert me("10.0.0.9", named) == {"kind": "browser", "name": "ada"}
    assert me("10.0.0.8", named) == 401  # anybody can send a header
    assert me("10.0.0.8", [*named, ("x-forwarded-for", "10.0.0.9")]) == 401
    assert me("10.0.0.9", []) == 401 and me("10.0.0.9", [("x-forwarded-user", " ")]) == 401
    assert me("10.0.0.9", [*named, ("x-forwarded-user", "root")]) == 401  # one of them the proxy's, one the caller's


def routes(site: Site) -> Iterator[tuple[str, str]]:
    """Every method and path of the app: what it describes, and what it does not."""
    for path, methods in site.app.openapi()["paths"].items():
        yield from ((method.upper(), re.sub(r"\{\w+\}", "0" * 32, path)) for method in methods)
    yield from (("GET", path) for path in ("/openapi.json", "/", "/index.html", "/assets/a.js", "/nothing"))


def test_no_way_round_the_door(site: Site) -> None:
    """Walk all routes as a stranger: none answers, and none is there that is not walked."""
    walked = list(routes(site))
    assert len(walked) > 10
    for method, path in walked:
        response = site.client(**{"tus-resumable": "1.0.0", "upload-length": "1"}).request(method, path)
        assert response.status_code == 401, (method, path)
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert site.program().get(path).status_code == 404
    described = {path for _, path in walked}
    hidden = {route.path for route in _api_routes(site.app.router) if not route.include_in_schema}
    assert hidden == {"/open", "/openapi.json"} and "/openapi.json" in described


def _api_routes(router: object) -> Iterator[APIRoute]:
    for route in getattr(router, "routes", []):
        if isinstance(route, APIRoute):
            yield route
        yield from _api_routes(getattr(route, "original_router", None))


def test_the_page_behind_the_door(site: Site) -> None:
    client = site.browser()
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert "javascript" in client.get("/assets/a.js").headers["content-type"]
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    for path in ("/../files", "/%2e%2e/files/x", "/assets/..%2f..%2ffiles", "//etc/passwd", "/nothing"):
        assert client.get(path).status_code == 404
