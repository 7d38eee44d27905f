"""Natural cubic splines of a numeric demographic, linear beyond the outer knots."""

from __future__ import annotations

import numpy as np

from normwise.normalize.blocks import FloatArray

__all__ = ["choose_knots", "natural_spline"]

_LEVELS = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def choose_knots(values: FloatArray) -> tuple[float, ...]:
    """Return knots at quantiles of the normals.

    Harrell (2001), *Regression Modeling Strategies*, table 2.3: five knots from 100 people, four from 30,
    otherwise three, at fixed quantiles.

    Parameters
    ----------
    values : ndarray of shape (n_people,)
        The normals' values.

    Returns
    -------
    tuple of float
        Ascending, no more than there are distinct values; empty where those or their quantiles are fewer
        than three, since a line is then all that they can tell.

    Examples
    --------
    >>> [round(knot, 1) for knot in choose_knots(np.linspace(20, 90, 71))]
    [23.5, 44.5, 65.5, 86.5]
    >>> choose_knots(np.array([0.0, 1.0] * 20))
    ()
    """
    wanted = 5 if len(values) >= 100 else 4 if len(values) >= 30 else 3
    distinct = len(np.unique(values))
    if distinct < 3:
        return ()
    knots = np.unique(np.quantile(values, _LEVELS[min(wanted, distinct)]))
    return tuple(float(knot) for knot in knots) if len(knots) >= 3 else ()


def natural_spline(values: FloatArray, knots: tuple[float, ...]) -> FloatArray:
    """Return the non-linear columns of a natural cubic spline, in the unit of the values.

    Harrell (2001), equation 2.25, divided by the squared distance of the outer knots; the values themselves
    are the linear column.

    Parameters
    ----------
    values : ndarray of shape (n_people,)
        The demographic.
    knots : tuple of float
        At least three, ascending.

    Returns
    -------
    ndarray of shape (n_people, len(knots) - 2)
        Zero below the first knot and linear above the last.

    Examples
    --------
    >>> natural_spline(np.array([40.0, 50.0, 60.0, 70.0, 80.0]), (50.0, 60.0, 70.0)).ravel()
    array([ 0. ,  0. ,  2.5, 15. , 30. ])
    """
    values = np.asarray(values, dtype=np.float64)
    first, *inner, before, last = knots
    above = {knot: np.maximum(values - knot, 0.0) for knot in knots}
    cubes = {knot: excess * excess * excess for knot, excess in above.items()}
    columns = [
        cubes[knot]
        - cubes[before] * (last - knot) / (last - before)
        + cubes[last] * (before - knot) / (last - before)
        for knot in (first, *inner)
    ]
    return np.stack(columns, axis=1) / (last - first) ** 2
