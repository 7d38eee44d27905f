"""Grids by the short way: the same probabilities as the fitted models', for every classifier."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.classify import CLASSIFIERS, predict_grid
from normwise.classify.logistic import LogisticClassifier

SETTINGS = [{"C": value} for value in (10.0, 1e-4, 1.0, 0.01)]


def data(people: int = 60, features: int = 90, gap: float = 0.7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array(["normal", "AD"], dtype=object)[np.arange(people) % 2]
    X = rng.normal(size=(people, features)) + 3.0
    X[:, :3] += gap * (y == "AD")[:, None]
    return X[20:], y[20:], X[:20]


@pytest.mark.parametrize("gap", [0.7, 30.0])
@pytest.mark.parametrize("features", [90, 8])
def test_logistic_regression_is_the_same(features: int, gap: float) -> None:
    X, y, unseen = data(features=features, gap=gap)
    tables, classes = predict_grid(LogisticClassifier(), SETTINGS, X, y, unseen)
    assert classes == ["AD", "normal"]
    for table, setting in zip(tables, SETTINGS, strict=True):
        expected = LogisticClassifier(**setting).fit(X, y).predict_proba(unseen)
        assert np.allclose(table, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("settings", [{"class_weight": "balanced"}, {"solver": "gradient_descent"}])
def test_other_solvers_and_weights_keep_their_own_way(settings: dict[str, str]) -> None:
    X, y, unseen = data(features=90)
    model = LogisticClassifier(C=0.01, **settings)
    (table,), _ = predict_grid(model, [{"C": 0.01}], X, y, unseen)
    assert np.array_equal(table, model.fit(X, y).predict_proba(unseen))


@pytest.mark.parametrize("name", ["linear", "svm"])
def test_other_classifiers_are_fitted(name: str) -> None:
    X, y, unseen = data(features=10)
    spec = CLASSIFIERS[name]
    settings = [
        dict(zip(spec.grid, values, strict=True)) for values in zip(*spec.grid.values(), strict=False)
    ][:2]
    tables, _ = predict_grid(spec.make(), settings, X, y, unseen)
    for table, setting in zip(tables, settings, strict=True):
        assert np.allclose(table, spec.make(**setting).fit(X, y).predict_proba(unseen), atol=1e-9)


def test_three_classes() -> None:
    X, y, unseen = data()
    y = np.array(["a", "b", "c"], dtype=object)[np.arange(len(y)) % 3]
    (table,), classes = predict_grid(LogisticClassifier(), [{"C": 0.1}], X, y, unseen)
    assert classes == ["a", "b", "c"]
    assert np.allclose(table.sum(axis=1), 1.0)
