"""What is asked of the server: a region and a mask that are drawn, the next seed, layers from a file, uploads."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect
from tests.studio.page.conftest import DESKTOP, FRAMES, SIZE, Visit, entered, visited, wait_until
from tests.studio.serving import served, wait_for
from tests.video.test_sequence import pngs

from vera.video import open_clip, write_lossless

pytestmark = pytest.mark.slow


def test_a_drawn_region_and_mask_and_the_next_seed(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.studio.ask("PATCH", "/queue", {"paused": True})
    page.get_by_label("Instruction").fill("Add a hat")
    page.get_by_label("Seeds").fill("4")
    page.get_by_label("Range, first frame").fill("2")
    page.get_by_label("Range, last frame").fill("6")
    box = page.locator(".host").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    page.locator(".ask fieldset", has_text="Region").get_by_role("button", name="Draw on frame").click()
    drag(visit, middle, (middle[0] + 120, middle[1] + 80))
    page.get_by_label("Region W").wait_for()
    page.locator(".ask fieldset", has_text="Mask").get_by_role("button", name="Draw on frame").click()
    drag(visit, middle, (middle[0] + 120, middle[1]))
    page.get_by_text("Drawn, 1 strokes").wait_for()
    page.get_by_label("Instruction").press("Control+Enter")
    page.locator(".card", has_text="seed 4").wait_for()
    page.locator("body").press("Escape")
    page.locator(".card", has_text="seed 4").get_by_role("button", name="Next seed").click()
    page.locator(".card", has_text="seed 5").wait_for()

    takes = {take["seed"]: take for take in visit.studio.ask("GET", f"/projects/{visit.project}/takes")}
    assert takes[4]["state"] == "cancelled" and takes[5]["state"] == "queued"
    asked = takes[5]["settings"]
    assert asked == takes[4]["settings"] and (asked["start"], asked["frames"]) == (2, 5)
    scale = SIZE[0] / box["width"]
    assert asked["region"][2:] == pytest.approx([120 * scale, 80 * scale], abs=2)
    (mask,) = (tmp_path / "studio" / "projects" / visit.project).rglob(f"{asked['mask']}/mask.png")
    picture = np.asarray(Image.open(mask).convert("L"))
    assert picture.shape == SIZE[::-1] and set(np.unique(picture)) >= {0, 255}
    assert picture[SIZE[1] // 2, SIZE[0] // 2 + 10] == 255 and picture[5, 5] == 0


def drag(visit: Visit, start: tuple[float, float], end: tuple[float, float]) -> None:
    visit.page.mouse.move(*start)
    visit.page.mouse.down()
    visit.page.mouse.move(*end, steps=6)
    visit.page.mouse.up()


def test_a_finished_edit_becomes_layers_over_a_connection_that_breaks(
    visit: Visit, footage: Path, tmp_path: Path
) -> None:
    page = visit.page
    broken: list[str] = []

    def break_once(route: Route) -> None:
        if route.request.method == "PATCH" and not broken:
            broken.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/uploads/**", break_once)
    with open_clip(footage / "source.mkv").frames() as reader:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in reader])
    frames[:, 60:110, 100:180] = (20, 200, 60)
    write_lossless(tmp_path / "edited.mkv", frames, Fraction(25))
    page.get_by_label("A finished edit of this clip").set_input_files(tmp_path / "edited.mkv")
    page.locator(".card", has_text="layerized").wait_for()
    card = page.locator(".card", has_text="Layerized clip")
    card.get_by_role("button", name="Lay over").click(timeout=300_000)
    assert broken and len(visit.layers()) == 2
    take = wait_for(lambda: visit.studio.ask("GET", f"/projects/{visit.project}/takes")[0])
    assert take["kind"] == "layerize" and take["count"] == FRAMES
    visit.problems[:] = [one for one in visit.problems if "ERR_FAILED" not in one]


def test_what_cannot_be_opened_is_one_line(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.go("start")
    (tmp_path / "words.mp4").write_text("no video", "utf-8")
    page.get_by_label("A video to edit").set_input_files(tmp_path / "words.mp4")
    line = page.locator(".notice.error p")
    expect(line).to_contain_text("words.mp4")
    assert "\n" not in line.inner_text()
    wait_until(page, "location.hash.startsWith('#/start')")
    visit.problems[:] = [one for one in visit.problems if not one.startswith("422 POST")]


def test_a_lora_and_the_rate_of_a_sequence_are_asked_for(browser: Browser, tmp_path: Path) -> None:
    pngs(tmp_path / "shots", range(4))
    with served("--lora", "nano-8-steps", "--no-worker", folder=tmp_path) as studio:
        context = entered(browser, studio, DESKTOP)
        visit = visited(context, studio, "")
        visit.go("start")
        page = visit.page
        page.get_by_role("region", name="Folders").locator("summary").first.click()
        rate = page.get_by_label("Pictures a second of shots")
        rate.fill("a lot")
        rate.press("Enter")
        page.get_by_role("button", name="shots", exact=True).click()
        page.get_by_text("a rate is in pictures a second").wait_for()
        rate.fill("12.5")
        rate.press("Enter")
        page.get_by_role("button", name="shots", exact=True).click()
        page.get_by_label("nano-8-steps", exact=True).check()
        page.get_by_label("Scale of nano-8-steps").fill("0.5")
        page.get_by_label("Scale of nano-8-steps").press("Enter")
        page.get_by_label("Instruction").fill("Add a hat")
        page.get_by_role("button", name="Generate").click()
        page.locator(".card", has_text="Add a hat").wait_for()
        (clip,) = studio.ask("GET", "/clips")
        (project,) = studio.ask("GET", "/projects")
        (take,) = studio.ask("GET", f"/projects/{project['id']}/takes")
        assert clip["rate"] == 12.5 and take["settings"]["lora"] == [{"name": "nano-8-steps", "scale": 0.5}]
        context.close()
        assert [one for one in visit.problems if "422 POST" not in one] == []
