"""Least squares of many features on few demographics, in blocks, at the features' own precision.

Pure functions of arrays. The design is turned once into an orthonormal basis in float64; in it a person is a
row of ``p`` coordinates, a feature is ``p`` loadings, and a person's leverage is the squared length of the
row, so that what is left for 300,000 features is two thin matrix products. With T the coordinates, c a
feature's mean over the normals and B its loadings::

    expected = c + T B        residual = x - expected        s^2 = RSS / (n - p)
    W = residual / (s sqrt(1 + leverage))

W is the standardized prediction error of a new person (Draper & Smith 1998, *Applied Regression Analysis*,
section 3.1), the W-score of Jack et al. (1997, Neurology 49:786-794) and La Joie et al. (2012, J Neurosci
32:16265-16273) with the error of the expectation taken in. Among normal people it follows Student's t with
n - p degrees of freedom.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.chunks import Pass, RowChunk, zero_spread
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.regression_model import (
    People,
    Regression,
    reciprocal,
)
from normwise.normalize.variance import LogVariance

__all__ = ["Scale", "fit_regression", "fit_standardize", "standardize"]

Scale = Literal["w", "residual"]


def fit_regression(
    features: FeatureColumns | FloatArray, normals: People, rows: npt.NDArray[np.intp] | None = None
) -> Regression:
    """Regress every feature on the demographics of the normals.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        float32 or float64, in either memory order, or memory-mapped; only the normals' rows are used.
    normals : People
        The normals' coordinates, whose basis is orthonormal over them.
    rows : ndarray of int, optional
        Which rows of ``features`` are the normals; default: all of them.

    Returns
    -------
    Regression
        At the features' precision.

    Raises
    ------
    NormalizerError
        NRM-113, a normal's feature is NaN or infinite.

    Examples
    --------
    >>> from normwise.normalize.people import inverse_triangle
    >>> age = np.array([40.0, 50.0, 60.0, 70.0])
    >>> design = np.column_stack([np.ones(4), (age - 55) / 10])
    >>> normals = People(design @ inverse_triangle(design))
    >>> fit = fit_regression(np.array([[3.0], [5.0], [6.0], [6.5]]), normals)
    >>> fit.expected(normals).ravel().round(3)
    array([3.4 , 4.55, 5.7 , 6.85])
    """
    columns = _columns(features)
    rows = np.arange(columns.shape[0]) if rows is None else rows
    regression = _unfitted(columns, normals)
    walk = Pass(columns, len(normals))
    strip = RowChunk.of(normals, slice(None), columns.dtype)
    with _quiet():
        for part, block in walk.blocks():
            walk.fit(part, block, rows, strip, regression[part])
    zero_spread(regression)
    return regression


def standardize(
    regression: Regression,
    features: FeatureColumns | FloatArray,
    people: People,
    *,
    scale: Scale = "w",
    out: FloatArray | None = None,
) -> FloatArray:
    """Return how far each person departs from what is normal for them.

    Parameters
    ----------
    regression : Regression
        What `fit_regression` learnt.
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        At the regression's precision.
    people : People
        Coordinates of these people.
    scale : {"w", "residual"}
        W-scores, or residuals in the feature's own unit.
    out : ndarray of shape (n_people, n_features), optional
        Where to write: a memory map for a matrix larger than memory, or ``features`` itself.

    Returns
    -------
    ndarray of shape (n_people, n_features)
        At the features' precision and in their memory order. A feature that demographics determine among
        the normals is measured in standard deviations of the feature itself; one that does not vary scores 0.

    Raises
    ------
    NormalizerError
        NRM-113, a feature is NaN or infinite, or its departure is too large for the precision.
    """
    columns = _columns(features)
    result = np.empty(columns.shape, columns.dtype, order=columns.order) if out is None else out
    walk = Pass(columns, regression.n_people)
    strips = walk.strips(people)
    inverse = reciprocal(regression.spread)
    with _quiet():
        for part, block in walk.blocks():
            factors = inverse[part] if scale == "w" else None
            walk.standardize(part, block, strips, regression[part], factors, result[:, part])
    return result


def fit_standardize(
    features: FeatureColumns | FloatArray,
    people: People,
    rows: npt.NDArray[np.intp],
    *,
    scale: Scale = "w",
    out: FloatArray | None = None,
) -> tuple[Regression, FloatArray]:
    """Fit on the normals and standardize everybody, reading each feature once.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        Everybody's features.
    people : People
        Everybody's coordinates.
    rows : ndarray of int
        Which rows are the normals, ascending.
    scale : {"w", "residual"}
        W-scores, or residuals.
    out : ndarray of shape (n_people, n_features), optional
        Where to write; it shares no memory with the features.

    Returns
    -------
    Regression, ndarray of shape (n_people, n_features)
        Those of `fit_regression` and `standardize`, bit for bit.

    Raises
    ------
    NormalizerError
        NRM-113, a feature is NaN or infinite.
    """
    columns = _columns(features)
    normals = people[rows]
    regression = _unfitted(columns, normals)
    result = np.empty(columns.shape, columns.dtype, order=columns.order) if out is None else out
    walk = Pass(columns, len(normals))
    strip = RowChunk.of(normals, slice(None), columns.dtype)
    scaled = scale == "w"
    with _quiet():
        if len(rows) == len(people):
            for part, block in walk.blocks():
                walk.fit_and_write(part, block, strip, regression[part], result[:, part], scaled=scaled)
            replaced = zero_spread(regression)
            if scaled and len(replaced):
                few = columns.features(replaced)
                result[:, replaced] = standardize(regression[replaced], few, people)
            return regression, result
        strips = walk.strips(people)
        for part, block in walk.blocks():
            fitted = regression[part]
            walk.fit(part, block, rows, strip, fitted)
            zero_spread(fitted)
            factors = reciprocal(fitted.spread) if scaled else None
            walk.standardize(part, block, strips, fitted, factors, result[:, part])
    return regression, result


def _quiet() -> np.errstate:
    # What is not finite is refused by name; numpy need not speak of it as well.
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _columns(features: FeatureColumns | FloatArray) -> FeatureColumns:
    return features if isinstance(features, FeatureColumns) else FeatureColumns.of_array(features)


def _unfitted(columns: FeatureColumns, normals: People) -> Regression:
    m, dtype = columns.shape[1], columns.dtype
    variance = None
    if normals.variance_basis is not None:
        q = normals.variance_basis.shape[1]
        variance = LogVariance(np.empty((q, m)), np.empty(m), np.empty(m))
    loadings = np.empty((normals.basis.shape[1], m), dtype)
    spread, determined = np.empty(m, dtype), np.zeros(m, dtype=bool)
    return Regression(np.empty(m, dtype), loadings, spread, determined, len(normals), variance)
