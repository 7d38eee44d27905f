"""Arms side by side, or two runs: estimates with intervals, paired differences and paired tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.inference.estimates import (
    People,
    Sample,
    covariates_of,
    delong_difference,
    draw_values,
    estimate_arm,
    parts_of,
)
from normwise.evaluate.inference.intervals import bootstrap_estimate, bootstrap_p, corrected_t, draw_people
from normwise.evaluate.metrics.ranking import area_influence
from normwise.evaluate.out_of_fold import Floats, OutOfFold
from normwise.procedure import seed_for
from normwise.results import Arm, Comparison, Estimate
from normwise.runs import PreparedRun

__all__ = ["TESTED_METRICS", "People", "SideBySide", "compare_arms", "paired_tests", "people_of"]

Names = NDArray[np.object_]

TESTED_METRICS = ("auc", "balanced_accuracy", "brier")
"""Metrics whose differences get a p-value: order, decisions, probabilities. More would test too much."""


@dataclass(frozen=True)
class SideBySide:
    """The arms, their differences by ``"main-other"`` and metric, and the paired tests."""

    arms: dict[str, Arm]
    differences: dict[str, dict[str, Estimate]]
    comparisons: list[Comparison]


def people_of(prepared: PreparedRun) -> People:
    """Return who a run's predictions are about."""
    ids, cohort = prepared.features.values.index, prepared.cohort
    frame = cohort.frame.loc[ids]
    sites = None if cohort.sites is None else cohort.sites.loc[ids].to_numpy(dtype=object)
    parts = parts_of(frame, cohort.roles, sites)
    by_name = {} if sites is None else {str(cohort.roles.site): sites}
    return People(prepared.groups, parts, covariates_of(frame, cohort.roles), by_name)


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
    scored = _scored_by_all(predictions)
    first = scored[main]
    # Folds are seeded by two and three numbers; four keep the bootstrap apart from them.
    rng = np.random.default_rng(seed_for(seed, 0, 0, 1))
    tested = np.isin(first.labels, first.classes)
    weights = draw_people(first.labels, people.groups, tested, draws=draws, rng=rng)
    samples = {
        arm: draw_values(scores, people.groups, weights, covariates=people.covariates or None)
        for arm, scores in scored.items()
    }
    arms = {
        arm: estimate_arm(arm, predictions[arm], sample, people, confidence)
        for arm, sample in samples.items()
    }
    pairs = [(main, other) for other in predictions if other != main]
    if main not in ("raw", "normalized") and {"raw", "normalized"} <= set(predictions):
        pairs.append(("normalized", "raw"))
    differences = {
        f"{one}-{other}": {
            name: bootstrap_estimate(values - samples[other].values[name], weights, confidence)
            for name, values in samples[one].values.items()
        }
        | {
            metric: difference
            for metric, difference, _ in _adjusted_difference(samples[one], samples[other], confidence)
        }
        for one, other in pairs
    }
    comparisons = [
        test
        for one, other in pairs
        for test in paired_tests((one, other), samples[one], samples[other], confidence)
    ]
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


def paired_tests(names: tuple[str, str], one: Sample, other: Sample, confidence: float) -> list[Comparison]:
    """Compare two sets of predictions of the same scans.

    Parameters
    ----------
    names : tuple of str
        What the two are called.
    one, other : Sample
        Rows are the same scans in the same order, under the same weights; with the values of the metrics in
        `TESTED_METRICS` at least.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    list of Comparison
        A bootstrap a metric; for the AUC and the adjusted AUC also DeLong's test, and for the AUC, on the
        same folds, the corrected t.
    """
    tests = []
    for metric in TESTED_METRICS:
        drawn = one.values[metric] - other.values[metric]
        estimate = bootstrap_estimate(drawn, one.weights, confidence)
        p = bootstrap_p(drawn[1 : 1 + one.weights.draws]) if estimate.estimate is not None else None
        tests.append(Comparison(*names, metric, "paired bootstrap", estimate, p))
    tests.append(
        Comparison(
            *names, "auc", "DeLong", *delong_difference(one.scores, other.scores, one.groups, confidence)
        )
    )
    tests += [
        Comparison(*names, metric, "DeLong", difference, p)
        for metric, difference, p in _adjusted_difference(one, other, confidence)
    ]
    folds = one.scores.folds
    if folds.shape == other.scores.folds.shape and (folds == other.scores.folds).all():
        gaps = _fold_areas(one.scores) - _fold_areas(other.scores)
        tested = np.array(
            [(repeat == fold).sum() for repeat in folds for fold in np.unique(repeat[repeat >= 0])]
        )
        defined = np.isfinite(gaps)
        if defined.sum() > 2:
            per_repeat = tested[defined].mean() / one.scores.tested.sum()
            tests.append(
                Comparison(
                    *names, "auc", "corrected t over folds",
                    *corrected_t(gaps[defined], per_repeat / (1.0 - per_repeat), confidence),
                )
            )  # fmt: skip
    return tests


def _adjusted_difference(
    one: Sample, other: Sample, confidence: float
) -> list[tuple[str, Estimate, float | None]]:
    """Return the metric's name, the difference and its p-value; nothing without demographics."""
    if one.adjusted is None or other.adjusted is None:
        return []
    found = (one.adjusted, other.adjusted)
    return [("adjusted_auc", *delong_difference(one.scores, other.scores, one.groups, confidence, found))]


def _fold_areas(scores: OutOfFold) -> Floats:
    """Return the AUC in each fold of each repeat; NaN where it is not defined."""
    return np.array(
        [
            area_influence(scores.take(np.flatnonzero(folds == fold), [repeat]))[0]
            for repeat, folds in enumerate(scores.folds)
            for fold in np.unique(folds[folds >= 0])
        ]
    )
