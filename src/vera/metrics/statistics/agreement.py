"""Do raters agree: Krippendorff's alpha, and whether a rater chooses the same when asked again."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vera.errors import VeraError
from vera.metrics.statistics.binomial import wilson_interval_by_rater
from vera.metrics.statistics.bootstrap import drawn_interval
from vera.metrics.statistics.checks import Labels, groups, numbers
from vera.metrics.statistics.interval import Interval
from vera.metrics.statistics.optional import need

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
RESAMPLES = 2000


def krippendorff_alpha(values: ArrayLike, units: Labels, scale: Scale = "nominal") -> float:
    """Krippendorff's alpha of `[N]` values, given by any raters to `units`: 1 is agreement, 0 as much as by chance.

    Units that only one rater saw say nothing. VeraError if all are such, or all values are equal, and for values below
    0 on a scale of ratios.
    """
    counts, domain = _counted(values, units, scale)
    return _alpha(counts, domain, scale)


def krippendorff_interval(
    values: ArrayLike,
    units: Labels,
    scale: Scale = "nominal",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Alpha of `[N]` values with its interval by bootstrap over units, of which two or more raters saw at least two."""
    counts, domain = _counted(values, units, scale)
    value = _alpha(counts, domain, scale)

    def alphas(drawn: NDArray[np.intp], axis: int) -> NDArray[np.float64]:
        rows = drawn.reshape(-1, drawn.shape[axis])
        # Alpha of draws that happen to hold one value only is not defined: they say nothing against the estimate.
        found = [_alpha(counts[row], domain, scale) if counts[row].any(0).sum() > 1 else value for row in rows]
        return np.array(found).reshape(drawn.shape[:-1])

    return drawn_interval(len(counts), alphas, level=level, resamples=resamples, seed=seed)


def repeat_consistency(first: Labels, second: Labels, raters: Labels, level: float = 0.95) -> Interval:
    """Share of `[N]` repeated trials in which a rater chose the same method again, with its interval over raters.

    Half is what guessing gives. VeraError for arrays of different lengths, or fewer than two raters.
    """
    if len(first) != len(second):
        raise VeraError(f"repeats: {len(first)} first and {len(second)} second choices")
    return wilson_interval_by_rater(np.asarray(first) == np.asarray(second), raters, level)


def _alpha(counts: NDArray[np.intp], domain: NDArray[np.float64], scale: Scale) -> float:
    alpha = need("krippendorff").alpha
    return float(alpha(value_counts=counts, value_domain=domain, level_of_measurement=scale))


def _counted(values: ArrayLike, units: Labels, scale: Scale) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Count how often each of V values was given to each unit that has at least two, `[U,V]`; and the values `[V]`."""
    given = numbers(values, "values")
    if scale == "ratio" and given.min() < 0:
        raise VeraError("agreement: a scale of ratios has no values below 0; take interval")
    _, unit = groups(units, len(given), "units")
    domain, value = np.unique(given, return_inverse=True)
    counts = np.zeros((unit.max() + 1, len(domain)), np.intp)
    np.add.at(counts, (unit, value), 1)
    counts = counts[counts.sum(1) > 1]
    if not len(counts):
        raise VeraError("agreement: no unit has values of two raters")
    if counts.any(0).sum() < 2:
        raise VeraError("agreement: all values are equal, so that agreement by chance is not known")
    return counts, domain
