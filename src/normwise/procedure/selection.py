"""Feature selection as a pipeline step behind the normalizer, learnt from training rows alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from normwise.schema import FittedParts

__all__ = ["DEFAULT_COUNTS", "RANKINGS", "FeatureSelector", "rank_features", "selected_columns"]

DEFAULT_COUNTS = (10, 30, 100)
"""How many features are tried where the study does not say."""


class FeatureSelector(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Keep the columns that separate the classes best.

    Parameters
    ----------
    method : str
        A key of `normwise.procedure.selection.RANKINGS`.
    features : int
        How many are kept.
    targets : sequence of str, optional
        Classes to separate; rows of others are left out. None: every row.
    random_state : int
        Seed of the methods that draw.

    Attributes
    ----------
    kept_ : ndarray of int of shape (n_kept,)
        Columns that are kept, ascending.
    n_features_in_ : int
        Columns seen.

    Examples
    --------
    >>> X = np.array([[0.0, 5.0], [0.1, 4.0], [1.0, 5.0], [1.2, 4.1]])
    >>> FeatureSelector("univariate", 1).fit(X, ["normal", "normal", "AD", "AD"]).kept_.tolist()
    [0]
    """

    def __init__(
        self,
        method: str = "univariate",
        features: int = 10,
        targets: tuple[str, ...] | None = None,
        random_state: int = 0,
    ) -> None:
        self.method = method
        self.features = features
        self.targets = targets
        self.random_state = random_state

    def fit(self, X: Any, y: Any, candidates: int | None = None) -> Self:
        """Rank the columns and keep the first.

        Parameters
        ----------
        X : array-like of shape (n_scans, n_columns)
            Normalized features.
        y : array-like of shape (n_scans,)
            Classes.
        candidates : int, optional
            So many columns, from the left, compete; those behind them (appended demographics) are always
            kept. Default: all.
        """
        table, labels = validate_data(self, X, y, ensure_min_samples=2)
        ranked = self.rank(table, labels.astype(object), self.features, candidates)
        self.kept_ = selected_columns(ranked, self.features, table.shape[1], candidates)
        return self

    def rank(
        self, X: NDArray[Any], y: NDArray[np.object_], count: int, candidates: int | None = None
    ) -> NDArray[np.intp]:
        """Return the columns in the order in which they are chosen, at most ``count``.

        Parameters
        ----------
        X, y, candidates
            As in `fit`.
        count : int
            Columns wanted.
        """
        rows = np.ones(len(y), dtype=bool) if self.targets is None else np.isin(y, list(self.targets))
        return rank_features(self.method, X[rows, :candidates], y[rows], count, self.random_state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse columns that there are not; see `normwise.schema.FittedParts`."""
        columns = parts.named_columns()
        kept = parts.array("kept_", (None,), kinds="iu", low=0, high=columns - 1)
        parts.expect(
            "kept_", holds=len(kept) > 0 and bool((np.diff(kept) > 0).all()), instead="ascending columns"
        )

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the columns that are kept, of shape (n_scans, n_kept)."""
        check_is_fitted(self)
        selected: NDArray[Any] = validate_data(self, X, reset=False)[:, self.kept_]
        return selected

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns that are kept."""
        names: NDArray[np.object_] = super().get_feature_names_out(input_features)[self.kept_]
        return names


def selected_columns(
    ranked: NDArray[np.intp], count: int, n_columns: int, candidates: int | None
) -> NDArray[np.intp]:
    """Return the first of ranked columns, ascending, and every column that does not compete.

    Examples
    --------
    >>> selected_columns(np.array([2, 0, 1]), 2, 5, 3).tolist()
    [0, 2, 3, 4]
    """
    always = np.arange(n_columns if candidates is None else candidates, n_columns)
    columns: NDArray[np.intp] = np.concatenate([np.sort(ranked[:count]), always])
    return columns


Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_L1_STEPS = 16  # doublings of C: from the first feature that enters to thousands of times weaker a penalty


def rank_features(name: str, X: Floats, y: NDArray[np.object_], count: int, seed: int) -> Places:
    """Return the features that are chosen, the first one first.

    Parameters
    ----------
    name : {"l1", "univariate", "mutual_information", "mrmr"}
        A key of `RANKINGS`.
    X : ndarray of shape (n_scans, n_features)
        Training rows of these classes.
    y : ndarray of shape (n_scans,)
        Their classes.
    count : int
        Features wanted.
    seed : int
        Seed of the methods that draw.

    Returns
    -------
    ndarray of int of shape (at most count,)
        Places of features; fewer than wanted where no more separates the classes (l1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.array(["normal", "AD"] * 30, dtype=object)
    >>> X = rng.normal(size=(60, 5))
    >>> X[:, 3] += 2.0 * (y == "AD")
    >>> X[:, 1] = X[:, 3] + rng.normal(0, 0.1, 60)  # says what feature 3 says
    >>> X[:, 0] += 1.0 * (y == "AD")
    >>> [sorted(rank_features(name, X, y, 2, 0).tolist()) for name in ("univariate", "mrmr")]
    [[1, 3], [0, 3]]
    """
    if not np.ptp(X, axis=0).any():
        return np.arange(min(count, X.shape[1]))  # nothing varies, so that no order is better than another
    with warnings.catch_warnings():
        # Constant features are ranked last, and a path of weak penalties need not converge to the last digit.
        warnings.simplefilter("ignore")
        return RANKINGS[name](np.asarray(X, dtype=np.float64), y, min(count, X.shape[1]), seed)


def _by_f(X: Floats, y: NDArray[np.object_], count: int, seed: int) -> Places:  # noqa: ARG001 - one signature
    """F statistic of the one-way analysis of variance."""
    return _descending(_f_values(X, y))[:count]


def _by_information(X: Floats, y: NDArray[np.object_], count: int, seed: int) -> Places:
    """Mutual information with the class, by nearest neighbours (Ross 2014)."""
    from sklearn.feature_selection import mutual_info_classif

    return _descending(mutual_info_classif(X, y.astype(str), random_state=seed))[:count]


def _by_l1(X: Floats, y: NDArray[np.object_], count: int, seed: int) -> Places:
    """Order of entry into a linear support vector machine with an L1 penalty, as the penalty weakens."""
    from sklearn.svm import LinearSVC, l1_min_c

    names = y.astype(str)
    spread = X.std(axis=0)
    scaled = (X - X.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    chosen: list[int] = []
    strength = 1.01 * l1_min_c(scaled, names, loss="squared_hinge")
    for step in range(_L1_STEPS):
        machine = LinearSVC(penalty="l1", dual=False, C=strength * 2.0**step, random_state=seed)
        weights = np.abs(machine.fit(scaled, names).coef_).max(axis=0)
        weights[chosen] = 0.0
        # Of those that enter together the heaviest comes first.
        chosen += _descending(weights)[: int((weights > 0).sum())].tolist()
        if len(chosen) >= count:
            break
    return np.array(chosen[:count], dtype=np.intp)


def _by_mrmr(X: Floats, y: NDArray[np.object_], count: int, seed: int) -> Places:  # noqa: ARG001 - one signature
    """Greatest F statistic by mean correlation with those chosen: the quotient FCQ of Ding and Peng (2005).

    "Minimum redundancy feature selection from microarray gene expression data", J Bioinform Comput Biol
    3:185-205, equations 4, 7 and table 1. A correlation below 1/√n, which chance gives unrelated features,
    counts as that: dividing by less would choose by it alone. A step costs one product of the matrix with one
    feature.
    """
    relevance = _f_values(X, y)
    spread = X.std(axis=0)
    scaled = (X - X.mean(axis=0)) / np.where(spread > 0, spread * np.sqrt(len(X)), np.inf)
    redundancy, least = np.zeros(X.shape[1]), 1.0 / np.sqrt(len(X))
    free = np.ones(X.shape[1], dtype=bool)
    chosen: list[int] = []
    for size in range(count):
        worth = relevance / np.maximum(redundancy / size, least) if size else relevance
        best = int(np.argmax(np.where(free, worth, -np.inf)))
        chosen.append(best)
        free[best] = False
        redundancy += np.abs(scaled.T @ scaled[:, best])
    return np.array(chosen, dtype=np.intp)


RANKINGS: dict[str, Callable[[Floats, NDArray[np.object_], int, int], Places]] = {
    "l1": _by_l1,
    "univariate": _by_f,
    "mutual_information": _by_information,
    "mrmr": _by_mrmr,
}
"""Every way to choose features; a new one is one function and one line here, and its name in the schema."""


def _f_values(X: Floats, y: NDArray[np.object_]) -> Floats:
    """Return each feature's F statistic; 0 for a constant feature."""
    from sklearn.feature_selection import f_classif

    values = np.nan_to_num(f_classif(X, y.astype(str))[0], nan=0.0, posinf=np.finfo(float).max)
    return np.where(np.ptp(X, axis=0) > 0, values, 0.0)


def _descending(values: Floats) -> Places:
    """Return places by falling value; of equal ones the first."""
    return np.argsort(-values, kind="stable")
