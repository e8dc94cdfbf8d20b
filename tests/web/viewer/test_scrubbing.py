"""While the position moves fast the viewer shows proxies of half the size; a frame that rests is the whole proxy's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page
from tests.web.viewer.proxies import Planes, write_alpha, write_planes

pytestmark = pytest.mark.slow

SIZE, HALF, FRAMES = (64, 36), (32, 18), 30
WHOLE, SMALL = 200, 80  # luma of the edit, which covers the source: it tells which proxies are shown
TAKE: dict[str, Any] = {"id": "t", "edit": "media/scrub/edit.mp4", "alpha": "media/scrub/alpha.webm", "still": ""}
TAKE |= {"frames": list(range(FRAMES))}
TAKE_SMALL = {"small": {"edit": "media/scrub/small_edit.mp4", "alpha": "media/scrub/small_alpha.webm"}}
CLIP = {"url": "media/scrub/proxy.mp4", "times": [n / 25 for n in range(FRAMES)], "width": 64, "height": 36}
CLIP_SMALL = {"small": "media/scrub/small.mp4"}

# `seen`: each frame that the viewer says it shows, the grey in the middle of the canvas, and the luma under the cursor.
OPEN = """([clip, media]) => {
  window.viewer = dev.open();
  const canvas = document.querySelector('.viewer canvas');
  window.grey = () => canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0];
  window.luma = () => viewer.samples.value?.result[0] ?? null;
  window.seen = [];
  viewer.setLayers(dev.layersOf([{ media, on: true, adjustment: {} }]));
  return viewer.load(clip).then(() => {
    viewer.cursor.value = { x: 32, y: 18 };
    viewer.frame.subscribe((frame) => queueMicrotask(() => seen.push([frame, grey(), luma()])));
  });
}"""


def planes(size: tuple[int, int], luma: int) -> Planes:
    width, height = size
    grey = np.full((height // 2, width // 2), 128, np.uint8)
    return Planes(np.full((height, width), luma, np.uint8), grey, grey)


@pytest.fixture(scope="module")
def proxies(media: Path) -> None:
    folder = media / "scrub"
    folder.mkdir()
    for prefix, name, size, luma in (("", "proxy", SIZE, WHOLE), ("small_", "small", HALF, SMALL)):
        write_planes(folder / f"{name}.mp4", [planes(size, 16)] * FRAMES)
        write_planes(folder / f"{prefix}edit.mp4", [planes(size, luma)] * FRAMES)
        write_alpha(folder / f"{prefix}alpha.webm", [np.full(size[::-1], 255, np.uint8)] * FRAMES)


def scrubbed(page: Page, clip: dict[str, Any], take: dict[str, Any]) -> tuple[list[list[int]], list[int]]:
    """Jump twice within a moment; what was seen at the frame that the hand stopped at, and once it has rested."""
    page.evaluate(OPEN, [clip, take])
    page.evaluate("() => { viewer.seek(10); viewer.seek(20); }")
    page.wait_for_function("seen.some(([frame]) => frame === 20)")
    moving = page.evaluate("seen.filter(([frame]) => frame === 20)")
    page.wait_for_function("luma() !== null")
    return moving, page.evaluate("[viewer.frame.value, grey(), luma()]")


def test_a_frame_that_rests_is_whole(page: Page, proxies: None) -> None:
    moving, resting = scrubbed(page, CLIP | CLIP_SMALL, TAKE | TAKE_SMALL)
    whole, small = (round((luma - 16) / 219 * 255) for luma in (WHOLE, SMALL))
    assert [frame for frame, *_ in moving] == [20]
    assert abs(moving[0][1] - small) <= 1 and moving[0][2] is None  # no code values of what is not the proxy
    assert resting[0] == 20 and abs(resting[1] - whole) <= 1 and resting[2] == WHOLE


@pytest.mark.parametrize(("clip", "take"), [(CLIP, TAKE | TAKE_SMALL), (CLIP | CLIP_SMALL, TAKE)])
def test_what_has_no_small_proxies_is_always_whole(
    page: Page, proxies: None, clip: dict[str, Any], take: dict[str, Any]
) -> None:
    moving, resting = scrubbed(page, clip, take)
    assert [moved[2] for moved in moving] == [WHOLE] and resting[2] == WHOLE


def test_a_single_step_and_playing_are_whole(page: Page, proxies: None) -> None:
    page.evaluate(OPEN, [CLIP | CLIP_SMALL, TAKE | TAKE_SMALL])
    page.wait_for_timeout(200)  # the first frame was drawn a while ago
    page.evaluate("() => viewer.step(1)")
    page.wait_for_function("seen.some(([frame]) => frame === 1)")
    page.wait_for_timeout(200)  # two steps after a rest, of which the second still waits when it is played
    page.evaluate("() => { viewer.step(1); viewer.step(1); viewer.play(); }")
    page.wait_for_function("viewer.frame.value > 5")
    page.evaluate("() => viewer.pause()")
    page.wait_for_function("luma() !== null")
    whole = round((WHOLE - 16) / 219 * 255)
    assert {grey for _, grey, _ in page.evaluate("seen")} <= {whole - 1, whole, whole + 1}
