"""A house with one clip, for the tests of the studio."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.clips import make_clip as new_clip
from tests.studio.house import House, open_house

from vera.layers import LayeredEdit, save_layers
from vera.layers.source_match import describe_source
from vera.video import open_clip

SIZE = (64, 48)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip and layers of it."""
    folder = tmp_path_factory.mktemp("footage")
    path = new_clip(folder / "bikes.mp4", 8, SIZE, audio=True)
    clip = open_clip(path)
    edit = np.random.default_rng(1).integers(0, 256, (6, 48, 64, 3)).astype(np.uint8)
    alpha = np.zeros((6, 48, 64), np.uint16)
    alpha[:, 10:30, 10:40] = np.linspace(1000, 65535, 30).astype(np.uint16)
    metadata = {"instruction": "add a hat", "seed": 3, "source": describe_source(clip)}
    save_layers(LayeredEdit(edit, alpha, clip.pts[1:7], clip.time_base, metadata), folder / "hat")
    return folder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> Iterator[House]:
    """A house that the tests of a module share."""
    house = open_house(tmp_path_factory.mktemp("workspace"), footage)
    yield house
    house.studio.drawing.close()


@pytest.fixture
def clip(house: House) -> str:
    """The id of the clip, whose proxy is made; opened anew where another test has deleted it."""
    root = house.get("/about")["roots"][0]["id"]
    clip = house.post("/clips", {"root": root, "inside": "bikes.mp4"})
    house.work("proxy")
    return str(clip["id"])


@pytest.fixture
def project(house: House, clip: str) -> str:
    """The id of a new project."""
    return str(house.post("/projects", {"clip": clip, "name": "Bikes"})["id"])
