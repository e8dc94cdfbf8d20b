"""The pictures by which classes are known: sprites, and of the renders those that training may see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.synthetic_assets import SPRITES

from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.records import RenderRecord, Views, write_record
from vera.data.synthesis.render_spec import draw_spec
from vera.data.synthesis.vocabulary import SCENES
from vera.errors import VeraError
from vera.evaluation.cases.references import VIEWS, object_cutouts, scene_panoramas


@pytest.fixture(scope="module")
def layers(assets: str) -> SyntheticLayers:
    return SyntheticLayers(list(SPRITES), assets=assets)


def write_render(folder: Path, index: int, model: str, noun: str, held_out: bool) -> None:
    """A grey box of 20x10 pixels as a render of `model`."""
    shape = (1, 48, 64)
    coverage = np.zeros(shape, np.uint8)
    coverage[:, 10:30, 25:35] = 255
    grey = np.full((*shape, 3), 90, np.uint8)
    views = Views(grey[0], grey, grey, coverage, coverage, np.zeros(shape, np.uint8), np.zeros_like(grey))
    spec = replace(draw_spec(index, 0, 64, 48, 1), model=model, noun=noun, held_out=held_out)
    write_record(folder, RenderRecord(spec, "someone", "CC0-1.0", 8, 0.0, 0.0, 1.0), views)


def test_classes_go_by_their_everyday_names(layers: SyntheticLayers) -> None:
    assert set(object_cutouts(layers)) == {"octopus", "strawberry", "car"}
    assert set(scene_panoramas(layers)) == set(SCENES)


def test_rendered_things_are_classes_and_join_those_of_their_name(layers: SyntheticLayers, tmp_path: Path) -> None:
    for index in range(VIEWS + 2):
        write_render(tmp_path, index, "barrel", "barrel", held_out=False)
    write_render(tmp_path, 90, "cactus", "cactus", held_out=True)
    objects = object_cutouts(layers, str(tmp_path))
    assert set(objects) == {"octopus", "strawberry", "car", "barrel"}
    assert len(objects["barrel"]) == VIEWS
    barrel = objects["barrel"][0]
    assert barrel.shape == (20, 10, 4)
    assert (barrel[..., 3] == 255).all() and np.abs(barrel[..., :3].astype(int) - 90).max() <= 1
    with pytest.raises(VeraError, match="no renders"):
        object_cutouts(layers, str(tmp_path / "nothing"))
