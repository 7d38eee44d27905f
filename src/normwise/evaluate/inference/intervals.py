"""From values on weighted people to an interval: percentile, BCa, Wilson, and the p-value of a difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from normwise.evaluate.out_of_fold import Floats
from normwise.results import Estimate

__all__ = ["acceleration_of", "bca", "bootstrap_p", "estimate_of", "wilson"]


def estimate_of(value: float, draws: Floats, confidence: float) -> Estimate:
    """Return a value with its percentile interval (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    value : float
        The estimate; NaN where it is not defined.
    draws : ndarray of shape (n_draws,)
        The statistic on bootstrap samples; samples where it is not defined are passed over.
    confidence : float
        Coverage, as 0.95.

    Examples
    --------
    >>> estimate_of(0.5, np.linspace(0, 1, 101), 0.9)
    Estimate(estimate=0.5, low=0.05, high=0.95)
    """
    tail = (1.0 - confidence) / 2.0
    return _quantiles(value, draws, tail, 1.0 - tail)


def bca(value: float, draws: Floats, acceleration: float, confidence: float) -> Estimate:
    """Return a value with its bias-corrected and accelerated interval (Efron 1987, equations 3.8 to 3.10).

    Parameters
    ----------
    value : float
        The estimate; NaN where it is not defined.
    draws : ndarray of shape (n_draws,)
        The statistic on bootstrap samples; samples where it is not defined are passed over.
    acceleration : float
        Of `acceleration_of`; NaN counts as 0.
    confidence : float
        Coverage, as 0.95.

    Examples
    --------
    Without bias and acceleration it is the percentile interval:

    >>> bca(0.5, np.linspace(0, 1, 101), 0.0, 0.9)
    Estimate(estimate=0.5, low=0.05, high=0.95)
    """
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(defined):
        return Estimate(None, None, None)
    # Rounding must not tell a draw that repeats the cohort from the cohort itself.
    near = np.isclose(defined, value, rtol=1e-12, atol=1e-12)
    below = ((defined < value) & ~near).sum() + 0.5 * near.sum()
    bias = norm.ppf(np.clip(below / len(defined), 0.5 / len(defined), 1.0 - 0.5 / len(defined)))
    speed = acceleration if np.isfinite(acceleration) else 0.0
    ends = []
    for tail in ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0):
        shifted = bias + norm.ppf(tail)
        ends.append(float(norm.cdf(bias + shifted / (1.0 - speed * shifted))))
    return _quantiles(value, defined, ends[0], ends[1])


def acceleration_of(left_out: Floats, strata: NDArray[np.intp]) -> float:
    """Return the acceleration from the values with one unit left out, for samples of several classes.

    Σ_k n_k⁻³ Σ l³ / (6 (Σ_k n_k⁻² Σ l²)^{3/2}) with l = (n_k − 1)(mean of the class's values − value)
    (Davison and Hinkley 1997, equation 5.24 and section 3.2.1: the jackknife's empirical influence values).

    Parameters
    ----------
    left_out : ndarray of shape (n_units,)
        The statistic without each unit.
    strata : ndarray of int of shape (n_units,)
        The class from which the bootstrap draws the unit.

    Examples
    --------
    A mean of symmetric numbers has none:

    >>> numbers = np.array([1.0, 2.0, 3.0, 4.0])
    >>> bool(abs(acceleration_of((10.0 - numbers) / 3, np.zeros(4, dtype=int))) < 1e-12)
    True
    """
    cubes = squares = 0.0
    for stratum in np.unique(strata):
        values = left_out[(strata == stratum) & np.isfinite(left_out)]
        count = len(values)
        if count < 2:
            continue
        influence = (count - 1) * (values.mean() - values)
        cubes += float((influence**3).sum()) / count**3
        squares += float((influence**2).sum()) / count**2
    return cubes / (6.0 * squares**1.5) if squares > 0 else 0.0


def wilson(share: float, count: float, confidence: float) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson 1927).

    Parameters
    ----------
    share : float
        The proportion.
    count : float
        The people behind it.
    confidence : float
        Coverage, as 0.95.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0.9, 10, 0.95)]
    [0.5958, 0.9821]
    """
    z = float(norm.ppf((1.0 + confidence) / 2.0))
    below = 1.0 + z**2 / count
    middle = (share + z**2 / (2 * count)) / below
    half = z * float(np.sqrt(share * (1.0 - share) / count + z**2 / (4 * count**2))) / below
    # At 0 and 1 the end is the share itself, but for rounding.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def bootstrap_p(draws: Floats) -> float | None:
    """Return the two-sided p-value of a difference: twice the smaller share of draws on one side of zero.

    With one added to both counts, so that it is never 0 (Davison and Hinkley 1997, section 4.2.1).

    Examples
    --------
    >>> bootstrap_p(np.linspace(0.1, 1.0, 99))
    0.02
    """
    defined = draws[np.isfinite(draws)]
    if not len(defined):
        return None
    side = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2.0 * (side + 1) / (len(defined) + 1))


def _quantiles(value: float, draws: Floats, low: float, high: float) -> Estimate:
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(defined):
        return Estimate(None, None, None)
    ends = np.quantile(defined, [low, high])
    return Estimate(float(value), round(float(ends[0]), 12), round(float(ends[1]), 12))
