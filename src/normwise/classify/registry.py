"""The classifiers and regressors by name, and the study's section made into an estimator and its grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from normwise.errors import ClassifierError
from normwise.schema import ClassifierSection, check_settings, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from normwise.classify.base import RowEstimator

__all__ = ["CLASSIFIERS", "REGRESSORS", "ClassifierSpec", "classifier_grid", "importances", "make_classifier"]

_HERE = "normwise.classify"
_NUMBERS = f"{_HERE}.regressors"


@dataclass(frozen=True)
class ClassifierSpec:
    """One classifier of the study file, or regressor.

    Attributes
    ----------
    title : str
        For people.
    path : str
        Module and name of the estimator, which is imported when the classifier is chosen.
    grid : dict of str to list
        Settings that are tuned where a study names none, from the simplest model to the richest, so that the
        first of equally good settings is the simplest.
    library_types : tuple of str
        Types of other packages inside a fitted estimator.
    takes : {"features", "images"}
        Whether it looks at columns one by one, or at the columns of voxels as an image.
    packages : tuple of str
        Optional packages, by the names of import, that it learns with.
    """

    title: str
    path: str
    grid: dict[str, list[Any]]
    library_types: tuple[str, ...] = ()
    takes: Literal["features", "images"] = "features"
    packages: tuple[str, ...] = ()

    @property
    def estimator(self) -> type[RowEstimator]:
        """The estimator's class."""
        module, _, name = self.path.rpartition(".")
        estimator: type[RowEstimator] = getattr(import_module(module), name)
        return estimator

    @property
    def trusted(self) -> tuple[str, ...]:
        """The types of objects that a saved classifier may hold."""
        return (self.path, *self.library_types)

    def make(self, random_state: int = 0, **parameters: Any) -> RowEstimator:
        """Build the estimator, unfitted; ``random_state`` reaches those that draw at random.

        Parameters
        ----------
        random_state : int
            Seed.
        **parameters
            Settings.
        """
        if "random_state" in self.estimator.settings():
            parameters = {"random_state": random_state, **parameters}
        return self.estimator(**parameters)


CLASSIFIERS: dict[str, ClassifierSpec] = {
    "linear": ClassifierSpec(
        "Least squares on class indicators, ridge penalty",
        f"{_HERE}.linear.LinearClassifier",
        grid={"alpha": [10000.0, 1000.0, 100.0, 10.0, 1.0]},
    ),
    "logistic": ClassifierSpec(
        "Logistic regression, L2 penalty",
        f"{_HERE}.logistic.LogisticClassifier",
        grid={"C": [0.0001, 0.001, 0.01, 0.1, 1.0]},
    ),
    "svm": ClassifierSpec(
        "Support vector machine, linear or Gaussian kernel",
        f"{_HERE}.svm.SupportVectorClassifier",
        grid={"kernel": ["linear", "rbf"], "C": [0.001, 0.01, 0.1, 1.0, 10.0]},
    ),
    "forest": ClassifierSpec(
        "Random forest",
        f"{_HERE}.forest.ForestClassifier",
        grid={"min_samples_leaf": [5, 1]},
        library_types=(
            "sklearn.ensemble._forest.RandomForestClassifier",
            "sklearn.tree._classes.DecisionTreeClassifier",
            "sklearn.tree._tree.Tree",
        ),
    ),
    "perceptron": ClassifierSpec(
        "Multilayer perceptron",
        f"{_HERE}.perceptron.PerceptronClassifier",
        grid={"alpha": [100.0, 10.0, 1.0]},
        library_types=(
            "numpy.random.mtrand.RandomState",
            "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
            "sklearn.preprocessing._label.LabelBinarizer",
        ),
    ),
    "neural": ClassifierSpec(
        "Neural network, fully connected",
        f"{_HERE}.neural.NeuralClassifier",
        grid={"weight_decay": [0.1, 0.03, 0.01], "epochs": [20, 60, 180]},
        packages=("safetensors", "torch"),
    ),
    "conv": ClassifierSpec(
        "Convolutional network on images",
        f"{_HERE}.conv.ConvClassifier",
        grid={},
        takes="images",
        packages=("safetensors", "torch"),
    ),
}
"""Every classifier a study may name; a new one is one file and one entry here."""

REGRESSORS: dict[str, ClassifierSpec] = {
    "linear": ClassifierSpec(
        "Linear regression, least squares", f"{_NUMBERS}.linear.LinearRegressor", grid={}
    ),
    "ridge": ClassifierSpec(
        "Linear regression, ridge penalty",
        f"{_NUMBERS}.linear.RidgeRegressor",
        grid={"alpha": [30000.0, 10000.0, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0]},
    ),
    "svr": ClassifierSpec(
        "Support vector regression, linear or Gaussian kernel",
        f"{_NUMBERS}.svr.SupportVectorRegressor",
        grid={"kernel": ["linear", "rbf"], "C": [0.001, 0.01, 0.1, 1.0, 10.0]},
    ),
    "forest": ClassifierSpec(
        "Random forest of regression trees",
        f"{_NUMBERS}.forest.ForestRegressor",
        grid={"min_samples_leaf": [5, 1]},
        library_types=(
            "sklearn.ensemble._forest.RandomForestRegressor",
            "sklearn.tree._classes.DecisionTreeRegressor",
            "sklearn.tree._tree.Tree",
        ),
    ),
    "neural": ClassifierSpec(
        "Neural network, fully connected, of a number",
        f"{_NUMBERS}.neural.NeuralRegressor",
        grid={"weight_decay": [0.1, 0.03, 0.01], "epochs": [20, 60, 180]},
        packages=("safetensors", "torch"),
    ),
    "conv": ClassifierSpec(
        "Convolutional network on images, of a number",
        f"{_NUMBERS}.conv.ConvRegressor",
        grid={},
        takes="images",
        packages=("safetensors", "torch"),
    ),
}
"""Every regressor that a study of a number may name as its classifier."""

