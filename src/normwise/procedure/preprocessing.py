"""The steps before the classifier, fitted in order; and what the arms of one fold can share of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from normwise.normalize import FeatureNormalizer

__all__ = [
    "SharedExtraction",
    "appended_columns",
    "encodable_rows",
    "fit_preprocessing",
    "learns_from_labels",
]

Flags = NDArray[np.bool_]


class SharedExtraction:
    """Learnt extractors fitted once for all arms of one fold.

    An extractor that does not join the demographics (principal components of voxels, attention over tiles)
    would be fitted anew by every arm to the same result. One with other settings is another one.
    """

    def __init__(self) -> None:
        self._fitted: dict[bytes, tuple[Any, Any]] = {}
        self._applied: dict[bytes, Any] = {}

    def fit(
        self, step: Any, frame: pd.DataFrame, labels: NDArray[np.object_], rows: NDArray[np.intp]
    ) -> tuple[Any, Any]:
        """Return the fitted step and what it makes of its training rows.

        Parameters
        ----------
        step : estimator
            The same in every arm.
        frame : DataFrame of shape (n_scans, n_columns)
            The training rows.
        labels : ndarray of shape (n_scans,)
            Their classes.
        rows : ndarray of int
            Which rows of the fold's training part they are: by them they are known again.
        """
        key = _key(step, rows)
        if key not in self._fitted:
            fitted = step.fit(frame, labels)
            self._fitted[key] = (fitted, fitted.transform(frame))
        return self._fitted[key]

    def apply(self, fitted: Any, frame: pd.DataFrame, rows: NDArray[np.intp]) -> Any:
        """Return what a fitted step makes of other rows, once for all arms."""
        key = _key(fitted, rows)
        if key not in self._applied:
            self._applied[key] = fitted.transform(frame)
        return self._applied[key]


def _key(step: Any, rows: NDArray[np.intp]) -> bytes:
    return repr(sorted(step.get_params().items())).encode() + rows.tobytes()


def fit_preprocessing(
    front: Pipeline,
    frame: pd.DataFrame,
    labels: NDArray[np.object_],
    rows: NDArray[np.intp],
    shared: SharedExtraction,
) -> tuple[Pipeline, Flags, Any]:
    """Fit the steps before the classifier, and tell which rows they can compute.

    A step behind harmonizer and normalizer learns from the rows that these can place, since a patient's level
    that no normal person has would otherwise stop the fit.

    Parameters
    ----------
    front : Pipeline
        Unfitted.
    frame : DataFrame of shape (n_scans, n_columns)
        Training rows.
    labels : ndarray of shape (n_scans,)
        Their classes.
    rows : ndarray of int of shape (n_scans,)
        Which rows of the training part they are.
    shared : SharedExtraction
        What the arms share.

    Returns
    -------
    tuple of Pipeline, ndarray of bool of shape (n_scans,), and array of shape (n_encodable, n_columns)
        The fitted steps, the rows they can compute, and what they make of these.
    """
    steps = clone(front).steps
    encodable = np.ones(len(frame), dtype=bool)
    passed: Any = frame
    for place, (title, step) in enumerate(steps):
        if title == "extract" and not learns_from_labels(step):
            fitted, passed = shared.fit(step, passed, labels, rows)
            steps[place] = (title, fitted)
            continue
        step.fit(passed, labels[encodable])
        if hasattr(step, "in_support"):
            known = step.in_support(passed)["encodable"].to_numpy(dtype=bool)
            encodable[encodable] = known
            passed = passed[known]
        passed = step.transform(passed)
    return Pipeline(steps), encodable, passed


def learns_from_labels(extractor: Any) -> bool:
    """Say whether a learnt extractor is fitted with labels, and perhaps demographics: arms can't share it."""
    return bool(getattr(extractor, "supervised", False))


def encodable_rows(front: Pipeline, frame: pd.DataFrame) -> Flags:
    """Tell which rows can be computed at all: site and every demographic are there and their levels known."""
    known = np.ones(len(frame), dtype=bool)
    for _, step in front.steps:
        if hasattr(step, "in_support"):
            known &= step.in_support(frame)["encodable"].to_numpy(dtype=bool)
    return known


def appended_columns(front: Pipeline) -> int:
    """Count the encoded demographics that stand behind the features where they are appended."""
    step = front.named_steps["normalize"]
    if isinstance(step, FeatureNormalizer) and step.mode == "append":
        return len(step.get_feature_names_out()) - int(step.is_feature_.sum())
    return 0
