"""The viewer in a browser: its views, the wipe, zoom, code values, exact stills, and browsers that can do less."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page
from tests.browsers import drawn, violations
from tests.web.viewer.model import ModelLayer, composed
from tests.web.viewer.proxies import matte, noise, read_planes, write_alpha, write_planes

from vera.color.matrix import ycbcr_to_rgb
from vera.color.tags import LIMITED, SPACE_709, ColorTags
from vera.layers.adjust import Adjustment

pytestmark = pytest.mark.slow

SIZE, FRAMES = (320, 180), 12
VIEWS = ["source", "edit", "alpha", "result", "difference", "matte"]
# The canvas that people see, R'G'B' at every pixel of the proxy, while it is drawn at its own size.
PIXELS = """() => {
  const canvas = document.querySelector('.viewer canvas');
  const { left, top } = viewer.picture.value;
  const data = canvas.getContext('2d').getImageData(Math.round(left), Math.round(top), 320, 180).data;
  return btoa(Array.from(data, (code) => String.fromCharCode(code)).join(''));
}"""
WEBGL = "{ slowWebgl: true }"  # on the processor, as there is no GPU in tests
Shoot = Callable[[Page, str], bytes]


@pytest.fixture(scope="module")
def proxies(media: Path) -> Path:
    folder = media / "views"
    folder.mkdir()
    write_planes(folder / "proxy.mp4", [noise(SIZE, n) for n in range(FRAMES)])
    write_planes(folder / "edit.mp4", [noise(SIZE, 50 + n) for n in range(FRAMES)])
    mattes = [matte(SIZE, 5) for _ in range(FRAMES)]
    write_alpha(folder / "alpha.webm", mattes)
    for number, alpha in enumerate(mattes):
        Image.fromarray(alpha).save(folder / f"alpha{number}.png")
    return folder


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    def taken(page: Page, name: str) -> bytes:
        path = tmp_path / f"{name}.png"
        page.locator(".viewer").screenshot(path=path)
        return path.read_bytes()

    return taken


def open_viewer(page: Page, options: str = "{}", layers: int = 1, **adjustment: Any) -> None:
    """Open the clip with its layer; `options` is JavaScript. The viewer rests at frame 0."""
    url = "media/views"
    clip = {"url": f"{url}/proxy.mp4", "times": [n / 25 for n in range(FRAMES)], "width": SIZE[0], "height": SIZE[1]}
    media = {
        "id": "take",
        "edit": f"{url}/edit.mp4",
        "alpha": f"{url}/alpha.webm",
        "still": f"{url}/alpha{{n}}.png",
        "frames": list(range(FRAMES)),
    }
    states = [{"media": media, "on": True, "adjustment": {"opacity": 0.9} | adjustment}] * layers
    page.evaluate(
        f"""async ([clip, layers]) => {{
            window.viewer?.destroy();
            window.viewer = dev.open({options});
            viewer.setLayers(dev.layersOf(layers));
            await viewer.load(clip);
        }}""",
        [clip, states],
    )


def pixels(page: Page) -> NDArray[np.int64]:
    page.evaluate("viewer.zoom.value = 1")
    codes = np.frombuffer(base64.b64decode(page.evaluate(PIXELS)), np.uint8)
    return codes.reshape(SIZE[1], SIZE[0], 4)[..., :3].astype(np.int64)


def expected(proxies: Path, frame: int, **adjustment: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """R'G'B' of the source and of the result."""
    layer = ModelLayer(
        read_planes(proxies / "edit.mp4")[frame],
        read_planes(proxies / "alpha.webm")[frame].y,
        Adjustment(**{"opacity": 0.9} | adjustment),
    )
    source = read_planes(proxies / "proxy.mp4")[frame]
    tags = ColorTags(range=LIMITED, space=SPACE_709, trc=1, primaries=1)
    codes = [composed(source, layers, False, 1.0, frame)[..., :3] for layers in ([], [layer])]
    before, after = (np.rint(ycbcr_to_rgb(one.astype(float), tags, 8, 0).clip(0, 1) * 255) for one in codes)
    return before, after


