"""Raters in a real browser: by keyboard alone, on a phone, with two tabs, without network, through a killed server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.study_load import study_server
from playwright.sync_api import Browser, Request, Route, expect
from tests.browsers import LONG, violations
from tests.study.browsing import OPEN, RaterPage, serving
from tests.study.made_study import make_study, open_app

from vera.study.folder import DATABASE, LINKS, open_study, read_struct
from vera.study.links import Links
from vera.study.store.answers import answered_trials
from vera.study.store.connect import open_database
from vera.study.store.sessions import all_sessions

pytestmark = pytest.mark.slow
PAIRS = 6


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of four pairs, a catch and a repeat, of half a second each."""
    return make_study(tmp_path_factory.mktemp("small"), cases=5, design={"trials": 4, "catches": 1, "repeats": 1})


@pytest.fixture(scope="module")
def opened(small: Path) -> Iterator[tuple[str, Links]]:
    app, links = open_app(small)
    with serving(app) as url:
        yield url, links


def answered(folder: Path) -> dict[str, int]:
    """How many trials of each session are in the database."""
    counts: dict[str, int] = {}
    for row in answered_trials(open_database(folder / DATABASE)):
        counts[row["session"]] = counts.get(row["session"], 0) + 1
    return counts


def wait_until(true: Callable[[], bool], rater: RaterPage) -> None:
    """Wait for what the page sends in the background."""
    until = time.monotonic() + LONG / 1000
    while not true():
        assert time.monotonic() < until
        rater.page.wait_for_timeout(100)


def checked(page: RaterPage) -> None:
    """No rule of accessibility is broken seriously."""
    assert violations(page.page) == []


