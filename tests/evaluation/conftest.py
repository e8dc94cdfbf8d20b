"""A little world to evaluate in, and a stand-in for the measuring network."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.data.synthetic_assets import make_assets

from vera.evaluation.predictions import clips, galleries, synthetic
from vera.metrics.recognition.features import Pictures, Vectors, unit_vectors


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_assets(tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="session")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny model, which reads instructions of any length."""
    folder = tmp_path_factory.mktemp("evaluated") / "model"
    shutil.copytree(tiny_model, folder)
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_sequence_length": 60}))
    return str(folder)


@pytest.fixture
def mean_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features are the mean colour of a picture."""

    def embed(pictures: Pictures) -> Vectors:
        return unit_vectors(pictures.mean(axis=(1, 2), dtype=np.float32))

    monkeypatch.setattr(galleries, "load_embedding", lambda: embed)
    synthetic._open.cache_clear()
    clips._galleries.cache_clear()
