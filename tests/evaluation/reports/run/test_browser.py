"""The page in a browser: players that do not drift, keys, sorting, no request, and axe's rules of accessibility."""

import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from tests.browsers import LONG, drawn, violations

from vera.evaluation.reports.run.write import write_run_report
from vera.resumable import append_row
from vera.video import write_lossless

pytestmark = pytest.mark.slow
BITS = 11
SECONDS, RATE = 60, 25
# The number of the frame that each picture tile shows, read from the bars that are in the footage.
READ = f"""() => [...document.querySelectorAll('.strip')].map(strip => {{
  const canvas = strip.querySelector('canvas');
  const context = canvas.getContext('2d');
  return [...Array({BITS}).keys()].reduce((sum, bit) => {{
    const x = Math.floor((bit + 0.5) * canvas.width / {BITS});
    return sum + (context.getImageData(x, Math.floor(canvas.height * 0.93), 1, 1).data[0] > 127) * 2 ** bit;
  }}, 0);
}})"""


@pytest.fixture(scope="module")
def long_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a case of a minute with two methods, every frame of which has its number in black and white bars."""
    run = tmp_path_factory.mktemp("long")
    rows = []
    for number in range(SECONDS * RATE):
        lit = np.repeat([(number >> bit) % 2 for bit in range(BITS)], 8) * 255
        picture = np.full((48, 8 * BITS, 3), number % 200, np.uint8)
        picture[40:] = lit[None, :, None]
        rows.append(picture)
    clip = np.stack(rows)
    for name in ("source", "one", "two"):
        write_lossless(run / f"{name}.mkv", clip, Fraction(RATE))
    for method in ("one", "two"):
        row = {"case": "minute", "task": "obj_add", "method": method}
        append_row(run / "records.jsonl", row | {"measures": {"iou": 0.5}, "skipped": {}, "key": "k"})
        append_row(run / "edits.jsonl", row | {"instruction": "", "source": "source.mkv", "result": f"{method}.mkv"})
    write_run_report(run, run / "report")
    return run / "report"


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def closed_pages(browser: Browser) -> Iterator[None]:
    """Close a test's pages with it: a clip would play on."""
    yield
    for context in browser.contexts:
        context.close()


def open_page(browser: Browser, folder: Path, problems: list[str], width: int = 1440, **options: Any) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    page.set_default_timeout(LONG)

    def told(message: ConsoleMessage) -> None:
        # Chromium advises against reading canvases as often as these tests do; the page itself reads none.
        if "willReadFrequently" not in message.text:
            problems.append(message.text)

    page.on("console", told)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("data:", "blob:", "file:")) else problems.append(request.url),
    )
    page.goto((folder / "report.html").as_uri())
    return page


def test_players_stay_together_for_a_minute(browser: Browser, long_report: Path, problems: list[str]) -> None:
    page = open_page(browser, long_report, problems)
    page.locator("figure.clips").scroll_into_view_if_needed()
    page.get_by_role("button", name="Play").click()
    seen, until = [[0, 0, 0]], time.monotonic() + 10 * SECONDS
    while seen[-1][0] <= 0.8 * SECONDS * RATE and time.monotonic() < until:
        page.wait_for_timeout(500)
        seen.append(page.evaluate(READ))
    assert seen[-1][0] > 0.8 * SECONDS * RATE
    assert all(len(numbers) == 3 for numbers in seen)
    assert max(max(numbers) - min(numbers) for numbers in seen) <= 1
    assert len({numbers[0] for numbers in seen}) > 0.9 * len(seen)  # it played on from look to look
    assert not problems


def test_steps_are_of_one_frame(browser: Browser, long_report: Path, problems: list[str]) -> None:
    page = open_page(browser, long_report, problems)
    figure = page.locator("figure.clips")
    figure.scroll_into_view_if_needed()
    strips = page.get_by_role("group", name="Clips side by side")
    strips.focus()
    start = int(figure.get_attribute("data-still") or "")
    for step, key in enumerate(["ArrowRight"] * 3 + ["ArrowLeft"] * 2, 1):
        page.keyboard.press(key)
        wanted = start + (step if step <= 3 else 6 - step)
        page.locator(f"figure.clips[data-frame='{wanted}']").wait_for()
        assert set(page.evaluate(READ)) == {wanted}
    assert not problems


def test_keys_play_wipe_and_magnify(browser: Browser, reported: Path, problems: list[str]) -> None:
    page = open_page(browser, reported, problems)
    article = page.locator("article").first
    article.scroll_into_view_if_needed()
    strips = article.get_by_role("group", name="Clips side by side")
    canvases = "document.querySelectorAll('article:first-child canvas')"
    article.locator("figure[data-frame]").wait_for()  # it is drawn
    looks = f"[...{canvases}].map(canvas => canvas.toDataURL())"
    drawn(page)
    before = page.evaluate(looks)
    article.get_by_label("wipe to source").focus()
    page.keyboard.press("End")
    drawn(page)
    wiped = page.evaluate(looks)
    assert (
        wiped[:2] == before[:2] and wiped[2] != before[2]
    )  # source as it was, the first result's picture is the source's
    assert wiped[4] == before[4]  # its difference as it was
    article.get_by_label("magnify").focus()
    page.keyboard.press("End")
    drawn(page)
    assert page.evaluate(looks)[0] != before[0]
    strips.focus()
    page.keyboard.press("Space")
    article.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    article.get_by_role("button", name="Play").wait_for()
    assert not problems


def test_cases_are_sorted_by_what_is_chosen(browser: Browser, reported: Path, problems: list[str]) -> None:
    page = open_page(browser, reported, problems)
    values = json.loads((reported / "report.json").read_text("utf-8"))["tasks"]
    of_case = {case: found for task in values.values() for case, found in task["values"].items()}

    def shown(measure: str, method: str) -> list[float]:
        names = page.locator("article h3").all_inner_texts()
        return [of_case[name.split()[0]][method][measure] for name in names]

    page.get_by_label("Worst first by").select_option("psnr_preserved")
    page.get_by_label("of method").select_option("shifted")
    assert shown("psnr_preserved", "shifted") == sorted(shown("psnr_preserved", "shifted"))
    page.get_by_label("Worst first by").select_option("warp_excess")  # less is better
    assert shown("warp_excess", "shifted") == sorted(shown("warp_excess", "shifted"), reverse=True)
    page.get_by_label("best first").check()
    assert shown("warp_excess", "shifted") == sorted(shown("warp_excess", "shifted"))
    assert not problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious(
    browser: Browser, reported: Path, problems: list[str], width: int, scheme: Any
) -> None:
    page = open_page(browser, reported, problems, width, color_scheme=scheme)
    for article in page.locator("article").all():
        article.scroll_into_view_if_needed()
        article.locator("summary").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not problems


def test_without_a_script_and_on_paper(browser: Browser, reported: Path, problems: list[str]) -> None:
    page = open_page(browser, reported, problems, java_script_enabled=False)
    for name, count in (("img.still", 6), ("video", 6)):
        assert page.locator(name).count() == count
        assert all(one.is_visible() for one in page.locator(name).all())
    assert not page.locator("form.tools").is_visible()
    page = open_page(browser, reported, problems)
    page.emulate_media(media="print")
    assert all(one.is_visible() for one in page.locator("img.still").all())
    assert not any(one.is_visible() for one in page.locator(".controls, video, form.tools").all())
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert not problems
