"""Browsers that lack something: no WebCodecs, no WebGL; a policy that forbids what is inline."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.studio.page.conftest import DESKTOP, entered, visited, wait_until
from tests.studio.serving import Served

from vera.studio import app

pytestmark = pytest.mark.slow
WITHOUT = """
  delete window.VideoDecoder;
  const all = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith('webgl') ? null : all.call(this, kind, ...rest);
  };
"""
RED = """() => { const from = document.querySelector('.host canvas');
  const copy = new OffscreenCanvas(from.width, from.height); const context = copy.getContext('2d');
  context.drawImage(from, 0, 0);
  const {data} = context.getImageData(0, 0, from.width, from.height);
  let red = 0;
  for (let i = 0; i < data.length; i += 4) red += data[i] > 180 && data[i + 1] < 90 && data[i + 2] < 90;
  return red / (data.length / 4); }"""


def test_stills_are_exact_and_a_line_says_so(browser: Browser, studio: Served) -> None:
    project = studio.ask("GET", "/about")["open"]["project"]
    context = entered(browser, studio, DESKTOP)
    context.add_init_script(WITHOUT)
    visit = visited(context, studio, project)
    visit.go("edit")
    visit.page.get_by_text("exact", exact=False).first.wait_for()
    wait_until(visit.page, f"({RED})() > 0.02")  # the disc is in the picture
    visit.page.keyboard.press("1")
    wait_until(visit.page, f"({RED})() < 0.001")  # and not in the source's
    context.close()
    assert visit.problems == []


def test_nothing_is_inline() -> None:
    text = (app.STATIC / "index.html").read_text("utf-8")
    assert "style=" not in text and "<style" not in text and "data:" not in text
    assert text.count("<script") == text.count('src="./') == 1


def test_the_page_is_small() -> None:
    import gzip

    packed = sum(len(gzip.compress(path.read_bytes())) for path in Path(app.STATIC).iterdir())
    assert packed < 250_000
