"""The server of a study: what each link opens, what it answers, what it never says."""

import hashlib
import hmac
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from tests.study.made_study import METHODS, Browser, answer_body, open_app

from vera.errors import VeraError
from vera.service.guard import HEADERS
from vera.study.folder import DATABASE, LINKS, STUDY
from vera.study.links import Links, digest_text, plain_code
from vera.study.server.app import study_app
from vera.study.server.throttle import BURST, REFILL, Throttle
from vera.study.store.answers import answered_trials
from vera.study.store.connect import open_database
from vera.study.store.sessions import all_sessions, find_session


@pytest.fixture
def opened(study_folder: Path) -> tuple[FastAPI, Links]:
    return open_app(study_folder)


def answer_all(browser: Browser) -> list[int]:
    trials = browser.consent()["trials"]
    return [browser.answer(number).status_code for number in range(len(trials))]


def test_a_session_from_the_link_to_the_thanks(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    assert browser.state()["phase"] == "consent" and browser.state()["trials"] == []
    state = browser.consent()
    assert (
        state["phase"] == "trials" and len(state["trials"]) == 12 and re.fullmatch(r"(\w{4}-){3}\w{4}", state["code"])
    )
    video = browser.client.get(f"{browser.path}/media/0")
    assert video.status_code == 200 and video.headers["content-type"] == "video/mp4"
    part = browser.client.get(f"{browser.path}/media/0", headers={"range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == video.content[10:20]
    assert answer_all(browser) == [200] * 12
    assert browser.state()["phase"] == "done"
    engine = open_database(study_folder / DATABASE)
    assert len(answered_trials(engine)) == 12
    assert answered_trials(engine)[0]["record"]["events"] == [{"t": 3, "kind": "pass"}]


def test_a_link_opens_the_same_session_again_and_again(opened: tuple[FastAPI, Links]) -> None:
    first = Browser(opened[0], opened[1].raters[0])
    first.consent()
    first.answer(3)
    again = Browser(opened[0], opened[1].raters[0])  # another browser, or a week later
    assert again.session == first.session
    state = again.state()
    assert state["phase"] == "trials" and [trial["answered"] for trial in state["trials"]] == [
        n == 3 for n in range(12)
    ]


def test_two_raters_of_one_browser_do_not_mix(opened: tuple[FastAPI, Links]) -> None:
    one = Browser(opened[0], opened[1].raters[0])
    one.consent()
    path = one.path
    other = one.client.get(f"/r/{opened[1].raters[1]}").headers["location"].removeprefix("/#")
    assert one.client.get(f"/api/sessions/{other}").json()["phase"] == "consent"
    assert one.client.get(path).json()["phase"] == "trials"


def test_a_session_is_its_raters_alone(opened: tuple[FastAPI, Links]) -> None:
    one, other = (Browser(opened[0], opened[1].raters[number]) for number in (0, 1))
    one.consent()
    for method, path in (("GET", ""), ("GET", "/media/0"), ("POST", "/consent"), ("PUT", "/answers/0")):
        assert other.client.request(method, f"{one.path}{path}", json=answer_body(0, {})).status_code == 401
    name, value = next(iter(other.client.cookies.items()))
    forged = {name.replace(other.session[:8], one.session[:8]): value}
    assert TestClient(opened[0], base_url="http://127.0.0.1", cookies=forged).get(one.path).status_code == 401


def test_a_second_tab_keeps_the_first_answer(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    browser.consent()
    assert browser.answer(0).json() == {"again": False}
    assert browser.answer(0).json() == {"again": True}  # the page did not hear the first time
    other = browser.answer(0, dict.fromkeys(("preservation", "compliance", "quality"), "right"), attempt="f" * 32)
    assert other.status_code == 409 and "another tab" in other.json()["detail"]
    (kept,) = answered_trials(open_database(study_folder / DATABASE))
    assert set(kept["sides"].values()) == {"left"}


def test_withdrawal_by_the_session_and_by_the_code_alone(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    one, other = (Browser(opened[0], opened[1].raters[number]) for number in (0, 1))
    codes = [browser.consent()["code"] for browser in (one, other)]
    one.answer(0)
    wrong = one.client.post(f"{one.path}/withdrawal", json={"code": codes[1]})
    assert wrong.status_code == 404
    assert one.client.post(f"{one.path}/withdrawal", json={"code": codes[0].lower()}).json()["phase"] == "withdrawn"
    stranger = TestClient(opened[0], base_url="http://127.0.0.1")
    assert stranger.post("/api/withdrawal", json={"code": codes[1].replace("-", " ")}).status_code == 204
    assert all_sessions(open_database(study_folder / DATABASE)) == []
    assert one.answer(1).status_code == 404
    assert Browser(opened[0], opened[1].raters[0]).state()["phase"] == "withdrawn"
    refused = one.client.post(f"{one.path}/consent", json={"adult": True, "agreed": True})
    assert refused.status_code == 422 and "withdrawn" in refused.json()["detail"]


def test_the_shared_link_knows_people_of_prolific_again(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    query = "?PROLIFIC_PID=5f0&STUDY_ID=s&SESSION_ID=t&more=x"
    one, again = (Browser(opened[0], opened[1].shared, query) for _ in range(2))
    stranger = Browser(opened[0], opened[1].shared)
    assert one.session == again.session != stranger.session
    one.consent()
    stranger.consent()
    rows = all_sessions(open_database(study_folder / DATABASE))
    assert [row["prolific"] for row in rows] == [{"PROLIFIC_PID": "5f0", "STUDY_ID": "s", "SESSION_ID": "t"}, None]


def test_consent_is_of_adults_who_agree(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    for said in ({"adult": False, "agreed": True}, {"adult": True}, {}, {"adult": True, "agreed": True, "x": 1}):
        assert browser.client.post(f"{browser.path}/consent", json=said).status_code == 422
    assert browser.answer(0).status_code == 404
    assert find_session(open_database(study_folder / DATABASE), browser.session) is None


@pytest.mark.parametrize(
    "change",
    [{"passes": 0}, {"rt": -1}, {"rt": "soon"}, {"width": 0}, {"events": [{"t": 0, "kind": "else"}]}, {"more": 1}],
    ids=str,
)
def test_records_that_cannot_be_are_refused(opened: tuple[FastAPI, Links], change: dict[str, Any]) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    browser.consent()
    assert browser.answer(0, **change).status_code == 422
    assert browser.answer(12).status_code == 404 and browser.answer(0, {"preservation": "left"}).status_code == 422
    assert browser.client.get(f"{browser.path}/media/12").status_code == 404


@pytest.mark.faults
def test_a_page_that_was_open_for_a_month_is_heard(opened: tuple[FastAPI, Links]) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    browser.consent()
    assert browser.answer(0, rt=5000, time_elapsed=30 * 24 * 3600 * 1000).status_code == 200


def routes(app: Any) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in app.routes:
        found += [route] if isinstance(route, APIRoute) else routes(route) if hasattr(route, "routes") else []
    return found


def test_no_answer_of_the_server_names_a_method(opened: tuple[FastAPI, Links], study_folder: Path) -> None:
    """Every route that the API describes, and the page, as a rater and as the researcher."""
    app, links = opened
    admin = Browser(app, links.admin).client
    rater = Browser(app, links.raters[0])
    rater.consent()
    rater.answer(0)
    described = admin.get("/api/admin/progress").status_code == 200 and app.openapi()["paths"]
    said, asked = b"", 0
    for path, methods in {**described, "/": {"get": {}}, "/index.js": {"get": {}}, "/nothing": {"get": {}}}.items():
        for method in methods:
            for number in (0, 3, 99):
                for client in (admin, rater.client):
                    place = path.replace("{session}", rater.session).replace("{trial}", str(number))
                    body = answer_body(number, dict.fromkeys(("preservation", "compliance", "quality"), "right"))
                    response = client.request(method, place, json=body if method in ("put", "post") else None)
                    assert response.status_code < 500
                    said += response.content + str(response.headers).encode()
                    asked += 1
    assert asked >= 60 and b"Add a red square" in said
    words = [*METHODS, "secret", "case-", "background_replace", "unblinding"]
    assert [word for word in words if word.encode() in said] == []


def test_every_route_of_the_api_asks_for_its_secret(opened: tuple[FastAPI, Links]) -> None:
    stranger = TestClient(opened[0], base_url="http://127.0.0.1")
    paths = opened[0].openapi()["paths"]
    assert len(paths) >= 6
    for path, methods in paths.items():
        for method in methods:
            place = path.replace("{session}", "A" * 22).replace("{trial}", "0")
            expected = 404 if path == "/api/withdrawal" else 401
            answer = stranger.request(method, place, json={"code": "x"} if method == "post" else None)
            assert answer.status_code in (expected, 429), (method, path)
    for path in ("/openapi.json", "/api/admin/progress", "/api", "/study.json", f"/{LINKS}", "/..%2fstudy.json"):
        assert stranger.get(path).status_code in (401, 404, 429)
    assert stranger.get("/").status_code == 200 and stranger.get("/index.js").status_code == 200


def test_headers_and_foreign_pages(opened: tuple[FastAPI, Links]) -> None:
    browser = Browser(opened[0], opened[1].raters[0])
    response = browser.client.get("/")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]
    assert (
        response.headers["x-content-type-options"] == "nosniff" and response.headers["referrer-policy"] == "no-referrer"
    )
    cookie = browser.client.get(f"/r/{opened[1].raters[1]}").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/api/sessions/" in cookie
    for origin in ("null", "https://evil.example"):
        said = browser.client.post(f"{browser.path}/consent", json={}, headers={"origin": origin})
        assert said.status_code == 403
    assert browser.client.get("/", headers={"host": "evil.example"}).status_code == 421


def test_guesses_are_slowed_and_raters_go_on(opened: tuple[FastAPI, Links]) -> None:
    app, links = opened
    browser = Browser(app, links.raters[0])
    browser.consent()
    guesser = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    codes = [guesser.get(f"/r/{number:032d}").status_code for number in range(200)]
    assert codes[0] == 404 and codes.count(404) <= BURST + 5 and codes[-1] == 429
    late = guesser.get(f"/r/{links.raters[1]}")  # even a right one has to wait now, or guessing would not be slowed
    assert late.status_code == 429 and int(late.headers["retry-after"]) >= 1
    assert guesser.post("/api/withdrawal", json={"code": "x"}).status_code == 429
    assert browser.answer(0).status_code == 200 and browser.state()["phase"] == "trials"


def test_a_guess_that_is_refused_never_reaches_a_route(
    opened: tuple[FastAPI, Links], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand guesses a second leave the processor to raters; what is refused has the headers of all answers."""
    asked: list[str] = []
    monkeypatch.setattr(Links, "open", lambda _, token: asked.append(token))
    guesser = TestClient(opened[0], base_url="http://127.0.0.1", follow_redirects=False)
    said = [guesser.get(f"/r/{number}") for number in range(3 * BURST)]
    assert len(asked) == [one.status_code for one in said].count(404) < 2 * BURST
    assert said[-1].status_code == 429 and said[-1].json()["detail"].startswith("too many wrong links")
    wanted = {**HEADERS, "cache-control": "no-store"}
    assert {name: said[-1].headers.get(name) for name in wanted} == wanted


def test_secrets_are_compared_in_a_time_that_tells_nothing(
    opened: tuple[FastAPI, Links], study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links and codes are looked up by their hash alone; seals of cookies go through `compare_digest`."""
    app, links = opened
    tokens = [links.admin, links.shared, *links.raters]
    assert set(links.by_digest) == {hashlib.sha256(token.encode()).digest() for token in tokens}
    browser = Browser(app, links.raters[0])
    compared: list[bytes] = []
    real = hmac.compare_digest
    monkeypatch.setattr("hmac.compare_digest", lambda right, told: (compared.append(told), real(right, told))[1])
    code = browser.consent()["code"]
    assert compared == [next(iter(browser.client.cookies.values())).rpartition(".")[2].encode()]
    assert all_sessions(open_database(study_folder / DATABASE))[0]["code"] == digest_text(plain_code(code))


def test_wrong_cookies_are_guesses_and_a_missing_icon_is_none(opened: tuple[FastAPI, Links]) -> None:
    app, links = opened
    session = Browser(app, links.raters[0]).session
    stranger = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    assert {stranger.get("/favicon.ico").status_code for _ in range(2 * BURST)} == {401}
    assert stranger.get(f"/r/{links.raters[1]}").status_code == 303
    forged = {"cookie": f"vera-study-{session[:8]}=e30.AAAA"}
    codes = [stranger.get(f"/api/sessions/{session}", headers=forged).status_code for _ in range(2 * BURST)]
    assert codes[0] == 401 and codes[-1] == 429


def test_cookies_are_for_https_behind_a_proxy_that_says_so(study_folder: Path) -> None:
    for proxy, told, secure in (("testclient", "https", True), ("testclient", "http", False), (None, "https", False)):
        app, links = study_app(study_folder, proxy=proxy)
        client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        opened = client.get(f"/r/{links.raters[0]}", headers={"x-forwarded-proto": told})
        assert ("secure" in opened.headers["set-cookie"].lower().replace(" ", "").split(";")) == secure


def test_throttle_fills_again_and_forgets_the_oldest() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(BURST):
        assert throttle.wait("a") == 0
        throttle.failed("a")
    assert throttle.wait("a") == pytest.approx(1 / REFILL) and throttle.wait("b") == 0
    now[0] = 1 / REFILL
    assert throttle.wait("a") == 0
    throttle.failed("a")
    assert throttle.wait("a") > 0
    for number in range(10_000):
        throttle.failed(str(number))
    assert throttle.wait("a") == 0


def test_a_proxy_tells_who_calls_and_strangers_do_not(study_folder: Path) -> None:
    for proxy, expected in (("testclient", 404), (None, 429)):
        app, _ = study_app(study_folder, proxy=proxy)
        client = TestClient(app, base_url="http://127.0.0.1")
        codes = [
            client.get("/r/x", headers={"x-forwarded-for": f"6.6.6.6, 10.0.{number}.1"}).status_code
            for number in range(BURST + 5)
        ]
        assert codes[-1] == expected


def test_the_researcher_sees_progress_and_no_result(opened: tuple[FastAPI, Links]) -> None:
    app, links = opened
    rater = Browser(app, links.raters[2])
    rater.consent()
    for number in range(4):
        rater.answer(number)
    progress = Browser(app, links.admin).client.get("/api/admin/progress").json()
    assert (progress["started"], progress["finished"], progress["planned"]) == (1, 0, 5)
    assert progress["raters"][0]["answered"] == 4 and sum(progress["answers"]) <= 4
    assert progress["links"] == [f"/r/{token}" for token in links.raters]
    assert rater.client.get("/api/admin/progress").status_code == 401
    assert not {"wins", "share", "won"} & set(re.findall(r"\w+", json.dumps(progress)))


def test_an_edited_study_and_anothers_database_are_not_served(study_folder: Path, made: Path, tmp_path: Path) -> None:
    open_app(study_folder)
    other = Path(shutil.copytree(made, tmp_path / "other"))
    text = (other / STUDY).read_text()
    (other / STUDY).write_text(text.replace("Which edit", "What edit"))
    with pytest.raises(VeraError, match="was changed"):
        open_app(other)
    (study_folder / LINKS).write_text("{}")
    with pytest.raises(VeraError, match="is no file of a study"):
        open_app(study_folder)
