"""What every classifier shares: class names, row weights; and with regressors checked rows and settings."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from normwise.errors import ClassifierError
from normwise.schema import FittedParts, check_settings, refuse_hidden_methods, settings_of

__all__ = [
    "Classifier",
    "LogOddsClassifier",
    "RowEstimator",
    "check_curve",
    "check_settings_of",
    "count_outputs",
]

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


class RowEstimator(BaseEstimator, metaclass=ABCMeta):  # type: ignore[misc]  # untyped base
    """An estimator of rows of features.

    What each setting may be is the annotation of its parameter in ``__init__``.
    """

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Return what each setting may be, as `normwise.schema.check_settings` takes it."""
        return settings_of(cls)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse settings and columns that ``fit`` could not have learnt; subclasses add their own.

        Parameters
        ----------
        parts : FittedParts
            What this estimator holds, read from a file.

        Raises
        ------
        ValueError, ClassifierError
            The first part that is wrong.
        """
        known = self.settings()
        check_settings(known, {name: parts.part(name) for name in known}, subject=type(self).__name__)
        parts.named_columns()

    def fit_grid(self, X: ArrayLike, y: ArrayLike, settings: Sequence[Mapping[str, Any]]) -> list[Self]:
        """Fit one clone a setting on the same rows; work that settings share is done once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            What is learnt of them.
        settings : sequence of mapping
            Parameters of each clone.

        Returns
        -------
        list of estimators
            In the order of the settings, the same models as fitting each clone alone.
        """
        parameters = {name: getattr(self, name) for name in self.settings()}
        for name in {name for setting in settings for name in setting} - set(parameters):
            clone(self).set_params(**{name: None})  # refuses a name that there is not
        models = [type(self)(**(parameters | dict(setting))) for setting in settings]
        if models:
            self.fit_together(models, X, y)
        return models

    def fit_together(self, models: list[Self], X: ArrayLike, y: ArrayLike) -> None:
        """Fit several unfitted clones on the same rows; by default one after the other."""
        for model in models:
            model.fit(X, y)

    def read_like(self, first: Self) -> None:
        """Take over what the first of several models has read from the same rows."""
        if self is not first:
            self._begin(like=first)
            for name in ("n_features_in_", "feature_names_in_", "classes_"):
                if hasattr(first, name):
                    setattr(self, name, getattr(first, name))

    def _begin(self, like: Self | None = None) -> None:
        """Check the settings, and forget what an earlier fit, perhaps of another solver, has learnt.

        Settings that are the very ones of another estimator, which has begun, are not checked again.
        """
        known = self.settings()
        own = {name: getattr(self, name) for name in known}
        if like is not None:
            own = {name: value for name, value in own.items() if value is not getattr(like, name)}
        check_settings(known, own, subject=type(self).__name__)
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def read_new(self, X: ArrayLike) -> Floats:
        """Check rows to be predicted, and return them in float64, each feature in one piece.

        BLAS rounds by how a matrix lies in memory; a person's scores must not depend on that.
        """
        if not self._is_ready(X):
            check_is_fitted(self)
            X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asfortranarray(X)

    def _is_ready(self, X: ArrayLike) -> TypeGuard[Floats]:
        """Tell whether rows to be predicted are right as they are."""
        return (
            _is_plain(X)
            and X.shape[1] == getattr(self, "n_features_in_", None)
            and not hasattr(self, "feature_names_in_")
        )


def _is_plain(X: ArrayLike) -> TypeGuard[Floats]:
    """Tell whether rows are right as they are: scikit-learn's checks take longer than a small fit."""
    return (
        type(X) is np.ndarray
        and X.dtype == np.float64
        and X.ndim == 2
        and X.size > 0
        and bool(np.isfinite(X).all())
    )


def _are_ready(X: ArrayLike, y: ArrayLike) -> TypeGuard[Floats]:
    """Tell whether rows and the names of their classes can be learnt from as they are."""
    return (
        _is_plain(X)
        and type(y) is np.ndarray
        and y.dtype == object
        and y.shape == X.shape[:1]
        and all(type(name) is str for name in y)
    )


