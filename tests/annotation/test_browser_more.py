"""Pages by keyboard alone, on a phone, with a wrong clock, through a killed server; where two disagree; all gates."""

import secrets
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.annotation_load import annotation_server
from playwright.sync_api import Browser, Route, expect
from tests.annotation.made_build import ball_annotated, click_ball, desk_of, make_build, say
from tests.annotation.page import Seat, seated, served
from tests.construction.crossing import HEIGHT, WIDTH, centre

from vera.annotation.draft import fold, read_event
from vera.annotation.pictures import picture
from vera.annotation.store.events import events_of
from vera.annotation.store.leases import find_lease
from vera.construction.construct import build_samples
from vera.construction.decisions import held_decisions
from vera.construction.formats.rle import encode_mask
from vera.resumable import read_rows

pytestmark = pytest.mark.slow


def rows(out: Path) -> list[dict[str, object]]:
    return [row for path in held_decisions(out / "decisions") for row in read_rows(path, mend=False)]


def test_by_keyboard_alone_and_back_to_the_first_click(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1, 2, 3)
    desk = desk_of(out)
    with seated(browser, desk, "Annotate") as seat:
        canvas = seat.page.locator(".stage canvas")
        for left in (2, 1):  # the keys are the next task's once there is one
            expect(canvas).to_be_visible()
            before = canvas.element_handle()
            seat.press("x", "2")
            seat.page.wait_for_function("before => !before.isConnected", arg=before)
            assert desk.store.count("SELECT count(*) FROM tasks WHERE state = 'open'") == left
        expect(canvas).to_be_visible()
        seat.press(*["."] * 8)
        seat.press("c")  # to the picture; the cross begins in its middle
        expect(canvas).to_be_focused()
        seat.press("ArrowLeft", "ArrowLeft", "Shift+ArrowRight")
        place = [WIDTH // 2 - 15, HEIGHT // 2]
        for _ in range(2):
            seat.press("c", "v", "z")  # a click, one beside it, and that undone
        seat.saved()
        undo = seat.page.get_by_role("button", name="Undo")
        seat.press("z", "z")
        expect(undo).to_be_disabled()
        expect(seat.page.locator(".strip .own")).to_have_count(0)
        seat.press("Shift+Z", "Shift+Z")
        expect(seat.page.locator(".strip .own")).to_have_count(1)
        seat.press("n")
        seat.page.keyboard.type("ball")
        seat.press("Enter", "?")
        seat.checked()
        seat.picture("keys", tmp_path)
        seat.press("Escape", "Space")
        expect(seat.page.locator(".strip .along")).to_have_count(17)
        seat.press("Enter")
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
        assert seat.problems == []
    assert [row.get("unusable") for row in rows(out)] == ["out of focus", "out of focus", None]
    assert rows(out)[2]["objects"] == [{"noun": "ball", "prompts": [{"frame": 8, "plus": [place] * 2}]}]


@pytest.mark.faults
def test_a_key_that_is_held_acts_once_and_frames_go_on(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    with seated(browser, desk_of(out), "Annotate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        for key, times in (("v", 2), (".", 4)):
            for _ in range(times):
                seat.page.keyboard.down(key)
            seat.page.keyboard.up(key)
        expect(seat.page.get_by_role("slider", name="Frame")).to_have_value("4")
        expect(seat.page.get_by_role("button", name="Beside")).to_have_attribute("aria-pressed", "true")
        assert seat.problems == []


def test_the_brush_paints_what_the_build_takes(browser: Browser, tmp_path: Path) -> None:
    recipe, out = make_build(tmp_path, 1)
    desk = desk_of(out)
    with seated(browser, desk, "Annotate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.press("p", "]", "]")
        for t in range(17):
            x, y = centre(t)
            seat.click(x, y, WIDTH, HEIGHT)
            seat.press(".")
        seat.press("n")
        seat.page.keyboard.type("ball")
        seat.press("Enter")
        seat.saved()
        expect(seat.page.locator(".strip .own")).to_have_count(17)
        seat.picture("brush", tmp_path)
        seat.press("Enter")
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
    build_samples(recipe, out, until="masks")
    from vera.video import read_lossless

    masks = read_lossless(next(out.rglob("masks.mkv"))) > 127
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    for t, mask in enumerate(masks):
        disc = (x - centre(t)[0]) ** 2 + (y - centre(t)[1]) ** 2 <= 12**2
        assert (mask & disc).sum() / (mask | disc).sum() > 0.98


def test_on_a_phone_whose_clock_is_wrong(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    desk = desk_of(out)
    with served(desk) as (url, access):
        seat = Seat(browser, url, access, 390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
        seat.page.clock.install(time="1999-12-31T23:59:00")
        seat.page.reload()
        seat.sit("Annotate")
        canvas = seat.page.locator(".stage canvas")
        expect(canvas).to_be_visible()
        assert seat.page.evaluate("document.documentElement.scrollWidth") <= 390
        seat.page.get_by_role("slider", name="Frame").fill("8")
        box = canvas.bounding_box()
        assert box is not None
        x, y = centre(8)
        canvas.tap(position={"x": (x + 0.5) * box["width"] / WIDTH, "y": (y + 0.5) * box["height"] / HEIGHT})
        expect(seat.page.locator(".strip .own")).to_have_count(1)
        seat.page.get_by_label("What it is").fill("ball")
        seat.page.get_by_label("What it is").blur()
        sizes = seat.page.locator("button:visible").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 36
        seat.checked()
        seat.picture("phone", tmp_path)
        seat.page.get_by_role("button", name="Done").tap()
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
        assert seat.problems == []
    assert rows(out)[0]["at"] > "2020"  # type: ignore[operator]


def test_two_fingers_enlarge_and_drag_and_mark_nothing(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    with served(desk_of(out)) as (url, access):
        seat = Seat(browser, url, access, 390, 844, has_touch=True, is_mobile=True)
        seat.sit("Annotate")
        canvas = seat.page.locator(".stage canvas")
        expect(canvas).to_be_visible()
        box = canvas.bounding_box()
        assert box is not None
        touches = seat.page.context.new_cdp_session(seat.page)

        def fingers(kind: str, *shares: tuple[float, float]) -> None:
            points = [
                {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": number}
                for number, (x, y) in enumerate(shares)
            ]
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        shown = seat.page.get_by_role("button", name="Show the whole picture")
        whole = canvas.screenshot()
        fingers("touchStart", (0.4, 0.5))
        fingers("touchStart", (0.4, 0.5), (0.6, 0.5))
        fingers("touchMove", (0.3, 0.5), (0.7, 0.5))
        fingers("touchMove", (0.2, 0.5), (0.8, 0.5))
        expect(shown).to_have_text("300 %")
        near = canvas.screenshot()
        fingers("touchMove", (0.1, 0.5), (0.7, 0.5))
        expect(shown).to_have_text("300 %")
        fingers("touchEnd", (0.1, 0.5))
        fingers("touchEnd")
        assert len({whole, near, canvas.screenshot()}) == 3
        expect(seat.page.locator(".strip .own")).to_have_count(0)
        canvas.tap()
        expect(seat.page.locator(".strip .own")).to_have_count(1)
        assert seat.problems == []


def test_with_a_slow_server_clicks_are_kept_and_nothing_is_decided_twice(browser: Browser, tmp_path: Path) -> None:
    """Who leaves the page keeps what was pointed at, and a second press before the next task is there is of none."""
    _, out = make_build(tmp_path, 1, 2)
    desk = desk_of(out)
    with seated(browser, desk, "Annotate") as seat:
        canvas, own = seat.page.locator(".stage canvas"), seat.page.locator(".strip .own")
        expect(canvas).to_be_visible()
        seat.slow(300)
        for _ in range(3):
            canvas.click()
            seat.press(".")
        seat.page.locator("nav a", has_text="Status").click()
        seat.page.locator("nav a", has_text="Annotate").click()
        expect(own).to_have_count(3)
        before = canvas.element_handle()
        seat.press("x", "2", "x", "2")
        seat.page.wait_for_function("before => !before.isConnected", arg=before)
        expect(canvas).to_be_visible()
        seat.slow(0)
        seat.page.wait_for_timeout(500)
        assert desk.store.count("SELECT count(*) FROM tasks WHERE state = 'open'") == 1
        assert seat.problems == []
        expect(seat.page.locator(".notice")).to_have_count(0)


def test_a_mask_is_asked_for_until_it_is_there(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    with seated(browser, desk_of(out), "Annotate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.page.route("**/masks/1/*", lambda route: route.abort(), times=2)
        seat.page.locator(".stage canvas").click()
        expect(seat.page.locator(".strip .own")).to_have_count(1)
        expect(seat.page.locator(".notice")).to_have_count(0)


def test_a_stroke_that_the_browser_ends_is_kept(browser: Browser, tmp_path: Path) -> None:
    """As by a call on a phone."""
    _, out = make_build(tmp_path, 1)
    with seated(browser, desk_of(out), "Annotate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.press("p")
        box = seat.page.locator(".stage canvas").bounding_box()
        assert box is not None
        seat.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        seat.page.mouse.down()
        seat.page.mouse.move(box["x"] + box["width"] / 2 + 20, box["y"] + box["height"] / 2, steps=3)
        cancel = "canvas => canvas.dispatchEvent(new PointerEvent('pointercancel', {bubbles: true}))"
        seat.page.locator(".stage canvas").evaluate(cancel)
        expect(seat.page.get_by_role("button", name="Undo")).to_be_enabled()
        seat.page.reload()
        expect(seat.page.locator(".strip .own")).to_have_count(1)


def test_a_killed_server_loses_no_click_of_a_page(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    token = tmp_path / "token"
    token.write_text(secrets.token_urlsafe(32))
    token.chmod(0o600)
    server = annotation_server(out, token, 0.0)
    server.start()
    try:
        context = browser.new_context(extra_http_headers={"authorization": f"Bearer {token.read_text()}"})
        page = context.new_page()
        page.goto(f"{server.url}/#annotate")
        page.get_by_label("Your name").fill("anna")
        page.keyboard.press("Enter")
        canvas = page.locator(".stage canvas")
        expect(canvas).to_be_visible()
        canvas.click()
        expect(page.locator(".strip .own")).to_have_count(1)
        server.kill()
        for _ in range(3):
            page.keyboard.press(".")
            canvas.click()
        expect(page.locator(".head")).to_contain_text("Not connected, trying again")
        server.start()
        expect(page.locator(".strip .own")).to_have_count(4)
        expect(page.locator(".head")).to_contain_text("Saved")
        page.reload()
        expect(page.locator(".strip .own")).to_have_count(4)
        context.close()
    finally:
        server.kill()


def test_where_two_disagree_a_third_decides(browser: Browser, tmp_path: Path) -> None:
    _, out = make_build(tmp_path, 1)
    desk = desk_of(out, overlap=1.0)
    for person in ("anna", "ben"):
        lease = desk.claim(person, "annotate", "work")
        assert lease is not None
        if person == "anna":
            click_ball(desk, lease.id)
        else:
            square = np.zeros((HEIGHT, WIDTH), bool)
            square[20:70, 30:110] = True
            desk.save(lease.id, 0, {"kind": "mask", "frame": 8, "mask": encode_mask(square)})
            desk.save(lease.id, 1, {"kind": "noun", "noun": "wall"})
        say(desk, lease, {"accept": True})
    desk.settle()
    with seated(browser, desk, "Adjudicate", "carl") as seat:
        expect(seat.page.get_by_role("heading", name="Which answer is right?")).to_be_visible()
        held: list[Route] = []
        seat.page.route("**/pair", lambda route: held.append(route))
        seat.page.reload()
        expect(seat.page.locator("main")).to_have_text("Loading")
        seat.press("1")  # nobody decides of what is not shown yet
        seat.page.wait_for_timeout(300)
        held.pop().continue_()
        expect(seat.page.get_by_role("heading", name="Which answer is right?")).to_be_visible()
        seat.press(*["."] * 8)
        seat.page.wait_for_timeout(1500)
        seat.checked()
        seat.picture("adjudicate", tmp_path)
        text = seat.page.locator("main").inner_text()
        assert "ball" in text and "wall" in text and "anna" not in text and "ben" not in text
        seat.press("1")
        expect(seat.page.locator("main")).to_contain_text("Nowhere do two answers differ")
        seat.page.locator("nav a", has_text="Status").click()
        expect(seat.page.get_by_role("region", name="Gates")).to_be_visible()
        seat.page.wait_for_timeout(5500)
        seat.checked()
        seat.picture("status", tmp_path)
        assert seat.problems == []
    (row,) = rows(out)
    assert row["by"] == "carl" and row["objects"][0]["noun"] == "ball"  # type: ignore[index]


def zoomed_and_dragged(seat: Seat) -> None:
    """The wheel enlarges, the middle button drags, `0` shows all again; a dab in the middle of all lands there."""
    canvas = seat.page.locator(".stage canvas")
    shown = seat.page.get_by_role("button", name="Show the whole picture")
    whole = canvas.screenshot()
    canvas.hover()
    seat.page.mouse.wheel(0, -800)
    expect(shown).to_have_text("400 %")
    canvas.click()
    seat.saved()
    near = canvas.screenshot()
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seat.page.mouse.move(x, y)
    seat.page.mouse.down(button="middle")
    seat.page.mouse.move(x - 200, y, steps=4)
    seat.page.mouse.up(button="middle")
    assert len({whole, near, canvas.screenshot()}) == 3
    seat.press("0")
    expect(shown).to_have_text("100 %")


def paint_while_one_is_saved(seat: Seat) -> None:
    """Two strokes, the second begun before the server has the first."""
    seat.page.get_by_role("button", name="Add", exact=True).click()
    seat.slow(300)
    box = seat.page.locator(".stage canvas").bounding_box()
    assert box is not None
    for share in (0.3, 0.6):
        seat.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        seat.page.mouse.down()
        seat.page.wait_for_timeout(600 if share > 0.5 else 0)
        seat.page.mouse.up()
    seat.slow(0)
    seat.saved()


def part_clicked_twice(seat: Seat) -> None:
    seat.press("p")
    for _ in range(2):  # away, and back
        seat.click(*centre(16), WIDTH, HEIGHT)
        seat.saved()


def typed(seat: Seat, label: str, words: str) -> None:
    """Type words, which are still there when the page is loaded again."""
    seat.page.get_by_label(label).fill(words)
    seat.page.reload()
    expect(seat.page.get_by_label(label)).to_have_value(words)


def test_mattes_are_mended_and_words_proofread(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8), (480, 320), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "room.jpg"), photo)
    (tmp_path / "room.jpg.licence.yaml").write_text("licence: OWN\n")
    lines = ("tasks: [background_replace]", "proofread: true", f"background: {{photos: [{tmp_path}/room.jpg]}}")
    recipe, out = make_build(tmp_path, 1, lines=(*lines, "background_check: {distance: 255, change: 0}"))
    lease = ball_annotated(out)
    assert build_samples(recipe, out).waiting == {"curate": 1}
    desk = desk_of(out)
    content, kind = picture(desk.clips, lease.clip, "o1", "alpha", 3)
    matte = desk.clips.read(lease.clip, "matte.mkv", "o1")[3]
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert kind == "image/png" and np.abs(shown - matte / 257).max() <= 0.5
    with seated(browser, desk, "Curate") as seat:
        expect(seat.page.locator(".stage canvas")).to_be_visible()
        seat.press("End")
        seat.press("e")
        x, y = centre(16)
        seat.click(x, y, WIDTH, HEIGHT)
        seat.saved()
        seat.page.get_by_label("Nothing below").fill("0.2")
        seat.saved()
        zoomed_and_dragged(seat)
        part_clicked_twice(seat)
        seat.page.get_by_role("button", name="Alpha").click()
        seat.press("m")
        expect(seat.page.get_by_role("button", name="Brightness ×4")).to_be_visible()
        typed(seat, "What is behind it", "a wall of many colours")
        seat.page.wait_for_timeout(800)
        seat.checked()
        seat.picture("curate", tmp_path)
        held = desk.store.rows("SELECT id FROM leases ORDER BY number DESC LIMIT 1")[0]["id"]
        found = find_lease(desk.store, held)
        draft = fold(list(map(read_event, events_of(desk.store, found.number))), desk.bounds(found))
        assert draft.strokes[0]["mode"] == "subtract" and draft.strokes[0]["range"] == [16, 16]
        assert draft.levels == (0.2, 1) and len(draft.parts) == 2
        ((x, y),) = draft.strokes[1]["points"]
        assert abs(x - WIDTH / 2) <= 1 and abs(y - HEIGHT / 2) <= 1
        paint_while_one_is_saved(seat)
        draft = fold(list(map(read_event, events_of(desk.store, found.number))), desk.bounds(found))
        assert len(draft.strokes) == 4
        seat.page.get_by_role("button", name="Accept").click()
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
    assert build_samples(recipe, out).waiting == {"background_proofread": 1}
    desk = desk_of(out)
    with seated(browser, desk, "Background words") as seat:
        field = seat.page.get_by_label("Instruction")
        expect(field).not_to_be_empty()
        field.fill("A wall.")
        seat.page.get_by_role("button", name="Accept").click()
        expect(seat.page.locator(".notice.error")).to_contain_text('does not begin with "Change the background to "')
        typed(seat, "Instruction", "Change the background to a wall of many colours. Keep the ball intact.")
        seat.page.wait_for_timeout(500)
        seat.checked()
        seat.picture("words", tmp_path)
        seat.page.get_by_role("button", name="Accept").click()
        expect(seat.page.locator("main")).to_contain_text("Nothing waits for you")
    assert build_samples(recipe, out).samples == 1
