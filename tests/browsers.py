"""The browser that tests look at pages with: the one that is there, or Debian's."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

# Milliseconds that anything may take to come about: a busy machine is late, not wrong.
LONG = 120_000
LONGEST = 180_000  # milliseconds that a page may need to hear of a server that is back
expect.set_options(timeout=LONG)


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start Chromium for the length of a block."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path is not None, "no Chromium: `make test-slow` installs Debian's"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments, timeout=LONG)
        yield started
        started.close()


def drawn(page: Page) -> None:
    """Wait until the page has laid out and drawn what it was told: two frames of the browser."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def violations(page: Page, **options: object) -> list[str]:
    """List what breaks a rule of accessibility seriously, with the element that does."""
    found = Axe().run(page, options=options or None).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:160]}" for one in serious for node in one["nodes"]]
