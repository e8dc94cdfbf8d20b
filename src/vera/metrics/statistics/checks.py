"""What every function here asks of its arrays; whoever gave other ones is told in a line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError, first_line

Labels = Sequence[Any] | NDArray[Any]  # who or what each value belongs to: texts, or whole numbers


def floats(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return an array of numbers, some perhaps NaN; `what` names them in the VeraError."""
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:  # texts, or lists of several lengths
        raise VeraError(f"{what}: a list of numbers is needed ({first_line(error)})") from None


def numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return `[N]` finite numbers, N at least 1; `what` names them in the VeraError."""
    array = floats(values, what)
    if array.ndim != 1 or not array.size:
        raise VeraError(f"{what}: a list of at least one number is needed, not an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise VeraError(f"{what}: {int((~np.isfinite(array)).sum())} of {array.size} are not finite numbers")
    return array


def groups(labels: Labels, count: int, what: str) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the G different labels in order, and for each of `count` values the index of its own, `[count]`."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise VeraError(f"{what}: one label for each of {count} values is needed, not an array of shape {array.shape}")
    try:
        names, index = np.unique(array, return_inverse=True)
    except TypeError:  # of None, say, where somebody left a label out
        raise VeraError(f"{what}: labels are all texts, or all numbers") from None
    return names, index


def totals(values: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum `[N]` values of each group, `[G]`."""
    return np.asarray(np.bincount(index, values), np.float64)


def share(value: float, what: str) -> float:
    """Return a number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise VeraError(f"{what}: is above 0 and below 1, not {value:g}")
    return float(value)
