"""Metrics against scikit-learn, by hand, and under weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from normwise.evaluate.inference.curves import confusion_of, roc_of
from normwise.evaluate.metrics.decisions import costs_of
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.schema import DecisionSection
from predictions_of import binormal

ONES = np.ones((1, 1))


def out_of_fold(
    labels: np.ndarray, table: np.ndarray, classes: tuple[str, ...], folds: np.ndarray | None = None
) -> OutOfFold:
    decided = table.argmax(axis=2)
    folds = np.zeros(table.shape[:2], dtype=int) if folds is None else folds
    return OutOfFold(labels, classes, classes[0], table, decided, folds)


def simulated(seed: int, classes: int, repeats: int = 1) -> OutOfFold:
    rng = np.random.default_rng(seed)
    names = tuple("abc"[:classes])
    labels = np.array(names, dtype=object)[np.arange(60) % classes]
    table = rng.dirichlet(np.ones(classes), size=(repeats, 60)).round(2)
    return out_of_fold(labels, table, names)


def value(name: str, scores: OutOfFold, weights: np.ndarray | None = None) -> float:
    weights = np.ones((1, len(scores.labels))) if weights is None else weights
    return float(METRICS[name](scores)(weights)[0])


@given(st.integers(0, 1000))
def test_two_classes_agree_with_scikit_learn(seed: int) -> None:
    scores = simulated(seed, 2)
    truth, decided = scores.labels == "b", scores.decided[0] == 1
    p = scores.probabilities[0, :, 1]
    expected_by_name = {
        "auc": roc_auc_score(truth, p),
        "average_precision": average_precision_score(truth, p),
        "sensitivity": recall_score(truth, decided),
        "specificity": recall_score(~truth, ~decided),
        "balanced_accuracy": balanced_accuracy_score(truth, decided),
        "ppv": precision_score(truth, decided),
        "npv": precision_score(~truth, ~decided),
        "f1": f1_score(truth, decided),
        "f1_macro": f1_score(truth, decided, average="macro"),
        "mcc": matthews_corrcoef(truth, decided),
        "brier": brier_score_loss(truth, p),
        "log_loss": log_loss(truth, p),
        "expected_cost": 1 - accuracy_score(truth, decided),
    }
    for name, expected in expected_by_name.items():
        assert value(name, scores) == pytest.approx(expected), name


@given(st.integers(0, 1000))
def test_weights_are_scikit_learns_sample_weights(seed: int) -> None:
    scores = simulated(seed, 2)
    truth, p = scores.labels == "b", scores.probabilities[0, :, 1]
    weights = np.random.default_rng(seed).integers(1, 4, 60).astype(float)
    for name, peer in (
        ("auc", roc_auc_score), ("average_precision", average_precision_score), ("brier", brier_score_loss),
    ):  # fmt: skip
        assert value(name, scores, weights[None]) == pytest.approx(peer(truth, p, sample_weight=weights)), (
            name
        )


@given(st.integers(0, 1000))
def test_recalibration_is_a_logistic_regression_on_the_log_odds(seed: int) -> None:
    scores = binormal(seed)
    odds = np.log(scores.scores[0] / (1 - scores.scores[0]))
    weights = np.random.default_rng(seed).integers(1, 4, 60).astype(float)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    peer.fit(odds[:, None], scores.patient, sample_weight=weights)
    assert value("calibration_slope", scores, weights[None]) == pytest.approx(peer.coef_[0, 0], abs=1e-4)
    # The intercept has the log-odds as an offset: the predicted patients must be as many as there are.
    intercept = value("calibration_intercept", scores, weights[None])
    expected = (weights / (1 + np.exp(-(odds + intercept)))).sum()
    assert expected == pytest.approx((weights * scores.patient).sum())


def test_separated_classes_have_no_finite_slope() -> None:
    scores = binormal(0, shift=60.0)
    assert np.isnan(value("calibration_slope", scores))


def test_predictive_values_follow_bayes_at_a_stated_prevalence() -> None:
    scores = replace(simulated(4, 2), prevalence=0.05)
    hit, clear = value("sensitivity", scores), value("specificity", scores)
    assert value("ppv", scores) == pytest.approx(hit * 0.05 / (hit * 0.05 + (1 - clear) * 0.95))
    assert value("npv", scores) == pytest.approx(clear * 0.95 / (clear * 0.95 + (1 - hit) * 0.05))
    costly = replace(scores, costs=((0.0, 1.0), (20.0, 0.0)))
    assert value("expected_cost", costly) == pytest.approx(0.05 * (1 - hit) * 20 + 0.95 * (1 - clear))


def test_costs_come_from_the_study() -> None:
    classes = ("normal", "MCI", "AD")
    pair = DecisionSection(cost={"missed": 5, "false_alarm": 2})
    assert costs_of(pair, classes, "normal") == ((0.0, 2.0, 2.0), (5.0, 0.0, 0.0), (5.0, 0.0, 0.0))
    matrix = DecisionSection(cost_matrix={"AD": {"normal": 9, "MCI": 3}, "MCI": {"normal": 4}})
    assert costs_of(matrix, classes, "normal") == ((0.0, 0.0, 0.0), (4.0, 0.0, 0.0), (9.0, 3.0, 0.0))
    assert costs_of(DecisionSection(), classes, "normal") is None


@given(st.integers(0, 1000))
def test_three_classes_agree_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(3), size=(1, 60))
    labels = np.array(["a", "b", "c"], dtype=object)[np.arange(60) % 3]
    scores = out_of_fold(labels, table, ("a", "b", "c"))
    decided = np.array(["a", "b", "c"], dtype=object)[scores.decided[0]]
    expected_by_name = {
        "auc_one_vs_rest": roc_auc_score(labels, table[0], multi_class="ovr"),
        "balanced_accuracy": balanced_accuracy_score(labels, decided),
        "f1_macro": f1_score(labels, decided, average="macro"),
        "mcc": matthews_corrcoef(labels, decided),
        "brier": brier_score_loss(labels, table[0]),
        "log_loss": log_loss(labels, table[0]),
        "expected_cost": 1 - accuracy_score(labels, decided),
    }
    for name, expected in expected_by_name.items():
        assert value(name, scores) == pytest.approx(expected), name


@given(st.integers(0, 1000))
def test_three_classes_agree_with_hand_and_till(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(3), size=(1, 60))
    labels = np.array(["a", "b", "c"], dtype=object)[np.arange(60) % 3]
    scores = out_of_fold(labels, table, ("a", "b", "c"))
    assert value("auc", scores) == pytest.approx(roc_auc_score(labels, table[0], multi_class="ovo"))


@given(st.integers(0, 1000))
def test_weights_are_counts(seed: int) -> None:
    scores = simulated(seed, 2, repeats=2)
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, size=60)
    counts[:2] = 1
    rows = np.repeat(np.arange(60), counts)
    repeated = OutOfFold(
        scores.labels[rows], scores.classes, scores.negative, scores.probabilities[:, rows],
        scores.decided[:, rows], scores.folds[:, rows],
    )  # fmt: skip
    for name in METRICS:
        assert value(name, scores, counts[None].astype(float)) == pytest.approx(
            value(name, repeated), abs=1e-9
        ), name


def test_pairs_of_different_folds_are_not_compared() -> None:
    labels = np.array(["a", "b", "a", "b"], dtype=object)
    # Right inside each fold; the second fold's scores are shifted so that pooling would lose pairs.
    score = np.array([0.1, 0.2, 0.8, 0.9])
    table = np.stack([1 - score, score], axis=1)[None]
    scores = out_of_fold(labels, table, ("a", "b"), np.array([[0, 0, 1, 1]]))
    assert value("auc", scores) == 1.0
    assert roc_auc_score(labels == "b", score) == 0.75


def test_no_decision_is_counted_apart() -> None:
    labels = np.array(["a", "b", "b"], dtype=object)
    table = np.tile([0.5, 0.5], (1, 3, 1))
    scores = OutOfFold(labels, ("a", "b"), "a", table, np.array([[0, 1, -1]]), np.zeros((1, 3), dtype=int))
    assert value("sensitivity", scores) == 1.0
    assert confusion_of(scores) == [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]


def test_a_metric_without_its_class_is_not_defined() -> None:
    labels = np.array(["a", "a"], dtype=object)
    scores = out_of_fold(labels, np.tile([0.6, 0.4], (1, 2, 1)), ("a", "b"))
    assert np.isnan(value("auc", scores))
    assert np.isnan(value("sensitivity", scores))
    assert value("specificity", scores) == 1.0
    assert roc_of(scores) == ([], [])


def test_the_roc_runs_from_corner_to_corner_with_its_area() -> None:
    scores = simulated(3, 2)
    x, y = roc_of(scores)
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert np.trapezoid(y, x) == pytest.approx(value("auc", scores))
