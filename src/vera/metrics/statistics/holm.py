"""Several tests of one study: Holm's correction."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError
from vera.metrics.statistics.checks import numbers


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust `[N]` p-values of one family: those at most 0.05 then hold together at that level, whatever they share.

    Give all tests that were planned, also those that came out badly. VeraError for numbers outside [0,1].
    """
    values = numbers(p_values, "p-values")
    if (values < 0).any() or (values > 1).any():
        raise VeraError("p-values: are between 0 and 1")
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted
