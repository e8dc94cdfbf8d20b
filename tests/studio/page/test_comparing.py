"""Takes beside each other, colours of log footage, layers that are brought in, and a result that was tampered with."""

import base64
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.color.test_transform import write_cube
from tests.studio.page.conftest import DESKTOP, FRAMES, PHONE, SIZE, Visit, wait_until
from tests.studio.serving import wait_for

from vera.layers import Adjustment, LayeredEdit, load_layers, save_layers
from vera.layers.stack import ProjectLayer, write_project
from vera.video import FrameWriter, copy_frame, open_clip, planes

pytestmark = pytest.mark.slow
GREEN = (30, 200, 60)
FILES = ("manifest.json", "edit.mkv", "alpha.mkv")


@pytest.fixture
def green(footage: Path, tmp_path: Path) -> Path:
    """Layers of the same clip with another colour, `green`."""
    edit = load_layers(footage / "disc")
    colors = np.broadcast_to(np.array(GREEN, np.uint8), (FRAMES, SIZE[1], SIZE[0], 3)).copy()
    metadata = {**edit.metadata, "instruction": "Add a green disc", "seed": 4}
    save_layers(LayeredEdit(colors, np.stack(list(edit.alpha)), edit.pts, edit.time_base, metadata), tmp_path / "green")
    return tmp_path / "green"


def drop_folder(page: Page, name: str, files: dict[str, bytes]) -> None:
    """Drop a folder as a browser gives it: entries that are read through its own file system."""
    packed = {path: base64.b64encode(data).decode() for path, data in files.items()}
    page.evaluate(
        """([name, packed]) => {
          const bytes = (path) => Uint8Array.from(atob(packed[path]), (letter) => letter.charCodeAt(0));
          const file = (path) => new File([bytes(path)], path.split('/').at(-1));
          const entry = (path) => ({ isFile: true, isDirectory: false, name: path.split('/').at(-1),
            fullPath: `/${path}`, file: (resolve) => resolve(file(path)) });
          const folder = (path) => { let read = false; return { isFile: false, isDirectory: true,
            name: path.split('/').at(-1), fullPath: `/${path}`,
            createReader: () => ({ readEntries: (resolve) => {
              resolve(read ? [] : children(path));
              read = true;
            } }) }; };
          const children = (home) => {
            const rest = Object.keys(packed).filter((path) => path.startsWith(`${home}/`));
            const names = new Set(rest.map((path) => path.slice(home.length + 1).split('/')[0]));
            return [...names].map((one) => `${home}/${one}`).map((one) => (packed[one] ? entry(one) : folder(one)));
          };
          const event = new DragEvent('drop', { bubbles: true, cancelable: true });
          Object.defineProperty(event, 'dataTransfer', { value: { files: [new File([], name)], types: ['Files'],
            items: [{ webkitGetAsEntry: () => folder(name) }] } });
          document.body.dispatchEvent(event);
        }""",
        [name, packed],
    )


