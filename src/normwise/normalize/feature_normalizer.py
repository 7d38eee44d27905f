"""What is normal for people of these demographics, and how far each person departs from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.fit import fit_regression, fit_standardize, standardize
from normwise.normalize.blocked.regression import People, Regression, Shrinkage, TailForm
from normwise.normalize.demographics import Demographics, check_columns
from normwise.normalize.design import Design, learn_design
from normwise.normalize.prepared import PreparedFeatures
from normwise.normalize.support import support_table, warn_of_thin_cover
from normwise.normalize.tables import coefficient_table, departure_table, expectation_table
from normwise.normalize.validation import (
    Prior,
    check_normalizer_parts,
    check_prior,
    check_settings,
    choose_features,
    find_normals,
    names_of,
    pairs_of,
    refuse_array,
    refuse_collision,
    warn_of_no_spread,
)

__all__ = ["FeatureNormalizer"]

Rows = npt.NDArray[np.intp]


class FeatureNormalizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
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
        How a number enters: as a line, or as a natural cubic spline.
    knots : mapping of str to sequence of float, optional
        Of the spline of a number; default: at quantiles of the normals (see `choose_knots`).
    interactions : sequence of pairs of str
        Demographics that are multiplied, as ``[("age", "sex")]``.
    scale : {"w", "residual"}
        W-scores, or residuals in the feature's unit.
    variance : {"constant", "demographic"}
        One spread for all normals, or a log-linear function of their demographics (see `fit_log_variance`).
    shrinkage : {"none", "empirical_bayes"}
        Slopes as least squares estimates them, or drawn towards those of all features (see `shrink_slopes`):
        an error that all older people share is what a classifier finds.
    tails : {"gaussian", "sinh_arcsinh", "auto"}
        W-scores as they are; made normal by a monotone transform (see `fit_tails`); or so where that raises
        the likelihood of normals left out. With fewer than 50 normals they stay as they are.
    reference : {"normal", "all"}
        Regress on the normals, or, to compare, on everybody.
    mode : {"replace", "append"}
        Correct the features and drop the demographics, or pass the features on unchanged with the encoded
        demographics behind them.
    categorical : sequence of str
        Demographics that are codes although they are written as numbers.
    prior : Reference, optional
        Sums over other normal people, whose design this is as well: the regression is that on both groups.

    Attributes
    ----------
    design_ : Design
        The columns of the regression, learnt from the normals.
    regression_ : Regression or None
        The regression of every feature, fitted on the normals; None when ``mode="append"``.
    is_feature_ : ndarray of bool, of shape (n_features,)
        Which columns of ``X`` are features.
    n_normals_ : int
        Normals on whom it was fitted.

    Notes
    -----
    A feature of which demographics leave nothing but rounding among the normals has no residual spread. Its
    W-score is in standard deviations of the feature itself, which understates a departure, with a warning
    (NRM-204); where that is rounding too the W-score is 0 for everybody (NRM-202). Residuals are kept.

    What is wrong with a person's demographics is refused by `transform`, and listed without refusing by
    `in_support`.

    Examples
    --------
    >>> import warnings, pandas as pd
    >>> people = pd.DataFrame({"age": [40.0, 50, 60, 70, 80, 90, 50], "f1": [3, 5, 6, 6.5, 8, 8.5, 9.2]})
    >>> labels = ["normal"] * 6 + ["AD"]
    >>> normalizer = FeatureNormalizer(demographics=["age"], normal="normal", scale="residual")
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
        shrinkage: Shrinkage = "none",
        tails: TailForm = "gaussian",
        reference: Literal["normal", "all"] = "normal",
        mode: Literal["replace", "append"] = "replace",
        categorical: Sequence[str] = (),
        knots: Mapping[str, Sequence[float]] | None = None,
        prior: Prior | None = None,
    ) -> None:
        self.demographics = demographics
        self.normal = normal
        self.design = design
        self.interactions = interactions
        self.scale = scale
        self.variance = variance
        self.shrinkage = shrinkage
        self.tails = tails
        self.reference = reference
        self.mode = mode
        self.categorical = categorical
        self.knots = knots
        self.prior = prior

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
        columns, people = self._begin(X, y)
        self._fit_rows(columns, people, np.arange(len(people)), y)
        return self

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
        columns, people = self._begin(X, y)
        rows = np.arange(len(people))
        if self.mode == "append" or self.prior is not None:
            self._fit_rows(columns, people, rows, y)
            return self._transform_rows(columns, people)
        normals, design = self._learn_design(people, rows, y)
        regression, result = fit_standardize(
            columns,
            design.people(people),
            normals,
            scale=self.scale,
            shrinkage=self.shrinkage,
            tails=self.tails,
        )
        self._store(design, regression)
        return result

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
        columns, people = self._read(X, reset=False)
        return self._transform_rows(columns, people)

    def prepare(self, X: pd.DataFrame) -> PreparedFeatures[FeatureNormalizer]:
        """Read features and demographics once, for many fits on subsets of these people.

        Parameters
        ----------
        X : DataFrame of shape (n_people, n_columns)
            Features beside demographics.

        Raises
        ------
        NormalizerError
            As `fit`, for columns that can't be read.
        """
        own = clone(self)
        columns, people = own._begin(X, None)  # noqa: SLF001 - its own class
        return PreparedFeatures(own, columns, people)

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
        columns, people = self._read(X, reset=False)
        chosen = choose_features(names, features)
        values = columns.features(chosen)
        columns.refuse_unfinite(values, 0, np.arange(len(values)))
        part = regression.astype(columns.dtype)[chosen]
        return departure_table(
            people.index, [names[i] for i in chosen], values, self.design_.people(people), part
        )

    def expected(
        self, X: pd.DataFrame, features: Sequence[str] | None = None, centiles: Sequence[float] = ()
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
        people = self.design_.people(Demographics(X[demographics]))
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
        """Return who lies inside the normal group's demographics, and of the others why not.

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
        names = getattr(self, "feature_names_in_", X.columns)
        whole = X.shape[1] == self.n_features_in_ and np.array_equal(X.columns, names)
        columns = FeatureColumns.of_frame(X, self.is_feature_) if whole else None
        return support_table(self.design_, Demographics(X[demographics]), columns)

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

    check_parts = check_normalizer_parts

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = self.normal is not None and self.reference == "normal"
        return tags

    def _begin(self, X: Any, y: Any) -> tuple[FeatureColumns, Demographics]:
        """Check the settings and read the columns."""
        check_settings(self.get_params(deep=False))
        columns, people = self._read(X, reset=True)
        if y is not None:
            check_consistent_length(people, y)
        return columns, people

    def _fit_rows(
        self,
        columns: FeatureColumns,
        people: Demographics,
        train: Rows,
        y: Any,
        beside: Any = None,
        locate: Callable[[Design, Rows], People] | None = None,
    ) -> None:
        """Fit on some rows, with the labels of these, and a number beside the demographics.

        Coordinates of people in the design are given by ``locate``, or made of their demographics.
        """
        if self.prior is not None:
            check_prior(self)
            normals = self._find_normals(train, y)
            features, append = self.feature_names_in_[self.is_feature_], self.mode == "append"
            own = self.prior.refine(columns, normals, people.take(normals), features, append=append)
            self._store(*own)
            return
        normals, design = self._learn_design(people, train, y)
        regression = None
        if self.mode == "replace":
            regression = fit_regression(
                columns,
                locate(design, normals) if locate else design.people(people.take(normals)),
                normals,
                shrinkage=self.shrinkage,
                tails=self.tails,
                beside=None if beside is None else beside[np.isin(train, normals)],
            )
        self._store(design, regression)

    def _transform_rows(
        self, columns: FeatureColumns, people: Demographics, located: People | None = None
    ) -> FloatArray:
        if self.regression_ is None:
            return columns.with_columns(self.design_.encode(people))
        regression = self.regression_.astype(columns.dtype)
        located = self.design_.people(people) if located is None else located
        return standardize(regression, columns, located, scale=self.scale)

    def _find_normals(self, train: Rows, y: Any) -> Rows:
        """Return the rows of the normals among the training rows."""
        return train[find_normals(y, self.normal if self.reference == "normal" else None, len(train))]

    def _learn_design(self, people: Demographics, train: Rows, y: Any) -> tuple[Rows, Design]:
        """Find the normals among the training rows, and learn the design from their demographics."""
        normals = self._find_normals(train, y)
        design = learn_design(
            people.take(normals),
            names_of(self.demographics),
            categorical=names_of(self.categorical),
            form=self.design,
            knots=self.knots,
            interactions=pairs_of(self.interactions),
            vary_spread=self.variance == "demographic",
        )
        if design.n_people < 10 * design.n_parameters:
            _warn(
                "NRM-201",
                f"{design.n_people} normal people for {design.n_parameters} parameters are "
                "fewer than 10 a parameter: the expected values are uncertain",
            )
        if self.mode == "append":
            features = self.feature_names_in_[self.is_feature_] if design.parts else ()
            refuse_collision(features, design.names)
            warn_of_thin_cover(design, people.take(train), np.isin(train, normals))
        return normals, design

    def _read(self, X: Any, *, reset: bool) -> tuple[FeatureColumns, Demographics]:
        """Split a frame into features and demographics; an array is features alone."""
        demographics = names_of(self.demographics)
        if not isinstance(X, pd.DataFrame):
            refuse_array(X, demographics)
            # Whether the values are finite is seen block by block, while they are read.
            X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=False)
            if reset:
                self.is_feature_ = np.ones(X.shape[1], dtype=bool)
            return FeatureColumns.of_array(X), Demographics(pd.DataFrame(index=pd.RangeIndex(len(X))))
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
        return FeatureColumns.of_frame(X, is_feature), Demographics(X[demographics])

    def _check_names(self, X: pd.DataFrame, *, reset: bool) -> None:
        """Learn the columns' names, or compare them."""
        # For 300,000 columns scikit-learn's own check takes longer than the regression.
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

    def _store(self, design: Design, regression: Regression | None) -> None:
        """Store what was learnt, once all of it is there."""
        self.design_ = design
        self.regression_ = regression
        self.n_normals_ = design.n_people
        if regression is not None and self.scale == "w":
            warn_of_no_spread(regression, self.get_feature_names_out)


def _warn(code: str, text: str) -> None:
    warnings.warn(NormwiseWarning(code, text), stacklevel=4)
