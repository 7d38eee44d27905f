"""Arms side by side: estimates with intervals, curves, subgroups and paired differences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.curves import (
    calibration_of,
    confusion_of,
    decision_curve_of,
    precision_recall_of,
    roc_of,
)
from normwise.evaluate.inference.associations import associations_of
from normwise.evaluate.inference.bootstrap import PeopleWeights, draw_people
from normwise.evaluate.inference.estimates import (
    bootstrap_estimate,
    estimates_of,
    values_of,
)
from normwise.evaluate.inference.paired_tests import paired_tests
from normwise.evaluate.inference.referral import abstention_of, stability_of
from normwise.evaluate.inference.subgroups import (
    Part,
    parts_of,
    subgroups_of,
)
from normwise.evaluate.metrics.registry import metrics_for
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import ARMS, seed_for
from normwise.results import (
    Arm,
    Comparison,
    Curve,
    Estimate,
)
from normwise.runs import PreparedRun
from normwise.schema import Roles

__all__ = ["People", "SideBySide", "compare_arms", "people_of"]


@dataclass(frozen=True)
class People:
    """Who the predictions are about, row for row.

    Attributes
    ----------
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    frame : DataFrame of shape (n_scans, n_columns) or None
        With the demographics, for subgroups and for errors that depend on them.
    roles : Roles or None
        What its columns are for.
    sites : ndarray of shape (n_scans,) or None
        Site of each scan.
    """

    groups: NDArray[np.object_]
    frame: pd.DataFrame | None = None
    roles: Roles | None = None
    sites: NDArray[np.object_] | None = None

    @property
    def parts(self) -> list[Part]:
        """The subgroups."""
        if self.frame is None or self.roles is None:
            return []
        return parts_of(self.frame, self.roles, self.sites)


@dataclass(frozen=True)
class SideBySide:
    """The arms, their differences by ``"main-other"`` and metric, and the paired tests."""

    arms: dict[str, Arm]
    differences: dict[str, dict[str, Estimate]]
    comparisons: list[Comparison]


def people_of(prepared: PreparedRun) -> People:
    """Return who a run's predictions are about."""
    ids = prepared.features.values.index
    sites = prepared.cohort.sites
    return People(
        groups=prepared.groups,
        frame=prepared.cohort.frame.loc[ids],
        roles=prepared.cohort.roles,
        sites=None if sites is None else sites.loc[ids].to_numpy(dtype=object),
    )


def compare_arms(
    predictions: dict[str, ArmPredictions],
    people: People,
    *,
    main: str,
    draws: int,
    confidence: float,
    seed: int,
) -> SideBySide:
    """Estimate every metric of every arm, and how far the main arm lies from each other one.

    Parameters
    ----------
    predictions : dict of str to ArmPredictions
        The arms, tested on the same folds.
    people : People
        Who they are about.
    main : str
        The arm that the others are compared with.
    draws : int
        Bootstrap samples; the same people are drawn for every arm.
    confidence : float
        Coverage of the intervals.
    seed : int
        The study's seed.
    """
    first = next(iter(predictions.values())).scores
    scored = _scored_by_all(predictions)
    # Folds are seeded by two and three numbers; four keep the bootstrap apart from them.
    rng = np.random.default_rng(seed_for(seed, 0, 0, 1))
    tested = np.isin(first.labels, first.classes)
    weights = draw_people(first.labels, people.groups, tested, draws=draws, rng=rng)
    metrics = metrics_for(first.classes)
    values = {arm: values_of(scores, weights, metrics) for arm, scores in scored.items()}
    arms = {
        arm: _arm(
            arm,
            replace(predictions[arm], scores=scored[arm]),
            estimates_of(scored[arm], people.groups, weights, values[arm], confidence),
            people,
            weights,
            confidence,
        )
        for arm in predictions
    }
    pairs = [(main, other) for other in predictions if other != main]
    if main not in ("raw", "normalized") and {"raw", "normalized"} <= set(predictions):
        pairs.append(("normalized", "raw"))
    differences = {
        f"{one}-{other}": {
            name: bootstrap_estimate(values[one][name] - values[other][name], weights, confidence)
            for name in metrics
        }
        for one, other in pairs
    }
    comparisons = [
        test
        for one, other in pairs
        for test in paired_tests(
            (one, other), scored[one], scored[other], people.groups, weights,
            (values[one], values[other]), confidence,
        )
    ]  # fmt: skip
    return SideBySide(arms, differences, comparisons)


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


def _arm(
    name: str,
    found: ArmPredictions,
    estimates: dict[str, Estimate],
    people: People,
    weights: PeopleWeights,
    confidence: float,
) -> Arm:
    scores = found.scores
    x, y = roc_of(scores)
    tested = scores.folds >= 0
    about = people.frame is not None and people.roles is not None
    return Arm(
        title=ARMS[name],
        auc=estimates["auc"],
        balanced_accuracy=estimates["balanced_accuracy"],
        sensitivity=estimates["sensitivity"],
        specificity=estimates["specificity"],
        confusion=confusion_of(scores),
        roc=Curve(x, y),
        thresholds=found.fold_thresholds,
        settings=found.settings,
        undecided=float((scores.decided[tested] < 0).mean()) if tested.any() else 0.0,
        metrics=estimates,
        precision_recall=precision_recall_of(scores),
        calibration=calibration_of(scores, confidence),
        decision_curve=decision_curve_of(scores),
        subgroups=subgroups_of(scores, people.groups, weights, people.parts, confidence),
        errors=associations_of(scores, people.frame, people.roles, weights, confidence)
        if about and people.frame is not None and people.roles is not None
        else [],
        abstention=abstention_of(found, people.groups, weights, confidence),
        stability=stability_of(found.selected),
    )
