"""Weights of people, and from a quantity's values under them to an interval or a p-value.

The bootstrap draws people, with all their sessions, within their class. Everything here works on arrays and
knows nothing of metrics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from normwise.evaluate.out_of_fold import Floats
from normwise.results import Estimate

__all__ = [
    "PeopleWeights", "acceleration_of", "bca", "bootstrap_estimate", "bootstrap_p", "bootstrap_weights",
    "corrected_t", "draw_people", "estimate_of", "leave_out_weights", "wilson",
]  # fmt: skip

Names = NDArray[np.object_]

_MOST_UNITS = 400  # more hardly change an acceleration, and cost as much as more bootstrap samples


@dataclass(frozen=True)
class PeopleWeights:
    """Weights under which every metric is asked for its value.

    Attributes
    ----------
    matrix : ndarray of shape (1 + n_draws + n_units, n_scans)
        Ones; then bootstrap counts; then ones with one unit of people left out.
    draws : int
        Number of bootstrap samples.
    strata : ndarray of int of shape (n_units,)
        The class of each unit that is left out.
    """

    matrix: Floats
    draws: int
    strata: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> PeopleWeights:
        """Return the weights of some scans; units outside them are left out of nothing, and go."""
        part = self.matrix[:, rows]
        touched = (part[1 + self.draws :] == 0).any(axis=1)
        kept = np.concatenate([np.ones(1 + self.draws, dtype=bool), touched])
        return PeopleWeights(part[kept], self.draws, self.strata[touched])


def draw_people(
    labels: Names, groups: Names, tested: NDArray[np.bool_], *, draws: int, rng: np.random.Generator
) -> PeopleWeights:
    """Draw the weights of an evaluation.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    tested : ndarray of bool of shape (n_scans,)
        Scans that only train have no predictions; drawing them would only change who else is drawn.
    draws : int
        Bootstrap samples.
    rng : Generator
        Source of randomness.
    """
    counts = bootstrap_weights(labels[tested], groups[tested], draws=draws, rng=rng)
    without, strata = leave_out_weights(labels[tested], groups[tested])
    matrix = np.zeros((1 + draws + len(strata), len(labels)))
    matrix[0] = 1.0
    matrix[1 : 1 + draws, tested] = counts
    matrix[1 + draws :, tested] = without
    return PeopleWeights(matrix, draws, strata)


def bootstrap_weights(labels: Names, groups: Names, *, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each scan stands in each bootstrap sample of people.

    People are drawn with replacement within the class of their first scan, so that every sample holds as many
    patients as the cohort; all scans of a person share one weight (cluster bootstrap; Davison and Hinkley
    1997, section 3.8).

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    draws : int
        Number of samples.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (draws, n_scans)
        Whole numbers as floats.

    Examples
    --------
    >>> labels, people = np.array(["a", "a", "b"], dtype=object), np.array(["p", "p", "q"], dtype=object)
    >>> bootstrap_weights(labels, people, draws=2, rng=np.random.default_rng(0)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    classes, person_of = _people(labels, groups)
    counts = np.zeros((draws, len(classes)))
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        counts[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=draws
        )
    return counts[:, person_of]


def leave_out_weights(
    labels: Names, groups: Names, most: int = _MOST_UNITS
) -> tuple[Floats, NDArray[np.intp]]:
    """Return weights that leave out one unit at a time: a person, or a few where there are very many.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    most : int
        Units at most, shared among the classes by their size.

    Returns
    -------
    tuple of ndarray of shape (n_units, n_scans) and ndarray of int of shape (n_units,)
        Zeros and ones, and the class of each unit.

    Examples
    --------
    >>> labels, people = np.array(["a", "a", "b"], dtype=object), np.array(["p", "p", "q"], dtype=object)
    >>> leave_out_weights(labels, people)[0].tolist()
    [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    classes, person_of = _people(labels, groups)
    weights, strata = [], []
    for stratum, name in enumerate(np.unique(classes)):
        members = np.flatnonzero(classes == name)
        units = len(members) if len(classes) <= most else max(2, most * len(members) // len(classes))
        for unit in np.array_split(members, min(units, len(members))):
            weights.append(1.0 - np.isin(person_of, unit))
            strata.append(stratum)
    return np.array(weights), np.array(strata, dtype=np.intp)


def _people(labels: Names, groups: Names) -> tuple[Names, NDArray[np.intp]]:
    """Return each person's class, that of their first scan, and the person of each scan."""
    _, first, person_of = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    return labels[first].astype(str), person_of


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
    near = np.abs(defined - value) <= 1e-12 * (1.0 + abs(value))
    below = ((defined < value) & ~near).sum() + 0.5 * near.sum()
    bias = ndtri(np.clip(below / len(defined), 0.5 / len(defined), 1.0 - 0.5 / len(defined)))
    speed = acceleration if np.isfinite(acceleration) else 0.0
    ends = []
    for tail in ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0):
        shifted = bias + ndtri(tail)
        ends.append(float(ndtr(bias + shifted / (1.0 - speed * shifted))))
    return _quantiles(value, defined, ends[0], ends[1])


def bootstrap_estimate(values: Floats, weights: PeopleWeights, confidence: float) -> Estimate:
    """Return the BCa interval of a metric, or of a difference, from its values under the weights."""
    acceleration = acceleration_of(values[1 + weights.draws :], weights.strata)
    return bca(float(values[0]), values[1 : 1 + weights.draws], acceleration, confidence)


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
    z = float(ndtri((1.0 + confidence) / 2.0))
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


def corrected_t(gaps: Floats, ratio_of_sizes: float, confidence: float) -> tuple[Estimate, float | None]:
    """Test differences of overlapping folds with the corrected resampled t (Nadeau and Bengio 2003, eq. 9).

    The variance of the mean is (1/J + n_test/n_train) s², not s²/J, for the training parts share people
    (over repeated folds as in Bouckaert and Frank 2004).

    Parameters
    ----------
    gaps : ndarray of shape (J,)
        One difference a fold and repeat.
    ratio_of_sizes : float
        n_test / n_train.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    tuple of Estimate and float or None
        The mean difference, and the two-sided p-value with J − 1 degrees of freedom; None without any spread.

    Examples
    --------
    >>> gap, p = corrected_t(np.array([0.02, 0.04, 0.0, 0.06, 0.03]), 0.25, 0.95)
    >>> round(gap.estimate, 3), round(p, 3)
    (0.03, 0.116)
    """
    count = len(gaps)
    mean = float(gaps.mean())
    error = float(np.sqrt((1.0 / count + ratio_of_sizes) * gaps.var(ddof=1)))
    if error < 1e-15:
        return Estimate(mean, mean, mean), None
    half = float(stdtrit(count - 1, (1.0 + confidence) / 2.0)) * error
    p = float(2.0 * stdtr(count - 1, -abs(mean) / error))
    return Estimate(mean, mean - half, mean + half), p


def _quantiles(value: float, draws: Floats, low: float, high: float) -> Estimate:
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(defined):
        return Estimate(None, None, None)
    ends = np.quantile(defined, [low, high])
    return Estimate(float(value), round(float(ends[0]), 12), round(float(ends[1]), 12))
