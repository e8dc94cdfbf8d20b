"""Bradley-Terry with raters who differ: each has preferences of their own, drawn from a normal distribution.

Rater r prefers method i to j with a chance of logit (a_i + u_ri) - (a_j + u_rj). The u are independent, of variance
s^2/2, so that s is the standard deviation of a rater's own preference between any two methods. Abilities and s maximise
the marginal likelihood, in which the u are integrated out by Laplace's approximation around their most likely values
(a penalised likelihood, as in lme4's `glmer`). No library has it in Python: statsmodels' mixed models for choices are
Bayesian, and their intervals too narrow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vera.errors import VeraError
from vera.metrics.statistics.bradley_terry import Abilities, bradley_terry, sigmoid
from vera.metrics.statistics.checks import Labels
from vera.metrics.statistics.comparisons import Comparisons, tally
from vera.metrics.statistics.optional import need
from vera.metrics.statistics.simulate import LARGEST_SD

NEWTON_STEPS, NEWTON_CLOSE = 200, 1e-9  # about five steps are taken
STEP = 1e-3  # of second differences, in logits: error 1e-6, noise of the Newton steps far below
ALIKE = 0.02  # standard deviation, in logits, below which raters count as alike; the likelihood is flat there


@dataclass(frozen=True)
class _Model:
    design: NDArray[np.float64]  # [P,K-1] in contrasts, which have mean 0 and length 1
    wins: NDArray[np.float64]  # [R,P]
    trials: NDArray[np.float64]  # [R,P]


def bradley_terry_by_rater(winners: Labels, losers: Labels, raters: Labels) -> Abilities:
    """Abilities from `[N]` winners, losers and raters, for the population that the raters were drawn from.

    Intervals use Student's t, with about as many degrees of freedom as raters where these differ much. VeraError for
    fewer than two raters, if a method always won or always lost, or if raters hardly ever contradict themselves.
    """
    comparisons = tally(winners, losers, raters)
    count = len(comparisons.wins)
    if count < 2:
        raise VeraError("abilities by rater need at least two raters")
    plain = bradley_terry(winners, losers)
    contrasts = need("scipy.linalg").helmert(len(comparisons.methods)).T  # [K,K-1]
    model = _Model(comparisons.design @ contrasts, comparisons.wins, comparisons.trials)
    found = _maximum(model, contrasts.T @ plain.logits)
    logits, spread = contrasts @ found[:-1], float(abs(found[-1]) * np.sqrt(2))
    if not spread <= LARGEST_SD:
        raise _unbounded()
    covariance = contrasts @ _covariance(model, found) @ contrasts.T
    return Abilities(comparisons.methods, logits, covariance, spread, plain.covariance, count, len(winners))


def marginal_likelihood(comparisons: Comparisons, logits: NDArray[np.float64], rater_sd: float) -> float:
    """Log likelihood of abilities `[K]` in logits and of the raters' standard deviation, by Laplace."""
    contrasts = need("scipy.linalg").helmert(len(comparisons.methods)).T
    model = _Model(comparisons.design @ contrasts, comparisons.wins, comparisons.trials)
    return _likelihood(model, np.append(contrasts.T @ logits, rater_sd / np.sqrt(2)))


def _maximum(model: _Model, start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `[K]`: abilities in contrasts and the standard deviation of u, whose sign does not matter."""
    start = np.append(start, 0.5)
    found = need("scipy.optimize").minimize(lambda x: -_likelihood(model, x), start, jac="3-point", method="BFGS")
    return np.asarray(found.x)


def _likelihood(model: _Model, parameters: NDArray[np.float64]) -> float:
    """Laplace: the joint likelihood at the most likely preferences, and the volume around them."""
    own, curvature = _preferences(model, parameters)
    logits = model.design @ parameters[:-1] + parameters[-1] * own @ model.design.T
    joint = model.wins * logits - model.trials * np.logaddexp(0, logits)
    volume = np.linalg.slogdet(curvature)[1]
    return float(joint.sum() - (own**2).sum() / 2 - volume.sum() / 2)


def _preferences(model: _Model, parameters: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Most likely preferences of raters in units of their deviation `[R,K-1]`; the curvature there `[R,K-1,K-1]`."""
    spread, size = parameters[-1], model.design.shape[1]
    common, own = model.design @ parameters[:-1], np.zeros((len(model.wins), size))
    for _ in range(NEWTON_STEPS):
        chance = sigmoid(common + spread * own @ model.design.T)
        slope = spread * (model.wins - model.trials * chance) @ model.design - own
        curvature = np.eye(size) + spread**2 * _information(model, chance)
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        # At most one logit a step: further, the chances are others, and Newton's steps may grow.
        step /= np.maximum(1, np.abs(spread * step @ model.design.T).max(axis=1, keepdims=True))
        own += step
        if np.abs(step).max() < NEWTON_CLOSE:
            break
    return own, curvature


def _information(model: _Model, chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Information of each rater's answers about the contrasts, `[R,K-1,K-1]`."""
    weights = model.trials * chance * (1 - chance)
    return np.asarray(np.einsum("rp,pi,pj->rij", weights, model.design, model.design))


def _covariance(model: _Model, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of the contrasts `[K-1,K-1]`, which also covers that the raters' deviation is an estimate.

    VeraError unless the likelihood has a maximum here.
    """
    size = len(found) - 1
    free = size + 1 if abs(found[-1]) > ALIKE else size
    curvature = _curvature(model, found, free)
    try:
        np.linalg.cholesky(curvature)
    except np.linalg.LinAlgError:  # it is not positive definite
        raise _unbounded() from None
    return np.asarray(np.linalg.inv(curvature)[:size, :size], np.float64)


def _unbounded() -> VeraError:
    return VeraError(
        "comparisons: raters hardly ever contradict themselves, so that how much they differ has no bounds; more "
        "raters, or more answers of each, are needed"
    )


def _curvature(model: _Model, found: NDArray[np.float64], free: int) -> NDArray[np.float64]:
    """Negative second differences of the likelihood by the first `free` parameters."""
    steps, matrix = np.eye(len(found)) * STEP, np.zeros((free, free))
    for i in range(free):
        for j in range(i, free):
            corners = [(a * b, found + a * steps[i] + b * steps[j]) for a in (1, -1) for b in (1, -1)]
            second = sum(sign * _likelihood(model, corner) for sign, corner in corners) / (4 * STEP**2)
            matrix[i, j] = matrix[j, i] = -second
    return matrix
