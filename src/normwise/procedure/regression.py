"""Fit the prediction of a number on training people: tune, fit, and learn from inner folds how far it errs.

The out-of-fold predictions of the training people serve three ends: the setting of the least mean absolute
error, the half width of prediction intervals, and the line by which the gap (predicted − true) of normal
people follows the true value. The line is regression to the mean: a prediction from features that say little
stays near the mean, so that the old are predicted too young and the young too old.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from normwise.errors import NormwiseWarning
from normwise.procedure.candidates import candidates_of, choose_candidate
from normwise.procedure.folds import Fold, draw_folds, draw_repeats, seed_for
from normwise.procedure.pipeline import arm_frame, looks_at_images, make_preprocessing
from normwise.procedure.preprocessing import (
    FittedSteps,
    Preprocessing,
    SharedFits,
    encodable_rows,
    prepare_features,
)
from normwise.results import Note, notes_of
from normwise.schema import EvaluationSection, Roles, Study

__all__ = ["LEVELS", "FittedRegression", "GapLine", "RegressionFitter", "draw_target_repeats", "half_width"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
Rows = NDArray[np.intp]

LEVELS = (0.8, 0.9)
"""Coverage of the prediction intervals."""

_EVERYBODY = "everybody"
_MOST_BINS = 10  # of the target, among which people are spread over the folds
_FEWEST_NORMALS = 10  # whose line says how the gap follows the number


@dataclass(frozen=True)
class GapLine:
    """How the gap (predicted − true) of normal people follows the true value.

    Attributes
    ----------
    intercept, slope : float
        Of the least-squares line.
    people : int
        Normal scans it was fitted on.

    Examples
    --------
    >>> line = GapLine.fit(np.array([5.0, 0.0, -5.0]), np.array([60.0, 70.0, 80.0]))
    >>> round(line.slope, 6), line.correct(np.array([-5.0]), np.array([80.0])).round(6).tolist()
    (-0.5, [0.0])
    """

    intercept: float
    slope: float
    people: int

    @classmethod
    def fit(cls, gaps: Floats, values: Floats) -> GapLine:
        """Fit the line; it is flat where the values do not differ, and zero without anybody.

        Parameters
        ----------
        gaps, values : ndarray of shape (n_scans,)
            Predicted − true, and true, of normal people who were not trained on.
        """
        if not len(gaps):
            return cls(0.0, 0.0, 0)
        mean, spread = float(values.mean()), float(((values - values.mean()) ** 2).sum())
        # The mean of equal numbers may be off by rounding, so that their spread is not quite 0.
        slope = float(((values - mean) * gaps).sum() / spread) if np.ptp(values) > 0.0 else 0.0
        return cls(float(gaps.mean()) - slope * mean, slope, len(gaps))

    def correct(self, gaps: Floats, values: Floats) -> Floats:
        """Return the gaps less what is normal at these true values."""
        return np.asarray(gaps - self.intercept - self.slope * values)


@dataclass(frozen=True, repr=False)
class FittedRegression(FittedSteps):
    """The steps and the regressor, fitted on one set of training people, with how far they err.

    Attributes
    ----------
    pipeline, roles, arm
        As of `FittedSteps`; the last step is the regressor.
    half_widths : tuple of float
        Of the prediction intervals, one a level of `LEVELS`; infinite where people are too few.
    gap : GapLine
        Of the training normals, out of fold.
    lowest, highest : float
        The range of the training people's numbers.
    setting : dict
        The regressor's tuned settings; its name too, where it was chosen.
    inner_loss : float
        Mean absolute error of that setting, out of fold.
    notes : tuple of Note
        Warnings of the fit, each once.
    """

    half_widths: tuple[float, ...]
    gap: GapLine
    lowest: float
    highest: float
    setting: dict[str, Any]
    inner_loss: float
    notes: tuple[Note, ...]

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return predictions of shape (n_scans,); NaN where demographics or site can't be computed with."""
        frame = arm_frame(X, self.roles, self.arm)
        known = encodable_rows(self.pipeline, frame)
        values = np.full(len(frame), np.nan)
        if known.any():
            values[known] = self.pipeline.predict(frame[known])
        return values

    def is_beyond(self, predicted: Floats) -> NDArray[np.bool_]:
        """Tell which predictions lie beyond the range of the training people's numbers."""
        return np.asarray((predicted < self.lowest) | (predicted > self.highest))