def files_of(folder: Path, home: str) -> dict[str, bytes]:
    return {f"{home}/{name}": (folder / name).read_bytes() for name in FILES}


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page where `VERA_SCREENSHOTS` names a folder for them."""
    if folder := os.environ.get("VERA_SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"))
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        page.screenshot(path=Path(folder, f"{name}-phone.png"))
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})


def bring(visit: Visit, green: Path) -> None:
    drop_folder(visit.page, "green", files_of(green, "green"))
    visit.page.locator(".card", has_text="Add a green disc").get_by_role("button", name="Lay over").wait_for()


def test_a_layer_folder_that_is_dropped_becomes_a_take(visit: Visit, green: Path) -> None:
    bring(visit, green)
    visit.page.get_by_role("button", name="Use its settings").click()
    expect(visit.page.get_by_label("Instruction")).to_have_value("Add a green disc")
    drop_folder(visit.page, "junk", {"junk/notes.txt": b"nothing"})
    visit.page.get_by_text("junk: has no manifest.json, so it is not a layer folder").wait_for()


def test_a_project_that_is_dropped_lays_its_layers(visit: Visit, green: Path) -> None:
    write_project(green.parent / "project.json", [ProjectLayer(green, Adjustment(opacity=0.25), on=False)])
    files = files_of(green, "shot/green") | {"shot/project.json": (green.parent / "project.json").read_bytes()}
    drop_folder(visit.page, "shot", files)
    expect(visit.page.locator(".stack li")).to_have_count(2)
    added = visit.layers()[1]
    assert (added["opacity"], added["on"]) == (0.25, False)
    visit.page.locator("body").press("Control+z")
    assert len(visit.layers()) == 1


def test_layers_on_this_machine_are_brought_in_and_opened(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Bring in layers").click()
    page.get_by_role("dialog").locator("summary").first.click()
    page.get_by_role("dialog").get_by_role("button", name="disc").wait_for()
    keep(page, "bring")
    page.get_by_role("dialog").get_by_role("button", name="disc").click()
    expect(page.locator(".card")).to_have_count(2)
    visit.go("start")
    page.get_by_role("region", name="Folders").locator("summary").first.click()
    page.get_by_role("region", name="Folders").get_by_role("button", name="disc").wait_for()
    keep(page, "start")
    page.get_by_role("region", name="Folders").get_by_role("button", name="disc").click()
    page.locator(".host canvas").wait_for()
    assert page.url.rsplit("/", 1)[-1] != visit.project


def test_two_takes_are_wiped_by_keys_and_exactly(visit: Visit, green: Path) -> None:
    """The red disc left of the line, the green one right of it, as previews and as the server's frames."""
    page = visit.page
    bring(visit, green)
    page.locator("body").press(",")
    for _ in range(2):
        page.locator("body").press(".")
    left, right = (page.get_by_label(f"Wipe, {side} side") for side in ("left", "right"))
    names = [one.evaluate("(box) => box.selectedOptions[0].textContent") for one in (left, right)]
    assert names == ["Seed 3, Add a red disc", "Seed 4, Add a green disc"]
    handle = page.get_by_role("slider", name="Wipe")
    handle.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(7):
        page.keyboard.press("ArrowRight")  # 37 %: the middle of the disc
    assert handle.get_attribute("aria-valuetext") == f"{names[0]} to 37 %, {names[1]} beyond"
    page.get_by_text("Exact frame").wait_for()
    (red, _, _), (green_red, green_green, _) = colors_beside(page)
    keep(page, "wipe")
    assert red > 180 and green_red < 60 and green_green > 180
    page.locator("body").press("x")
    page.get_by_text("Exact frame").wait_for()
    wait_until(page, f"({BESIDE})()[0][1] > 180 && ({BESIDE})()[1][0] > 180")
    page.get_by_role("button", name="Overlay").click()  # what only the page draws: the previews
    page.get_by_role("button", name="Overlay").click()
    page.locator("body").press("ArrowRight")
    page.locator("body").press("w")
    expect(left).to_have_count(0)


# R'G'B' of the disc left and right of its middle, in the canvas.
BESIDE = """() => { const canvas = document.querySelector('.host canvas');
  const context = canvas.getContext('2d');
  const scale = Math.min(canvas.width / 320, canvas.height / 180);
  const [left, top] = [(canvas.width - 320 * scale) / 2, (canvas.height - 180 * scale) / 2];
  const at = (x, y) => context.getImageData(Math.round(left + x * scale), Math.round(top + y * scale), 1, 1).data;
  return [108, 132].map((x) => [...at(x, 80)]);
}"""


def colors_beside(page: Page) -> Any:
    first, second = page.evaluate(BESIDE)
    return first[:3], second[:3]


def test_a_lut_shows_the_clip(visit: Visit, tmp_path: Path) -> None:
    """At once by the viewer's table, then exactly: the two differ by little."""
    page = visit.page
    page.locator("body").press("1")
    page.get_by_text("Exact frame").wait_for()
    before = page.evaluate(BESIDE)
    write_cube(tmp_path / "log.cube", 33, look=np.sqrt)
    page.get_by_label("Shown by").select_option("lut")
    page.locator("input[accept='.cube']").set_input_files(tmp_path / "log.cube")
    expect(page.get_by_label("LUT", exact=True)).to_be_visible()
    wait_until(page, f"JSON.stringify(({BESIDE})()) !== '{before}'.replaceAll(' ', '')")
    page.get_by_text("Exact frame").wait_for()
    exact = np.array(page.evaluate(BESIDE))
    page.get_by_role("button", name="Checkerboard").click()  # not exact then: the viewer's own
    page.get_by_text("Exact preview of the proxy").wait_for()
    assert np.abs(np.array(page.evaluate(BESIDE)) - exact).max() <= 12  # of a proxy that is compressed
    assert np.abs(exact - np.array(before)).max() > 30
    keep(page, "lut")
    page.get_by_label("Shown by").select_option("ocio")
    page.get_by_label("Colour space").fill("No Such Log")
    page.get_by_label("Colour space").press("Enter")
    page.get_by_text("OpenColorIO cannot show 'No Such Log'").wait_for()
    page.get_by_label("Colour space").fill("ARRI LogC4")
    page.get_by_label("Colour space").press("Enter")
    said = wait_for(lambda: visit.studio.ask("GET", f"/projects/{visit.project}")["display"]["ocio"])
    assert said == "ARRI LogC4"
    visit.problems[:] = [one for one in visit.problems if "display.png" not in one]


