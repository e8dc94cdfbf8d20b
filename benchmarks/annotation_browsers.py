"""Simulated people in headless Chromium, who point and press keys in the pages; for `benchmarks/annotation_load.py`."""

import threading
from collections.abc import Sequence
from typing import Any

from benchmarks.annotation_log import Log
from playwright.sync_api import Browser, Page, Response, expect
from tests.annotation.page import pixel_place
from tests.browsers import LONGEST, chromium
from tests.construction.crossing import HEIGHT, WIDTH, centre

FRAME = 8  # in which the ball is boxed: as far as Shift and an arrow go
AROUND = 16  # pixels about its centre


def annotate_in_browsers(url: str, token: str, names: Sequence[str], log: Log, begun: threading.Event) -> None:
    """Do all that there is, each in a window of its own, a task in turn.

    What the pages hear to be kept goes into `log`; `begun` is set when all have a task.
    """
    try:
        if not names:
            return
        with chromium() as browser:
            pages = [_begin(browser, url, token, name, log) for name in names]
            begun.set()
            while pages:
                pages = [page for page in pages if _annotate(page)]
    finally:
        begun.set()


def _begin(browser: Browser, url: str, token: str, name: str, log: Log) -> Page:
    page = browser.new_context(extra_http_headers={"authorization": f"Bearer {token}"}).new_page()
    page.set_default_timeout(LONGEST)
    page.on("response", lambda response: _note(log, response))
    page.goto(f"{url}/#annotate")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator(".stage canvas")).to_be_visible()
    return page


def _annotate(page: Page) -> bool:
    """Box the ball, click on it, undo that, name it and answer; False where nothing waits."""
    canvas, nothing = page.locator(".stage canvas"), page.get_by_text("Nothing waits for you")
    expect(canvas.or_(nothing)).to_be_visible(timeout=LONGEST)
    if nothing.is_visible():
        return False
    before = canvas.element_handle()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    x, y = centre(FRAME)
    page.keyboard.press("b")
    page.mouse.move(*_place(page, x - AROUND, y - AROUND))
    page.mouse.down()
    page.mouse.move(*_place(page, x + AROUND, y + AROUND), steps=3)
    page.mouse.up()
    page.keyboard.press("b")
    page.mouse.click(*_place(page, x, y))
    page.keyboard.press("z")
    page.keyboard.press("n")
    page.keyboard.type("ball")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_function("before => !before.isConnected", arg=before, timeout=LONGEST)
    return True


def _place(page: Page, x: int, y: int) -> tuple[float, float]:
    """Where in the window a pixel of the picture is shown."""
    box = page.locator(".stage canvas").bounding_box()
    assert box is not None
    across, down = pixel_place(box, x, y, WIDTH, HEIGHT)
    return box["x"] + across, box["y"] + down


def _note(log: Log, response: Response) -> None:
    if response.request.method != "POST" or not response.ok or "/leases/" not in response.url:
        return
    lease, kind = response.url.split("/")[-2:]
    if kind == "events":
        sent: Any = response.request.post_data_json
        log.events[lease, sent["seq"]] = sent["event"]
    elif kind == "answer":
        log.answers.add(lease)