def half_width(errors: Floats, level: float, people: Names | None = None) -> float:
    """Return the half width of an interval that holds a new person's number with at least this probability.

    The k-th smallest of the n absolute errors with k = ⌈(n + 1) · level⌉ (split conformal prediction: Lei,
    G'Sell, Rinaldo, Tibshirani and Wasserman 2018, section 2.2). The errors are those of the inner folds,
    each by a regressor that was not trained on the person (cross-conformal prediction: Vovk 2015), so that
    nobody has to be set aside; these regressors are trained on fewer people than the last one, which makes
    intervals a little wide. Errors of one person are alike: n counts people, and each of a person's m scans
    is the m-th part of one (Lee, Barber and Willett 2023).

    Parameters
    ----------
    errors : ndarray of shape (n_scans,)
        True − predicted, out of fold.
    level : float
        Coverage.
    people : ndarray of shape (n_scans,), optional
        The person of each scan; default: each is another one.

    Returns
    -------
    float
        Infinite with fewer than level / (1 − level) people.

    Examples
    --------
    >>> half_width(np.arange(1.0, 10.0), 0.9), half_width(np.arange(1.0, 9.0), 0.9)
    (9.0, inf)
    >>> half_width(np.arange(1.0, 10.0), 0.9, np.array(["one"] * 2 + list("abcdefg"), dtype=object))
    inf
    """
    if not len(errors):
        return float("inf")
    names = np.arange(len(errors)) if people is None else people.astype(str)
    _, person_of, scans = np.unique(names, return_inverse=True, return_counts=True)
    order = np.argsort(np.abs(errors), kind="stable")
    below = np.cumsum(1.0 / scans[person_of[order]])
    # The small number keeps (n + 1) · level from rising just above a whole number by rounding.
    rank = int(np.searchsorted(below, (len(scans) + 1) * level - 1e-9))
    return float(np.abs(errors[order[rank]])) if rank < len(order) else float("inf")


def draw_target_repeats(
    section: EvaluationSection, values: Floats, labels: Names, groups: Names, keys: Names | None = None
) -> list[list[Fold]]:
    """Draw the outer folds of an evaluation, one list a repeat.

    Random folds are stratified by the target, and by who is normal where these people are enough.

    Parameters
    ----------
    section : EvaluationSection
        Split, folds, repeats and seed.
    values : ndarray of shape (n_scans,)
        The numbers.
    labels, groups : ndarray of shape (n_scans,)
        Who is normal, and the person of each scan.
    keys : ndarray of shape (n_scans,), optional
        Site or group of each scan, where the split asks for it.

    Raises
    ------
    ProcedureError
        PRC-101, PRC-111 or PRC-112 where the people can't be split so; PRC-113 where the split needs a column
        that the study does not name.
    """
    if section.split != "kfold":
        alike = np.full(len(values), _EVERYBODY, dtype=object)
        return draw_repeats(section, alike, groups, (_EVERYBODY,), keys)
    return [
        _draw(values, labels, groups, folds=section.folds, seed=seed_for(section.seed, repeat))
        for repeat in range(section.repeats)
    ]


def _draw(values: Floats, labels: Names, groups: Names, *, folds: int, seed: int) -> list[Fold]:
    strata = _strata(values, labels, groups, folds)
    return draw_folds(strata, groups, tuple(dict.fromkeys(strata)), folds=folds, seed=seed)


