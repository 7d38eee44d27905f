"""Random forest: scikit-learn's, behind the settings that matter for a few hundred people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import TREE_LEAF, TREE_UNDEFINED, Tree

from normwise.classify.base import Classifier, check_settings_of
from normwise.classify.solvers.standardize import training_unit
from normwise.schema import ClassWeight, Count, FittedParts, Seed

__all__ = ["ForestClassifier", "check_tree"]

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
        # Trees split at float32 values: in the training rows' unit no digit in which people differ is lost.
        self.centre_, self.scale_ = training_unit(rows)
        # Equal weights would draw other rows than none.
        weights = None if self.class_weight is None else self.row_weights(codes)
        self.forest_ = self._unfitted().fit((rows - self.centre_) / self.scale_, codes, sample_weight=weights)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        rows = self.read_new(X)
        return np.asarray(self.forest_.predict_proba((rows - self.centre_) / self.scale_))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse trees that ``fit`` could not have grown; see `Classifier.check_parts`.

        scikit-learn follows children and features without looking whether there are such, so that a tree of
        another shape ends the process, or never ends.
        """
        super().check_parts(parts)
        columns = self.n_features_in_
        parts.array("centre_", (columns,))
        parts.array("scale_", (columns,), low=1e-300, infinite=True)
        forest = check_settings_of(parts.part("forest_"), self._unfitted())
        trees = forest.part("estimators_")
        fits = isinstance(trees, list) and len(trees) == self.n_estimators
        forest.expect("estimators_", holds=fits, instead=f"{self.n_estimators} trees")
        unfitted = DecisionTreeClassifier(
            **{name: getattr(forest.owner, name) for name in forest.owner.estimator_params}
        )
        for each in (forest, *(check_settings_of(tree, unfitted) for tree in trees)):
            each.whole("n_features_in_", columns, columns)
            each.whole("n_outputs_", 1, 1)
            each.whole("n_classes_", len(self.classes_), len(self.classes_))
            codes = each.array("classes_", (len(self.classes_),), kinds="iuf")
            each.expect("classes_", holds=(codes == np.arange(len(codes))).all(), instead="places of classes")
        for tree in trees:
            check_tree(vars(tree).get("tree_"), columns, len(self.classes_))

    def _unfitted(self) -> RandomForestClassifier:
        share = self.max_features if isinstance(self.max_features, str) else float(self.max_features)
        return RandomForestClassifier(
            self.n_estimators,
            max_features=share,
            min_samples_leaf=self.min_samples_leaf,
            max_depth=self.max_depth,
            random_state=self.random_state,
        )

    @property
    def feature_importances_(self) -> Floats:
        """Mean decrease of impurity by each feature, of sum 1 (0 where no tree ever splits)."""
        return np.asarray(self.forest_.feature_importances_)


def check_tree(tree: Any, columns: int, classes: int) -> None:
    """Refuse nodes that are no tree, or that ask for a feature which there is not; of one class, numbers."""
    if not isinstance(tree, Tree) or tree.node_count != tree.capacity or tree.node_count < 1:
        raise ValueError("a tree has another number of nodes than it says")
    if (tree.n_features, tree.n_outputs, tree.max_n_classes) != (columns, 1, classes):
        raise ValueError("a tree is of other features or classes than the forest")
    number, values = np.arange(tree.node_count), tree.value
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    leaf = left == TREE_LEAF
    splits = ~leaf
    # Every node but the first is the child of one before it: the nodes are a tree, and end.
    children = np.sort(np.concatenate([left[splits], right[splits]]))
    sound = (
        (right[leaf] == TREE_LEAF).all()
        and (feature[leaf] == TREE_UNDEFINED).all()
        and np.array_equal(children, number[1:])
        and (np.minimum(left, right)[splits] > number[splits]).all()
        and ((feature[splits] >= 0) & (feature[splits] < columns)).all()
        and np.isfinite(tree.threshold[splits]).all()
        and np.isfinite(tree.impurity).all()
        and (np.isfinite(tree.weighted_n_node_samples) & (tree.weighted_n_node_samples > 0)).all()
        and (
            np.isfinite(values).all()
            if classes == 1
            else (values >= 0).all() and (np.abs(values.sum(axis=2) - 1.0) < 1e-6).all()
        )
    )
    if not sound:
        raise ValueError("the nodes of a tree are not those of a tree on these features")
