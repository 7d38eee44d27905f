"""Everything that a fitted normalizer can be asked: what is normal, and how far this person departs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.regression import (
    fit_regression,
    fit_standardize,
    standardize,
)
from normwise.normalize.blocked.regression_model import Regression
from normwise.normalize.blocked.statistics import regress_folds
from normwise.normalize.demographics import check_columns
from normwise.normalize.design import Design, learn_design
from normwise.normalize.support import encodable_rows, find_thin_cover, reasons_outside
from normwise.normalize.tables import (
    coefficient_table,
    departure_table,
    expectation_table,
)
from normwise.normalize.validation import (
    check_settings,
    choose_features,
    find_normals,
    names_of,
    pairs_of,
    refuse_array,
    refuse_collision,
)

__all__ = ["FeatureNormalizer", "NormalCourse"]


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


class FeatureNormalizer(TransformerMixin, NormalCourse):  # type: ignore[misc]  # scikit-learn has no types
    """Replace every feature by its departure from what is normal for the person's demographics.

    A feature is regressed on the demographics of the normal people of the training rows, and of nobody else.
    What is left over is the residual; divided by the standard deviation of a normal person's residual,
    ``s * sqrt(1 + leverage)`` with ``s**2 = RSS / (n - p)``, it is the W-score.

    Parameters
    ----------
    demographics : sequence of str
        Columns of ``X`` to regress on. Text, category and bool columns, and those in ``categorical``, become
        one column a level but the first; the others are numbers.
    normal : object, optional
        The label in ``y`` that defines normal. None: everybody, and ``y`` is not needed.
    design : {"linear", "spline"}
        How a number enters: as a line, or as a natural cubic spline (see `choose_knots`).
    interactions : sequence of pairs of str
        Demographics that are multiplied, as ``[("age", "sex")]``.
    scale : {"w", "residual"}
        W-scores, or residuals in the feature's unit.
    variance : {"constant", "demographic"}
        One spread for all normals, or a log-linear function of their demographics (see `fit_log_variance`).
    reference : {"normal", "all"}
        Regress on the normals, or, to compare, on everybody.
    mode : {"replace", "append"}
        Correct the features and drop the demographics, or pass the features on unchanged with the encoded
        demographics behind them.
    categorical : sequence of str
        Demographics that are codes although they are written as numbers.

    Attributes
    ----------
    design_ : Design
        The columns of the regression, learnt from the normals.
    regression_ : Regression or None
        What the normals teach about every feature; None when ``mode="append"``.
    is_feature_ : ndarray of bool, of shape (n_features_in_,)
        Which columns of ``X`` are features.
    n_normals_ : int
        Normals on whom it was fitted.

    Notes
    -----
    A feature of which demographics leave nothing but rounding among the normals has no residual spread. Its
    W-score is in standard deviations of the feature itself, which understates a departure, with a warning
    (NRM-204); where that is rounding too the W-score is 0 for everybody (NRM-202). Residuals are kept.

    What is wrong with a person's demographics is refused by `transform`, and told without refusing by
    `in_support`.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [40.0, 50, 60, 70, 80, 90, 50], "f1": [3, 5, 6, 6.5, 8, 8.5, 9.2]})
    >>> labels = ["normal"] * 6 + ["AD"]
    >>> normalizer = FeatureNormalizer(demographics=["age"], normal="normal", scale="residual")
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # six normals are few
    ...     residuals = normalizer.fit_transform(people, labels)
    >>> residuals.round(2).ravel().tolist()
    [-0.52, 0.42, 0.36, -0.2, 0.25, -0.31, 4.62]
    """

    def __init__(
        self,
        demographics: Sequence[str] = (),
        normal: object = None,
        design: Literal["linear", "spline"] = "linear",
        interactions: Sequence[Sequence[str]] = (),
        scale: Literal["w", "residual"] = "w",
        variance: Literal["constant", "demographic"] = "constant",
        reference: Literal["normal", "all"] = "normal",
        mode: Literal["replace", "append"] = "replace",
        categorical: Sequence[str] = (),
    ) -> None:
        self.demographics = demographics
        self.normal = normal
        self.design = design
        self.interactions = interactions
        self.scale = scale
        self.variance = variance
        self.reference = reference
        self.mode = mode
        self.categorical = categorical

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is normal.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Features beside demographics; an array where there are no demographics.
        y : array-like of shape (n_people,), optional
            Labels; only needed to find the normals.

        Returns
        -------
        FeatureNormalizer
            Itself.

        Raises
        ------
        NormalizerError
            NRM-1xx, as docs/errors.md explains them.
        """
        columns, frame, rows, design = self._begin(X, y)
        regression = None
        if self.mode == "replace":
            regression = fit_regression(columns, design.people(frame.iloc[rows]), rows)
        return self._keep(design, regression)

    def fit_transform(self, X: Any, y: Any = None) -> FloatArray:
        """Fit, and return what `transform` returns; the features are read once.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Features beside demographics.
        y : array-like of shape (n_people,), optional
            Labels.

        Returns
        -------
        ndarray of shape (n_people, n_features_out)
            As `transform`.
        """
        columns, frame, rows, design = self._begin(X, y)
        if self.mode == "append":
            self._keep(design, None)
            return self._append(columns, frame)
        regression, result = fit_standardize(columns, design.people(frame), rows, scale=self.scale)
        self._keep(design, regression)
        return result

    def fit_folds(self, X: Any, y: Any, folds: Iterable[tuple[Any, Any]]) -> list[Self]:
        """Fit one normalizer a fold, reading the features once for all of them.

        Each equals ``clone(self).fit(X[train], y[train])`` up to rounding: a fold's sums are those of all
        normals less those of the normals that it leaves out. A fold whose design is not a part of the whole
        design (spline knots of its own, people drawn twice), ``variance="demographic"`` and
        ``mode="append"`` are fitted one by one.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Features beside demographics.
        y : array-like of shape (n_people,) or None
            Labels.
        folds : iterable of (train, test)
            Row numbers, as a scikit-learn splitter gives them; only ``train`` is used.

        Returns
        -------
        list of FeatureNormalizer
            One a fold; this one stays as it is.

        Raises
        ------
        NormalizerError
            As `fit`.
        """
        trains = [np.asarray(train, dtype=np.intp) for train, _ in folds]
        fitted = [clone(self) for _ in trains]
        regressions: list[Regression | None] = [None] * len(trains)
        designs: list[Design] = []
        if self.mode == "replace" and self.variance == "constant":
            whole = clone(self)
            columns, frame, normals, design = whole._begin(X, y)  # noqa: SLF001 - one of its own kind
            rows = [train[np.isin(train, normals)] for train in trains]
            designs = [whole._design(frame.iloc[part]) for part in rows]  # noqa: SLF001 - the same
            encoded = np.full((len(frame), len(design.names)), np.nan)
            encoded[normals] = design.encode(frame.iloc[normals])
            bases = [own.people(frame.iloc[part]).basis for own, part in zip(designs, rows, strict=True)]
            regressions = regress_folds(columns, encoded, normals, list(zip(rows, bases, strict=True)))
        for i, (one, train, regression) in enumerate(zip(fitted, trains, regressions, strict=True)):
            if regression is None:
                part = X.iloc[train] if isinstance(X, pd.DataFrame) else np.asarray(X)[train]
                one.fit(part, None if y is None else np.asarray(y, dtype=object)[train])
            else:
                one._read(X, reset=True)  # noqa: SLF001 - the same
                one._keep(designs[i], regression)  # noqa: SLF001 - the same
        return fitted

    def transform(self, X: Any) -> FloatArray:
        """Return how far each person departs from what is normal for them.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            The columns it was fitted on, in the same order.

        Returns
        -------
        ndarray of shape (n_people, n_features_out)
            W-scores or residuals, float32 where every feature is, otherwise float64.

        Raises
        ------
        NormalizerError
            NRM-108 to NRM-110 for a demographic, NRM-113 for a feature, NRM-115 for other columns.
        """
        check_is_fitted(self, "design_")
        columns, frame = self._read(X, reset=False)
        if self.regression_ is None:
            return self._append(columns, frame)
        regression = self.regression_.astype(columns.dtype)
        return standardize(regression, columns, self.design_.people(frame), scale=self.scale)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = self.normal is not None and self.reference == "normal"
        return tags

    def _begin(self, X: Any, y: Any) -> tuple[FeatureColumns, pd.DataFrame, npt.NDArray[np.intp], Design]:
        """Read the columns, find the normals and learn the design."""
        check_settings(self.get_params(deep=False))
        columns, frame = self._read(X, reset=True)
        if y is not None:
            check_consistent_length(frame, y)
        rows = find_normals(y, self.normal if self.reference == "normal" else None, len(frame))
        design = self._design(frame.iloc[rows])
        if self.mode == "append":
            features = self.feature_names_in_[self.is_feature_] if design.parts else ()
            refuse_collision(features, design.names)
            normal = np.isin(np.arange(len(frame)), rows)
            if thin := find_thin_cover(design, frame, normal):
                more = f"; and {len(thin) - 4} more" if len(thin) > 4 else ""
                _warn(
                    "NRM-203  demographics are appended where they are thinly covered, so that a classifier "
                    f"can hardly learn their effect: {'; '.join(thin[:4])}{more}"
                )
        return columns, frame, rows, design

    def _design(self, normals: pd.DataFrame) -> Design:
        """Learn the design from the demographics of the normals."""
        design = learn_design(
            normals,
            names_of(self.demographics),
            categorical=names_of(self.categorical),
            form=self.design,
            interactions=pairs_of(self.interactions),
            vary_spread=self.variance == "demographic",
        )
        if design.n_people < 10 * design.n_parameters:
            _warn(
                f"NRM-201  {design.n_people} normal people for {design.n_parameters} parameters are "
                "fewer than 10 a parameter: the expected values are uncertain"
            )
        return design

    def _keep(self, design: Design, regression: Regression | None) -> Self:
        """Store what was learnt, once all of it is there."""
        self.design_ = design
        self.regression_ = regression
        self.n_normals_ = design.n_people
        if regression is not None and self.scale == "w":
            self._tell_flat(regression)
        return self

    def _tell_flat(self, regression: Regression) -> None:
        """Warn of features whose residuals among the normals are rounding."""
        if determined := self._few_names(regression.determined):
            _warn(
                f"NRM-204  among the normals demographics determine {determined} to the last digit; W-scores "
                "are in standard deviations of the feature itself, which understates a departure"
            )
        if constant := self._few_names(regression.spread == 0):
            _warn(
                f"NRM-202  the normals do not vary in {constant}, so that there is no unit for a departure; "
                "W-scores are 0 for everybody"
            )

    def _few_names(self, marked: npt.NDArray[np.bool_]) -> str:
        if not marked.any():
            return ""
        names = self.get_feature_names_out()[marked]
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

    def _append(self, columns: FeatureColumns, frame: pd.DataFrame) -> FloatArray:
        """Put the encoded demographics behind the features, which stay as they are."""
        n, m = columns.shape
        encoded = self.design_.encode(frame)
        if not m:
            return encoded
        result = np.empty((n, m + encoded.shape[1]), columns.dtype, order=columns.order)
        for first, piece in columns.pieces(1):
            columns.refuse_unfinite(piece, first, np.arange(n))
            result[:, first : first + piece.shape[1]] = piece
        result[:, m:] = encoded
        return result


def _warn(text: str) -> None:
    warnings.warn(text, NormwiseWarning, stacklevel=4)
