"""A browser with the viewer's page, built on the spot and served with its clips on the loopback."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).parents[3] / "web"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The viewer's page, built."""
    folder = tmp_path_factory.mktemp("page")
    command = ["npx", "vite", "build", "-c", "viewer/dev.config.ts", "--outDir", str(folder), "--emptyOutDir"]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose files the page finds below `media/`."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def address(built: Path, media: Path) -> Iterator[str]:
    routes = [Mount("/media", StaticFiles(directory=media)), Mount("/", StaticFiles(directory=built))]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path is not None, "no Chromium: `make test-slow` installs Debian's"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--enable-unsafe-swiftshader"])
        yield started
        started.close()


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, address: str, problems: list[str]) -> Iterator[Page]:
    """The viewer's page; what it complains of is a failure."""
    opened = browser.new_page(viewport={"width": 960, "height": 640})

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
