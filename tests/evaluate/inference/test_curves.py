"""Curves against scikit-learn and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve

from normwise.evaluate.inference.curves import calibration_of, decision_curve_of, precision_recall_of, roc_of
from normwise.results import DRAWN_POINTS
from predictions_of import binormal


def test_precision_over_sensitivity_is_scikit_learns() -> None:
    scores = binormal(0)
    found = precision_recall_of(scores)
    precision, recall, _ = precision_recall_curve(scores.patient, scores.scores[0], drop_intermediate=False)
    assert found is not None
    assert found.x[1:] == pytest.approx(recall[:-1][::-1])
    assert found.y[1:] == pytest.approx(precision[:-1][::-1])


def test_calibration_bins_hold_equally_many_and_agree_with_scikit_learn() -> None:
    scores = binormal(1, people=200, digits=9)
    found = calibration_of(scores, 0.95)
    share, mean = calibration_curve(scores.patient, scores.scores[0], n_bins=10, strategy="quantile")
    assert found is not None
    assert found.n == [20] * 10
    assert found.x == pytest.approx(mean)
    assert found.y == pytest.approx(share)
    assert all(low <= y <= high for low, y, high in zip(found.low, found.y, found.high, strict=True))


def test_net_benefit_by_hand() -> None:
    scores = binormal(2, repeats=2)
    curves = decision_curve_of(scores)
    threshold = 0.3
    place = curves["model"].x.index(threshold)
    flagged = scores.scores >= threshold
    hits = (flagged & scores.patient).sum() / flagged.size
    alarms = (flagged & ~scores.patient).sum() / flagged.size
    assert curves["model"].y[place] == pytest.approx(hits - alarms * 0.3 / 0.7)
    assert curves["everybody"].y[place] == pytest.approx(0.5 - 0.5 * 0.3 / 0.7)
    assert set(curves["nobody"].y) == {0.0}


def test_a_class_without_scores_has_no_curves() -> None:
    scores = binormal(3).take(np.arange(0, 60, 2))
    assert precision_recall_of(scores) is None
    assert calibration_of(scores, 0.95) is None
    assert decision_curve_of(scores) == {}


@pytest.mark.parametrize(("people", "bins"), [(29, 2), (30, 3), (99, 9), (100, 10), (200, 10)])
def test_a_bin_of_the_calibration_holds_ten_people_or_more(people: int, bins: int) -> None:
    band = calibration_of(binormal(0, people=people), 0.95)
    assert band is not None
    assert len(band.x) == bins


@pytest.mark.parametrize("more", [0, 1, 2000])
def test_a_curve_of_very_many_thresholds_keeps_some_and_both_ends(more: int) -> None:
    people = DRAWN_POINTS + more
    scores = binormal(3, people=people)
    probability = np.random.default_rng(0).permutation(people) / people  # no ties
    table = np.stack([1 - probability, probability], axis=1)[None]
    scores = replace(scores, probabilities=table)
    x, y = roc_of(scores)
    assert 0.7 * DRAWN_POINTS < len(x) == len(y) <= DRAWN_POINTS + 1
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    order = np.argsort(-probability)
    hits = np.append(0, np.cumsum(scores.patient[order])) / scores.patient.sum()
    alarms = np.append(0, np.cumsum(~scores.patient[order])) / (~scores.patient).sum()
    assert set(zip(x, y, strict=True)) <= set(zip(alarms.tolist(), hits.tolist(), strict=True))
    assert max(np.diff(x) + np.diff(y)) < 2.5 * 2 / DRAWN_POINTS * (1 + more / DRAWN_POINTS)
    precision_recall = precision_recall_of(scores)
    assert precision_recall is not None
    assert precision_recall.x[1:] == y[1:]


def test_few_patients_among_very_many_people_are_not_passed_over() -> None:
    people = 3 * DRAWN_POINTS
    scores = binormal(3, people=people)
    probability = np.linspace(0.0, 1.0, people)
    labels = np.array(["normal"] * (people - 10) + ["AD"] * 10, dtype=object)  # all of them at the top
    table = np.stack([1 - probability, probability], axis=1)[None]
    scores = replace(scores, labels=labels, probabilities=table)
    x, y = roc_of(scores)
    assert (0.0, 1.0) in set(zip(x, y, strict=True))
    curve = precision_recall_of(scores)
    assert curve is not None
    assert (1.0, 1.0) in set(zip(curve.x, curve.y, strict=True))
