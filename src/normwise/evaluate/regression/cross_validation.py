"""Repeated cross-validation of a number: every arm on the same folds, tuned inside each training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.engine import Progress, run_parts
from normwise.procedure import FittedRegression, Fold, RegressionFitter, SharedFits, main_arm, seed_for
from normwise.reprs import ShortRepr
from normwise.results import Note
from normwise.schema import Roles, Study

__all__ = ["NumberPredictions", "apply_regression", "cross_validate_number"]

Floats = NDArray[np.float64]
Names = NDArray[np.object_]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """One arm's predictions for some scans by one fitted regression, each of shape (n_scans, …)."""

    predicted: Floats
    half_widths: Floats
    corrected: Floats
    beyond: Flags
    reasons: Names
    setting: dict[str, Any]
    notes: tuple[Note, ...]


@dataclass(frozen=True, repr=False)
class NumberPredictions(ShortRepr):
    """Out-of-fold predictions of one arm, one row a repeat.

    Attributes
    ----------
    values : ndarray of shape (n_scans,)
        The true numbers.
    predicted, corrected : ndarray of shape (n_repeats, n_scans)
        What is predicted, and the gap without regression to the mean; NaN where there is no prediction.
    half_widths : ndarray of shape (n_repeats, n_scans, n_levels)
        Of the prediction intervals.
    beyond : ndarray of bool of shape (n_repeats, n_scans)
        Predictions beyond the range of the training people's numbers.
    reasons : ndarray of str of shape (n_repeats, n_scans)
        Why there is no prediction; empty where there is one.
    folds : ndarray of int of shape (n_repeats, n_scans)
        −1 where a scan was not tested.
    settings : list of dict
        The tuned settings, one a fold and repeat.
    notes : tuple of Note
        Warnings, each once.
    """

    values: Floats
    predicted: Floats
    corrected: Floats
    half_widths: Floats
    beyond: Flags
    reasons: Names
    folds: NDArray[np.intp]
    settings: list[dict[str, Any]]
    notes: tuple[Note, ...]

    @classmethod
    def gather(
        cls, values: Floats, work: Sequence[tuple[int, int, NDArray[np.intp]]], parts: Sequence[Part]
    ) -> NumberPredictions:
        """Put predictions of parts together.

        Parameters
        ----------
        values : ndarray of shape (n_scans,)
            The true numbers.
        work : sequence of tuple of int, int and ndarray of int
            Repeat, fold and rows of each part.
        parts : sequence of Part
            What was predicted of them.
        """
        shape = (1 + max(repeat for repeat, _, _ in work), len(values))
        predicted, corrected = np.full(shape, np.nan), np.full(shape, np.nan)
        widths = np.full((*shape, parts[0].half_widths.shape[1]), np.nan)
        beyond = np.zeros(shape, dtype=bool)
        reasons = np.full(shape, "", dtype=object)
        folds = np.full(shape, -1, dtype=np.intp)
        for (repeat, number, rows), part in zip(work, parts, strict=True):
            predicted[repeat, rows], corrected[repeat, rows] = part.predicted, part.corrected
            widths[repeat, rows], beyond[repeat, rows] = part.half_widths, part.beyond
            reasons[repeat, rows], folds[repeat, rows] = part.reasons, number
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        settings = [part.setting for part in parts]
        return cls(values, predicted, corrected, widths, beyond, reasons, folds, settings, notes)


def cross_validate_number(
    study: Study,
    roles: Roles,
    X: pd.DataFrame,
    values: Floats,
    labels: Names,
    groups: Names,
    *,
    arms: Sequence[str],
    repeats: Sequence[Sequence[Fold]],
    jobs: int = 1,
    progress: Progress | None = None,
) -> dict[str, NumberPredictions]:
    """Test every arm on the same outer folds.

    Parameters
    ----------
    study, roles : Study, Roles
        What is fitted.
    X : DataFrame of shape (n_scans, n_columns)
        Features beside demographics.
    values : ndarray of shape (n_scans,)
        The numbers.
    labels, groups : ndarray of shape (n_scans,)
        Who is normal, and the person of each scan.
    arms : sequence of str
        Keys of `normwise.procedure.ARMS`.
    repeats : sequence of sequence of Fold
        The outer folds of each repeat.
    jobs : int
        Folds worked on at the same time; the numbers do not depend on it.
    progress : Progress, optional
        Where progress is shown.
    """
    title = "cross-validation"
    work = [
        (repeat, number, fold) for repeat, folds in enumerate(repeats) for number, fold in enumerate(folds)
    ]
    fitters = {arm: RegressionFitter(study, roles, X, arm) for arm in arms}
    if progress is not None:
        progress.start(title, len(work))
    calls = [(fold, seed_for(study.evaluation.seed, repeat, number)) for repeat, number, fold in work]
    common = (fitters, main_arm(study, roles), X, values, labels, groups)
    parts: list[dict[str, Part]] = []
    for part in run_parts(_one_fold, calls, common=common, jobs=jobs):
        parts.append(part)
        if progress is not None:
            progress.advance(title)
    if progress is not None:
        progress.finish(title)
    tested = [(repeat, number, fold.test) for repeat, number, fold in work]
    return {arm: NumberPredictions.gather(values, tested, [part[arm] for part in parts]) for arm in arms}


def apply_regression(
    fitted: FittedRegression, predicted: Floats, values: Floats, support: pd.DataFrame
) -> Part:
    """Return what is predicted of people who were not trained on; nothing of who is outside the support.

    Parameters
    ----------
    fitted : FittedRegression
        The regression.
    predicted : ndarray of shape (n_scans,)
        Its predictions; NaN where it can't compute.
    values : ndarray of shape (n_scans,)
        The true numbers; NaN where they are not known.
    support : DataFrame of shape (n_scans, …)
        ``supported`` and ``reason`` of each row.
    """
    supported = support["supported"].to_numpy(dtype=bool)
    predicted = np.where(supported, predicted, np.nan)
    known = np.isfinite(predicted)
    return Part(
        predicted=predicted,
        half_widths=np.where(known[:, None], np.array(fitted.half_widths), np.nan),
        corrected=fitted.gap.correct(predicted - values, values),
        beyond=known & fitted.is_beyond(predicted),
        reasons=np.where(known, "", support["reason"].to_numpy(dtype=object)).astype(object),
        setting=fitted.setting,
        notes=fitted.notes,
    )


def _one_fold(
    fitters: dict[str, RegressionFitter],
    asked: str,
    X: pd.DataFrame,
    values: Floats,
    labels: Names,
    groups: Names,
    fold: Fold,
    seed: int,
) -> dict[str, Part]:
    """Fit each arm on the training part and apply it to the test part."""
    from threadpoolctl import threadpool_limits

    outside = np.setdiff1d(np.arange(len(values)), fold.train)
    shared = SharedFits()
    # One thread also in the calling process, so that the last bit does not depend on the number of jobs.
    with threadpool_limits(1):
        fitted = {
            arm: fitter.fit(values, labels, groups, fold.train, seed=seed, shared=shared).adapt_to_sites(
                X.iloc[outside], labels[outside], groups[outside]
            )
            for arm, fitter in fitters.items()
        }
        # Whether a person is like the normals is asked once, of the study's own normalizer, for every arm.
        support = fitted[asked].support(X.iloc[fold.test])
        return {
            arm: apply_regression(one, fitters[arm].predict(one, fold.test), values[fold.test], support)
            for arm, one in fitted.items()
        }
