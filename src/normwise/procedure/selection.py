"""Feature selection as a pipeline step behind the normalizer, learnt from training rows alone."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from normwise.procedure.ranking import rank_features

__all__ = ["DEFAULT_COUNTS", "FeatureSelector", "columns_kept"]

DEFAULT_COUNTS = (10, 30, 100)
"""How many features are tried where the study does not say."""


class FeatureSelector(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Keep the columns that tell the classes apart best.

    Parameters
    ----------
    method : str
        A key of `normwise.procedure.ranking.RANKINGS`.
    features : int
        How many are kept.
    targets : sequence of str, optional
        Classes told apart; rows of others are not looked at. None: every row.
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
        table, labels = np.asarray(X), np.asarray(y, dtype=object)
        return self._keep(self.rank(table, labels, self.features, candidates), table.shape[1], candidates)

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

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the columns that are kept, of shape (n_scans, n_kept)."""
        check_is_fitted(self)
        table: NDArray[Any] = np.asarray(X)[:, self.kept_]
        return table

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns that are kept."""
        check_is_fitted(self)
        if input_features is None:
            input_features = [f"x{column}" for column in range(self.n_features_in_)]
        names: NDArray[np.object_] = np.asarray(input_features, dtype=object)[self.kept_]
        return names

    def _keep(self, ranked: NDArray[np.intp], n_columns: int, candidates: int | None) -> Self:
        self.n_features_in_ = n_columns
        self.kept_ = columns_kept(ranked, self.features, n_columns, candidates)
        return self


def columns_kept(
    ranked: NDArray[np.intp], count: int, n_columns: int, candidates: int | None
) -> NDArray[np.intp]:
    """Return the first of ranked columns, ascending, and every column that does not compete.

    Examples
    --------
    >>> columns_kept(np.array([2, 0, 1]), 2, 5, 3).tolist()
    [0, 2, 3, 4]
    """
    always = np.arange(n_columns if candidates is None else candidates, n_columns)
    kept: NDArray[np.intp] = np.concatenate([np.sort(ranked[:count]), always])
    return kept
