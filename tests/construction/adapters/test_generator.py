"""Backgrounds by a Wan of random weights: shapes, lengths, memory, the same every time, and what is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.wan_layouts import make_wan

from vera.construction.adapters import generator
from vera.construction.adapters.generator import GeneratorNetwork, load_generator, to_and_fro
from vera.errors import VeraError

SIZE = 48, 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wan")
    make_wan().save_pretrained(path)
    return path


def network(folder: Path, **more: Any) -> GeneratorNetwork:
    return GeneratorNetwork(
        str(folder), "Apache-2.0", device="cpu", prompts=("a red balloon",), steps=1, guidance=1.0, **more
    )


def test_films_have_the_clip_s_shape_and_are_the_same_every_time(folder: Path) -> None:
    make = load_generator(network(folder))
    film = make("a red balloon", 7, SIZE, 3)
    assert film.shape == (7, 32, 48, 3) and film.dtype == np.uint8 and (film[0] != film[-1]).any()
    assert (make("a red balloon", 7, SIZE, 3) == film).all()
    assert (make("a red balloon", 7, SIZE, 4) != film).any() and (make("add", 7, SIZE, 3) != film).any()


def test_a_still_stands(folder: Path) -> None:
    film = load_generator(network(folder, moving=False))("a red balloon", 5, SIZE, 3)
    assert film.shape == (5, 32, 48, 3) and (film == film[0]).all()


@pytest.mark.parametrize("most", [5, 1])
def test_where_memory_does_not_suffice_films_are_shorter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    real, asked = generator._draw, []

    def small(pipeline: Any, network: Any, prompt: str, frames: int, *others: Any) -> Any:
        asked.append(frames)
        if frames > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(pipeline, network, prompt, frames, *others)

    monkeypatch.setattr(generator, "_draw", small)
    make = load_generator(network(folder))
    if most < 5:
        with pytest.raises(VeraError, match="background: memory does not suffice"):
            make("a", 17, SIZE, 3)
        return
    film = make("a", 17, SIZE, 3)
    assert asked == [17, 5] and (film == to_and_fro(film[:5], 17)).all()


def test_to_and_fro() -> None:
    film = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 1, 3), np.uint8)
    assert to_and_fro(film, 8)[:, 0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert to_and_fro(film[:1], 3)[:, 0, 0, 0].tolist() == [0, 0, 0]


def test_what_is_no_generator_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="give prompts"):
        GeneratorNetwork(str(folder), "Apache-2.0")
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanVACEPipeline"}')
    with pytest.raises(VeraError, match="is a WanVACEPipeline"):
        load_generator(network(tmp_path))
