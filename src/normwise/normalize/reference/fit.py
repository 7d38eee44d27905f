"""The design and the regression that follow from sums: those of least squares on the people summed over."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.blocked.regression import Regression, replace_zero_spread
from normwise.normalize.design import (
    Category,
    Design,
    Number,
    column_titles,
    refuse_dependent,
    refuse_too_few,
)
from normwise.normalize.reference.sums import GRID, NormalSums, Title, raw_titles, scatter

__all__ = ["fit_sums", "moments"]

_DEPENDENT = 1e-6  # of normal equations; half the digits of a decomposition of the people's own columns
_POINTS = 9  # places of a range at which the leverage is looked at
_SLACK = 1.5  # demographics are hardly ever independent
_DETERMINED = 1e-12  # a share of a feature's variance this small beside rounding is nothing


def fit_sums(sums: NormalSums) -> tuple[Design, Regression]:
    """Return the design and the regression of every feature.

    Products about the means are exact whole numbers, divided once. The support is the range of each
    demographic, and a leverage not far beyond that of the farthest corner: the largest leverage of a person
    is no sum.

    Parameters
    ----------
    sums : NormalSums
        Of all normal people.

    Returns
    -------
    Design, Regression
        As `learn_design` and `fit_regression` on these people, up to rounding.

    Raises
    ------
    NormalizerError
        NRM-106 for too few people, NRM-107 for columns that others determine, NRM-402 for sums that no people
        have.
    """
    n, pairs = sums.n_people, sums.interactions
    raw = raw_titles(sums.parts, pairs)
    means_of = {
        title: int(total) / int(sums.design[0, 0]) for title, total in zip(raw, sums.design[0], strict=True)
    }
    parts = tuple(
        replace(part, mean=min(max(means_of[((part.name, part.name),)], part.low), part.high))
        if isinstance(part, Number)
        else part
        for part in sums.parts
    )
    titles = column_titles(parts, pairs)
    refuse_too_few(n, len(titles) + 1)
    own: dict[str, list[Title]] = {
        part.name: [((part.name, label),) for label in _labels(part)] for part in parts
    }
    means = np.array([means_of[title] for columns in own.values() for title in columns])
    change = _from_raw(raw, own, pairs, means_of)
    center, center_of_features, covariance, across, alone = _moments(sums, change)
    size = np.sqrt(np.maximum(np.diag(covariance), 0.0) / n)
    size = np.where(size <= 1e-12 * np.abs(center), 1.0, size)
    triangle = _triangle(covariance / np.outer(size, size), titles, n)
    inverse = np.triu(np.linalg.inv(triangle))
    loadings = np.vstack([np.zeros(len(alone)), inverse[1:, 1:].T @ (across / size[:, None])])
    rest = alone - np.square(loadings).sum(axis=0)
    if (rest < -1e-6 * alone - n * GRID**2).any():
        raise NormalizerError(
            "NRM-402",
            "the sums are of no people: demographics explain more of a feature than there is.",
            advice="do not use this file; ask for it again where it was made",
        )
    nothing = rest <= np.maximum(_DETERMINED * alone, n * GRID**2)
    spread = np.sqrt(np.where(nothing, 0.0, rest) / (n - len(inverse)))
    regression = Regression(center_of_features, loadings, spread, np.zeros(len(alone), dtype=bool), n)
    replace_zero_spread(regression)
    design = Design(parts, pairs, titles, means, center, size, inverse, (), None, 0.0, n)
    return replace(design, largest_leverage=_corner(design)), regression


def moments(
    sums: NormalSums, design: Design
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return what sums over some people say in the columns of a design of more people.

    Parameters
    ----------
    sums : NormalSums
        Of the design's demographics and levels.
    design : Design
        Made of sums.

    Returns
    -------
    tuple of ndarray
        Means of the columns and of the features; products about them of columns with columns, of columns with
        features, and of each feature with itself, times the number of people.
    """
    raw = raw_titles(design.parts, design.interactions)
    own: dict[str, list[Title]] = {
        part.name: [((part.name, label),) for label in _labels(part)] for part in design.parts
    }
    titles = [title for columns in own.values() for title in columns]
    means_of = dict(zip(titles, design.means.tolist(), strict=True))
    return _moments(sums, _from_raw(raw, own, design.interactions, means_of))