def _strata(values: Floats, labels: Names, groups: Names, folds: int) -> Names:
    """Return the stratum of each scan, that of its person: bins of the target, two people a fold or more."""
    people, first, person_of = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    means = np.bincount(person_of, weights=values) / np.bincount(person_of)
    kinds = labels[first].astype(str)
    if min(np.unique(kinds, return_counts=True)[1]) < 2 * folds:
        kinds = np.full(len(people), _EVERYBODY)
    strata = np.empty(len(people), dtype=object)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        bins = int(np.clip(len(members) // (2 * folds), 1, _MOST_BINS))
        for place, part in enumerate(
            np.array_split(members[np.argsort(means[members], kind="stable")], bins)
        ):
            strata[part] = kind if bins == 1 else f"{kind}, part {place + 1} of {bins}"
    return np.asarray(strata[person_of], dtype=object)


class RegressionFitter:
    """One arm of a study of a number, tuned and fitted on any rows of one frame.

    Parameters
    ----------
    study, roles : Study, Roles
        What to fit and on which columns.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics, and the site where sites are harmonized.
    arm : str
        A key of `normwise.procedure.ARMS`.
    """

    def __init__(self, study: Study, roles: Roles, X: pd.DataFrame, arm: str) -> None:
        self.study, self.roles, self.arm = study, roles, arm
        self._frame = arm_frame(X, roles, arm)
        self._prepared = prepare_features(make_preprocessing(study, roles, arm, 0), self._frame)

    def fit(
        self,
        values: Floats,
        labels: Names,
        groups: Names,
        train: Rows,
        *,
        seed: int,
        shared: SharedFits | None = None,
    ) -> FittedRegression:
        """Tune and fit on the training rows alone.

        Parameters
        ----------
        values : ndarray of shape (n_scans,)
            The number of each scan of the frame.
        labels, groups : ndarray of shape (n_scans,)
            Who is normal, and the person of each scan.
        train : ndarray of int
            The training rows.
        seed : int
            Seed of the inner folds and of the regressor.
        shared : SharedFits, optional
            What other arms have fitted on the very same rows.

        Raises
        ------
        ProcedureError
            PRC-101 with fewer people than two.
        NormalizerError
            Where the normals of the training rows are no sound basis of the regression.
        ClassifierError
            CLS-112 where all training rows have one number.
        """
        preprocessing = Preprocessing(
            make_preprocessing(self.study, self.roles, self.arm, seed), self._frame, self._prepared, shared,
            named=looks_at_images(self.study),
        )  # fmt: skip
        candidates = candidates_of(self.study, seed, select=False)
        own, kinds = values[train], labels[train]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            wished = min(self.study.evaluation.inner_folds, len(set(groups[train])))
            folds = _draw(own, kinds, groups[train], folds=wished, seed=seed_for(seed, 1))
            tables = np.full((len(candidates.list()), len(train)), np.nan)
            for fold in folds:
                fitted, rows, usable = preprocessing.fit(
                    train[fold.train], kinds[fold.train], own[fold.train]
                )
                unseen, encodable = preprocessing.transform(fitted, train[fold.test])
                if not encodable.any():
                    continue
                models = (
                    model
                    for name, grid in candidates.grids.items()
                    for model in candidates.classifiers[name].fit_grid(rows, own[fold.train][usable], grid)
                )
                for table, model in zip(tables, models, strict=True):
                    table[fold.test[encodable]] = model.predict(unseen)
            known = np.isfinite(tables).all(axis=0)
            errors = np.abs(tables - own)
            by_fold = np.array(
                [[np.nanmean(row[fold.test]) for fold in folds if known[fold.test].any()] for row in errors]
            )
            best = choose_candidate(errors[:, known].mean(axis=1), by_fold, self.study.classifier.rule)
            name, count, setting = candidates.list()[best]
            fitted, rows, usable = preprocessing.fit(train, kinds, own)
            regressor = candidates.classifiers[name].fit_grid(rows, own[usable], [setting])[0]
            if lost := int((~usable).sum()):
                text = (
                    f"{lost} of {len(train)} training scans have demographics that nobody in the normal "
                    "group has; they do not train the regressor"
                )
                warnings.warn(NormwiseWarning("PRC-104", text, value=lost), stacklevel=2)
            gaps = tables[best] - own
            people, normal = groups[train], known & (kinds == self.roles.normal)
            widths = tuple(half_width(gaps[known], level, people[known]) for level in LEVELS)
            if np.isinf(widths).any():
                text = (
                    f"{len(set(people[known]))} training people are too few for prediction intervals of "
                    f"{LEVELS[int(np.isinf(widths).argmax())]:.0%}: they are unbounded"
                )
                warnings.warn(NormwiseWarning("PRC-309", text, value=len(set(people[known]))), stacklevel=2)
            if (count := len(set(people[normal]))) < _FEWEST_NORMALS:
                text = (
                    f"the gap is corrected by {count} normal training people, fewer than {_FEWEST_NORMALS}: "
                    "the corrected gap is uncertain"
                )
                warnings.warn(NormwiseWarning("PRC-310", text, value=count), stacklevel=2)
        return FittedRegression(
            pipeline=Pipeline([*fitted.steps, ("regress", regressor)]),
            roles=self.roles,
            arm=self.arm,
            half_widths=widths,
            gap=GapLine.fit(gaps[normal], own[normal]),
            lowest=float(own.min()),
            highest=float(own.max()),
            setting=candidates.describe(name, count, setting),
            inner_loss=float(errors[best, known].mean()),
            notes=tuple(dict.fromkeys(notes_of(caught))),
        )

    def predict(self, fitted: FittedRegression, rows: Rows) -> Floats:
        """Return what ``fitted.predict`` does for rows of the frame, without reading them again."""
        named = looks_at_images(self.study)
        preprocessing = Preprocessing(fitted.pipeline[:-1], self._frame, self._prepared, named=named)
        values, encodable = preprocessing.transform(fitted.pipeline, rows)
        predicted = np.full(len(rows), np.nan)
        if encodable.any():
            predicted[encodable] = fitted.pipeline.named_steps["regress"].predict(values)
        return predicted
