"""Mattes by ViTMatte of random weights: certain in and out of the mask, the network's own between."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.construction.crossing import centre, crossing
from tests.pipelines.test_matting import folder as folder

from vera.construction.adapters import matter
from vera.construction.adapters.matter import MatterNetwork, load_matter
from vera.errors import VeraError

CLIP = crossing(1, 3)


def masks() -> np.ndarray:
    y, x = np.ogrid[: CLIP.shape[1], : CLIP.shape[2]]
    return np.stack([(x - centre(t)[0]) ** 2 + (y - centre(t)[1]) ** 2 < 12**2 for t in range(len(CLIP))])


def network(path: Path) -> MatterNetwork:
    return MatterNetwork(str(path), "MIT", device="cpu")


def test_certain_inside_and_outside_and_soft_between(folder: Path) -> None:
    found = load_matter(network(folder))(CLIP, masks())
    y, x = np.ogrid[: CLIP.shape[1], : CLIP.shape[2]]
    for t, alpha in enumerate(found):
        away = np.hypot(x - centre(t)[0], y - centre(t)[1])
        assert (alpha[away < 12 - 5] == 1).all() and (alpha[away > 12 + 5] == 0).all()
        edge = alpha[(away > 11) & (away < 13)]
        assert ((edge > 0) & (edge < 1)).all()
    assert found.dtype == np.float32 and found.shape == CLIP.shape[:3]


def test_no_mask_has_no_matte_and_a_whole_one_is_all(folder: Path) -> None:
    none, whole = np.zeros((1, *CLIP.shape[1:3]), bool), np.ones((1, *CLIP.shape[1:3]), bool)
    find = load_matter(network(folder))
    assert not find(CLIP[:1], none).any() and (find(CLIP[:1], whole) == 1).all()


@pytest.mark.parametrize(("most", "works"), [(2500, True), (10, False)])
def test_where_memory_does_not_suffice_pictures_are_smaller(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    works: bool,
) -> None:
    from vera.pipelines.matting import load_matting

    real, shown = load_matting(str(folder), "cpu"), []

    def small(picture: np.ndarray, trimap: np.ndarray) -> Any:
        shown.append(trimap.size)
        if trimap.size > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(picture, trimap)

    if not works:
        with pytest.raises(VeraError, match="memory does not suffice"):
            matter._matte(small, CLIP[0], masks()[0])
        return
    found = matter._matte(small, CLIP[0], masks()[0])
    assert max(shown) > most >= shown[-1]
    assert found[centre(0)[1], centre(0)[0]] == 1 and found[0, -1] == 0