Kinds = Mapping[str, ClassifierSpec]


def make_classifier(
    section: ClassifierSection, random_state: int = 0, kinds: Kinds = CLASSIFIERS
) -> RowEstimator:
    """Build the study's classifier, or regressor, with its fixed settings.

    Parameters
    ----------
    section : ClassifierSection
        Name, solver and fixed settings.
    random_state : int
        Seed of a classifier that draws at random.
    kinds : mapping of str to ClassifierSpec
        `CLASSIFIERS` or `REGRESSORS`.

    Returns
    -------
    Classifier or Regressor
        A scikit-learn estimator, unfitted.

    Raises
    ------
    ClassifierError
        CLS-101 no such classifier, CLS-102 no such setting, CLS-103 a value that the setting can't have.

    Examples
    --------
    >>> make_classifier(ClassifierSection(name="logistic", parameters={"C": 0.1}))
    LogisticClassifier(C=0.1)
    """
    spec = _spec(section.name, kinds)
    settings = _fixed(section)
    check_settings(spec.estimator.settings(), settings, subject=f"classifier {section.name}")
    return spec.make(**{"random_state": random_state, **settings})


def classifier_grid(section: ClassifierSection, kinds: Kinds = CLASSIFIERS) -> list[dict[str, Any]]:
    """Return every setting that is tried in tuning.

    Parameters
    ----------
    section : ClassifierSection
        Name, fixed settings and the grid; without a grid the classifier's own, less what is fixed.
    kinds : mapping of str to ClassifierSpec
        `CLASSIFIERS` or `REGRESSORS`.

    Returns
    -------
    list of dict
        At least one; the order of the grid's keys and values is kept, the last key changes fastest.

    Raises
    ------
    ClassifierError
        CLS-101 no such classifier, CLS-102 no such setting, CLS-103 a value that the setting can't have,
        CLS-104 a setting without a value to try, CLS-105 a setting both fixed and tuned.

    Examples
    --------
    >>> classifier_grid(ClassifierSection(name="svm", parameters={"kernel": "rbf"}, grid={"C": [1, 10]}))
    [{'C': 1}, {'C': 10}]
    """
    spec = _spec(section.name, kinds)
    fixed = _fixed(section)
    subject = f"classifier {section.name}"
    grid = section.grid or {name: values for name, values in spec.grid.items() if name not in fixed}
    for name, values in grid.items():
        if not values:
            raise ClassifierError(
                "CLS-104",
                f"the grid gives {name!r} nothing to try.",
                subject=subject,
                expected="at least one value",
                advice=f"list values of {name}, or leave it out of the grid",
            )
        for value in values:
            check_settings(spec.estimator.settings(), {name: value}, subject=f"{subject}, grid")
        if name in fixed:
            raise ClassifierError(
                "CLS-105",
                f"the setting {name!r} is both fixed and tuned.",
                subject=subject,
                seen=f"fixed at {fixed[name]!r}, grid {values!r}",
                advice=f"keep {name} in one of the two places",
            )
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def importances(estimator: Any) -> tuple[NDArray[np.float64], str] | None:
    """Return what each feature weighs in a fitted classifier or regressor.

    Parameters
    ----------
    estimator : classifier or regressor
        One of this package's, or any of scikit-learn's, fitted.

    Returns
    -------
    tuple of ndarray of shape (n_features,) and str, or None
        ``"coefficient"`` of two classes, positive towards the last of ``classes_``, and of a number;
        ``"coefficient size"``, the root mean square over several rows of coefficients; ``"impurity"`` of
        trees; None without weights.
    """
    import numpy as np

    weights = getattr(estimator, "coef_", None)
    if weights is not None:
        weights = np.atleast_2d(np.asarray(weights, dtype=float))
        if weights.shape[0] == 1:
            return weights[0], "coefficient"
        return np.sqrt((weights**2).mean(axis=0)), "coefficient size"
    shares = getattr(estimator, "feature_importances_", None)
    return None if shares is None else (np.asarray(shares, dtype=float), "impurity")


def _spec(name: str, kinds: Kinds) -> ClassifierSpec:
    if name in kinds:
        return kinds[name]
    others = REGRESSORS if kinds is CLASSIFIERS else CLASSIFIERS
    what = "classifier" if kinds is CLASSIFIERS else "regressor"
    if name in others:
        advice = (
            "it predicts a number: name the column with cohort.target in place of cohort.label"
            if kinds is CLASSIFIERS
            else "it tells classes apart, and cohort.target is a number: take one of the regressors"
        )
    else:
        advice = did_you_mean(name, kinds)
    raise ClassifierError(
        "CLS-101",
        f"there is no {what} {name!r}.",
        subject="classifier.name",
        expected=f"one of {', '.join(kinds)}",
        advice=advice,
    )


def _fixed(section: ClassifierSection) -> dict[str, Any]:
    """Return the fixed settings, the section's solver among them."""
    if section.solver in (None, "default"):
        return dict(section.parameters)
    return {**section.parameters, "solver": section.solver}
