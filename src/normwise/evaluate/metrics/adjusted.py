"""Covariate-adjusted area under the ROC curve: a patient's place among normals of the same demographics.

With patients who are older than the normals, a score that follows age has an AUC without knowing anything of
the disease. The adjusted area compares each patient with the normals of the patient's own demographics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from normwise.evaluate.metrics.ranking import Contrast, area_influence, influence_of, pairs_of
from normwise.evaluate.out_of_fold import Floats, OutOfFold

__all__ = ["DEMOGRAPHIC", "EDGE", "Covariates", "adjusted_area", "fold_scales", "pair_scores"]

Names = NDArray[np.object_]
Flags = NDArray[np.bool_]
_Block = tuple[NDArray[np.intp], NDArray[np.intp], Floats]

DEMOGRAPHIC = "demographic_"
"""Begins the name of a demographic's column in ``predictions.tsv``."""

EDGE = 1e-6  # a forest's 0 and 1 have no log-odds
_DEPENDENT = 1e-10  # an eigenvalue so small beside the largest: others determine this direction
_DIGITS = 9  # of a score in units of its spread
_SPARE = 2  # normals beyond the parameters, a mean of each fold among them; else there is no regression


@dataclass(frozen=True)
class Covariates:
    """The demographics of each scan.

    Attributes
    ----------
    numbers : mapping of str to ndarray of shape (n_scans,)
        Numeric ones.
    categories : mapping of str to ndarray of shape (n_scans,)
        Levels of the others, as text.
    """

    numbers: Mapping[str, Floats] = field(default_factory=dict)
    categories: Mapping[str, Names] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.numbers or self.categories)

    def take(self, rows: NDArray[np.intp]) -> Covariates:
        """Return those of some scans."""
        return Covariates(
            {name: values[rows] for name, values in self.numbers.items()},
            {name: values[rows] for name, values in self.categories.items()},
        )

    def with_others(self, other: Covariates) -> Covariates:
        """Add the demographics that another study knows of the same scans."""
        own = {*self.numbers, *self.categories}
        numbers = {name: values for name, values in other.numbers.items() if name not in own}
        categories = {name: values for name, values in other.categories.items() if name not in own}
        return Covariates({**self.numbers, **numbers}, {**self.categories, **categories})

    def design(self, normal: Flags) -> tuple[Floats, Flags]:
        """Return the columns of a regression on the demographics, and who can be placed by it.

        A number is a line, in the normals' SD; a category is a column a level but the first. Nobody can be
        placed whose value is missing or who has a level that no normal has.

        Parameters
        ----------
        normal : ndarray of bool of shape (n_scans,)
            Whom the regression is about.

        Examples
        --------
        >>> age, sex = np.array([60.0, 80, 90]), np.array(["F", "M", "X"], dtype=object)
        >>> columns, placed = Covariates({"age": age}, {"sex": sex}).design(np.array([True, True, False]))
        >>> columns.tolist()
        [[-1.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
        >>> placed.tolist()
        [True, True, False]
        """
        columns, placed = [], np.ones(len(normal), dtype=bool)
        for values in self.numbers.values():
            known = np.isfinite(values)
            inside = values[normal & known]
            middle, size = (inside.mean(), inside.std()) if len(inside) else (0.0, 0.0)
            placed &= known if size > 0 else values == middle
            columns.append(np.where(known, values - middle, 0.0) / (size or 1.0))
        for texts in self.categories.values():
            levels = np.unique(texts[normal].astype(str))
            placed &= np.isin(texts.astype(str), levels)
            columns += [(texts == level).astype(float) for level in levels[1:]]
        return np.stack(columns, axis=1) if columns else np.empty((len(normal), 0)), placed


