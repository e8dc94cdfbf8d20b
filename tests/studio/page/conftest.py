"""A browser, and a studio with a clip and layers of it: what is done with takes that are there needs no model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response
from tests.browsers import LONG
from tests.studio.serving import Served, served, wait_for

from vera.layers import LayeredEdit, save_layers
from vera.layers.source_match import describe_source
from vera.video import open_clip, write_lossless

SIZE = (320, 180)
FRAMES = 12
DESKTOP, PHONE = (1440, 900), (390, 844)


# What a page shows once it has what it asked the server for; those of "edit" are of the viewer.
CONTENT = {
    "start": "section[aria-label=Projects] li, section[aria-label=Projects] p",
    "queue": ".jobs li",
    "edit": ".host canvas",
    "export": ".targets li",
}


@dataclass
class Visit:
    """A page of a studio in a browser, and what it complained of."""

    page: Page
    studio: Served
    project: str
    problems: list[str] = field(default_factory=list)

    def go(self, name: str) -> None:
        """Show one of the pages: start, queue, edit or export."""
        self.page.goto(self.address(name))
        self.page.reload()
        self.page.locator(CONTENT[name]).first.wait_for()
        if name == "edit":
            self.page.locator(".host", has_text="xact").wait_for()  # a preview, or the exact frame

    def address(self, name: str) -> str:
        part = f"/{self.project}" if name in ("edit", "export") else ""
        return f"{self.studio.client.base_url}#/{name}{part}"

    def layers(self) -> list[dict[str, Any]]:
        """The project's layers as the server has them, once the page has saved."""
        self.page.get_by_text("Saved", exact=True).wait_for()
        found: list[dict[str, Any]] = self.studio.ask("GET", f"/projects/{self.project}")["layers"]
        return found


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, `source.mkv`, and layers of it, `disc`: a red disc with a soft edge that moves."""
    folder = tmp_path_factory.mktemp("footage")
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    ramp = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    write_lossless(folder / "source.mkv", np.stack([np.roll(ramp, 4 * i, axis=1) for i in range(FRAMES)]), Fraction(25))
    clip = open_clip(folder / "source.mkv")
    distance = np.stack([np.hypot(x - 120 - 6 * i, y - 80) for i in range(FRAMES)])
    alpha = np.rint(np.clip((50 - distance) / 10, 0, 1) * 65535).astype(np.uint16)
    edit = np.broadcast_to(np.array([200, 40, 40], np.uint8), (FRAMES, height, width, 3)).copy()
    metadata = {
        "instruction": "Add a red disc",
        "seed": 3,
        "model": "nano",
        "steps": 8,
        "source": describe_source(clip),
    }
    save_layers(LayeredEdit(edit, alpha, clip.pts, clip.time_base, metadata), folder / "disc")
    return folder


@pytest.fixture
def studio(tmp_path: Path, footage: Path) -> Iterator[Served]:
    """A studio that was started with the layers."""
    with served(footage / "disc", "--workspace", tmp_path / "studio", folder=tmp_path) as studio:
        for job in studio.ask("GET", "/jobs")["jobs"]:  # proxies
            ended = studio.wait(job["id"])
            assert ended["state"] == "done", ended["error"]
        yield studio


def wait_until(page: Page, condition: str, seconds: float = LONG / 1000) -> None:
    """Look until a JavaScript expression is true; Playwright's own way evaluates text, which the policy forbids."""
    wait_for(lambda: page.evaluate(condition), seconds)


@pytest.fixture
def visit(browser: Browser, studio: Served) -> Iterator[Visit]:
    """The editor at the desktop's size, with the take laid over the clip."""
    opened = studio.ask("GET", "/about")["open"]["project"]
    context = entered(browser, studio, DESKTOP)
    visit = visited(context, studio, opened)
    visit.go("edit")
    yield visit
    context.close()
    assert visit.problems == []


def entered(browser: Browser, studio: Served, size: tuple[int, int], **options: Any) -> BrowserContext:
    """A browser's context that may use the studio."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(LONG)
    cookies = [{"name": name, "value": value} for name, value in studio.client.cookies.items()]
    context.add_cookies([{**cookie, "url": str(studio.client.base_url)} for cookie in cookies])  # type: ignore[list-item]
    return context


def visited(context: BrowserContext, studio: Served, project: str) -> Visit:
    """A new page, whose complaints are kept."""
    visit = Visit(context.new_page(), studio, project)

    def told(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of" not in message.text:  # that `refused` tells better
            visit.problems.append(message.text)

    def refused(response: Response) -> None:
        if response.status >= 400:
            visit.problems.append(f"{response.status} {response.request.method} {response.url}")

    visit.page.on("console", told)
    visit.page.on("response", refused)
    visit.page.on("pageerror", lambda error: visit.problems.append(str(error)))
    return visit