def test_the_bin_is_emptied_once_it_is_confirmed(visit: Visit) -> None:
    page = visit.page
    page.locator(".stack .selected .name").press("Delete")
    visit.layers()
    page.get_by_role("button", name="Delete take").click()
    page.get_by_role("button", name="Bin (1)").click()
    page.get_by_role("button", name="Empty the bin").click()
    keep(page, "bin")
    page.get_by_role("button", name="Keep them").click()
    assert len(visit.studio.ask("GET", f"/projects/{visit.project}/takes")) == 1
    page.get_by_role("button", name="Empty the bin").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("1 take is deleted").wait_for()
    assert visit.studio.ask("GET", f"/projects/{visit.project}/takes") == []
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()


def test_a_project_is_deleted_comes_back_and_is_deleted_for_good(visit: Visit) -> None:
    page = visit.page
    visit.go("start")
    projects = page.get_by_role("region", name="Projects")
    projects.get_by_role("button", name="Delete disc").click()
    projects.get_by_text("Deleted (1)").click()
    assert visit.studio.ask("GET", "/projects") == []
    keep(page, "deleted")
    projects.get_by_role("button", name="Restore disc").click()
    projects.get_by_role("link", name="disc").wait_for()
    expect(projects.locator("details")).to_have_count(0)
    assert [one["id"] for one in visit.studio.ask("GET", "/projects")] == [visit.project]
    projects.get_by_role("button", name="Delete disc").click()
    projects.get_by_text("Deleted (1)").click()
    projects.get_by_role("button", name="Delete them for good").click()
    page.get_by_role("button", name="Delete for good", exact=True).click()
    page.get_by_text("1 project is deleted").wait_for()
    expect(projects.get_by_text("None yet.")).to_be_visible()
    assert visit.studio.ask("GET", "/deleted") == []


def test_a_result_that_was_tampered_with_is_shown_where(visit: Visit, tmp_path: Path) -> None:
    """A block far from the disc is changed in one frame of the master, before the count begins."""
    page = visit.page

    def jobs() -> dict[str, Any]:
        return {job["kind"]: job for job in visit.studio.ask("GET", "/jobs")["jobs"]}

    page.get_by_role("button", name="Verify").click()
    visit.studio.ask("PATCH", "/queue", {"paused": True})
    wait_for(lambda: "composite" in jobs())
    if jobs()["composite"]["state"] == "queued":  # the pause was quicker
        visit.studio.ask("PATCH", "/queue", {"paused": False})
        wait_for(lambda: jobs()["composite"]["state"] != "queued")
        visit.studio.ask("PATCH", "/queue", {"paused": True})
    wait_for(lambda: "verify" in jobs())
    assert jobs()["verify"]["state"] == "queued"
    (master,) = (tmp_path / "studio" / "projects" / visit.project / "exports").glob("*/*.mkv")
    tamper(master, frame=2)
    visit.studio.ask("PATCH", "/queue", {"paused": False})
    badge = page.locator(".badge")
    expect(badge).to_contain_text("samples changed")
    expect(badge).to_have_class("badge bad")
    badge.click()
    heat = page.get_by_alt_text("Map of the samples that changed")
    heat.wait_for()
    wait_until(page, "document.querySelector('dialog img').naturalWidth === 320")
    keep(page, "heat")
    shown = page.evaluate(
        """() => { const picture = document.querySelector('dialog img');
          const context = new OffscreenCanvas(320, 180).getContext('2d'); context.drawImage(picture, 0, 0);
          const {data} = context.getImageData(0, 0, 320, 180);
          return [[250, 150], [242, 142], [60, 60], [120, 80]].map(([x, y]) => data[4 * (320 * y + x)]); }"""
    )
    assert shown[0] == shown[1] == 255 and shown[2:] == [0, 0]
    told = jobs()["verify"]["result"]
    assert told["by_frame"] == [0, 0, told["changed"], *[0] * 9] and told["changed"] == 3 * 20 * 20


def tamper(path: Path, frame: int) -> None:
    """Invert a block of 20x20 pixels in one frame of a master, which stays lossless otherwise."""
    clip, changed = open_clip(path), path.with_name("changed.mkv")
    with clip.frames() as frames, FrameWriter(changed, clip) as writer:
        for number, picture in enumerate(frames):
            made = copy_frame(picture)
            if number == frame:
                for plane in planes(made):
                    plane[140:160, 240:260] = 255 - plane[140:160, 240:260]
            writer.write(made)
    changed.replace(path)
