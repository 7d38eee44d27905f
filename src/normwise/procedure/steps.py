"""Small scikit-learn steps that the procedure's pipelines share."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from normwise.errors import ProcedureError

__all__ = ["DropDemographics", "TargetClassifier"]


class DropDemographics(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Keep the features of the travelling frame and nothing else: the raw arm.

    Parameters
    ----------
    demographics : sequence of str
        Columns that are dropped.
    """

    def __init__(self, demographics: tuple[str, ...] = ()) -> None:
        self.demographics = demographics

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Remember the feature columns."""
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        self.kept_ = [name for name in X.columns if name not in self.demographics]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the features, of shape (n_scans, n_features)."""
        check_is_fitted(self)
        return X[self.kept_].to_numpy()

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray[Any, Any]:  # noqa: ARG002
        """Return the names of the features that are kept."""
        check_is_fitted(self)
        return np.asarray(self.kept_, dtype=object)


def _wraps_decision_function(step: TargetClassifier) -> bool:
    return hasattr(step.classifier, "decision_function")


class TargetClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Train a classifier on the rows whose label is a target; the others only served the normalizer.

    Parameters
    ----------
    classifier : estimator
        The classifier that is trained.
    targets : sequence of str
        Classes that are told apart.
    """

    def __init__(self, classifier: Any = None, targets: tuple[str, ...] = ()) -> None:
        self.classifier = classifier
        self.targets = targets

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on the rows of the targets."""
        rows = np.isin(np.asarray(y, dtype=object), list(self.targets))
        if not rows.any():
            raise ProcedureError(
                "PRC-103",
                "no row has a label among the targets.",
                seen=f"labels {sorted({str(label) for label in y})[:5]}",
                expected=f"one of {list(self.targets)}",
                advice="check cohort.targets",
            )
        self.classifier_ = clone(self.classifier).fit(np.asarray(X)[rows], np.asarray(y)[rows])
        self.classes_ = self.classifier_.classes_
        self.n_features_in_ = self.classifier_.n_features_in_
        return self

    def predict(self, X: Any) -> Any:
        """Return the most probable target of each row."""
        check_is_fitted(self)
        return self.classifier_.predict(X)

    def predict_proba(self, X: Any) -> Any:
        """Return probabilities of shape (n_scans, n_targets)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(X)

    @available_if(_wraps_decision_function)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """Return the inner classifier's score."""
        check_is_fitted(self)
        return self.classifier_.decision_function(X)