def test_a_whole_session_by_keyboard_alone(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    rater = RaterPage(browser)
    page, keyboard = rater.page, rater.page.keyboard
    page.goto(f"{opened[0]}/r/{opened[1].raters[0]}")
    expect(page.get_by_role("heading", name="Which edit is better?")).to_be_visible()
    checked(rater)
    for key in ("Tab", "Space", "Tab", "Space", "Tab", "Enter"):
        keyboard.press(key)
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    checked(rater)
    held: list[Route] = []
    page.route("**/media/0", lambda route: held.append(route), times=1)
    keyboard.press("Tab")
    keyboard.press("Enter")
    for number in range(PAIRS):
        expect(page.locator("h1")).to_have_text(f"Pair {number + 1} of {PAIRS}")
        if number == 0:
            wait_until(lambda: bool(held), rater)
            keyboard.press("1")  # too early: nothing is chosen before the clip has played once
            held.pop().continue_()
        page.wait_for_selector(OPEN)
        assert page.locator("input:checked").count() == 0
        keyboard.press("h")
        expect(page.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")
        if number == 0:
            checked(rater)
        keyboard.press("Enter")  # nothing is chosen yet
        for key in ("2", "W", "a"):
            keyboard.press(key)
        assert page.locator("input:checked").evaluate_all("all => all.map(one => one.value)") == [
            "right",
            "right",
            "left",
        ]
        keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    checked(rater)
    rows = answered_trials(open_database(small / DATABASE))
    own = [row for row in rows if row["session"] == page.url.partition("#")[2]]
    assert len(own) == PAIRS
    for row in own:
        assert row["sides"] == {"preservation": "right", "compliance": "right", "quality": "left"}
        record = row["record"]
        assert record["passes"] >= 1 and record["heat_shown"] == 1 and record["width"] == 1280 and record["rt"] >= 500
        assert {event["kind"] for event in record["events"]} >= {"play", "pass", "heat", "choose"}
    assert rater.problems == []


def test_a_whole_session_on_a_phone(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    rater = RaterPage(browser, 390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = rater.page
    page.goto(f"{opened[0]}/r/{opened[1].raters[1]}")
    page.wait_for_selector("form")
    for box in page.get_by_role("checkbox").all():
        box.tap()
    page.get_by_role("button", name="Take part").tap()
    page.get_by_role("button", name="Begin").tap()
    for _ in range(PAIRS):
        page.wait_for_selector(OPEN)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        sizes = page.locator(".choice label").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
        assert min(sizes) >= 44
        for choice in page.locator(".choice").all():
            choice.locator("label").first.tap()
        page.get_by_role("button", name="Next").tap()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    checked(rater)
    assert answered(small)[page.url.partition("#")[2]] == PAIRS and rater.problems == []


def test_canvases_are_of_one_frame_and_sides_are_swapped(browser: Browser, opened: tuple[str, Links]) -> None:
    """The first and the second result are where the plan has them, and the source is the source."""
    rater = RaterPage(browser)
    rater.consent(f"{opened[0]}/r/{opened[1].shared}")
    state = rater.page.evaluate("fetch('/api/sessions/' + location.hash.slice(1)).then(found => found.json())")
    for trial in state["trials"]:
        rater.page.wait_for_selector(OPEN)
        rater.page.keyboard.press("Space")
        rater.page.wait_for_function(  # the frame on which it stopped may be drawn a moment later
            """([top, rows, swapped]) => {
                const video = document.querySelector('video');
                const whole = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext('2d');
                whole.drawImage(video, 0, 0);
                const shown = ['source', 'first', 'second'].map(name => {
                    const canvas = document.querySelector('.' + name + ' canvas');
                    return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                });
                const packed = [0, swapped ? 2 : 1, swapped ? 1 : 2].map(place =>
                    whole.getImageData(0, top + place * rows, shown[0].width, shown[0].height));
                return shown.every((one, at) => one.data.every((code, i) => Math.abs(code - packed[at].data[i]) <= 1));
            }""",
            arg=[trial["top"], trial["rows"], trial["swapped"]],
        )
        rater.answer()
    assert {trial["swapped"] for trial in state["trials"]} == {True, False}


def test_two_tabs_and_a_return_after_a_week(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    link = f"{opened[0]}/r/{opened[1].raters[2]}"
    rater = RaterPage(browser)
    rater.consent(link)
    other = rater.new_tab()
    other.goto(link)
    other.get_by_role("button", name="Begin").click()
    rater.answer("1qa")
    wait_until(lambda: answered(small).get(other.url.partition("#")[2]) == 1, rater)
    other.wait_for_selector(OPEN)
    for key in "2ws":
        other.keyboard.press(key)
    other.keyboard.press("Enter")  # the pair that the first tab has answered
    expect(other.get_by_role("status").filter(has_text="another tab")).to_be_visible()
    first = [
        row for row in answered_trials(open_database(small / DATABASE)) if row["session"] == other.url.partition("#")[2]
    ]
    assert len(first) == 1 and set(first[0]["sides"].values()) == {"left"}
    rater.context.close()
    later = RaterPage(browser)  # without the cookies and the database of the first
    later.page.goto(link)
    expect(later.page.get_by_text("1 of 6 pairs are answered")).to_be_visible()
    later.page.get_by_role("button", name="Go on").click()
    expect(later.page.locator("h1")).to_have_text("Pair 2 of 6")
    later.answer()
    wait_until(lambda: answered(small)[later.page.url.partition("#")[2]] == 2, later)


def is_ahead(request: Request) -> bool:
    """Whether a request is for the next pair's clip, which the page loads while a pair is looked at."""
    return request.resource_type == "fetch" and "/media/" in request.url


def test_answers_wait_while_the_network_is_away(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    rater = RaterPage(browser)
    with rater.page.expect_request_finished(is_ahead):
        rater.consent(f"{opened[0]}/r/{opened[1].raters[3]}")
    session = rater.page.url.partition("#")[2]
    rater.page.wait_for_selector(OPEN)
    rater.context.set_offline(True)
    rater.answer()
    expect(rater.page.get_by_role("status").filter(has_text="not sent yet")).to_be_visible()
    rater.answer()
    assert session not in answered(small)
    rater.context.set_offline(False)
    expect(rater.page.get_by_role("status").filter(has_text="not sent yet")).to_have_count(0)
    for _ in range(PAIRS - 2):
        rater.answer()
    expect(rater.page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert answered(small)[session] == PAIRS


def test_a_closed_page_sends_later_what_was_left(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    """Answers outlive the page: they lie in the browser's database."""
    rater = RaterPage(browser)
    rater.consent(f"{opened[0]}/r/{opened[1].raters[4]}")
    session = rater.page.url.partition("#")[2]
    rater.page.route("**/answers/*", lambda route: route.abort())
    rater.answer("2wa")
    expect(rater.page.get_by_role("status").filter(has_text="not sent yet")).to_be_visible()
    rater.page.close()
    assert session not in answered(small)
    rater.page = rater.new_tab()
    rater.page.goto(f"{opened[0]}/r/{opened[1].raters[4]}")
    expect(rater.page.get_by_text("1 of 6 pairs are answered")).to_be_visible()
    wait_until(lambda: answered(small).get(session) == 1, rater)


def test_withdrawal_deletes_and_the_page_says_so(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    rater = RaterPage(browser)
    rater.consent(f"{opened[0]}/r/{opened[1].shared}?PROLIFIC_PID=leaver")
    session = rater.page.url.partition("#")[2]
    rater.answer()
    rater.page.get_by_role("button", name="Stop and delete").click()
    checked(rater)
    rater.page.get_by_role("button", name="Delete them").click()
    expect(rater.page.get_by_role("heading", name="You have withdrawn")).to_be_visible()
    assert session not in answered(small)
    assert session not in {row["id"] for row in all_sessions(open_database(small / DATABASE))}
    rater.page.goto(f"{opened[0]}/#withdraw")
    checked(rater)
    rater.page.get_by_label("The code").fill("AAAA-BBBB")
    rater.page.get_by_role("button", name="Delete").click()
    expect(rater.page.get_by_role("alert").filter(has_text="nothing recorded")).to_be_visible()


def test_a_withdrawal_takes_answers_along_that_were_not_sent(
    browser: Browser, opened: tuple[str, Links], small: Path
) -> None:
    rater = RaterPage(browser)
    rater.consent(f"{opened[0]}/r/{opened[1].shared}?PROLIFIC_PID=cut")
    rater.page.route("**/answers/*", lambda route: route.abort())
    rater.answer()
    expect(rater.page.get_by_role("status").filter(has_text="not sent yet")).to_be_visible()
    rater.page.get_by_role("button", name="Stop and delete").click()
    rater.page.get_by_role("button", name="Delete them").click()
    expect(rater.page.get_by_role("heading", name="You have withdrawn")).to_be_visible()
    rater.page.unroute_all()
    rater.page.evaluate("dispatchEvent(new Event('online'))")
    rater.page.wait_for_timeout(500)
    expect(rater.page.get_by_role("heading", name="You have withdrawn")).to_be_visible()


def test_a_server_that_does_not_answer_yet_is_not_a_closed_page(browser: Browser, opened: tuple[str, Links]) -> None:
    rater = RaterPage(browser)
    rater.page.route("**/api/sessions/*", lambda route: route.abort())
    rater.page.goto(f"{opened[0]}/r/{opened[1].shared}?PROLIFIC_PID=early")
    expect(rater.page.get_by_role("status").filter(has_text="It is tried again")).to_be_visible()
    expect(rater.page.get_by_role("heading")).to_have_count(0)
    rater.page.unroute_all()
    expect(rater.page.get_by_role("button", name="Take part")).to_be_visible()


def test_strangers_and_the_researcher(browser: Browser, opened: tuple[str, Links]) -> None:
    rater = RaterPage(browser)
    rater.page.goto(opened[0])
    expect(rater.page.get_by_text("Open the link that you were given")).to_be_visible()
    rater.page.goto(f"{opened[0]}/#AAAAAAAAAAAAAAAAAAAAAA")
    expect(rater.page.get_by_role("alert")).to_have_text("open the link that you were given")
    rater.page.goto(f"{opened[0]}/r/{opened[1].admin}")
    expect(rater.page.get_by_role("heading", name="Links")).to_be_visible()
    assert rater.page.locator(".links li").count() == 5
    checked(rater)


def test_browsers_go_on_through_a_killed_server(browser: Browser, tmp_path: Path) -> None:
    folder = make_study(tmp_path, cases=5, design={"trials": 4, "catches": 1, "repeats": 1, "raters": 3})
    links = read_struct(folder / LINKS, Links)
    server = study_server(folder, None)
    server.start()
    try:
        raters = [RaterPage(browser) for _ in links.raters]
        for rater, token in zip(raters, links.raters, strict=True):
            rater.consent(f"{server.url}/r/{token}")
        for number in range(PAIRS):
            for rater in raters:
                rater.answer()
            if number in (1, 3):
                server.kill()
                raters[0].page.wait_for_timeout(500)
                server.start()
        for rater in raters:
            expect(rater.page.get_by_role("heading", name="Thank you")).to_be_visible()
    finally:
        server.kill()
    assert list(answered(folder).values()) == [PAIRS] * 3
    assert len(open_study(folder)[0].cases) == 4


def test_tab_and_space_alone_choose_too(browser: Browser, opened: tuple[str, Links], small: Path) -> None:
    """As who reads the screen by ear chooses: from control to control, without our letters."""
    rater = RaterPage(browser)
    rater.consent(f"{opened[0]}/r/{opened[1].shared}")
    page = rater.page
    page.wait_for_selector(OPEN)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            page.keyboard.press("Space")
        if page.locator("input:checked").count() == 3:
            break
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").startswith("Next")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"Pair 2 of {PAIRS}")
    wait_until(lambda: answered(small).get(page.url.partition("#")[2]) == 1, rater)
