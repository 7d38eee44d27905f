"""Weights of people, and from a quantity's values under them to an interval or a p-value.

The bootstrap draws people, with all their sessions, within their class. Everything here works on arrays and
knows nothing of metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from normwise.evaluate.out_of_fold import Floats, Statistic
from normwise.results import Estimate

__all__ = [
    "PeopleWeights", "acceleration_of", "bca", "bootstrap_estimate", "bootstrap_p", "bootstrap_weights",
    "corrected_t", "draw_people", "estimate_of", "units_left_out", "wilson",
]  # fmt: skip

Names = NDArray[np.object_]

_MOST_UNITS = 400  # more hardly change an acceleration, and cost as much as more bootstrap samples


_CELLS = 2**20  # weights that are numbers of eight bytes at a time


@dataclass(frozen=True)
class PeopleWeights:
    """Weights under which every metric is asked for its value: (1 + n_draws + n_units) for each scan.

    Ones; then bootstrap counts; then ones with one unit of people left out. Kept are a byte a scan and draw
    and the unit of each scan; weights are made from them some draws at a time.

    Attributes
    ----------
    counts : ndarray of uint8 of shape (n_draws, n_all)
        How often each scan was drawn.
    unit_of : ndarray of int of shape (n_all,)
        The unit that each scan is left out with; −1 for scans that are never tested, which no draw has.
    strata : ndarray of int of shape (n_units,)
        The class of each unit that is left out.
    units : ndarray of int of shape (n_units,)
        Their numbers.
    rows : ndarray of int of shape (n_scans,)
        The scans that are asked about.
    """

    counts: NDArray[np.uint8]
    unit_of: NDArray[np.intp]
    strata: NDArray[np.intp]
    units: NDArray[np.intp]
    rows: NDArray[np.intp]

    @property
    def draws(self) -> int:
        """Number of bootstrap samples."""
        return len(self.counts)

    def take(self, rows: NDArray[np.intp]) -> PeopleWeights:
        """Return the weights of some scans; units outside them are left out of nothing, and go."""
        rows = self.rows[rows]
        touched = np.isin(self.units, self.unit_of[rows])
        return replace(self, strata=self.strata[touched], units=self.units[touched], rows=rows)

    def under(self, statistic: Statistic) -> Floats:
        """Return the values of a statistic, of shape (1 + n_draws + n_units, …)."""
        return np.concatenate([statistic(block) for block in self._blocks()])

    def _blocks(self) -> Iterator[Floats]:
        """Give the weights some draws at a time, of shape (n_some, n_scans)."""
        yield np.ones((1, len(self.rows)))
        size = max(1, _CELLS // max(1, len(self.rows)))
        whole = np.array_equal(self.rows, np.arange(self.counts.shape[1]))
        for first in range(0, self.draws, size):
            some = self.counts[first : first + size]
            # Not some[:, rows], whose draws would not lie in one piece.
            yield (some if whole else np.take(some, self.rows, axis=1)).astype(float)
        own = self.unit_of[self.rows]
        for first in range(0, len(self.units), size):
            yield ((own >= 0) & (own != self.units[first : first + size, None])).astype(float)


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
    drawn = _drawn(labels[tested], groups[tested], draws, rng)
    if tested.all():
        counts = drawn
    else:
        counts = np.zeros((draws, len(labels)), dtype=np.uint8)
        counts[:, tested] = drawn
    unit_of = np.full(len(labels), -1, dtype=np.intp)
    unit_of[tested], strata = units_left_out(labels[tested], groups[tested])
    return PeopleWeights(counts, unit_of, strata, np.arange(len(strata)), np.arange(len(labels)))


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
    return _drawn(labels, groups, draws, rng).astype(float)


def _drawn(labels: Names, groups: Names, draws: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    classes, person_of = _people(labels, groups)
    # One of n people is drawn n times on average once: more than 255 times in less than one of 10^500 draws.
    counts = np.zeros((draws, len(classes)), dtype=np.uint8)
    for name in np.unique(classes):
        members = np.flatnonzero(classes == name)
        size = max(1, _CELLS // len(members))
        for first in range(0, draws, size):
            some = min(size, draws - first)
            counts[first : first + some, members] = rng.multinomial(
                len(members), np.full(len(members), 1 / len(members)), size=some
            )
    alone = len(person_of) == len(classes) and (person_of == np.arange(len(classes))).all()
    return counts if alone else counts[:, person_of]


def units_left_out(
    labels: Names, groups: Names, most: int = _MOST_UNITS
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the unit that each scan is left out with: a person's, or a few people's where they are many.

    Parameters
    ----------
    labels, groups : ndarray of shape (n_scans,)
        Class and person of each scan.
    most : int
        Units at most, shared among the classes by their size.

    Returns
    -------
    tuple of ndarray of int of shape (n_scans,) and ndarray of int of shape (n_units,)
        The unit of each scan, and the class of each unit.

    Examples
    --------
    >>> labels, people = np.array(["a", "a", "b"], dtype=object), np.array(["p", "p", "q"], dtype=object)
    >>> [part.tolist() for part in units_left_out(labels, people)]
    [[0, 0, 1], [0, 1]]
    """
    classes, person_of = _people(labels, groups)
    unit_of, strata = np.empty(len(classes), dtype=np.intp), list[int]()
    for stratum, name in enumerate(np.unique(classes)):
        members = np.flatnonzero(classes == name)
        units = len(members) if len(classes) <= most else max(2, most * len(members) // len(classes))
        for unit in np.array_split(members, min(units, len(members))):
            unit_of[unit] = len(strata)
            strata.append(stratum)
    return unit_of[person_of], np.array(strata, dtype=np.intp)


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
