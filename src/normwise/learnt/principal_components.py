"""Principal components of the features, fitted inside each training fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted, validate_data

from normwise.errors import FeatureError
from normwise.learnt.base import LearntTransformer, check_passed
from normwise.schema import FittedParts, refuse_hidden_methods

__all__ = ["VoxelComponents"]


class VoxelComponents(LearntTransformer):
    """Turn many features into a few components and pass the demographics through untouched.

    Parameters
    ----------
    n_components : int
        The most components; no more than rows or features allow.
    demographics : sequence of str
        Columns of the frame that are not features; they follow the components, unchanged.
    random_state : int
        Seed of the randomised decomposition (Halko et al. 2011).

    Attributes
    ----------
    components_ : PCA
        The fitted decomposition.
    columns_ : list of str or None
        The features, in order, where it was fitted on a frame.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal(size=(20, 6)), columns=list("abcdef")).assign(age=70.0, sex="F")
    >>> list(VoxelComponents(2, demographics=("age", "sex")).fit_transform(frame))
    ['component_001', 'component_002', 'age', 'sex']
    """

    def __init__(
        self, n_components: int = 50, demographics: Sequence[str] = (), random_state: int = 0
    ) -> None:
        self.n_components = n_components
        self.demographics = demographics
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Find the components of the training rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_scans, n_columns)
            Features, and the demographics where it is a frame.
        y : None
            Not used.

        Raises
        ------
        FeatureError
            FEA-401, a demographic is no column of the frame.
        """
        self.columns_ = self._feature_columns(X)
        features = self._features(X, reset=True)
        most = min(self.n_components, *features.shape)
        pca = PCA(most, svd_solver="randomized", random_state=self.random_state).fit(features)
        # As they lie after saving and opening: BLAS rounds otherwise where a matrix lies otherwise in memory.
        pca.components_ = np.ascontiguousarray(pca.components_)
        self.components_ = pca
        return self

    def transform(self, X: Any) -> Any:
        """Return components, and the demographics beside them where ``X`` is a frame.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_scans, n_columns)
            As in `fit`.

        Returns
        -------
        DataFrame or ndarray of shape (n_scans, n_components + n_demographics)
        """
        check_is_fitted(self)
        return self._beside_demographics(X, self.components_.transform(self._features(X, reset=False)))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse components that `fit` could not have found; see `normwise.schema.FittedParts`."""
        check_passed(parts)
        columns = parts.named_columns()
        if parts.part("columns_") is not None:
            parts.texts("columns_", columns)
        pca = parts.part("components_")
        parts.expect("components_", holds=type(pca) is PCA, instead="a PCA")
        refuse_hidden_methods(pca)
        own = FittedParts(pca)
        own.whole("n_features_in_", columns, columns)
        count = own.whole("n_components_", 1, columns)
        own.array("mean_", (columns,))
        own.array("components_", (count, columns))
        own.array("explained_variance_", (count,), low=0.0)
        own.expect("whiten", holds=own.part("whiten") is False, instead="False")

    def _made_names(self) -> list[str]:
        return [f"component_{number + 1:03d}" for number in range(self.components_.n_components_)]

    def _feature_columns(self, X: Any) -> list[str] | None:
        if not isinstance(X, pd.DataFrame):
            missing = list(self.demographics)
        else:
            missing = [name for name in self.demographics if name not in X.columns]
        if missing:
            raise FeatureError(
                "FEA-401",
                f"there is no column {missing[0]!r} to pass through.",
                seen=f"{type(X).__name__} of {np.shape(X)[1] if np.ndim(X) == 2 else '?'} columns",
                expected="a frame with the features and every demographic",
                advice="give a frame with named columns",
            )
        if not isinstance(X, pd.DataFrame):
            return None
        return [name for name in X.columns if name not in set(self.demographics)]

    def _features(self, X: Any, *, reset: bool) -> NDArray[Any]:
        """Check the features alone, since demographics may be text; keep float32 as it is."""
        if isinstance(X, pd.DataFrame) and self.columns_ is not None and set(self.columns_) <= set(X.columns):
            X = X[self.columns_]
        checked: NDArray[Any] = validate_data(
            self, X, reset=reset, dtype=[np.float64, np.float32], ensure_min_samples=2 if reset else 1
        )
        return checked
