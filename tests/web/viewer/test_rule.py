"""The preview equals the rule: 200 random projects, drawn in the browser with WebGL and without, against numpy."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page
from tests.web.viewer.model import ModelLayer, composed
from tests.web.viewer.proxies import matte, noise, read_planes, write_alpha, write_planes

from vera.layers.adjust import Adjustment
from vera.layers.blend_modes import BLEND_MODES
from vera.layers.paint import Stroke

pytestmark = pytest.mark.slow

SIZE, FRAMES, LAYERS = (96, 64), 4, 3
PROJECTS = 200
COMPOSITORS = ["WebGL2", "JavaScript"]


@pytest.fixture(scope="module")
def proxies(media: Path) -> Path:
    folder = media / "rule"
    folder.mkdir()
    write_planes(folder / "proxy.mp4", [noise(SIZE, n) for n in range(FRAMES)])
    for layer in range(LAYERS):
        write_planes(folder / f"edit{layer}.mp4", [noise(SIZE, 10 * (layer + 1) + n) for n in range(FRAMES)])
        write_alpha(folder / f"alpha{layer}.webm", [matte(SIZE, 10 * (layer + 1) + n) for n in range(FRAMES)])
    return folder


def plain_adjustment(random: np.random.Generator) -> Adjustment:
    """Opacity, a whole offset and a range, over normal blend: what the preview draws without any difference."""
    offset = (float(random.integers(-9, 10)), float(random.integers(-9, 10)))
    first = random.choice([None, 0, 1])
    opacity = float(random.choice([1.0, random.integers(1, 10) / 10, random.random()]))
    return Adjustment(opacity=opacity, offset=offset, range=(first, None))


def any_adjustment(random: np.random.Generator) -> Adjustment:
    def triple(neutral: float, low: float, high: float) -> tuple[float, float, float]:
        values = [_often(random, neutral, random.uniform(low, high)) for _ in range(3)]
        return values[0], values[1], values[2]

    return Adjustment(
        opacity=_often(random, 1.0, random.random()),
        offset=(_often(random, 0.0, random.uniform(-20, 20)), _often(random, 3.0, random.uniform(-20, 20))),
        scale=_often(random, 1.0, random.uniform(0.3, 3)),
        feather=_often(random, 0.0, random.uniform(0, 9)),
        choke=_often(random, 0.0, random.choice([-7.5, -3.0, -0.6, 0.4, 2.0, 5.25])),
        lift=triple(0, -0.4, 0.4),
        gamma=triple(1, 0.4, 2.5),
        gain=triple(1, 0.3, 2),
        blend=str(random.choice(list(BLEND_MODES))),
    )


def _often(random: np.random.Generator, usual: float, other: float) -> float:
    return float(usual if random.random() < 0.5 else other)


def any_stroke(random: np.random.Generator, size: tuple[int, int]) -> Stroke:
    points = random.uniform((-5, -5), (size[0] + 5, size[1] + 5), (random.integers(1, 5), 2))
    return Stroke(
        tuple((float(x), float(y)) for x, y in points),
        radius=float(random.uniform(0.5, 15)),
        softness=float(random.random()),
        value=float(random.random()),
        mode=random.choice(["add", "subtract"]),
        range=(None, random.choice([None, 2])),
    )


def drawn(page: Page, states: list[dict[str, Any]], scale: float, frame: int, strict: bool, name: str) -> NDArray[Any]:
    """Y, Cb, Cr and alpha `[H,W,4]` that the page composes."""
    times = [n / 25 for n in range(FRAMES)]
    size = {"width": round(SIZE[0] / scale), "height": round(SIZE[1] / scale)}
    clip = {"url": "media/rule/proxy.mp4", "times": times} | size
    text = page.evaluate("(given) => dev.compose(...given)", [clip, states, frame, strict, name])
    return np.frombuffer(base64.b64decode(text), np.uint16).reshape(SIZE[1], SIZE[0], 4).astype(np.int64)


def layer_state(index: int, adjustment: Adjustment, paint: tuple[Stroke, ...]) -> dict[str, Any]:
    files = {"edit": f"media/rule/edit{index}.mp4", "alpha": f"media/rule/alpha{index}.webm", "still": ""}
    media = {"id": str(index), "frames": list(range(FRAMES))} | files
    values = adjustment.to_json() | {"paint": [stroke.to_json() for stroke in paint]}
    return {"media": media, "on": True, "adjustment": values}


def any_layers(random: np.random.Generator, plain: bool, scale: float) -> list[tuple[Adjustment, tuple[Stroke, ...]]]:
    """One to three layers' adjustments and paint."""
    size = (round(SIZE[0] / scale), round(SIZE[1] / scale))
    count = int(random.integers(1, LAYERS + 1))
    if plain:
        return [(plain_adjustment(random), ()) for _ in range(count)]
    strokes = [tuple(any_stroke(random, size) for _ in range(3 * random.integers(2))) for _ in range(count)]
    return [(any_adjustment(random), paint) for paint in strokes]


@pytest.mark.parametrize("name", COMPOSITORS)
def test_preview_is_the_rule(page: Page, proxies: Path, name: str) -> None:
    source = read_planes(proxies / "proxy.mp4")
    edits = [read_planes(proxies / f"edit{layer}.mp4") for layer in range(LAYERS)]
    mattes = [[planes.y for planes in read_planes(proxies / f"alpha{layer}.webm")] for layer in range(LAYERS)]
    covered = 0
    for project in range(PROJECTS):
        random, plain = np.random.default_rng(project), project % 2 == 1
        scale = 1.0 if plain else float(random.choice([1.0, 0.5]))
        frame, strict = int(random.integers(FRAMES)), bool(random.integers(2))
        chosen = any_layers(random, plain, scale)
        layers = [ModelLayer(edits[i][frame], mattes[i][frame], *one) for i, one in enumerate(chosen)]
        expected = composed(source[frame], layers, strict, scale, frame)
        states = [layer_state(i, *one) for i, one in enumerate(chosen)]
        found = drawn(page, states, scale, frame, strict, name)
        assert np.abs(found - expected)[..., :3].max() <= (0 if plain else 1), (project, states)
        empty = empty_fours(expected[..., 3])
        assert (found[empty] == composed(source[frame], [], strict, scale, frame)[empty]).all(), (project, states)
        covered += int((expected[..., 3] > 0).sum())
    assert covered > PROJECTS * 100  # something was laid


def empty_fours(alpha: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels that share their chroma sample with none that has alpha."""
    fours = alpha.reshape(alpha.shape[0] // 2, 2, -1, 2).max(axis=(1, 3)) == 0
    return np.asarray(fours.repeat(2, 0).repeat(2, 1))
