"""Arms side by side: estimates with intervals, and paired differences over the same people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.crossval import ArmPredictions
from normwise.evaluate.metrics import METRICS, OutOfFold, confusion_of, roc_of
from normwise.evaluate.uncertainty import bootstrap_weights, estimate_of
from normwise.procedure import ARMS, seed_for
from normwise.results import Arm, Curve, Estimate

__all__ = ["compare_arms"]


def compare_arms(
    predictions: dict[str, ArmPredictions],
    groups: NDArray[np.object_],
    *,
    main: str,
    draws: int,
    confidence: float,
    seed: int,
) -> tuple[dict[str, Arm], dict[str, dict[str, Estimate]]]:
    """Estimate every metric of every arm, and how far the main arm lies from each other one.

    Parameters
    ----------
    predictions : dict of str to ArmPredictions
        The arms, tested on the same folds.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    main : str
        The arm that the others are compared with.
    draws : int
        Bootstrap samples; the same people are drawn for every arm.
    confidence : float
        Coverage of the intervals.
    seed : int
        The study's seed.

    Returns
    -------
    tuple of dict of str to Arm, and dict of str to dict of str to Estimate
        The arms, and differences by ``"main-other"`` and metric.
    """
    labels = next(iter(predictions.values())).scores.labels
    classes = next(iter(predictions.values())).scores.classes
    scored = _scored_by_all(predictions)
    tested = np.isin(labels, classes)
    # Scans that only train have no predictions; drawing them would only change who else is drawn.
    weights = np.zeros((draws + 1, len(labels)))
    weights[0] = 1.0
    # Folds are seeded by two and three numbers; four keep the bootstrap apart from them.
    rng = np.random.default_rng(seed_for(seed, 0, 0, 1))
    weights[1:, tested] = bootstrap_weights(labels[tested], groups[tested], draws=draws, rng=rng)
    values = {
        arm: {name: metric(scores)(weights) for name, metric in METRICS.items()}
        for arm, scores in scored.items()
    }
    arms = {
        arm: _arm(
            arm,
            replace(predictions[arm], scores=scored[arm]),
            {name: _estimate(drawn, confidence) for name, drawn in metrics.items()},
        )
        for arm, metrics in values.items()
    }
    pairs = [(main, other) for other in predictions if other != main]
    if main not in ("raw", "normalized") and {"raw", "normalized"} <= set(predictions):
        pairs.append(("normalized", "raw"))
    differences = {
        f"{one}-{other}": {
            name: _estimate(values[one][name] - values[other][name], confidence) for name in METRICS
        }
        for one, other in pairs
    }
    return arms, differences


def _scored_by_all(predictions: dict[str, ArmPredictions]) -> dict[str, OutOfFold]:
    """Return each arm's predictions without the probabilities that some other arm could not compute.

    Otherwise the raw arm would be scored on people whom the normalizer can't place, and a difference would
    not be one over the same people.
    """
    known = [np.isfinite(found.scores.probabilities).all(axis=2) for found in predictions.values()]
    by_all = np.logical_and.reduce(known)[:, :, None]
    return {
        arm: replace(found.scores, probabilities=np.where(by_all, found.scores.probabilities, np.nan))
        for arm, found in predictions.items()
    }


def _estimate(drawn: NDArray[np.float64], confidence: float) -> Estimate:
    return estimate_of(float(drawn[0]), drawn[1:], confidence)


def _arm(name: str, found: ArmPredictions, estimates: dict[str, Estimate]) -> Arm:
    x, y = roc_of(found.scores)
    tested = found.scores.folds >= 0
    return Arm(
        title=ARMS[name],
        auc=estimates["auc"],
        balanced_accuracy=estimates["balanced_accuracy"],
        sensitivity=estimates["sensitivity"],
        specificity=estimates["specificity"],
        confusion=confusion_of(found.scores),
        roc=Curve(x, y),
        thresholds=found.fold_thresholds,
        settings=found.settings,
        undecided=float((found.scores.decided[tested] < 0).mean()) if tested.any() else 0.0,
    )
