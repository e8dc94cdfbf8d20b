"""The renderer itself, small and slow: where things are seen, and that passes differ only by the object."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.construction.rendering.test_rendering import make_models

from vera.construction.rendering.mitsuba_passes import Renderer
from vera.construction.rendering.models import load_model
from vera.construction.rendering.render import make_views
from vera.data.synthesis.camera import MARGIN
from vera.data.synthesis.render_spec import RenderSpec, draw_spec

pytest.importorskip("mitsuba")

SHOT = replace(
    draw_spec(0, 0, 48, 32, 1),
    panorama="park",
    feet=(14.0, 26.0),
    side=10.0,
    yaw=1.0,
    pitch=0.15,
    focal=40.0,
    angles=(0.3,),
    gloss=0.0,
    key=0.0,
)


def panorama() -> np.ndarray:
    """Grey, brighter above, with a red stripe where the camera of `SHOT` looks."""
    radiance = np.full((64, 128, 3), 0.5, np.float32)
    radiance[:32] = 1.0
    middle = round((SHOT.yaw / (2 * np.pi) + 0.5) * 128)
    radiance[:, middle - 3 : middle + 3] = (2, 0.02, 0.02)
    return radiance


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def passes(renderer: Renderer, spec: RenderSpec, folder: Path):  # type: ignore[no-untyped-def]
    return renderer.render(spec, load_model(make_models(folder), "barrel"), panorama(), 16)


def test_the_camera_looks_along_its_yaw_and_the_ground_is_painted_alike(renderer: Renderer, tmp_path: Path) -> None:
    plate = passes(renderer, SHOT, tmp_path)[0].plate
    for row in (2, 12, 25, 38):  # sky, horizon and ground
        is_red = plate[row, :, 0] > 1.5 * plate[row, :, 1]
        assert 4 < is_red.sum() < 30
        assert abs(float(np.flatnonzero(is_red).mean()) - (plate.shape[1] - 1) / 2) < 2


def test_passes_differ_only_by_the_object_and_its_shadow(renderer: Renderer, tmp_path: Path) -> None:
    (view,) = passes(renderer, SHOT, tmp_path)
    changed = np.abs(view.full - view.plate).max(-1) > 0
    assert changed[view.coverage > 0.5].mean() > 0.95
    assert not changed[:4].any()
    # Far away a few paths meet the object by chance; the others are the same paths.
    assert changed[:, -12:].mean() < 0.3
    shift = (MARGIN - 1) / 2
    columns = np.flatnonzero(view.coverage.max(0) > 0.5) - shift * SHOT.width
    rows = np.flatnonzero(view.coverage.max(1) > 0.5) - shift * SHOT.height
    assert abs(columns.mean() - SHOT.feet[0]) < 2 and abs(rows.max() - SHOT.feet[1]) < 3
    assert view.full is view.matte and view.plate is view.matte_plate
    around = (view.coverage == 0) & changed
    assert view.full[around].mean() < view.plate[around].mean()
    _, error = make_views([view])
    assert error.mean() * 255 < 1


def test_a_polished_floor_mirrors_the_object(renderer: Renderer, tmp_path: Path) -> None:
    (view,) = passes(renderer, replace(SHOT, gloss=0.5, panorama="hall", feet=(14.0, 22.0)), tmp_path)
    views, _ = make_views([view])
    assert not np.array_equal(view.full, view.matte)
    below = views.coverage[0].max(1).nonzero()[0].max() + 1
    assert views.reflection[0][below : below + 4].max() > 0 and not views.reflection[0][views.coverage[0] > 128].any()
    with_mirror = np.abs(view.full - view.plate).max(-1)[below : below + 4].sum()
    assert with_mirror > 0


def test_a_lamp_casts_its_shadow_away_from_itself(renderer: Renderer, tmp_path: Path) -> None:
    away = []
    for side in (-1.0, 1.0):
        lamp = replace(SHOT, key=3.0, key_direction=(side * 0.8, 0.6, 0.0), feet=(24.0, 26.0))
        (view,) = passes(renderer, lamp, tmp_path)
        shadow = np.clip(1 - view.matte.sum(-1) / view.matte_plate.sum(-1), 0, 1) * (view.coverage == 0)
        center = (shadow.sum(0) * np.arange(shadow.shape[1])).sum() / shadow.sum()
        away.append(float(center - shadow.shape[1] / 2))
    assert away[0] > 1 and away[1] < -1
