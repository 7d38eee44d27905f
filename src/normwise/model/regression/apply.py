"""Apply a saved model of a number to people it has never seen, and hold it against their own numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from normwise.cohort import Cohort, read_quantity
from normwise.engine import Limits, Progress
from normwise.features import FeatureTable
from normwise.model.apply import measure_people
from normwise.model.regression_model import RegressionModel
from normwise.results import PredictedNumber, PredictedNumbers
from normwise.runs import assemble_frame

__all__ = ["predict_numbers"]


def predict_numbers(
    model: RegressionModel,
    cohort: Cohort,
    *,
    frame: pd.DataFrame | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    on_features: Callable[[FeatureTable], None] | None = None,
) -> PredictedNumbers:
    """Predict the numbers of new people, measured here or before.

    Parameters
    ----------
    model : RegressionModel
        A trained model.
    cohort : Cohort
        New people. Where their table has the column of the target, its numbers give the corrected gap; one
        that can't be read has a remark.
    frame : DataFrame of shape (n_scans, n_columns), optional
        Their features beside demographics and site; default: they are extracted.
    cache_dir, jobs, progress, limits, on_features
        As of `normwise.model.apply_model`.

    Returns
    -------
    PredictedNumbers
        One of each scan in the cohort's order; a failed image gives no number and its reason.
    """
    failed: dict[str, str] = {}
    if frame is None:
        features = measure_people(
            model, cohort, cache_dir=cache_dir, jobs=jobs, progress=progress, limits=limits
        )
        if on_features is not None:
            on_features(features)
        failed = {name: f"{error.code} {error.problem}" for name, error in features.failures.items()}
        frame = assemble_frame(features.values, cohort, model.site)
    true, unread = _true_numbers(model, cohort)
    found = {row.subject: row for row in model.predictions(frame, true.loc[frame.index])}
    for name, text in unread.items():
        if name in found:
            found[name] = replace(found[name], remarks=[*found[name].remarks, text])
    return PredictedNumbers(
        found[name] if name in found else PredictedNumber(name, None, reason=failed[name], outcome="failed")
        for name in map(str, cohort.frame.index)
    )


def _true_numbers(model: RegressionModel, cohort: Cohort) -> tuple[pd.Series[float], dict[str, str]]:
    """Return the people's own numbers, NaN where they are not known, and whose can't be read, and why."""
    index = cohort.frame.index
    if model.target not in cohort.raw.columns:
        return pd.Series(np.nan, index=index, dtype=np.float64), {}
    text = cohort.raw.loc[index, model.target]
    reading = read_quantity(model.target, text)
    values = pd.Series(np.asarray(reading.values, dtype=np.float64), index=index)
    unread = {str(index[row]): f"{problem.code} {problem.text}" for row, problem in reading.problems.items()}
    return values, unread
