"""Everything that a fitted normalizer can be asked: what is normal, and how far this person departs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from normwise.errors import NormalizerError
from normwise.normalize.blocks import FeatureColumns
from normwise.normalize.demographics import check_columns
from normwise.normalize.design import Design
from normwise.normalize.people import Regression
from normwise.normalize.settings import choose_features, names_of, refuse_array
from normwise.normalize.support import encodable_rows, reasons_outside
from normwise.normalize.tables import coefficient_table, departure_table, expectation_table

__all__ = ["NormalCourse"]


class NormalCourse(OneToOneFeatureMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The side of `FeatureNormalizer` that answers and never learns.

    Attributes
    ----------
    demographics : sequence of str
        As given to the normalizer.
    design_ : Design
        The columns of the regression.
    regression_ : Regression or None
        What the normals teach; None where the features are passed on unchanged.
    is_feature_ : ndarray of bool
        Which columns of ``X`` are features.
    """

    demographics: Sequence[str]
    mode: str
    design_: Design
    regression_: Regression | None
    is_feature_: npt.NDArray[np.bool_]

    def explain(self, X: pd.DataFrame, features: Sequence[str] | None = None) -> pd.DataFrame:
        """Return how each person's features compare with what is normal for them.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            As for `transform`.
        features : sequence of str, optional
            Some of the features; default: all.

        Returns
        -------
        DataFrame
            One row a person and feature, indexed by person: ``feature``, ``value``, ``expected``,
            ``residual``, ``w`` and ``centile`` (percent of normal people like this one who lie below).

        Raises
        ------
        NormalizerError
            As `transform`, and NRM-116 for a feature that it does not have, NRM-117 when ``mode="append"``.
        """
        regression, names = self._open()
        columns, frame = self._read(X, reset=False)
        chosen = choose_features(names, features)
        values = columns.features(chosen)
        columns.refuse_unfinite(values, 0, np.arange(len(values)))
        part = regression.astype(columns.dtype)[chosen]
        return departure_table(
            frame.index, [names[i] for i in chosen], values, self.design_.people(frame), part
        )

    def expected(
        self,
        X: pd.DataFrame,
        features: Sequence[str] | None = None,
        centiles: Sequence[float] = (),
    ) -> pd.DataFrame:
        """Return what is normal for people of given demographics, measured or not.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Demographics; features may be there and are not looked at. A grid over age draws a curve.
        features : sequence of str, optional
            Some of the features; default: all.
        centiles : sequence of float
            Centiles of the normal group to give beside the expectation, in percent.

        Returns
        -------
        DataFrame
            One row a person and feature, indexed by person: ``feature``, ``expected``, and the centiles as
            ``centile_5``.

        Raises
        ------
        NormalizerError
            NRM-102, NRM-108 to NRM-110 for a demographic, NRM-116 for a feature, NRM-117 when
            ``mode="append"``.
        """
        regression, names = self._open()
        demographics = names_of(self.demographics)
        check_columns(X, demographics)
        chosen = choose_features(names, features)
        people = self.design_.people(X[demographics])
        return expectation_table(X.index, [names[i] for i in chosen], people, regression[chosen], centiles)

    def coefficients(self, features: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the regression in the units of features and demographics.

        Parameters
        ----------
        features : sequence of str, optional
            Some of the features; default: all.

        Returns
        -------
        DataFrame
            One row a feature: ``constant``, one column a design column, and ``spread``.

        Raises
        ------
        NormalizerError
            NRM-116 for a feature that it does not have, NRM-117 when ``mode="append"``.
        """
        regression, names = self._open()
        chosen = choose_features(names, features)
        return coefficient_table([names[i] for i in chosen], self.design_, regression[chosen])

    def in_support(self, X: Any) -> pd.DataFrame:
        """Tell who lies inside the normal group's demographics, and of the others why not.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Demographics; a feature that is not finite counts as well, where all features are there.

        Returns
        -------
        DataFrame
            Indexed as ``X``: ``supported`` (bool), ``reason`` (text, empty where supported) and ``encodable``
            (bool: `transform` takes the row, though it may lie outside the normals' range).

        Raises
        ------
        NormalizerError
            NRM-101 or NRM-102, when the demographics are not there at all.
        """
        check_is_fitted(self, "design_")
        demographics = names_of(self.demographics)
        if not isinstance(X, pd.DataFrame):
            refuse_array(X, demographics)
            X = pd.DataFrame(np.asarray(X), columns=getattr(self, "feature_names_in_", None))
        check_columns(X, demographics)
        reasons = reasons_outside(self.design_, X[demographics])
        encodable = encodable_rows(self.design_, X[demographics])
        names = getattr(self, "feature_names_in_", X.columns)
        if X.shape[1] == self.n_features_in_ and np.array_equal(X.columns, names):
            columns = FeatureColumns.of_frame(X, self.is_feature_)
            wrong = [name and f"{name} is not a finite number" for name in columns.first_unfinite()]
            encodable = encodable & ~np.array(wrong, dtype=bool)
            reasons = ["; ".join(filter(None, texts)) for texts in zip(reasons, wrong, strict=True)]
        supported = [not reason for reason in reasons]
        return pd.DataFrame(
            {"supported": supported, "reason": reasons, "encodable": encodable}, index=X.index
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the features, and of the appended demographics.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns of ``X``, where it had none.

        Returns
        -------
        ndarray of str
            One name a column of the output.
        """
        names: npt.NDArray[np.object_] = super().get_feature_names_out(input_features)[self.is_feature_]
        if self.regression_ is not None:
            return names
        return np.concatenate([names, np.array(self.design_.names, dtype=object)])

    def _read(self, X: Any, *, reset: bool) -> tuple[FeatureColumns, pd.DataFrame]:
        """Split a frame into features and demographics; an array is features alone."""
        demographics = names_of(self.demographics)
        if not isinstance(X, pd.DataFrame):
            refuse_array(X, demographics)
            # Whether the values are finite is seen block by block, while they are read.
            X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=False)
            if reset:
                self.is_feature_ = np.ones(X.shape[1], dtype=bool)
            return FeatureColumns.of_array(X), pd.DataFrame(index=pd.RangeIndex(len(X)))
        check_columns(X, demographics)
        self._check_names(X, reset=reset)
        is_feature = ~X.columns.isin(demographics)
        if len(X) == 0 or not (is_feature.any() or self.mode == "append"):
            raise NormalizerError(
                "NRM-119",
                f"there is nothing to normalize in {len(X)} rows and {int(is_feature.sum())} features.",
                advice="give at least one row, and one column beside the demographics",
            )
        if reset:
            self.is_feature_ = is_feature
        return FeatureColumns.of_frame(X, is_feature), X[demographics]

    def _check_names(self, X: pd.DataFrame, *, reset: bool) -> None:
        """Learn the columns' names, or compare them."""
        # For 300,000 columns scikit-learn's own check takes longer than the regression: it only speaks up.
        if isinstance(X.columns.dtype, pd.StringDtype):
            names = X.columns.to_numpy(dtype=object)
            if reset:
                self.feature_names_in_, self.n_features_in_ = names, len(names)
                return
            if np.array_equal(names, getattr(self, "feature_names_in_", ())):
                return
        try:
            validate_data(self, X, reset=reset, skip_check_array=True)
        except (TypeError, ValueError) as error:
            raise NormalizerError("NRM-115", str(error).strip()) from None

    def _open(self) -> tuple[Regression, list[str]]:
        """Return the regression and the names of its features."""
        check_is_fitted(self, "design_")
        if self.regression_ is None:
            raise NormalizerError(
                "NRM-117",
                "with mode='append' the features are not regressed on anything.",
                advice="use mode='replace' to see what is expected of a person",
            )
        return self.regression_, [str(name) for name in self.get_feature_names_out()]
