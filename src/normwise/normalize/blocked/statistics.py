"""Sufficient statistics of the regression, which add and subtract: every fold from one pass.

The statistics of two groups of people give those of both together, and the statistics of everybody less those
of a fold give those of the others. Sums of squares are kept about each group's own mean, with the updating
formula of Chan, Golub & LeVeque (1983, The American Statistician 37:242-247), so that nothing cancels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.chunks import zero_spread
from normwise.normalize.blocked.columns import (
    FeatureColumns,
    FloatArray,
    block_width,
)
from normwise.normalize.blocked.kernels import gather
from normwise.normalize.blocked.regression import fit_regression
from normwise.normalize.blocked.regression_model import People, Regression

__all__ = ["NormalStatistics", "collect_statistics", "regress_folds"]

_CANCELLED = 1e-6  # a residual sum of squares this small beside the whole has lost digits in the difference
_SAME_SPAN = 1e-9  # how far a basis of unit vectors may lie from the span of the collected columns


@dataclass(frozen=True)
class NormalStatistics:
    """Counts, means and centred products of a group of normals, in float64.

    Attributes
    ----------
    n : int
        People.
    design_mean : ndarray of shape (k,)
        Mean of each design column, the constant left out.
    feature_mean : ndarray of shape (n_features,)
        Mean of each feature.
    design_products : ndarray of shape (k, k)
        D'D about the means.
    products : ndarray of shape (k, n_features)
        D'X about the means.
    feature_squares : ndarray of shape (n_features,)
        Diagonal of X'X about the means.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> design, features = rng.normal(size=(9, 2)), rng.normal(size=(9, 3))
    >>> rows = np.arange(9)
    >>> whole, first, last = collect_statistics(features, design, [rows, rows[:4], rows[4:]])
    >>> np.allclose((first + last).products, whole.products)
    True
    >>> np.allclose((whole - first).feature_squares, last.feature_squares)
    True
    """

    n: int
    design_mean: FloatArray
    feature_mean: FloatArray
    design_products: FloatArray
    products: FloatArray
    feature_squares: FloatArray

    def __add__(self, other: NormalStatistics) -> NormalStatistics:
        n = self.n + other.n
        return self._combine(other, n, self.n * other.n / n, sign=1)

    def __sub__(self, other: NormalStatistics) -> NormalStatistics:
        assert other.n < self.n, "a part is smaller than the whole"
        n = self.n - other.n
        return self._combine(other, n, self.n * other.n / n, sign=-1)

    def _combine(self, other: NormalStatistics, n: int, weight: float, sign: int) -> NormalStatistics:
        # With d the difference of the two means that are at hand, both directions have one form.
        d = other.design_mean - self.design_mean
        x = other.feature_mean - self.feature_mean
        share = sign * other.n / n
        return NormalStatistics(
            n,
            self.design_mean + share * d,
            self.feature_mean + share * x,
            self.design_products + sign * (other.design_products + weight * np.outer(d, d)),
            self.products + sign * (other.products + weight * np.outer(d, x)),
            self.feature_squares + sign * (other.feature_squares + weight * x * x),
        )

    def slopes(self) -> FloatArray:
        """Return the regression of each feature on the design columns: (k, n_features)."""
        slopes: FloatArray = np.linalg.solve(self.design_products, self.products)
        return slopes

    def regress(self, mixing: FloatArray, dtype: np.dtype[Any]) -> Regression:
        """Return the regression on another basis of the same columns.

        Parameters
        ----------
        mixing : ndarray of shape (k, p - 1)
            The basis without its constant, as combinations of the centred design columns.
        dtype : numpy dtype
            Precision of the result.

        Returns
        -------
        Regression
            What `fit_regression` would have found on these people.
        """
        loadings = np.vstack([np.zeros(len(self.feature_mean)), mixing.T @ self.products])
        rest = np.maximum(self.feature_squares - np.square(loadings).sum(axis=0), 0.0)
        spread = np.sqrt(rest / (self.n - len(loadings)))
        determined = np.zeros(len(spread), dtype=bool)
        regression = Regression(self.feature_mean, loadings, spread, determined, self.n).astype(dtype)
        zero_spread(regression)
        return regression


def collect_statistics(
    features: FeatureColumns | FloatArray, design: FloatArray, groups: Sequence[npt.NDArray[np.intp]]
) -> list[NormalStatistics]:
    """Collect the statistics of several groups of people in one pass over the features.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        float32 or float64; finite for the people of the groups.
    design : ndarray of shape (n_people, k)
        Design columns without the constant.
    groups : sequence of ndarray of int
        Rows of each group; groups may overlap.

    Returns
    -------
    list of NormalStatistics
        One a group.
    """
    columns = features if isinstance(features, FeatureColumns) else FeatureColumns.of_array(features)
    m, k = columns.shape[1], design.shape[1]
    collected = []
    centred = []
    for rows in groups:
        mean = design[rows].mean(axis=0) if len(rows) else np.zeros(k)
        own = design[rows] - mean
        centred.append(own)
        collected.append(
            NormalStatistics(len(rows), mean, np.zeros(m), own.T @ own, np.zeros((k, m)), np.zeros(m))
        )
    width = block_width(max(len(rows) for rows in groups), 8)
    for first, piece in columns.pieces(width):
        for left in range(0, piece.shape[1], width):
            block = piece[:, left : left + width]
            part = slice(first + left, first + left + block.shape[1])
            for rows, own, statistics in zip(groups, centred, collected, strict=True):
                if len(rows) == 0:
                    continue
                values = gather(block, rows).astype(np.float64)
                columns.refuse_unfinite(values, part.start, rows)
                statistics.feature_mean[part] = values.mean(axis=0)
                values -= statistics.feature_mean[part]
                statistics.products[:, part] = own.T @ values
                statistics.feature_squares[part] = np.einsum("ij,ij->j", values, values)
    return collected


def regress_folds(
    features: FeatureColumns | FloatArray,
    design: FloatArray,
    normals: npt.NDArray[np.intp],
    folds: Sequence[tuple[npt.NDArray[np.intp], FloatArray]],
) -> list[Regression | None]:
    """Regress the features of every fold's normals, reading the features once.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        Everybody's features.
    design : ndarray of shape (n_people, k)
        Design columns of everybody, without the constant.
    normals : ndarray of int
        Rows of all normals.
    folds : sequence of (ndarray of int, ndarray of shape (len(rows), p))
        The normals of each fold's training part, and their orthonormal basis.

    Returns
    -------
    list of Regression or None
        One a fold; None where the fold's basis is no combination of the design columns, as with knots of its
        own, so that it must be fitted by itself.
    """
    columns = features if isinstance(features, FeatureColumns) else FeatureColumns.of_array(features)
    outside = [np.setdiff1d(normals, rows) for rows, _ in folds]
    whole, *parts = collect_statistics(columns, design, [normals, *outside])
    regressions: list[Regression | None] = []
    for (rows, basis), part in zip(folds, parts, strict=True):
        own = design[rows] - design[rows].mean(axis=0)
        mixing = np.linalg.lstsq(own, basis[:, 1:])[0]
        subset = len(rows) + part.n == whole.n
        if not subset or np.abs(own @ mixing - basis[:, 1:]).max(initial=0.0) > _SAME_SPAN:
            regressions.append(None)
        else:
            rest = whole - part if part.n else whole
            regression = rest.regress(mixing, columns.dtype)
            _fit_again(regression, rest, columns, rows, basis)
            regressions.append(regression)
    return regressions


def _fit_again(
    regression: Regression,
    statistics: NormalStatistics,
    columns: FeatureColumns,
    rows: npt.NDArray[np.intp],
    basis: FloatArray,
) -> None:
    """Fit those features directly of which demographics leave so little that the difference loses digits."""
    left = np.square(regression.spread, dtype=np.float64) * regression.degrees_of_freedom
    doubtful = np.flatnonzero(regression.determined | (left <= _CANCELLED * statistics.feature_squares))
    if len(doubtful) == 0:
        return
    again = fit_regression(columns.features(doubtful), People(basis), rows)
    regression.center[doubtful] = again.center
    regression.loadings[:, doubtful] = again.loadings
    regression.spread[doubtful] = again.spread
    regression.determined[doubtful] = again.determined
