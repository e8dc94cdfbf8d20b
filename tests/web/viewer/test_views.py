"""The viewer in a browser: its views, the wipe, zoom, keys, code values, and what it says of itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.web.viewer.proxies import matte, noise, read_planes, write_alpha, write_planes

pytestmark = pytest.mark.slow

SIZE, FRAMES = (320, 180), 12
STATE = {"on": True, "adjustment": {"opacity": 0.9}}


@pytest.fixture(scope="module")
def proxies(media: Path) -> Path:
    folder = media / "views"
    folder.mkdir()
    write_planes(folder / "proxy.mp4", [noise(SIZE, n) for n in range(FRAMES)])
    write_planes(folder / "edit.mp4", [noise(SIZE, 50 + n) for n in range(FRAMES)])
    write_alpha(folder / "alpha.webm", [matte(SIZE, 5) for _ in range(FRAMES)])
    return folder


def open_viewer(page: Page, size: tuple[int, int] = SIZE, options: str = "{}", **adjustment: Any) -> None:
    clip = {
        "url": "media/views/proxy.mp4",
        "times": [n / 25 for n in range(FRAMES)],
        "width": size[0],
        "height": size[1],
    }
    media = {
        "id": "take",
        "edit": "media/views/edit.mp4",
        "alpha": "media/views/alpha.webm",
        "still": "media/views/alpha{n}.png",
        "frames": list(range(FRAMES)),
    }
    layers = [{"media": media, "on": True, "adjustment": {"opacity": 0.9} | adjustment}]
    page.evaluate(
        f"""async ([clip, layers]) => {{
            window.viewer = dev.open({options});
            viewer.setLayers(dev.layersOf(layers));
            await viewer.load(clip);
        }}""",
        [clip, layers],
    )


def shot(page: Page, name: str, folder: Path) -> Path:
    path = folder / f"{name}.png"
    page.locator(".viewer").screenshot(path=path)
    return path


def test_views_differ(page: Page, proxies: Path, tmp_path: Path) -> None:
    open_viewer(page)
    assert page.evaluate("viewer.capability.value") == "exact"
    seen = set()
    for key, view in enumerate(["source", "edit", "alpha", "result", "difference", "matte"], 1):
        page.locator(".viewer").focus()
        page.keyboard.press(str(key))
        assert page.evaluate("viewer.view.value") == view
        seen.add(shot(page, view, tmp_path).read_bytes())
    assert len(seen) == 6
