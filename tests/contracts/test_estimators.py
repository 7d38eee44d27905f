"""Every estimator that takes a table keeps the conventions that scikit-learn checks, in its default state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from normwise.classify import CLASSIFIERS, LinearClassifier, LogisticClassifier, SupportVectorClassifier
from normwise.normalize import FeatureNormalizer, SiteHarmonizer
from normwise.procedure import DropDemographics, FeatureSelector, TargetClassifier

# Small enough for a test; nothing else about them differs from the defaults.
QUICK: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 8},
    "perceptron": {"hidden_layer_sizes": 4},
    "neural": {"hidden": 4},
}
ESTIMATORS: list[Any] = [
    FeatureNormalizer(),
    FeatureNormalizer(scale="residual", variance="demographic"),
    SiteHarmonizer(),
    *(spec.make(**QUICK.get(name, {})) for name, spec in CLASSIFIERS.items() if spec.takes == "features"),
    LinearClassifier(solver="gradient_descent"),
    LogisticClassifier(solver="gradient_descent"),
    SupportVectorClassifier(kernel="linear"),
    DropDemographics(),
    FeatureSelector(),
    TargetClassifier(),
]
"""Estimators, each in its default state first; a new one is a line here."""


def failing_checks(estimator: BaseEstimator) -> dict[str, str]:
    """Return the checks that can't hold for an estimator, each with the reason."""
    return EXPECTED_TO_FAIL.get(type(estimator).__name__, {})


EXPECTED_TO_FAIL: dict[str, dict[str, str]] = {}
"""By name of the class."""


@pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=failing_checks)
def test_scikit_learn_is_satisfied(estimator: BaseEstimator, check: Callable[[object], None]) -> None:
    check(estimator)
