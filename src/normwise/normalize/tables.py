"""Departures, expected values and coefficients of the regression as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.blocked.regression import People, Regression, reciprocal
from normwise.normalize.design import Design

__all__ = ["coefficient_table", "departure_table", "expectation_table"]


def departure_table(
    index: pd.Index, names: Sequence[str], values: FloatArray, people: People, regression: Regression
) -> pd.DataFrame:
    """Return value, expected, residual, W-score and centile of every person and feature.

    Parameters
    ----------
    index : Index
        Ids of the people.
    names : sequence of str
        Names of the features.
    values : ndarray of shape (n_people, n_features)
        What was measured.
    people : People
        Coordinates of the people.
    regression : Regression
        Of these features.

    Returns
    -------
    DataFrame
        One row a person and feature, person by person. ``centile`` is the share of normal people of these
        demographics, in percent, who lie below: Student's t with n - p degrees of freedom, or the normal
        distribution where the feature's tails are transformed.
    """
    expected = regression.expected(people)
    residual = values - expected
    w = residual * regression.inverse_deviation(people)
    centile = 100.0 * stdtr(regression.degrees_of_freedom, w.astype(np.float64))
    if regression.tails is not None:
        changed = regression.tails.changed
        w[:, changed] = regression.tails[changed].apply(w[:, changed])
        centile[:, changed] = 100.0 * ndtr(w[:, changed].astype(np.float64))
    return pd.DataFrame(
        {
            "feature": np.tile(np.array(names, dtype=object), len(index)),
            "value": values.ravel(),
            "expected": expected.ravel(),
            "residual": residual.ravel(),
            "w": w.ravel(),
            "centile": centile.ravel(),
        },
        index=index.repeat(len(names)),
    )


def expectation_table(
    index: pd.Index, names: Sequence[str], people: People, regression: Regression, centiles: Sequence[float]
) -> pd.DataFrame:
    """Return what is normal for people of given demographics, and the centiles of the normal group.

    Parameters
    ----------
    index : Index
        Ids of the people, or of the points of a grid.
    names : sequence of str
        Names of the features.
    people : People
        Their coordinates.
    regression : Regression
        Of these features.
    centiles : sequence of float
        In percent, as ``(5, 95)``.

    Returns
    -------
    DataFrame
        One row a person and feature, person by person; columns ``feature``, ``expected`` and one a centile,
        ``centile_5``. A feature in which the normals do not vary has its one value everywhere.
    """
    expected = regression.expected(people).astype(np.float64)
    deviation = reciprocal(regression.inverse_deviation(people).astype(np.float64))
    columns = {"feature": np.tile(np.array(names, dtype=object), len(index)), "expected": expected.ravel()}
    for centile in centiles:
        bound = np.full(len(names), stdtrit(regression.degrees_of_freedom, centile / 100.0))
        if regression.tails is not None:
            transformed = regression.tails.invert(np.full(len(names), ndtri(centile / 100.0)))
            bound = np.where(regression.tails.changed, transformed, bound)
        columns[f"centile_{centile:g}"] = (expected + bound * deviation).ravel()
    return pd.DataFrame(columns, index=index.repeat(len(names)))


def coefficient_table(names: Sequence[str], design: Design, regression: Regression) -> pd.DataFrame:
    """Return the regression in the units of features and demographics.

    Parameters
    ----------
    names : sequence of str
        Names of the features.
    design : Design
        Names and units of the columns.
    regression : Regression
        Of these features.

    Returns
    -------
    DataFrame
        One row a feature: ``constant``, one column a design column (the feature's unit over the column's),
        and ``spread``, the residual standard deviation s.
    """
    standard = design.inverse @ regression.loadings.astype(np.float64)
    slopes = standard[1:] / design.size[:, None]
    constant = regression.center + standard[0] - design.center @ slopes
    table = pd.DataFrame(np.vstack([constant, slopes]).T, columns=["constant", *design.names])
    table["spread"] = regression.spread.astype(np.float64)
    return table.set_axis(list(names), axis="index")