@pytest.mark.parametrize("webgl", [True, False])
def test_views_are_what_they_say(page: Page, proxies: Path, shoot: Shoot, webgl: bool) -> None:
    open_viewer(page, WEBGL if webgl else "{}")
    assert page.evaluate("viewer.capability.value") == "exact"
    assert ("without WebGL" in page.evaluate("viewer.status.value")) != webgl
    page.locator(".viewer").focus()
    seen = {}
    for key, view in enumerate(VIEWS, 1):
        page.keyboard.press(str(key))
        assert page.evaluate("viewer.view.value") == view
        shoot(page, view)
        seen[view] = pixels(page)
    before, after = expected(proxies, 0)
    assert np.abs(seen["source"] - before).max() <= 1  # of R'G'B', rounded in whole numbers
    assert np.abs(seen["result"] - after).max() <= 1
    assert np.abs(seen["difference"] - np.abs(after - before)).max() <= 2
    alpha = read_planes(proxies / "alpha.webm")[0].y
    assert np.abs(seen["alpha"][..., 0] - alpha * 0.9).max() <= 1
    assert (seen["matte"][..., 0] == np.where(alpha == 0, 0, 128)).all()
    assert (seen["edit"] != seen["source"]).any()


def test_marks_are_drawn_alike_with_webgl_and_without(page: Page, proxies: Path, shoot: Shoot) -> None:
    drawn = []
    for options in (WEBGL, "{ without: ['webgl'] }"):
        open_viewer(page, options, scale=0.7, feather=2.0)
        page.locator(".viewer").focus()
        looks = []
        for keys in ("4m", "m2c", "3", "a"):
            for key in keys:
                page.keyboard.press(key)
            looks.append(pixels(page))
            shoot(page, f"marks {keys} {len(drawn)}")
        drawn.append(np.stack(looks))
    assert np.abs(drawn[0] - drawn[1]).max() <= 1
    assert (drawn[0][0] != drawn[0][1]).any()


def test_wipe_by_keyboard_and_by_drag(page: Page, proxies: Path, shoot: Shoot) -> None:
    open_viewer(page)
    before, after = expected(proxies, 0)
    handle = page.get_by_role("slider", name="Wipe")
    assert not handle.is_visible()
    page.locator(".viewer").focus()
    page.keyboard.press("w")
    handle.focus()
    for _ in range(25):
        page.keyboard.press("ArrowLeft")
    assert handle.get_attribute("aria-valuenow") == "25"
    assert page.evaluate("viewer.frame.value") == 0  # the arrows move the wipe alone
    seen = pixels(page)
    assert np.abs(seen[:, :80] - before[:, :80]).max() <= 1 and np.abs(seen[:, 80:] - after[:, 80:]).max() <= 1
    page.evaluate("viewer.zoom.value = null")
    drawn(page)
    box, picture = handle.bounding_box(), page.evaluate("viewer.picture.value")
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(picture["left"] + picture["scale"]["x"] * SIZE[0] * 0.6, box["y"] + 50, steps=4)
    page.mouse.up()
    assert page.evaluate("viewer.wipe.value.position") == pytest.approx(0.6, abs=0.01)
    page.evaluate("viewer.wipe.value = {...viewer.wipe.value, left: 'alpha', right: 'difference'}")
    shoot(page, "wipe")


def test_zoom_keeps_the_place_and_shows_pixels(page: Page, proxies: Path, shoot: Shoot) -> None:
    open_viewer(page)
    _, after = expected(proxies, 0)
    page.mouse.move(500, 200)
    page.wait_for_function("viewer.cursor.value")
    cursor = page.evaluate("viewer.cursor.value")
    page.mouse.wheel(0, -1200)
    page.wait_for_function("viewer.zoom.value > 8")
    page.mouse.move(501, 200)
    drawn(page)
    found = page.evaluate("viewer.cursor.value")
    assert abs(found["x"] - cursor["x"]) <= 1 and abs(found["y"] - cursor["y"]) <= 1
    x, y = found["x"], found["y"]
    shown = page.evaluate(
        "[...document.querySelector('.viewer canvas').getContext('2d').getImageData(501, 200, 1, 1).data].slice(0, 3)"
    )
    assert np.abs(np.array(shown) - after[y, x]).max() <= 1  # nearest: the pixel itself
    shoot(page, "zoomed")
    page.mouse.down()
    page.mouse.move(461, 190)
    page.mouse.up()
    page.mouse.move(461, 190)
    drawn(page)
    panned = page.evaluate("viewer.cursor.value")
    assert abs(panned["x"] - x) <= 1 and abs(panned["y"] - y) <= 1  # the picture went with the pointer
    page.locator(".viewer").focus()
    page.keyboard.press("0")
    assert page.evaluate("viewer.zoom.value") is None


