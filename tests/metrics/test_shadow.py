"""Darkening of the ground at an object's foot."""

import numpy as np
import pytest

from vera.metrics.shadow import darkening


def scene(strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A white box on grey ground with a shadow along its foot."""
    source = np.full((2, 60, 80, 3), 200, np.uint8)
    alpha = np.zeros((2, 60, 80), np.float32)
    alpha[:, 34:50, 20:60] = strength
    edit = np.zeros_like(source)
    alpha[:, 20:40, 30:50], edit[:, 20:40, 30:50] = 1, 255
    weight = alpha[..., None]
    return source, np.rint(weight * edit + (1 - weight) * source).astype(np.uint8), alpha


@pytest.mark.parametrize("strength", [0.0, 0.2, 0.4])
def test_a_shadow_takes_its_share_of_the_light(strength: float) -> None:
    assert darkening(*scene(strength)) == pytest.approx(strength, abs=0.03)


def test_light_at_the_foot_is_negative_and_no_object_has_no_foot() -> None:
    source, result, alpha = scene(0.0)
    result[:, 40:] = 220
    found = darkening(source, result, alpha)
    assert found is not None and found < 0
    assert darkening(source, result, alpha * 0) is None


def test_a_dark_object_is_not_its_shadow() -> None:
    source, _, alpha = scene(0.0)
    black = np.where(alpha[..., None] > 0, 0, source).astype(np.uint8)
    assert darkening(source, black, alpha) == pytest.approx(0)


def test_an_object_cut_by_the_lower_edge_has_no_ground() -> None:
    source = np.full((1, 20, 40, 3), 200, np.uint8)
    alpha = np.zeros((1, 20, 40), np.float32)
    alpha[:, :, :] = 1
    assert darkening(source, source, alpha) is None
