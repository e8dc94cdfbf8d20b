"""From a file that is dropped to an export that is opened: with the model, as somebody does it, and looked at.

The pictures of docs/ are this test's, those that a page of docs/ shows:
`VERA_SCREENSHOTS=docs/images pytest -m slow tests/studio/page/test_whole_run.py`.
"""

import base64
import os
import re
import shutil
import zipfile
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.browsers import drawn
from tests.studio.page.conftest import DESKTOP, PHONE, Visit, entered, visited, wait_until
from tests.studio.serving import served

from vera.studio.clips import demo_clip
from vera.video import write_lossless

pytestmark = pytest.mark.slow
FRAMES, STEPS = 9, 4
MINUTES = 60_000  # milliseconds
DROP = """([bytes, name]) => {
  const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([raw], name, {type: 'video/x-matroska'}));
  document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def keep(page: Page, folder: Path, name: str) -> None:
    """Take a picture of the page, 8 bits a pixel: small, and its greys stay grey."""
    wait_until(page, "document.fonts.status === 'loaded' && [...document.images].every((one) => one.complete)")
    drawn(page)
    page.screenshot(path=folder / f"{name}.png")
    picture = Image.open(folder / f"{name}.png").convert("RGB")
    picture.save(folder / f"{name}.webp", quality=82, method=6)
    (folder / f"{name}.png").unlink()


def cut(folder: Path) -> Path:
    """The first frames of the demo's clip, or of one that is drawn where that is not installed."""
    demo = demo_clip()
    if demo is not None:
        with av.open(str(demo)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), 25)]
    else:
        y, x = np.mgrid[:272, :640]
        frames = [np.stack([(x + 3 * i) % 256, y % 256, np.full_like(x, 90)], -1).astype(np.uint8) for i in range(25)]
    write_lossless(folder / "bikes.mkv", np.stack(frames), Fraction(25))
    return folder / "bikes.mkv"


def test_from_a_dropped_file_to_an_opened_export(browser: Browser, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (tmp_path / "footage").mkdir()
    clip = cut(tmp_path / "footage")
    with served("--workspace", tmp_path / "studio", "--root", tmp_path / "footage", folder=tmp_path) as studio:
        context = entered(browser, studio, DESKTOP, accept_downloads=True)
        visit = visited(context, studio, "")
        page = visit.page
        page.goto(f"{studio.client.base_url}#/start")
        keep(page, pictures, "studio-start")
        page.evaluate(DROP, [base64.b64encode(clip.read_bytes()).decode(), clip.name])
        wait_until(page, "location.hash.startsWith('#/edit/')")
        visit.project = page.url.rsplit("/", 1)[1]
        page.locator(".cover").wait_for(state="detached")

        ask(page)
        page.locator(".card img").first.wait_for(timeout=10 * MINUTES)
        keep(page, pictures, "studio-steps")
        page.locator(".card", has_text="done").get_by_role("button", name="Lay over").click(timeout=10 * MINUTES)
        page.get_by_text("Exact frame").wait_for()
        keep(page, pictures, "studio-take")

        paint(visit)
        grade(visit)
        keep(page, pictures, "studio-editor")
        page.keyboard.press("w")
        expect(page.get_by_role("button", name="Wipe")).to_have_attribute("aria-pressed", "true")
        keep(page, pictures, "studio-wipe")
        page.keyboard.press("w")
        page.keyboard.press("3")
        expect(page.get_by_role("button", name="Alpha")).to_have_attribute("aria-pressed", "true")
        keep(page, pictures, "studio-alpha")
        page.keyboard.press("4")

        page.get_by_role("button", name="Verify").click()
        page.get_by_text("0 samples changed", exact=True).click(timeout=5 * MINUTES)
        keep(page, pictures, "studio-verified")
        page.keyboard.press("Escape")

        export(visit, tmp_path)
        keep(page, pictures, "studio-export")
        visit.go("queue")
        keep(page, pictures, "studio-queue")
        visit.go("edit")
        page.keyboard.press("?")
        keep(page, pictures, "studio-keys")
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        for name in ("edit", "export", "queue", "start"):
            visit.go(name)
            keep(page, pictures, f"studio-phone-{name}")
        context.close()
        assert visit.problems == []
    if shown := os.environ.get("VERA_SCREENSHOTS"):
        text = (Path(shown).parent / "studio.md").read_text("utf-8")
        for name in re.findall(r"images/(studio-[\w-]+\.webp)", text):
            shutil.copyfile(pictures / name, Path(shown) / name)


def ask(page: Page) -> None:
    page.get_by_label("Instruction").fill("Add a huge red balloon on the right")
    page.get_by_label("Range, last frame").fill(str(FRAMES - 1))
    page.get_by_role("spinbutton", name="Steps").fill(str(STEPS))
    page.get_by_role("button", name="Generate").click()


def paint(visit: Visit) -> None:
    """Erase a corner of the matte."""
    page = visit.page
    page.get_by_role("button", name="Brush", exact=True).click()
    page.get_by_role("button", name="Erase", exact=True).click()
    box = page.locator(".host").bounding_box()
    assert box is not None
    x, y = box["x"] + 0.75 * box["width"], box["y"] + 0.72 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y + 10, steps=10)
    page.mouse.up()
    page.get_by_role("button", name="Brush", exact=True).click()
    assert visit.layers()[0]["paint"][0]["mode"] == "subtract"


def grade(visit: Visit) -> None:
    page = visit.page
    for name, value in (("Opacity", "0.95"), ("Gain R", "0.8"), ("Feather", "1.5")):
        page.get_by_label(f"{name}, number").fill(value)
        page.get_by_label(f"{name}, number").press("Enter")
    page.keyboard.press("Escape")  # leaves the field: keys are the viewer's again
    layer = visit.layers()[0]
    assert (layer["opacity"], layer["gain"][0], layer["feather"]) == (0.95, 0.8, 1.5)
    page.get_by_text("Exact frame").wait_for()


def export(visit: Visit, folder: Path) -> None:
    """Render the exact master and the layers for another program, download both and open them."""
    page = visit.page
    page.get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Render the master").click()
    page.get_by_role("button", name="Export FFV1").click()
    files = page.get_by_role("region", name="Files")
    expect(files.get_by_role("link")).to_have_count(3, timeout=5 * MINUTES)  # verifying has written a master too
    saved = []
    for link in files.get_by_role("link").all():
        with page.expect_download() as download:
            link.click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        saved.append(path)
    archive = next(path for path in saved if path.suffix == ".zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder / "export")
    movie = next(path for path in (folder / "export").rglob("*.mkv") if "matte" not in path.name)
    with av.open(str(movie)) as container:
        shown = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
    assert len(shown) == FRAMES and 0 == shown[0][..., 3].min() < 200 < shown[0][..., 3].max()
    master = next(path for path in saved if path.suffix != ".zip")
    with av.open(str(master)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25
