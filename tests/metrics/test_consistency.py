"""Layers that tell one story, and layers that do not."""

import numpy as np
import pytest

from vera.metrics.consistency import layer_disagreement


def test_the_mean_difference() -> None:
    result = np.full((2, 4, 4, 3), 200, np.uint8)
    composite = result.copy()
    composite[0] = 251
    assert layer_disagreement(composite, result) == pytest.approx(51 / 255 / 2)
    assert layer_disagreement(result, composite) == layer_disagreement(composite, result)
