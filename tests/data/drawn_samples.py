"""Samples of random pixels, made in any process."""

from collections.abc import Callable

import numpy as np

from vera.data import LayeredSample
from vera.errors import VeraError


def open_drawn() -> Callable[[int], LayeredSample]:
    return _draw


def open_broken() -> Callable[[int], LayeredSample]:
    raise VeraError("no assets")


def _draw(number: int) -> LayeredSample:
    rng = np.random.default_rng(number)
    pictures = rng.integers(0, 256, (3, 5, 16, 32, 3), dtype=np.uint8)
    mask = rng.integers(0, 2, (5, 16, 32), dtype=np.uint8) * np.uint8(255) if number % 2 else None
    alpha = rng.integers(0, 256, (5, 16, 32), dtype=np.uint8)
    return LayeredSample(*pictures[:2], alpha, pictures[2], mask, f"füge hinzu: {number}", "obj_add")
