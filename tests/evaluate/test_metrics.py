"""Metrics against scikit-learn, by hand, and under weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from normwise.evaluate.metrics import METRICS, OutOfFold, confusion_of, roc_of

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
    assert value("auc", scores) == pytest.approx(roc_auc_score(truth, scores.probabilities[0, :, 1]))
    assert value("sensitivity", scores) == pytest.approx(recall_score(truth, decided))
    assert value("specificity", scores) == pytest.approx(recall_score(~truth, ~decided))
    assert value("balanced_accuracy", scores) == pytest.approx(balanced_accuracy_score(truth, decided))


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
