"""The strip: thumbnails, waveform, layer bars, in and out, and the playhead by pointer and by keys."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page
from tests.browsers import drawn
from tests.web.viewer.proxies import noise, write_planes

pytestmark = pytest.mark.slow

SIZE, FRAMES, TILES = (160, 90), 40, 16
# Thumbnails and waveform have come, each in its own time.
WHOLE = "document.querySelector('.strip canvas').clientHeight === 48 + 32 + 2 * 18"


@pytest.fixture(scope="module")
def clip(media: Path) -> Path:
    folder = media / "strip"
    folder.mkdir()
    write_planes(folder / "proxy.mp4", [noise(SIZE, n) for n in range(FRAMES)])
    tiles = [np.full((72, 128, 3), (16 * n, 255 - 16 * n, 100), np.uint8) for n in range(TILES)]
    Image.fromarray(np.concatenate(tiles, axis=1)).save(folder / "thumbnails.jpg", quality=95)
    peaks = [round(255 * abs(np.sin(n / 30))) for n in range(2000)]
    (folder / "peaks.json").write_text(json.dumps({"peaks": peaks}), "utf-8")
    return folder


def open_strip(page: Page, peaks: str | None = "media/strip/peaks.json") -> None:
    given = {"url": "media/strip/proxy.mp4", "times": [n / 25 for n in range(FRAMES)], "width": 160, "height": 90}
    bars = [
        {"id": "a", "label": "Take 1", "first": 4, "last": 19, "on": True},
        {"id": "b", "label": "Take 2", "first": 10, "last": 39, "on": False, "color": "rgb(0, 90, 0)"},
    ]
    page.evaluate(
        """async ([clip, media, bars]) => {
            window.viewer = dev.open();
            await viewer.load(clip);
            window.strip = dev.openStrip(viewer);
            strip.load(media);
            strip.setBars(bars);
        }""",
        [given, {"thumbnails": {"url": "media/strip/thumbnails.jpg", "count": TILES}, "peaks": peaks}, bars],
    )


def color_at(page: Page, x: float, y: float) -> list[int]:
    """The colour at a share of the strip's width, and CSS pixels from its top."""
    script = """([x, y]) => {
        const canvas = document.querySelector('.strip canvas');
        const place = [Math.floor(x * canvas.width), Math.round(y * devicePixelRatio)];
        return [...canvas.getContext('2d').getImageData(...place, 1, 1).data];
    }"""
    return list(page.evaluate(script, [x, y]))


def test_rows_show_what_they_are_given(page: Page, clip: Path, tmp_path: Path) -> None:
    open_strip(page)
    page.wait_for_function(WHOLE)
    for share in (0.02, 0.5, 0.97):
        assert abs(color_at(page, share, 20)[0] - 16 * int(share * TILES)) <= 20  # a tile of about that place
    assert color_at(page, 0.5, 82)[1] > color_at(page, 0.5, 82)[0] + 60  # the highest layer first, in its own colour
    assert color_at(page, 0.1, 88)[3] == 0 and color_at(page, 0.2, 108)[3] > 0
    page.locator(".strip").screenshot(path=tmp_path / "strip.png")


def test_playhead_by_pointer_and_keys(page: Page, clip: Path) -> None:
    open_strip(page)
    page.wait_for_function(WHOLE)
    strip = page.get_by_role("slider", name="Position in the clip")
    box = strip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.255, box["y"] + 5)
    page.mouse.down()
    page.wait_for_function("viewer.frame.value === 10")
    page.mouse.move(box["x"] + box["width"] * 2, box["y"] + 5)
    page.wait_for_function("viewer.frame.value === 39")
    page.mouse.up()
    strip.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("viewer.frame.value === 38")
    assert strip.get_attribute("aria-valuenow") == "38"
    page.keyboard.press("o")
    page.keyboard.press("Home")
    page.wait_for_function("viewer.frame.value === 0")
    drawn(page)
    assert color_at(page, 0.99, 20) != color_at(page, 0.96, 20)  # what lies after the out point is dark


def test_works_without_sound_or_thumbnails(page: Page, clip: Path, problems: list[str]) -> None:
    with page.expect_console_message(lambda message: "404" in message.text):
        open_strip(page, peaks="media/strip/none.json")
    page.wait_for_function("document.querySelector('.strip canvas').clientHeight === 48 + 2 * 18")
    problems[:] = [text for text in problems if "404" not in text]
    page.evaluate("strip.load({ thumbnails: null, peaks: null })")
    page.wait_for_function("document.querySelector('.strip canvas').clientHeight === 2 * 18")
    page.evaluate("strip.destroy()")
    assert page.locator(".strip").count() == 0
