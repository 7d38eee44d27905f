"""Random forest of regression trees: scikit-learn's, with the settings that matter for few hundred people."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from normwise.classify.base import check_settings_of
from normwise.classify.forest import check_tree
from normwise.classify.regressors.base import Regressor
from normwise.classify.solvers.standardize import training_unit
from normwise.schema import Count, FittedParts, Seed

__all__ = ["ForestRegressor"]

Floats = NDArray[np.float64]

Share = Annotated[float, Field(gt=0, le=1)]


class ForestRegressor(Regressor):
    """Random forest (Breiman 2001), which predicts the mean of its trees and never leaves the training range.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_features : {"sqrt", "log2"} or float
        Features tried at a split: by their number, or as a share of them.
    min_samples_leaf : int
        Rows that a leaf keeps at least.
    max_depth : int, optional
        Deepest tree; default: until leaves are pure.
    random_state : int
        Seed.

    Attributes
    ----------
    forest_ : sklearn.ensemble.RandomForestRegressor
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the training rows; a constant feature's is infinite.
    feature_importances_ : ndarray of shape (n_features,)
        Mean decrease of the squared error, of sum 1.

    Examples
    --------
    >>> X, y = np.array([[50.0], [52.0], [61.0], [64.0]]), [8.0, 8.0, 5.0, 5.0]
    >>> model = ForestRegressor(50).fit(X, y)
    >>> bool(model.predict([[49.0]]) > model.predict([[65.0]]))
    True
    """

    def __init__(
        self,
        n_estimators: Count = 200,
        *,
        max_features: Literal["sqrt", "log2"] | Share = 0.33,
        min_samples_leaf: Count = 1,
        max_depth: Count | None = None,
        random_state: Seed = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.max_depth = max_depth
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grow the trees; see `Regressor.fit`."""
        rows, numbers = self.read_training(X, y)
        # Trees split at float32 values: in the training rows' unit no digit in which people differ is lost.
        self.centre_, self.scale_ = training_unit(rows)
        self.forest_ = self._unfitted().fit((rows - self.centre_) / self.scale_, numbers)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""
        return np.asarray(self.forest_.predict((self.read_new(X) - self.centre_) / self.scale_))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse trees that ``fit`` could not have grown, as `ForestClassifier.check_parts` does."""
        super().check_parts(parts)
        columns = self.n_features_in_
        parts.array("centre_", (columns,))
        parts.array("scale_", (columns,), low=1e-300, infinite=True)
        forest = check_settings_of(parts.part("forest_"), self._unfitted())
        trees = forest.part("estimators_")
        fits = isinstance(trees, list) and len(trees) == self.n_estimators
        forest.expect("estimators_", holds=fits, instead=f"{self.n_estimators} trees")
        unfitted = DecisionTreeRegressor(
            **{name: getattr(forest.owner, name) for name in forest.owner.estimator_params}
        )
        for each in (forest, *(check_settings_of(tree, unfitted) for tree in trees)):
            each.whole("n_features_in_", columns, columns)
            each.whole("n_outputs_", 1, 1)
        for tree in trees:
            check_tree(vars(tree).get("tree_"), columns, 1)

    def _unfitted(self) -> RandomForestRegressor:
        share = self.max_features if isinstance(self.max_features, str) else float(self.max_features)
        return RandomForestRegressor(
            self.n_estimators,
            max_features=share,
            min_samples_leaf=self.min_samples_leaf,
            max_depth=self.max_depth,
            random_state=self.random_state,
        )

    @property
    def feature_importances_(self) -> Floats:
        """Mean decrease of the squared error by each feature, of sum 1 (0 where no tree ever splits)."""
        return np.asarray(self.forest_.feature_importances_)
