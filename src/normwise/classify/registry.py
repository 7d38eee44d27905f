"""The classifiers by name, and the study file's section made into an estimator and its grid."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.classify.base import Classifier, ClassifierSpec
from normwise.classify.conv import CONV
from normwise.classify.forest import FOREST
from normwise.classify.linear import LINEAR
from normwise.classify.logistic import LOGISTIC
from normwise.classify.neural import NEURAL
from normwise.classify.perceptron import PERCEPTRON
from normwise.classify.svm import SVM
from normwise.errors import ClassifierError
from normwise.schema import ClassifierSection, check_settings, did_you_mean

__all__ = ["CLASSIFIERS", "classifier_grid", "importances", "make_classifier"]

CLASSIFIERS: dict[str, ClassifierSpec] = {
    "linear": LINEAR,
    "logistic": LOGISTIC,
    "svm": SVM,
    "forest": FOREST,
    "perceptron": PERCEPTRON,
    "neural": NEURAL,
    "conv": CONV,
}
"""Every classifier a study may name; a new one is one file and one line here."""


def make_classifier(section: ClassifierSection, random_state: int = 0) -> Classifier:
    """Build the study's classifier with its fixed settings.

    Parameters
    ----------
    section : ClassifierSection
        Name, solver and fixed settings.
    random_state : int
        Seed of a classifier that draws at random.

    Returns
    -------
    Classifier
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
    spec = _spec(section.name)
    settings = _fixed(section)
    check_settings(spec.estimator.settings(), settings, subject=f"classifier {section.name}")
    return spec.make(**{"random_state": random_state, **settings})


def classifier_grid(section: ClassifierSection) -> list[dict[str, Any]]:
    """Return every setting that is tried in tuning.

    Parameters
    ----------
    section : ClassifierSection
        Name, fixed settings and the grid; without a grid the classifier's own, less what is fixed.

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
    spec = _spec(section.name)
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
    """Return what each feature weighs in a fitted classifier.

    Parameters
    ----------
    estimator : classifier
        One of this room's, or any scikit-learn classifier, fitted.

    Returns
    -------
    tuple of ndarray of shape (n_features,) and str, or None
        ``"coefficient"`` of two classes, positive towards the last of ``classes_``; ``"coefficient size"``,
        the root mean square over several rows of coefficients; ``"impurity"`` of trees; None without weights.
    """
    weights = getattr(estimator, "coef_", None)
    if weights is not None:
        weights = np.asarray(weights, dtype=float)
        if weights.shape[0] == 1:
            return weights[0], "coefficient"
        return np.sqrt((weights**2).mean(axis=0)), "coefficient size"
    shares = getattr(estimator, "feature_importances_", None)
    return None if shares is None else (np.asarray(shares, dtype=float), "impurity")


def _spec(name: str) -> ClassifierSpec:
    if name not in CLASSIFIERS:
        raise ClassifierError(
            "CLS-101",
            f"there is no classifier {name!r}.",
            subject="classifier.name",
            expected=f"one of {', '.join(CLASSIFIERS)}",
            advice=did_you_mean(name, CLASSIFIERS),
        )
    return CLASSIFIERS[name]


def _fixed(section: ClassifierSection) -> dict[str, Any]:
    """Return the fixed settings, the section's solver among them."""
    if section.solver in (None, "default"):
        return dict(section.parameters)
    return {**section.parameters, "solver": section.solver}