def _moments(
    sums: NormalSums, change: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    count = int(sums.design[0, 0])
    among, across, own = (np.asarray(each / (count << 48), dtype=np.float64) for each in scatter(sums))
    columns, features = (
        np.asarray(each[0] / count, dtype=np.float64) for each in (sums.design, sums.products)
    )
    return change @ columns, features, change @ among @ change.T, change @ across, own


def _labels(part: Number | Category) -> tuple[str, ...]:
    return part.levels[1:] if isinstance(part, Category) else part.columns


def _from_raw(
    raw: list[Title],
    own: dict[str, list[Title]],
    pairs: tuple[tuple[str, str], ...],
    means: dict[Title, float],
) -> FloatArray:
    """Return the design's columns, products about the means, as combinations of the sums' columns."""
    places = {title: place for place, title in enumerate(raw)}
    rows: list[dict[Title, float]] = [{title: 1.0} for columns in own.values() for title in columns]
    for first, second in pairs:
        for a in own[first]:
            rows += [
                {(*a, *b): 1.0, a: -means[b], b: -means[a], (): means[a] * means[b]} for b in own[second]
            ]
    change = np.zeros((len(rows), len(raw)))
    for row, weights in zip(change, rows, strict=True):
        for title, weight in weights.items():
            row[places[title]] = weight
    return change


def _triangle(correlations: FloatArray, titles: tuple[str, ...], n_people: int) -> FloatArray:
    """Return the triangle R of the design's QR decomposition, from its products R'R."""
    width = len(titles) + 1
    products = np.zeros((width, width))
    products[0, 0] = n_people
    products[1:, 1:] = correlations
    triangle = np.zeros((width, width))
    for j in range(width):
        if j:
            triangle[:j, j] = solve_triangular(triangle[:j, :j], products[:j, j], trans="T")
        triangle[j, j] = np.sqrt(max(products[j, j] - float(triangle[:j, j] @ triangle[:j, j]), 0.0))
        refuse_dependent(triangle[: j + 1, : j + 1], titles[:j], n_people, smallest=_DEPENDENT)
    return triangle


def _corner(design: Design) -> float:
    """Return the leverage up to which demographics lie inside together.

    Of each demographic, or each group of those that are multiplied, the largest leverage over its range is
    taken as if there were no other. Their sum is that of the farthest corner, if they were independent; a
    correlation of a third moves it by half.
    """
    n = design.n_people
    triangle = np.linalg.inv(design.inverse)
    products = triangle.T @ triangle
    widths = np.cumsum([0, *(len(_labels(part)) for part in design.parts)])
    names = [part.name for part in design.parts]
    sizes = dict(zip(names, np.diff(widths).tolist(), strict=True))
    owners = [place for place, name in enumerate(names) for _ in range(sizes[name])]
    owners += [
        names.index(first)
        for first, second in design.interactions
        for _ in range(sizes[first] * sizes[second])
    ]
    excess = 0.0
    for group in _groups(design):
        points = [_points(design.parts[place]) for place in group]
        rows = np.array(list(product(*(range(len(each)) for each in points))))
        own = np.tile(design.means, (len(rows), 1))
        for place, each, row in zip(group, points, rows.T, strict=True):
            own[:, widths[place] : widths[place + 1]] = each[row]
        columns = (design.place(own).basis @ triangle)[:, 1:]
        mine = np.flatnonzero([place in group for place in owners])
        if len(mine):
            part = np.linalg.solve(products[np.ix_(mine + 1, mine + 1)], columns[:, mine].T)
            excess += float(np.einsum("ij,ji->i", columns[:, mine], part).max())
    return 1.0 / n + _SLACK * excess


def _points(part: Number | Category) -> FloatArray:
    """Return a demographic's own columns over its range."""
    if isinstance(part, Category):
        levels: FloatArray = np.eye(len(part.levels))[:, 1:]
        return levels
    return part.terms(np.linspace(part.low, part.high, _POINTS))


def _groups(design: Design) -> list[list[int]]:
    """Return the places of demographics that are multiplied with each other, in groups."""
    groups = [[place] for place in range(len(design.parts))]
    names = [part.name for part in design.parts]
    for pair in design.interactions:
        joined = [group for group in groups if {names[place] for place in group} & set(pair)]
        groups = [group for group in groups if group not in joined]
        groups.append(sorted(place for group in joined for place in group))
    return groups
