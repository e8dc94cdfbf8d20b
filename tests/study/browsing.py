"""A rater in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page
from tests.browsers import LONG

from vera.service.run import address, bind

OPEN = ".choice:not([disabled])"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an app in a thread; gives its URL."""
    with bind("127.0.0.1") as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
        thread.start()
        yield address(bound, "127.0.0.1")
        server.should_exit = True
        thread.join()


class RaterPage:
    """A page of a rater, and what went wrong in it."""

    def __init__(self, browser: Browser, width: int = 1280, height: int = 800, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.problems: list[str] = []
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(LONG)
        page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        return page

    def consent(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector("form")
        for box in self.page.get_by_role("checkbox").all():
            box.check()
        self.page.get_by_role("button", name="Take part").click()
        self.page.get_by_role("button", name="Begin").click()

    def answer(self, keys: str = "1qa") -> None:
        """Answer the pair that is shown, by keys."""
        number = self.page.locator("h1").inner_text()
        self.page.wait_for_selector(OPEN)
        for key in keys:
            self.page.keyboard.press(key)
        self.page.keyboard.press("Enter")
        self.page.wait_for_function("before => document.querySelector('h1').innerText !== before", arg=number)

    def picture(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)
