"""Curves and tables of one arm: confusion, ROC, precision–recall, calibration, decision curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.inference.intervals import wilson
from normwise.evaluate.out_of_fold import Floats, OutOfFold
from normwise.results import DRAWN_POINTS, Band, Curve

__all__ = ["calibration_of", "confusion_of", "decision_curve_of", "precision_recall_of", "roc_of"]

_BINS, _PEOPLE_A_BIN = 10, 10
_THRESHOLDS = np.arange(1, 100) / 100


def confusion_of(scores: OutOfFold) -> list[list[float]]:
    """Count scans a repeat by true class (rows) and decided class, then "no decision" (columns).

    Examples
    --------
    >>> one = OutOfFold(np.array(["a", "b"], dtype=object), ("a", "b"), "a", np.zeros((1, 2, 2)),
    ...                 np.array([[0, -1]]), np.array([[0, 0]]))
    >>> confusion_of(one)
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    table = []
    for name in scores.classes:
        rows = scores.rows(name)
        tested = scores.folds[:, rows] >= 0
        decided = scores.decided[:, rows]
        counts = [float((tested & (decided == column)).sum()) for column in range(len(scores.classes))]
        counts.append(float((tested & (decided < 0)).sum()))
        table.append([count / len(scores.folds) for count in counts])
    return table


def roc_of(scores: OutOfFold) -> tuple[list[float], list[float]]:
    """ROC of the mean out-of-fold score of each scan: false positive rates and sensitivities.

    Returns
    -------
    tuple of list of float
        From (0, 0) to (1, 1); empty where a class has no scores.
    """
    hits, alarms = _ranked(scores)
    if not len(hits):
        return [], []
    return [0.0, *(alarms / alarms[-1]).tolist()], [0.0, *(hits / hits[-1]).tolist()]


def precision_recall_of(scores: OutOfFold) -> Curve | None:
    """Precision (y) over sensitivity (x) of the mean out-of-fold score, at the cohort's prevalence.

    Begins at sensitivity 0 with the first threshold's precision; None where a class has no scores.
    """
    hits, alarms = _ranked(scores)
    if not len(hits):
        return None
    precision = (hits / (hits + alarms)).tolist()
    return Curve([0.0, *(hits / hits[-1]).tolist()], [precision[0], *precision])


def calibration_of(scores: OutOfFold, confidence: float) -> Band | None:
    """Share of patients by mean predicted probability, in up to ten bins of equally many scans.

    Wilson intervals; None where a class has no scores.
    """
    score, patient = _scored(scores)
    if not patient.any() or patient.all():
        return None
    bins = int(np.clip(len(score) // _PEOPLE_A_BIN, 1, _BINS))
    parts = np.array_split(np.argsort(score, kind="stable"), bins)
    shares = [float(patient[part].mean()) for part in parts]
    ends = [wilson(share, len(part), confidence) for share, part in zip(shares, parts, strict=True)]
    return Band(
        x=[float(score[part].mean()) for part in parts],
        y=shares,
        low=[low for low, _ in ends],
        high=[high for _, high in ends],
        n=[len(part) for part in parts],
    )


def decision_curve_of(scores: OutOfFold) -> dict[str, Curve]:
    """Net benefit over the threshold probability of the model, of treating everybody, and nobody.

    TP/n − FP/n · t/(1 − t), each repeat's decisions counted (Vickers and Elkin 2006); empty where a class
    has no scores.
    """
    known = scores.known & np.isin(scores.labels, scores.classes)
    repeat, scan = np.nonzero(known)
    patient, score = scores.patient[scan], scores.scores[repeat, scan]
    if not patient.any() or patient.all():
        return {}
    odds = _THRESHOLDS / (1 - _THRESHOLDS)
    # Scores at or above each threshold, counted from sorted scores.
    hits = patient.sum() - np.searchsorted(np.sort(score[patient]), _THRESHOLDS, side="left")
    alarms = (~patient).sum() - np.searchsorted(np.sort(score[~patient]), _THRESHOLDS, side="left")
    share = float(patient.mean())
    x = _THRESHOLDS.tolist()
    return {
        "model": Curve(x, ((hits - alarms * odds) / len(scan)).tolist()),
        "everybody": Curve(x, (share - (1 - share) * odds).tolist()),
        "nobody": Curve(x, [0.0] * len(x)),
    }


def _scored(scores: OutOfFold) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the mean score of each scan that has one, and whether it is a patient's."""
    score = scores.mean_score
    rows = np.isin(scores.labels, scores.classes) & np.isfinite(score)
    return score[rows], scores.patient[rows]


def _ranked(scores: OutOfFold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Count patients and others at or above each threshold, from the highest score down.

    Of more thresholds than a picture shows as many are taken, the first and the last among them.
    """
    score, patient = _scored(scores)
    if not patient.any() or patient.all():
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    order = np.argsort(-score, kind="stable")
    ranked, found = score[order], patient[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits, alarms = np.cumsum(found)[ends], np.cumsum(~found)[ends]
    if len(ends) > DRAWN_POINTS:
        # Along the curve, so that of few patients among many people none is passed over.
        along = hits / hits[-1] + alarms / alarms[-1]
        places = np.searchsorted(along, np.linspace(along[0], along[-1], DRAWN_POINTS - 1))
        corner = np.searchsorted(hits, hits[-1])  # the last patient is found
        keep = np.unique(np.append(np.minimum(places, len(ends) - 1), corner))
        hits, alarms = hits[keep], alarms[keep]
    return hits, alarms
