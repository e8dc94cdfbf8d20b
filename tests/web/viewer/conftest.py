"""A browser with the viewer's page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from tests.browsers import LONG
from tests.web.viewer.served import SOFTWARE_WEBGL, build_page, served


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose files the page finds below `media/`."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory, media: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("page")
    build_page(folder)
    with served(folder, media) as address:
        yield address


@pytest.fixture(scope="session")
def browser_arguments() -> Sequence[str]:
    return (SOFTWARE_WEBGL,)


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, address: str, problems: list[str]) -> Iterator[Page]:
    """The viewer's page; what it complains of is a failure."""
    opened = browser.new_page(viewport={"width": 960, "height": 640})
    opened.set_default_timeout(LONG)

    def told(message: ConsoleMessage) -> None:
        # Chromium advises against reading from WebGL, which only these tests do as often.
        if "ReadPixels" not in message.text and "willReadFrequently" not in message.text:
            problems.append(message.text)

    opened.on("console", told)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto(f"{address}/dev.html")
    opened.wait_for_function("window.dev")
    yield opened
    opened.close()
    assert not problems