class Classifier(ClassifierMixin, RowEstimator):  # type: ignore[misc]  # untyped bases
    """A scikit-learn classifier with probabilities; subclasses give ``fit`` and ``predict_proba``.

    What each setting may be is the annotation of its parameter in ``__init__``.

    ``fit`` begins with `read_training`, ``predict_proba`` with `read_new`; `row_weights` gives the weights of
    ``class_weight``. Where settings of a grid share work, override `fit_together`.
    """

    classes_: NDArray[Any]

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Their classes.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-106 a weight for no class, CLS-107 one class only; what a
            classifier refuses besides is said by its own ``fit``.
        """

    @abstractmethod
    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row, of shape (n_samples,)."""
        check_is_fitted(self)
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`; −inf where a probability is 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse what ``fit`` could not have learnt: settings, columns and classes; subclasses add their own.

        Parameters
        ----------
        parts : FittedParts
            What this classifier holds, read from a file.

        Raises
        ------
        ValueError, ClassifierError
            The first part that is wrong.
        """
        super().check_parts(parts)
        classes = parts.texts("classes_")
        several = len(classes) > 1 and isinstance(self.classes_, np.ndarray) and classes == sorted(classes)
        parts.expect("classes_", holds=several, instead="an array of two classes or more, sorted")

    def read_training(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, Codes]:
        """Check settings and rows, learn names, and return the rows with each one's place in ``classes_``."""
        self._begin()
        if _are_ready(X, y):
            self.n_features_in_ = X.shape[1]
            return X, self._number_classes(np.asarray(y))
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        return rows, self._learn_classes(labels)

    def _learn_classes(self, labels: NDArray[Any]) -> Codes:
        """Learn ``classes_``, and return each row's place among them."""
        check_classification_targets(labels)
        return self._number_classes(labels)

    def _number_classes(self, labels: NDArray[Any]) -> Codes:
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            # The words "1 class" are what scikit-learn's own checks look for.
            raise ClassifierError(
                "CLS-107",
                "the training rows hold 1 class; a classifier needs at least two classes.",
                subject=type(self).__name__,
                seen=f"{len(codes)} rows of class {self.classes_[0]}",
                advice="check the cohort's label and classes, and that every class has people left",
            )
        return np.asarray(codes, dtype=np.intp)

    def row_weights(self, codes: Codes, sample_weight: Floats | None = None) -> Floats:
        """Return each row's weight: its class's, times its own."""
        own = np.ones(len(codes)) if sample_weight is None else sample_weight
        counted = np.bincount(codes, weights=own, minlength=len(self.classes_))
        if not counted.all():
            raise ClassifierError(
                "CLS-111",
                f"the rows of class {self.classes_[int(np.argmin(counted))]} have no weight.",
                subject=type(self).__name__,
                expected="weights above 0 in every class",
                advice="leave the class out, or give its rows a weight",
            )
        wanted = getattr(self, "class_weight", None)
        if wanted is None:
            return own
        if wanted == "balanced":
            by_class = counted.sum() / (len(counted) * counted)
        else:
            by_class = self._named_weights(wanted)
        return np.asarray(own * by_class[codes])

    def _named_weights(self, wanted: Mapping[Any, float]) -> Floats:
        """Return the weight of each class from a table, 1 where it is not named."""
        names = self.classes_.tolist()
        absent = [str(name) for name in wanted if name not in names]
        if absent:
            raise ClassifierError(
                "CLS-106",
                "class_weight names a class that no training row has.",
                subject=type(self).__name__,
                seen=", ".join(absent),
                expected=f"some of {', '.join(map(str, names))}",
                advice="write the classes as the study names them",
            )
        return np.array([wanted.get(name, 1.0) for name in names], dtype=float)


def count_outputs(classes: NDArray[Any]) -> int:
    """Return how many scores separate the classes: one of two, else one a class."""
    return 1 if len(classes) == 2 else len(classes)


def check_curve(parts: FittedParts, name: str) -> None:
    """Refuse a curve over the steps of a training, where there is one, that is no row of numbers."""
    if name in vars(parts.owner):
        parts.array(name, (None,))


def check_settings_of(estimator: Any, unfitted: Any) -> FittedParts:
    """Return the parts of a fitted estimator of scikit-learn whose settings are those of an unfitted one."""
    if type(estimator) is not type(unfitted):
        raise ValueError(f"{type(estimator).__name__} stands where a {type(unfitted).__name__} should")
    refuse_hidden_methods(estimator)
    parts = FittedParts(estimator)
    for name, value in unfitted.get_params(deep=False).items():
        own = parts.part(name)
        if name not in ("estimator", "random_state"):
            parts.expect(name, holds=type(own) is type(value) and own == value, instead=repr(value))
    return parts


class LogOddsClassifier(Classifier):
    """A classifier whose ``decision_function`` gives log-odds: the probabilities are their softmax."""

    @abstractmethod
    def decision_function(self, X: ArrayLike) -> Floats:
        """Return log-odds of the last of two classes, or a score a class, (n_samples, n_classes)."""

    def predict_log_proba(self, X: ArrayLike) -> Floats:
        """Return the logarithm of `predict_proba`, exact also where a probability is next to 0."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([log_expit(-scores), log_expit(scores)])
        return np.asarray(log_softmax(scores, axis=1))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        return np.asarray(softmax(scores, axis=1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row, of shape (n_samples,)."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else np.argmax(scores, axis=1)
        return np.asarray(self.classes_[chosen])
