"""axe's rules on every page and state, at a desktop's and a phone's size; nothing wider than the window."""

import pytest
from playwright.sync_api import Browser, Page
from tests.browsers import violations
from tests.studio.page.conftest import DESKTOP, PHONE, Visit, entered, visited
from tests.studio.serving import Served

pytestmark = pytest.mark.slow


def check(visit: Visit, state: str, size: tuple[int, int]) -> None:
    assert violations(visit.page) == [], state
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0], state


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_nothing_serious_anywhere(browser: Browser, studio: Served, size: tuple[int, int]) -> None:
    project = studio.ask("GET", "/about")["open"]["project"]
    studio.ask("PATCH", "/queue", {"paused": True})
    ask = {"instruction": "Add a hat", "seeds": [0, 1], "frames": 5}
    first, _ = studio.ask("POST", f"/projects/{project}/takes", ask)
    studio.ask("PATCH", f"/jobs/{first['job']}", {"cancel": True})
    context = entered(browser, studio, size)
    visit = visited(context, studio, project)
    for name in ("start", "edit", "export", "queue"):
        visit.go(name)
        check(visit, name, size)
    visit.page.get_by_role("button", name="Edit").click()
    check(visit, "a job that is edited", size)
    visit.go("edit")
    visit.page.get_by_role("button", name="Set by numbers").click()
    visit.page.get_by_role("button", name="Wipe").click()
    visit.page.get_by_label("Instruction").fill("")
    visit.page.get_by_role("button", name="Generate").click()
    visit.page.get_by_text("Write what to change").wait_for()
    check(visit, "tools, a wipe and an error", size)
    visit.page.get_by_label("Shown by").select_option("ocio")
    visit.page.get_by_role("button", name="Bring in layers").click()
    visit.page.get_by_role("dialog").locator("summary").first.click()
    visit.page.get_by_role("dialog").get_by_role("button", name="disc").wait_for()
    check(visit, "layers to bring in", size)
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="Keys").click()
    check(visit, "the sheet of keys", size)
    visit.page.keyboard.press("Escape")
    if size == DESKTOP:
        visit.page.get_by_role("button", name="Brush", exact=True).click()
        check(visit, "the brush", size)
    else:
        assert not visit.page.get_by_role("button", name="Brush", exact=True).is_visible()
    context.close()
    assert visit.problems == []


def test_keys_alone_edit(visit: Visit) -> None:
    """From the first page to an adjusted layer without a pointer."""
    page = visit.page
    visit.go("start")
    tab_to(page, "disc")
    page.keyboard.press("Enter")
    page.locator(".host canvas").wait_for()
    tab_to(page, "Instruction")
    page.keyboard.type("Add a huge red balloon")
    tab_to(page, "Range, last frame")
    page.keyboard.type("4")
    tab_to(page, "Steps")
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    tab_to(page, "Generate")
    page.keyboard.press("Enter")
    page.locator(".card", has_text="done").nth(1).wait_for(timeout=300_000)
    tab_to(page, "Lay over")
    page.keyboard.press("Enter")
    tab_to(page, "Opacity")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    layers = visit.layers()
    assert [layer["opacity"] for layer in layers] == [1, 0.95]
    page.keyboard.press("Control+z")
    assert visit.layers()[1]["opacity"] == 1
    page.keyboard.press("2")  # keys of the viewer work from wherever they are free
    assert page.get_by_role("button", name="Edit", exact=True).get_attribute("aria-pressed") == "true"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is so named, as who cannot use a pointer does."""
    look = """() => { const one = document.activeElement; const label = one.labels?.[0]?.querySelector('span');
      return one.getAttribute('aria-label') ?? label?.textContent ?? one.textContent; }"""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate(look).strip().startswith(name):
            return
    raise AssertionError(f"Tab never came to {name}")