def adjusted_area(scores: OutOfFold, covariates: Covariates) -> tuple[float, Floats]:
    """Return the covariate-adjusted AUC and each scan's influence on it.

    AAUC = P(S − β'x > S₀ − β'x₀), the mean over patients of the share of normals' residuals that theirs
    exceeds: their placement among normals of the same demographics x (Janes and Pepe 2009, equations 2 and
    6, with the location model S₀ = α + β'x₀ + ε of their section 3.2 and the residuals' empirical
    distribution). S is the log-odds of patient against the negative class, "normals" are that class,
    out of fold. α and the scale of S are each fold's own, because each fold has another model; β is common,
    and only people of the same fold are compared, as in `auc`. Scores are scaled by their spread within the
    classes of the fold. With more than two classes the area is the mean over each class against the negative
    one. Without demographics it is the AUC.

    The influence of a normal person has a part through β: its influence on β, residual by leverage (the
    jackknife's), times the slope of the area over β, taken between one standard error below and above.

    Parameters
    ----------
    scores : OutOfFold
        Predictions of one arm.
    covariates : Covariates
        Of the same scans.

    Returns
    -------
    tuple of float and ndarray of shape (n_scans,)
        The area, NaN where it is not defined, and influences.

    References
    ----------
    Janes H, Pepe MS (2009). Adjusting for covariate effects on classification accuracy using the
    covariate-adjusted receiver operating characteristic curve. Biometrika 96:371-382.
    """
    if not covariates:
        return area_influence(scores)
    found = []
    below = scores.rows(scores.negative)
    normal = np.isin(np.arange(len(scores.labels)), below)
    columns, placed = covariates.design(normal)
    for name in scores.classes:
        if name != scores.negative:
            score = np.where(placed, pair_scores(scores, name), np.nan)
            found.append(_adjusted(scores, (scores.rows(name), below, score), columns))
    return float(np.mean([area for area, _ in found])), np.mean([part for _, part in found], axis=0)


def pair_scores(scores: OutOfFold, name: str) -> Floats:
    """Return the log-odds of a class against the negative one, of shape (n_repeats, n_scans)."""
    own = scores.probabilities[:, :, scores.classes.index(name)]
    other = scores.probabilities[:, :, scores.classes.index(scores.negative)]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = own if len(scores.classes) == 2 else own / (own + other)
    log_odds: Floats = logit(np.clip(share, EDGE, 1.0 - EDGE))
    return log_odds


def fold_scales(blocks: list[_Block]) -> list[float]:
    """Return the spread of the scores within the classes of each block; 1 where there is none."""
    scales = []
    for up, down, score in blocks:
        inside = sum(
            float(((score[rows] - score[rows].mean()) ** 2).sum()) for rows in (up, down) if len(rows)
        )
        scales.append(np.sqrt(inside / max(1, len(up) + len(down) - 2)) or 1.0)
    return scales


def _adjusted(scores: OutOfFold, contrast: Contrast, columns: Floats) -> tuple[float, Floats]:
    """Return the adjusted area of one contrast, and the influences."""
    n_scans = len(scores.labels)
    raw = list(pairs_of(scores, contrast))
    blocks = [
        (up, down, score / scale) for (up, down, score), scale in zip(raw, fold_scales(raw), strict=True)
    ]
    if not blocks:
        return np.nan, np.zeros(n_scans)
    normals = np.concatenate([down for _, down, _ in blocks])
    # Each fold has a mean of its own, and every repeat has the same people.
    free = len(set(normals)) * (1.0 - len(blocks) / len(normals))
    if free < columns.shape[1] + _SPARE:
        return np.nan, np.zeros(n_scans)
    inside = np.concatenate([columns[down] - columns[down].mean(axis=0) for _, down, _ in blocks])
    values = np.concatenate([score[down] - score[down].mean() for _, down, score in blocks])
    size, axes = np.linalg.eigh(inside.T @ inside)
    kept = size > _DEPENDENT * size.max(initial=1.0)
    basis = axes[:, kept] / np.sqrt(size[kept])
    people = columns @ basis
    cells = inside @ basis  # orthonormal columns

    def area_at(slopes: Floats) -> tuple[float, Floats]:
        expected = people @ slopes
        # What the demographics determine is a tie, but for rounding.
        left = ((up, down, np.round(score - expected, _DIGITS)) for up, down, score in blocks)
        return influence_of(left, n_scans)

    slopes = cells.T @ values
    area, influence = area_at(slopes)
    # The share that a scan and the mean of its fold have in their own fit.
    leverage = np.bincount(normals, weights=(cells**2).sum(axis=1), minlength=n_scans)[normals]
    leverage += np.concatenate([np.full(len(down), 1.0 / len(down)) for _, down, _ in blocks])
    residual = (values - cells @ slopes) / np.maximum(1.0 - leverage, 1.0 / len(normals))
    on_slopes = np.zeros((n_scans, len(slopes)))
    np.add.at(on_slopes, normals, cells * residual[:, None])
    for column, step in enumerate(np.sqrt((on_slopes**2).sum(axis=0))):
        if step > 0:
            shift = step * np.eye(len(slopes))[column]
            gradient = (area_at(slopes + shift)[0] - area_at(slopes - shift)[0]) / (2.0 * step)
            influence = influence + gradient * on_slopes[:, column]
    return area, influence
