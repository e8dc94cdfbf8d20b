"""Methods on the same cases: is one better, measure by measure, case by case?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from vera.errors import VeraError
from vera.metrics.statistics.bootstrap import Method, bootstrap_interval
from vera.metrics.statistics.checks import floats
from vera.metrics.statistics.holm import holm
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need
from vera.metrics.statistics.sign_flip import sign_flip


@dataclass(frozen=True)
class PairedComparison:
    """Mean difference of two methods over `count` cases, its interval, and whether it could be chance."""

    difference: Interval  # one minus other
    p_value: float  # of the mean: sign-flip test of the differences
    wilcoxon: float  # of the ranks: p-value of Wilcoxon's signed-rank test, which a few extreme cases do not move
    count: int
    adjusted: float | None = None  # p_value, corrected by Holm for all comparisons of the table


def compare_paired(
    one: ArrayLike, other: ArrayLike, *, method: Method = "percentile", level: float = 0.95, seed: int = 0
) -> PairedComparison:
    """Compare one measure of two methods, `[N]` values each by case; cases that one of them lacks (NaN) are left out.

    VeraError for fewer than two common cases, arrays of different lengths, or infinite values.
    """
    first, second = (floats(values, "paired values") for values in (one, other))
    if first.shape != second.shape or first.ndim != 1:
        raise VeraError(f"paired values: arrays of shapes {first.shape} and {second.shape} are not of the same cases")
    common = ~(np.isnan(first) | np.isnan(second))
    if common.sum() < 2:
        raise VeraError(f"paired values: {int(common.sum())} cases have both; at least two are needed")
    rest = first[common] - second[common]
    difference = bootstrap_interval(rest, method=method, level=level, seed=seed)
    flipped = sign_flip(rest, seed=seed).p_value
    ranks = float(need("scipy.stats").wilcoxon(rest).pvalue) if rest.any() else 1.0
    return PairedComparison(difference, flipped, ranks, len(rest))


def compare_methods(
    table: Mapping[str, ArrayLike],
    reference: str,
    *,
    method: Method = "percentile",
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, PairedComparison]:
    """Compare the reference with each other method of a table of `[N]` values by case, corrected by Holm.

    VeraError for a table without the reference or without another, and as in `compare_paired`.
    """
    if reference not in table or len(table) < 2:
        raise VeraError(f"a comparison needs {reference} and another method; there are {', '.join(table) or 'none'}")
    found = {
        name: compare_paired(table[reference], values, method=method, level=level, seed=seed)
        for name, values in table.items()
        if name != reference
    }
    adjusted = holm([one.p_value for one in found.values()])
    return {name: replace(one, adjusted=float(p)) for (name, one), p in zip(found.items(), adjusted, strict=True)}
