"""Never a wrong frame: the number burnt into source, edit and alpha is the frame that the viewer says it shows."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page
from tests.web.viewer.proxies import Planes, write_alpha, write_planes

pytestmark = pytest.mark.slow

BITS, CELL, FRAMES = 8, 24, 150
SIZE = (BITS * CELL, 4 * CELL)
JUMPS = 500

# Reads the three numbers off the canvas whenever the viewer says that it shows a frame: source, edit and alpha have a
# row of cells each.
WATCH = f"""(clip) => {{
  window.viewer = dev.open();
  window.seen = [];
  window.wrong = [];
  const canvas = document.querySelector('.viewer canvas');
  const read = (row) => {{
    const {{ left, top, scale }} = viewer.picture.value;
    const place = (at, axis) => Math.round(at * scale[axis] * devicePixelRatio);
    const line = place((row + 0.5) * {CELL}, 'y') + Math.round(top);
    const data = canvas.getContext('2d').getImageData(0, line, canvas.width, 1).data;
    return [...Array({BITS}).keys()].reduce((sum, bit) =>
      sum + (data[4 * (place((bit + 0.5) * {CELL}, 'x') + Math.round(left))] > 127 ? 2 ** bit : 0), 0);
  }};
  window.look = () => {{
    const numbers = [0, 1, 2].map(read);
    seen.push(viewer.frame.value);
    if (numbers.some(number => number !== viewer.frame.value)) wrong.push([viewer.frame.value, numbers]);
  }};
  const media = {{ id: 't', edit: 'media/frames/edit.mp4', alpha: 'media/frames/alpha.webm', still: '',
    frames: [...Array({FRAMES}).keys()] }};
  viewer.setLayers(dev.layersOf([{{ media, on: true, adjustment: {{}} }}]));
  return viewer.load(clip);
}}"""
CLIP = {"url": "media/frames/proxy.mp4", "times": [n / 25 for n in range(FRAMES)], "width": SIZE[0], "height": SIZE[1]}


def cells(number: int) -> NDArray[np.uint8]:
    lit = [(number >> bit) % 2 for bit in range(BITS)]
    return np.repeat(np.repeat(np.array([lit], np.uint8), CELL, 1), CELL, 0)


def picture(rows: dict[int, int]) -> Planes:
    """Grey with numbers in black and white cells in some of four rows."""
    luma = np.full((SIZE[1], SIZE[0]), 100, np.uint8)
    for row, number in rows.items():
        luma[row * CELL : (row + 1) * CELL] = 16 + 219 * cells(number)
    grey = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    return Planes(luma, grey, grey)


@pytest.fixture(scope="module")
def proxies(media: Path) -> Path:
    folder = media / "frames"
    folder.mkdir()
    write_planes(folder / "proxy.mp4", [picture({0: n, 2: 0}) for n in range(FRAMES)], sound=True)
    write_planes(folder / "edit.mp4", [picture({1: n, 2: 255}) for n in range(FRAMES)])
    mattes = []
    for number in range(FRAMES):
        alpha = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        alpha[CELL : 2 * CELL] = 255
        alpha[2 * CELL : 3 * CELL] = 255 * cells(number)  # the edit's white over the source's black
        mattes.append(alpha)
    write_alpha(folder / "alpha.webm", mattes)
    return folder


def test_500_jumps(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    targets = [int(n) for n in np.random.default_rng(0).integers(0, FRAMES, JUMPS)]
    page.evaluate(
        """async (targets) => {
            for (const target of targets) {
                viewer.seek(target);
                while (viewer.frame.value !== target) await new Promise(requestAnimationFrame);
                look();
            }
        }""",
        targets,
    )
    assert page.evaluate("seen") == targets
    assert page.evaluate("wrong") == []


def test_only_the_newest_jump_counts(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    targets = [int(n) for n in np.random.default_rng(1).integers(0, FRAMES, 60)]
    page.evaluate(
        """async (targets) => {
            for (const target of targets) viewer.seek(target);
            while (viewer.frame.value !== targets.at(-1)) {
                await new Promise(requestAnimationFrame);
                look();
            }
        }""",
        targets,
    )
    assert page.evaluate("wrong") == []
    assert set(page.evaluate("seen")) <= {0, targets[0], targets[-1]}  # those between were never drawn


def test_scrubbing_never_shows_a_frame_under_another_number(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    targets = [int(n) for n in np.random.default_rng(2).integers(0, FRAMES, 60)]
    page.evaluate(
        """async (targets) => {
            for (const target of targets) {
                viewer.seek(target);
                await new Promise(resolve => setTimeout(resolve, 4));
                look();
            }
        }""",
        targets,
    )
    assert page.evaluate("wrong") == []


@pytest.mark.parametrize("speed", [1, 2, -1, -8, 0.5])
def test_playing_shows_frames_in_order(page: Page, proxies: Path, speed: float) -> None:
    page.evaluate(WATCH, CLIP)
    played = page.evaluate(
        """async (speed) => {
            viewer.loop.value = false;
            viewer.seek(speed > 0 ? 10 : 140);
            while (viewer.frame.value !== (speed > 0 ? 10 : 140)) await new Promise(requestAnimationFrame);
            const start = performance.now();
            viewer.play(speed);
            const begin = viewer.frame.value;
            const moved = () => viewer.frame.value !== begin || performance.now() - start > 60_000;
            while ((performance.now() - start < 1500 || !moved()) && viewer.playing.value) {
                await new Promise(requestAnimationFrame);
                look();
            }
            const seconds = (performance.now() - start) / 1000;
            viewer.pause();
            return { seconds, last: viewer.frame.value };
        }""",
        speed,
    )
    seen = page.evaluate("seen")
    assert page.evaluate("wrong") == []
    assert all((b - a) * speed >= 0 for a, b in pairwise(seen))
    due = 25 * played["seconds"] * abs(speed)
    went = abs(played["last"] - (10 if speed > 0 else 140))
    assert 0 < went <= due + 2  # a busy machine is late, never early


def test_keys_shuttle_and_stay_between_in_and_out(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    viewer = page.locator(".viewer")
    viewer.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("viewer.frame.value === 40")
    page.keyboard.press("i")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("viewer.frame.value === 43")
    page.keyboard.press("o")
    assert page.evaluate("[viewer.inPoint.value, viewer.outPoint.value]") == [40, 43]
    page.keyboard.press("l")
    page.keyboard.press("l")
    assert page.evaluate("viewer.speed.value") == 2
    page.evaluate(
        """async () => {
            const start = performance.now();
            const moved = () => new Set(seen).size > 1 || performance.now() - start > 60_000;
            for (let i = 0; i < 60 || !moved(); i++) { await new Promise(requestAnimationFrame); look(); }
        }"""
    )
    assert set(page.evaluate("seen")) <= {40, 41, 42, 43} and len(page.evaluate("[...new Set(seen)]")) > 1
    page.keyboard.press("j")
    assert page.evaluate("viewer.speed.value") == -1
    page.keyboard.press("k")
    assert page.evaluate("viewer.playing.value") is False
    page.keyboard.press("Shift+I")
    page.keyboard.press("Home")
    page.wait_for_function("viewer.frame.value === 0")
    assert page.evaluate("wrong") == []


def test_sound_tells_the_time(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    page.locator(".viewer").click()
    page.keyboard.press("Space")
    page.wait_for_function("viewer.frame.value > 20")
    page.keyboard.press("Space")
    page.evaluate("viewer.muted.value = true; window.heard = viewer.frame.value")
    page.keyboard.press("Space")
    page.wait_for_function("viewer.frame.value > heard")
    page.keyboard.press("k")
    page.evaluate("look()")
    assert page.evaluate("wrong") == []


def test_a_proxy_of_another_clip_is_said(page: Page, proxies: Path) -> None:
    page.evaluate(WATCH, CLIP)
    said = page.evaluate(
        "(clip) => viewer.load(clip).then(() => '', (error) => error.message)", CLIP | {"times": [0, 1]}
    )
    assert said == "the proxy has 150 frames and the clip 2: make the proxy again"


def test_a_viewer_that_closes_amid_its_first_frame_says_nothing(page: Page, proxies: Path) -> None:
    closed = page.evaluate(
        """(clip) => {
            const viewer = dev.open();
            viewer.capability.subscribe((found) => found && queueMicrotask(() => viewer.destroy()));
            return viewer.load(clip).then(() => 'closed', (error) => error.message);
        }""",
        CLIP,
    )
    assert closed == "closed"
