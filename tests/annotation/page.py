"""A person at the pages of a desk, in a real browser."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page, expect
from tests.browsers import LONG, violations
from tests.study.browsing import serving

from vera.annotation.desk import Desk
from vera.annotation.server.app import annotation_app
from vera.service.access import Access


def pixel_place(box: FloatRect, x: int, y: int, width: int, height: int) -> tuple[float, float]:
    """Where in a canvas, which has this box, a pixel of a whole picture is shown."""
    scale = min(box["width"] / width, box["height"] / height)
    left, top = (box["width"] - width * scale) / 2, (box["height"] - height * scale) / 2
    return left + (x + 0.5) * scale, top + (y + 0.5) * scale


class Seat:
    """A browser at a desk, whose problems are kept."""

    def __init__(
        self, browser: Browser, url: str, access: Access, width: int = 1280, height: int = 800, **more: object
    ):
        context = browser.new_context(viewport={"width": width, "height": height}, **more)  # type: ignore[arg-type]
        self.page: Page = context.new_page()
        self.page.set_default_timeout(LONG)
        self.problems: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(url + access.link())

    def sit(self, gate: str, name: str = "anna") -> None:
        """Open a gate's page, and say who it is."""
        self.page.locator("nav a", has_text=gate).first.click()
        self.page.get_by_label("Your name").fill(name)
        self.page.keyboard.press("Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, x: int, y: int, width: int, height: int, button: str = "left") -> None:
        """Click on a pixel of the picture."""
        box = self.page.locator(".stage canvas").bounding_box()
        assert box is not None
        across, down = pixel_place(box, x, y, width, height)
        self.page.locator(".stage canvas").click(position={"x": across, "y": down}, button=button)  # type: ignore[arg-type]

    def slow(self, milliseconds: float) -> None:
        """Let every answer of the server take longer."""
        network = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
        self.page.context.new_cdp_session(self.page).send("Network.emulateNetworkConditions", network)

    def saved(self) -> None:
        expect(self.page.locator(".head")).to_contain_text("Saved")
        self.page.wait_for_timeout(100)
        expect(self.page.locator(".head")).to_contain_text("Saved")

    def checked(self) -> None:
        """No rule of accessibility is broken seriously."""
        assert violations(self.page) == []

    def picture(self, name: str, folder: Path) -> None:
        """Keep what is seen as NAME.png in a folder, or in that of the environment's VERA_SCREENSHOTS."""
        folder = Path(os.environ.get("VERA_SCREENSHOTS") or folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")


@contextmanager
def served(desk: Desk) -> Iterator[tuple[str, Access]]:
    """Serve a desk in this process."""
    access = Access()
    with serving(annotation_app(desk, access)) as url:
        yield url, access


@contextmanager
def seated(browser: Browser, desk: Desk, gate: str, name: str = "anna") -> Iterator[Seat]:
    """Serve a desk, at which a person sits before a gate's page."""
    with served(desk) as (url, access):
        seat = Seat(browser, url, access)
        seat.sit(gate, name)
        yield seat
