"""Random forest: scikit-learn's, behind the settings that matter for a few hundred people."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier

from normwise.classify.base import Classifier
from normwise.classify.solvers.standardize import training_unit
from normwise.schema import ClassWeight, Count, Seed

__all__ = ["ForestClassifier"]

Floats = NDArray[np.float64]

Share = Annotated[float, Field(gt=0, le=1)]


class ForestClassifier(Classifier):
    """Random forest (Breiman 2001); probabilities are the trees' mean leaf shares.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_features : {"sqrt", "log2"} or float
        Features tried at a split: by their number, or as a share of them.
    min_samples_leaf : int
        Rows that a leaf keeps at least; more of them give smoother probabilities.
    max_depth : int, optional
        Deepest tree; default: until leaves are pure.
    class_weight : None, "balanced" or dict
        Row weights by class; None keeps the training rows' shares.
    random_state : int
        Seed.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    forest_ : sklearn.ensemble.RandomForestClassifier
        Trained on places in ``classes_``.
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training rows; a constant feature's is infinite.
    feature_importances_ : ndarray of shape (n_features,)
        Mean decrease of impurity, of sum 1.

    Examples
    --------
    >>> X = np.array([[50.0], [52.0], [61.0], [64.0]])
    >>> model = ForestClassifier(n_estimators=20).fit(X, ["normal", "normal", "AD", "AD"])
    >>> model.predict([[49.0], [65.0]]).tolist()
    ['normal', 'AD']
    """

    def __init__(
        self,
        n_estimators: Count = 200,
        *,
        max_features: Literal["sqrt", "log2"] | Share = "sqrt",
        min_samples_leaf: Count = 1,
        max_depth: Count | None = None,
        class_weight: ClassWeight = None,
        random_state: Seed = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grow the trees; see `Classifier.fit`."""
        rows, codes = self.read_training(X, y)
        share = self.max_features if isinstance(self.max_features, str) else float(self.max_features)
        forest = RandomForestClassifier(
            self.n_estimators,
            max_features=share,
            min_samples_leaf=self.min_samples_leaf,
            max_depth=self.max_depth,
            random_state=self.random_state,
        )
        # Trees split at float32 values: in the training rows' unit no digit in which people differ is lost.
        self.centre_, self.scale_ = training_unit(rows)
        # Equal weights would draw other rows than none.
        weights = None if self.class_weight is None else self.row_weights(codes)
        self.forest_ = forest.fit((rows - self.centre_) / self.scale_, codes, sample_weight=weights)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        rows = self.read_new(X)
        return np.asarray(self.forest_.predict_proba((rows - self.centre_) / self.scale_))

    @property
    def feature_importances_(self) -> Floats:
        """Mean decrease of impurity by each feature, of sum 1 (0 where no tree ever splits)."""
        return np.asarray(self.forest_.feature_importances_)
