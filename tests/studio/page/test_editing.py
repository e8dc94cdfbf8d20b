"""What is done with takes that are there: adjusting, painting, undoing, two windows, a connection that breaks."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.studio.page.conftest import DESKTOP, Visit, entered, visited
from tests.studio.serving import Served

pytestmark = pytest.mark.slow


def test_fields_are_saved_undone_and_done_again(visit: Visit) -> None:
    page = visit.page
    opacity = page.get_by_label("Opacity", exact=True)
    for _ in range(10):
        opacity.press("ArrowLeft")
    assert visit.layers()[0]["opacity"] == pytest.approx(0.9)
    page.get_by_label("Offset X, number").fill("12")
    page.get_by_label("Offset X, number").press("Enter")
    page.get_by_label("Blend").select_option("multiply")
    assert visit.layers()[0]["offset"] == [12, 0] and visit.layers()[0]["blend"] == "multiply"
    page.locator("body").press("Control+z")
    page.locator("body").press("Control+z")
    assert visit.layers()[0]["offset"] == [0, 0] and visit.layers()[0]["blend"] == "normal"
    page.locator("body").press("Control+Shift+z")
    assert visit.layers()[0]["offset"] == [12, 0]
    page.locator(".field", has_text="Opacity").locator(".name").dblclick()
    assert visit.layers()[0]["opacity"] == 1


def test_numbers_are_typed_with_a_comma_and_chosen_by_a_double_click(visit: Visit) -> None:
    """Browsers leave a comma out of a number, so that 0,5 would be 5; and a double click beside it resets it."""
    field = visit.page.get_by_label("Opacity, number")
    field.press("Control+a")
    field.press_sequentially("0,5")
    field.press("Enter")
    assert visit.layers()[0]["opacity"] == 0.5
    field.dblclick()
    expect(field).to_have_value("0.5")
    assert visit.layers()[0]["opacity"] == 0.5


def test_what_is_typed_is_not_lost_when_the_page_is_drawn_anew(visit: Visit) -> None:
    """A job that reports progress draws the page while somebody types."""
    field = visit.page.get_by_label("Range, last frame")
    field.focus()
    field.press_sequentially("1")
    visit.page.evaluate("document.querySelector('.viewbar button').click()")  # the view changes, the form is drawn
    field.press_sequentially("0")
    field.press("Enter")
    expect(field).to_have_value("10")
    assert visit.studio.ask("GET", f"/projects/{visit.project}/takes")[1:] == []  # Enter asked for nothing


def test_strokes_are_painted_and_taken_back_one_by_one(visit: Visit) -> None:
    page = visit.page
    page.locator("body").press("b")
    box = page.locator(".host").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for row, key in enumerate(("e", "]")):  # erase, then larger
        page.mouse.move(x, y + 20 * row)
        page.mouse.down()
        page.mouse.move(x + 60, y + 20 * row, steps=8)
        page.mouse.up()
        page.locator("body").press(key)
    first, second = visit.layers()[0]["paint"]
    assert (first["mode"], second["mode"]) == ("add", "subtract") and len(first["points"]) > 2
    scale = box["width"] / 320  # the picture fills the host's width
    assert second["points"][-1][0] - second["points"][0][0] == pytest.approx(60 / scale, abs=5)
    page.locator("body").press("Control+z")
    assert len(visit.layers()[0]["paint"]) == 1
    page.get_by_role("button", name="Clear", exact=True).click()
    assert visit.layers()[0]["paint"] == []


def test_a_layer_is_moved_on_the_frame(visit: Visit) -> None:
    page = visit.page
    page.locator("body").press("v")
    page.mouse.move(600, 250)
    page.mouse.down()
    page.mouse.move(700, 300, steps=5)
    page.mouse.up()
    right, down = visit.layers()[0]["offset"]
    assert (right, down) != (0, 0) and right == int(right)
    page.locator("body").press("Control+z")
    assert visit.layers()[0]["offset"] == [0, 0]


def test_layers_are_reordered_hidden_and_removed_by_keys(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Lay again").click()
    page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    assert [layer["opacity"] for layer in visit.layers()] == [1, 0.99]
    row = page.locator(".stack .selected .name")
    row.press("Alt+ArrowDown")
    assert [layer["opacity"] for layer in visit.layers()] == [0.99, 1]
    page.get_by_label("Show Add a red disc").first.press("Space")
    assert [layer["on"] for layer in visit.layers()] == [True, False]
    page.locator(".stack .selected .name").press("Delete")
    assert [layer["opacity"] for layer in visit.layers()] == [1]


def test_the_second_window_is_told_and_chooses(browser: Browser, studio: Served, visit: Visit) -> None:
    context = entered(browser, studio, DESKTOP)
    other = visited(context, studio, visit.project)
    other.go("edit")
    visit.page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    assert visit.layers()[0]["opacity"] == 0.99
    other.page.get_by_label("Feather, number").fill("4")
    other.page.get_by_label("Feather, number").press("Enter")
    other.page.get_by_text("changed in another window").wait_for()
    assert visit.layers()[0]["feather"] == 0
    other.page.get_by_role("button", name="Load theirs").click()
    expect(other.page.get_by_label("Opacity, number")).to_have_value("0.99")
    expect(other.page.get_by_label("Feather, number")).to_have_value("0")
    other.page.get_by_label("Feather, number").fill("4")
    other.page.get_by_label("Feather, number").press("Enter")
    assert other.layers()[0]["feather"] == 4
    context.close()
    assert [one for one in other.problems if not one.startswith("412 PATCH")] == []


def test_a_broken_connection_loses_nothing(visit: Visit) -> None:
    page = visit.page
    page.context.set_offline(True)
    page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    page.get_by_text("Not saved", exact=True).wait_for()
    page.get_by_text("The server does not answer").wait_for()
    page.context.set_offline(False)
    page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    assert visit.layers()[0]["opacity"] == pytest.approx(0.98)
    visit.problems[:] = [one for one in visit.problems if "ERR_" not in one and "Failed to fetch" not in one]


def test_a_save_whose_answer_is_lost_is_nobody_elses(visit: Visit) -> None:
    page, lost = visit.page, list[str]()

    def lose_once(route: Route) -> None:
        if route.request.method == "PATCH" and not lost:
            lost.append(route.request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(f"**/api/v1/projects/{visit.project}", lose_once)
    page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    page.get_by_text("Not saved", exact=True).wait_for()
    assert lost and visit.studio.ask("GET", f"/projects/{visit.project}")["layers"][0]["opacity"] == 0.99
    page.get_by_label("Opacity", exact=True).press("ArrowLeft")
    assert visit.layers()[0]["opacity"] == pytest.approx(0.98)
    expect(page.get_by_text("changed in another window")).to_have_count(0)
    visit.problems[:] = [one for one in visit.problems if "ERR_" not in one and not one.startswith("412 PATCH")]


def test_a_take_goes_to_the_bin_and_comes_back(visit: Visit) -> None:
    page = visit.page
    page.locator(".stack .selected .name").press("Delete")
    visit.layers()
    page.get_by_role("button", name="Delete take").click()
    expect(page.get_by_role("button", name="Bin (1)")).to_be_visible()
    page.locator("body").press("Control+z")
    expect(page.get_by_role("button", name="Bin (0)")).to_be_visible()


def test_a_dropped_manifest_fills_the_form(visit: Visit, footage: Path) -> None:
    text = (footage / "disc" / "manifest.json").read_text("utf-8")
    drop(visit, "manifest.json", text, "application/json")
    expect(visit.page.get_by_label("Instruction")).to_have_value("Add a red disc")
    expect(visit.page.get_by_label("Seeds")).to_have_value("3")
    expect(visit.page.get_by_role("spinbutton", name="Steps")).to_have_value("8")
    drop(visit, "other.json", "{}", "application/json")
    visit.page.get_by_text("other.json: is not the manifest of a layer folder").wait_for()


def drop(visit: Visit, name: str, text: str, kind: str) -> None:
    data = visit.page.evaluate_handle(
        """([name, text, kind]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name, {type: kind}));
          return data;
        }""",
        [name, text, kind],
    )
    visit.page.dispatch_event("body", "drop", {"dataTransfer": data})


def test_the_queue_is_paused_reordered_edited_and_goes_on(visit: Visit) -> None:
    page = visit.page
    visit.go("queue")
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused: what runs").wait_for()
    ask = {"instruction": "Add a hat", "seeds": [0, 1], "steps": 1, "frames": 5}
    visit.studio.ask("POST", f"/projects/{visit.project}/takes", ask)
    second = page.locator(".jobs li", has_text="seed 1")
    second.focus()
    second.press("Alt+ArrowUp")
    expect(page.locator(".jobs li").first).to_contain_text("seed 1")
    second.get_by_role("button", name="Edit").click()
    page.locator(".rewrite").get_by_label("Seed").fill("9")
    page.locator(".rewrite").get_by_label("Seed").press("Tab")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".jobs li").first).to_contain_text("seed 9")
    page.locator(".jobs li", has_text="seed 0").get_by_role("button", name="Cancel").click()
    page.locator(".jobs li", has_text="seed 0").get_by_role("button", name="Retry").click()
    expect(page.locator(".jobs li", has_text="seed 0")).to_contain_text("queued")
    for row in ("seed 9", "seed 0"):
        page.locator(".jobs li", has_text=row).get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("connected.").wait_for()
