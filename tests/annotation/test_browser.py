"""People at the pages, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.annotation.made_build import desk_of, make_build
from tests.annotation.page import seated
from tests.construction.crossing import HEIGHT, WIDTH, centre

from vera.construction.construct import build_samples
from vera.construction.decisions import held_decisions, read_decisions

pytestmark = pytest.mark.slow
SHOWN = """() => {
    const canvas = document.querySelector('.stage canvas');
    if (!canvas) return false;
    const pixels = canvas.getContext('2d').getImageData(canvas.width * 0.75, canvas.height / 2, 20, 20).data;
    return !pixels.every((value, index) => value === (index % 4 === 3 ? 255 : 0x22));
}"""


def test_from_click_to_sample(browser: Browser, tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1)
    desk = desk_of(out)
    with seated(browser, desk, "Annotate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.checked()
        seat.press("End", *["ArrowLeft"] * 8)
        x, y = centre(8)
        seat.press("b")
        box = seat.page.locator(".stage canvas").bounding_box()
        assert box is not None
        scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
        left = box["x"] + (box["width"] - WIDTH * scale) / 2
        top = box["y"] + (box["height"] - HEIGHT * scale) / 2
        seat.page.mouse.move(left + (x - 16) * scale, top + (y - 16) * scale)
        seat.page.mouse.down()
        seat.page.mouse.move(left + (x + 16) * scale, top + (y + 16) * scale, steps=4)
        seat.page.mouse.up()
        seat.press("n")
        seat.page.keyboard.type("ball")
        seat.press("Enter")
        seat.saved()
        seat.press("Space")
        expect(seat.page.locator(".strip .along")).to_have_count(17)
        seat.picture("annotate", tmp_path)
        seat.checked()
        seat.press("Enter")
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
        assert seat.problems == []
    assert len(read_decisions(held_decisions(out / "decisions"))) == 1
    assert build_samples(recipe, out).waiting == {"filter": 1}
    desk = desk_of(out)
    with seated(browser, desk, "Filter", "ben") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.slow(50)
        seat.page.reload()
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        for key in "12345":
            seat.press(key)
            seat.page.wait_for_function(SHOWN)  # nothing else is done: a picture that comes late is shown
        seat.press("6")
        seat.page.wait_for_timeout(300)
        seat.picture("sheet", tmp_path)
        seat.checked()
        seat.press("w", "End")
        seat.page.wait_for_timeout(300)
        seat.picture("filter", tmp_path)
        seat.press("r")
        seat.checked()
        seat.picture("reasons", tmp_path)
        seat.press("Escape", "a")
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
        assert seat.problems == []
    assert build_samples(recipe, out).samples == 1