@pytest.mark.parametrize("options", ["{}", WEBGL])
def test_code_values_are_those_of_the_planes(page: Page, proxies: Path, options: str) -> None:
    open_viewer(page, options)
    source, edit = read_planes(proxies / "proxy.mp4")[0], read_planes(proxies / "edit.mp4")[0]
    alpha = read_planes(proxies / "alpha.webm")[0].y
    place = page.evaluate("viewer.picture.value")
    for x, y in ((3, 5), (160, 90), (319, 179)):
        page.mouse.move(place["left"] + (x + 0.5) * place["scale"]["x"], place["top"] + (y + 0.5) * place["scale"]["y"])
        page.wait_for_function(f"viewer.cursor.value?.x === {x} && viewer.cursor.value?.y === {y}")
        found = page.evaluate("viewer.samples.value")
        assert found["source"] == [source.y[y, x], source.cb[y // 2, x // 2], source.cr[y // 2, x // 2]]
        assert found["edit"] == [edit.y[y, x], edit.cb[y // 2, x // 2], edit.cr[y // 2, x // 2]]
        assert found["alpha"] == pytest.approx(alpha[y, x] / 255 * 0.9, abs=1e-4)
        assert f"{x}, {y}" in page.locator(".viewer-line").inner_text()


ASKED = """{
  exact: async (frame, view) => {
    (window.asked ??= []).push([frame, view]);
    await window.held;
    const canvas = new OffscreenCanvas(640, 360);
    const context = canvas.getContext('2d');
    context.fillStyle = 'rgb(10, 200, 30)';
    context.fillRect(0, 0, 640, 360);
    return createImageBitmap(canvas);
  }
}"""


def test_the_exact_picture_comes_when_it_rests(page: Page, proxies: Path, shoot: Shoot) -> None:
    open_viewer(page, ASKED)
    page.wait_for_function("viewer.exactShown.value")
    assert page.evaluate("asked") == [[0, "result"]]
    assert (pixels(page) == [10, 200, 30]).all()
    page.evaluate("window.held = new Promise((done) => { window.letGo = done; }); viewer.seek(3); viewer.seek(7)")
    page.wait_for_function("viewer.frame.value === 7")
    assert not page.evaluate("viewer.exactShown.value")
    assert (pixels(page) != [10, 200, 30]).any()
    page.evaluate("letGo()")
    page.wait_for_function("viewer.exactShown.value")
    page.evaluate("viewer.view.value = 'alpha'")
    page.wait_for_function("asked.length === 3 && viewer.exactShown.value")
    page.evaluate("viewer.refresh()")
    page.wait_for_function("asked.length === 4 && viewer.exactShown.value")
    assert page.evaluate("asked.slice(1)") == [[7, "result"], [7, "alpha"], [7, "alpha"]]
    assert "Exact frame" in page.locator(".viewer-line").inner_text()
    page.evaluate("viewer.view.value = 'matte'")  # which only the viewer draws
    page.wait_for_timeout(300)
    assert page.evaluate("[asked.length, viewer.exactShown.value]") == [4, False]


def test_without_planes_alpha_comes_as_stills(page: Page, proxies: Path) -> None:
    open_viewer(page, "{ without: ['planes'] }")
    assert page.evaluate("viewer.capability.value") == "rgb"
    assert "within 3 codes" in page.evaluate("viewer.status.value")
    _, after = expected(proxies, 5)
    page.evaluate("viewer.seek(5)")
    page.wait_for_function("viewer.frame.value === 5")
    assert np.abs(pixels(page) - after).max() <= 3


def test_without_webcodecs_stills_alone(page: Page, proxies: Path) -> None:
    open_viewer(page, ASKED.replace("exact:", "without: ['webcodecs'], exact:"))
    assert page.evaluate("viewer.capability.value") == "stills"
    assert (pixels(page) == [10, 200, 30]).all()
    page.evaluate("viewer.seek(4)")
    page.wait_for_function("viewer.frame.value === 4")
    page.locator(".viewer").focus()
    page.keyboard.press("3")
    page.wait_for_function("asked.at(-1)[1] === 'alpha'")


def test_a_lost_context_is_replaced(page: Page, proxies: Path, problems: list[str]) -> None:
    open_viewer(page, WEBGL)
    before = pixels(page)
    page.evaluate("dev.loseContext()")
    page.wait_for_function("viewer.status.value.includes('without WebGL')")
    assert (pixels(page) == before).all()
    problems[:] = [text for text in problems if "CONTEXT_LOST" not in text]


@pytest.mark.parametrize("name", ["edit.mp4", "alpha.webm"])
def test_a_layer_that_is_missing_is_said(page: Page, proxies: Path, problems: list[str], name: str) -> None:
    page.route(f"**/{name}", lambda route: route.fulfill(status=404, body="none"))
    open_viewer(page)
    assert "404" in page.evaluate("viewer.status.value")
    before, _ = expected(proxies, 0)
    assert np.abs(pixels(page) - before).max() <= 1  # the source is shown all the same
    problems.clear()


def test_a_choke_beyond_the_shader_waits_for_the_still(page: Page, proxies: Path) -> None:
    open_viewer(page, choke=40.0)
    assert "exact once paused" in page.evaluate("viewer.status.value")


def test_no_axe_violation_and_everything_has_a_name(page: Page, proxies: Path) -> None:
    open_viewer(page)
    page.evaluate("dev.openStrip(viewer).setBars([{ id: 'a', label: 'Take 1', first: 2, last: 8, on: true }])")
    page.evaluate("viewer.wipe.value = {...viewer.wipe.value, on: true}")
    assert violations(page, runOnly=["wcag2a", "wcag2aa"]) == []
    assert page.get_by_role("img", name="Frame 0 of 12").is_visible()
    assert page.get_by_role("slider", name="Position in the clip").is_visible()


# A table of side 5 that is no straight line, and R'G'B' that it shows.
TABLE = "(() => { const codes = new Uint8Array(375); codes.forEach((_, i) => (codes[i] = (i * i * 7) % 256)); "
TABLE += "return { side: 5, codes }; })()"


def looked_up(colors: NDArray[Any]) -> NDArray[Any]:
    """R'G'B' through the table, interpolated between its eight nodes."""
    cube = np.array([i * i * 7 % 256 for i in range(375)], float).reshape(5, 5, 5, 3)  # blue, green, red
    place = colors[..., ::-1] * (4 / 255)
    low = np.minimum(np.floor(place).astype(int), 3)
    part = place - low
    shown = np.zeros(colors.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        shown += weight[..., None] * cube[tuple(np.moveaxis(low + corner, -1, 0))]
    return np.floor(shown + 0.5)


@pytest.mark.parametrize("webgl", [True, False])
def test_a_table_shows_the_colours(page: Page, proxies: Path, webgl: bool) -> None:
    open_viewer(page, WEBGL if webgl else "{ without: ['webgl'] }")
    for view in ("source", "result", "edit", "alpha"):
        page.evaluate(f"viewer.view.value = '{view}'")
        page.evaluate("viewer.table.value = null")
        plain = pixels(page)
        page.evaluate(f"viewer.table.value = {TABLE}")
        shown = pixels(page)
        wanted = plain if view == "alpha" else looked_up(plain)
        assert np.abs(shown - wanted).max() <= 1, view


def test_a_take_beside_the_wipe_is_alone_over_the_source(page: Page, proxies: Path) -> None:
    """Whatever the layers are: the right side is the take as it came, the left what is laid."""
    open_viewer(page, layers=1, opacity=0.5)
    page.evaluate(
        """() => { const url = 'media/views';
          viewer.setCompared([{ id: 'other', edit: `${url}/proxy.mp4`, alpha: `${url}/alpha.webm`, label: 'Other',
            alphaStill: (n) => `${url}/alpha${n}.png`, frames: Array.from({ length: 12 }, (_, i) => i) }]);
          viewer.wipe.value = { on: true, position: 0.5, left: 'result', right: 'take other' }; }"""
    )
    page.wait_for_function("viewer.wipe.value.on")
    page.wait_for_timeout(1000)
    before, after = expected(proxies, 0, opacity=0.5)
    seen, half = pixels(page), SIZE[0] // 2
    assert np.abs(seen[:, : half - 1] - after[:, : half - 1]).max() <= 1
    assert np.abs(seen[:, half + 1 :] - before[:, half + 1 :]).max() <= 1  # its edit is the source itself
    assert page.get_by_role("slider", name="Wipe").get_attribute("aria-valuetext") == "result to 50 %, Other beyond"
