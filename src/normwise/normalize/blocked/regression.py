"""Least squares of many features on few demographics, in blocks, at the features' own precision.

Pure functions of arrays. The design is turned once into an orthonormal basis in float64; in it a person is a
row of ``p`` coordinates, a feature is ``p`` loadings, and a person's leverage is the squared length of the
row, so that what is left for 300,000 features is two thin matrix products. With T the coordinates, c a
feature's mean over the normals and B its loadings::

    expected = c + T B        residual = x - expected        s^2 = RSS / (n - p)
    W = residual / (s sqrt(1 + leverage))

W is the standardized prediction error of a new person (Draper & Smith 1998, *Applied Regression Analysis*,
section 3.1), the W-score of Jack et al. (1997, Neurology 49:786-794) and La Joie et al. (2012, J Neurosci
32:16265-16273) with the error of the expectation taken in. Among normal people it follows Student's t with
n - p degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray, block_width
from normwise.normalize.blocked.kernels import Scratch, add_product, gather, outer, project, squared_sums
from normwise.normalize.blocked.variance import LogVariance, fit_log_variance
from normwise.reprs import ShortRepr
from normwise.schema import FittedParts, check_parts

if TYPE_CHECKING:
    from normwise.normalize.blocked.tails import Tails

__all__ = [
    "People",
    "Regression",
    "Scale",
    "Shrinkage",
    "TailForm",
    "fit_regression",
    "fit_standardize",
    "inverse_triangle",
    "reciprocal",
    "replace_zero_spread",
    "standardize",
]

Scale = Literal["w", "residual"]
Shrinkage = Literal["none", "empirical_bayes"]
TailForm = Literal["gaussian", "sinh_arcsinh", "auto"]
Rows = npt.NDArray[np.intp]

_ROUNDING = 10.0  # a spread below this many units in the last place of the feature is rounding, not variation
_SMALLEST, _LARGEST = 1e-30, 1e30  # sums of squares beyond these leave the range of float32
_CHUNK_BYTES = 1 << 22  # 4 MiB: where people are many more than the normals they are taken in chunks


@dataclass(frozen=True)
class People:
    """People as rows of coordinates, in float64.

    Attributes
    ----------
    basis : ndarray of shape (n_people, p)
        Coordinates in the orthonormal basis of the normals' design.
    variance_basis : ndarray of shape (n_people, q) or None
        Coordinates in the basis of the variance's own design; None for a constant variance.
    """

    basis: FloatArray
    variance_basis: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.basis)

    def __getitem__(self, rows: npt.NDArray[np.intp] | slice) -> People:
        return People(self.basis[rows], None if self.variance_basis is None else self.variance_basis[rows])

    @property
    def leverage(self) -> FloatArray:
        """Leverage of each person: the weight of their own value in what is expected of them."""
        leverage: FloatArray = np.einsum("ij,ij->i", self.basis, self.basis)
        return leverage


@dataclass(frozen=True, repr=False)
class Regression(ShortRepr):
    """The regression of every feature on the demographics, fitted on the normals.

    Attributes
    ----------
    center : ndarray of shape (n_features,)
        Mean over the normals.
    loadings : ndarray of shape (p, n_features)
        Regression of the centred feature on the orthonormal basis.
    spread : ndarray of shape (n_features,)
        s, the residual standard deviation with n - p degrees of freedom, in the feature's unit. Where only
        rounding is left of it: the standard deviation of the feature itself, or 0 if that is rounding too.
    determined : ndarray of bool, of shape (n_features,)
        Where demographics leave nothing but rounding of a feature that does vary.
    n_people : int
        Normals on whom it was fitted.
    log_variance : LogVariance or None
        How the spread depends on demographics, where it does.
    uncertainty : ndarray of shape (p, p) or None
        Covariance of what is expected, in units of a feature's variance, where slopes are shrunk; else the
        identity.
    tails : Tails or None
        What makes W-scores normal, where they are not.
    """

    center: FloatArray
    loadings: FloatArray
    spread: FloatArray
    determined: npt.NDArray[np.bool_]
    n_people: int
    log_variance: LogVariance | None = None
    uncertainty: FloatArray | None = None
    tails: Tails | None = None

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a regression that no normal people could give; see `normwise.schema.FittedParts`."""
        features = len(parts.array("center", (None,)))
        parameters = len(parts.array("loadings", (None, features)))
        parts.array("spread", (features,), low=0.0)
        parts.array("determined", (features,), kinds="b", low=0, high=1)
        parts.whole("n_people", parameters + 1)
        if parts.part("log_variance") is not None:
            check_parts(self.log_variance, allowed=LogVariance)
        if vars(self).get("uncertainty") is not None:  # models of 0.1.0 have neither it nor tails
            own = parts.array("uncertainty", (parameters, parameters))
            sound = np.allclose(own, own.T) and (not own.size or np.linalg.eigvalsh(own)[0] > -1e-6)
            parts.expect("uncertainty", holds=bool(sound), instead="a covariance")
        if vars(self).get("tails") is not None:
            from normwise.normalize.blocked.tails import Tails

            check_parts(self.tails, allowed=Tails)
            fits = self.tails is not None and self.tails.location.shape == (features,)
            parts.expect("tails", holds=fits, instead="of these features")

    @property
    def degrees_of_freedom(self) -> int:
        """Normals less parameters, n - p."""
        return self.n_people - len(self.loadings)

    def __getitem__(self, features: slice | npt.NDArray[np.intp]) -> Regression:
        return Regression(
            self.center[features],
            self.loadings[:, features],
            self.spread[features],
            self.determined[features],
            self.n_people,
            None if self.log_variance is None else self.log_variance[features],
            self.uncertainty,
            None if self.tails is None else self.tails[features],
        )

    def astype(self, dtype: np.dtype[Any]) -> Regression:
        """Return the same regression at another precision."""
        if self.center.dtype == dtype:
            return self
        return replace(
            self,
            center=self.center.astype(dtype),
            loadings=self.loadings.astype(dtype),
            spread=self.spread.astype(dtype),
            tails=None if self.tails is None else self.tails.astype(dtype),
        )

    def expected(self, people: People) -> FloatArray:
        """Return what is normal for ``people``: (n_people, n_features)."""
        expected: FloatArray = self.center + people.basis.astype(self.center.dtype) @ self.loadings
        return expected

    def leverage(self, people: People) -> FloatArray:
        """Return the variance of what is expected of each person, in units of a feature's own."""
        if self.uncertainty is None:
            return people.leverage
        leverage: FloatArray = np.einsum("ij,ij->i", people.basis @ self.uncertainty, people.basis)
        return leverage

    def inverse_deviation(self, people: People) -> FloatArray:
        """Return one over the predictive standard deviation (n_people, n_features), 0 for a constant feature.

        The variance of a new person is ``s^2 (1 + leverage)``; where the spread depends on demographics it is
        the person's own variance plus, for the error of what is expected, ``s^2 leverage``.
        """
        inverse = reciprocal(self.spread)
        if self.log_variance is None or people.variance_basis is None:
            return np.outer(1.0 / np.sqrt(1.0 + self.leverage(people)), inverse).astype(self.center.dtype)
        pooled = np.square(self.spread, dtype=np.float64)
        own = np.where(self.determined, pooled, self.log_variance.at(people.variance_basis))
        total = own + np.outer(self.leverage(people), pooled)
        return np.where(inverse > 0, 1.0 / np.sqrt(total), 0.0).astype(self.center.dtype)


def reciprocal(spread: FloatArray) -> FloatArray:
    """Return one over each spread, and 0 for a feature in which the normals do not vary."""
    return np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def inverse_triangle(design: FloatArray) -> FloatArray:
    """Return ``inv(R)`` of a design's QR decomposition, so that ``design @ inv(R)`` is orthonormal.

    Parameters
    ----------
    design : ndarray of shape (n_people, p)
        Of full column rank, in columns of comparable size.

    Returns
    -------
    ndarray of shape (p, p)
        Upper triangular, in float64.

    Examples
    --------
    >>> design = np.column_stack([np.ones(4), [-3.0, -1.0, 1.0, 3.0]])
    >>> basis = design @ inverse_triangle(design)
    >>> np.allclose(basis.T @ basis, np.eye(2))
    True
    """
    triangle: FloatArray = np.linalg.qr(np.asarray(design, dtype=np.float64)).R
    triangle = triangle * np.where(np.diag(triangle) < 0, -1.0, 1.0)[:, None]  # one sign with every LAPACK
    inverse: FloatArray = np.triu(np.linalg.inv(triangle))
    return inverse


def fit_regression(
    features: FeatureColumns | FloatArray,
    normals: People,
    rows: npt.NDArray[np.intp] | None = None,
    *,
    shrinkage: Shrinkage = "none",
    tails: TailForm = "gaussian",
) -> Regression:
    """Regress every feature on the demographics of the normals.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        float32 or float64, in either memory order, or memory-mapped; only the normals' rows are used.
    normals : People
        The normals' coordinates, whose basis is orthonormal over them.
    rows : ndarray of int, optional
        Which rows of ``features`` are the normals; default: all of them.
    shrinkage : {"none", "empirical_bayes"}
        Whether slopes are shrunk towards those of all features; see `shrink_slopes`.
    tails : {"gaussian", "sinh_arcsinh", "auto"}
        W-scores as they are, transformed, or transformed where that holds for normals left out; see
        `fit_tails`.

    Returns
    -------
    Regression
        At the features' precision.

    Raises
    ------
    NormalizerError
        NRM-113, a normal's feature is NaN or infinite.

    Examples
    --------
    >>> from normwise.normalize.blocked.regression import inverse_triangle
    >>> age = np.array([40.0, 50.0, 60.0, 70.0])
    >>> design = np.column_stack([np.ones(4), (age - 55) / 10])
    >>> normals = People(design @ inverse_triangle(design))
    >>> fit = fit_regression(np.array([[3.0], [5.0], [6.0], [6.5]]), normals)
    >>> fit.expected(normals).ravel().round(3)
    array([3.4 , 4.55, 5.7 , 6.85])
    """
    columns = FeatureColumns.of_array(features)
    rows = np.arange(columns.shape[0]) if rows is None else rows
    regression = _unfitted(columns, normals)
    scratch = Scratch(columns.dtype, columns.order)
    chunk = _RowChunk.of(regression, normals, slice(None), columns.dtype)
    mean = None if shrinkage == "none" else np.zeros(len(normals))
    with _quiet():
        for part, block in columns.iter_blocks(_width(columns, len(normals))):
            _fit_block(columns, part, block, rows, chunk, regression[part], scratch, mean)
    if mean is not None:
        regression = _shrink(regression, mean)
    if tails != "gaussian":
        regression = replace(
            regression, tails=_tails(columns, rows, normals, regression, choose=tails == "auto")
        )
    return regression


def standardize(
    regression: Regression,
    features: FeatureColumns | FloatArray,
    people: People,
    *,
    scale: Scale = "w",
    out: FloatArray | None = None,
) -> FloatArray:
    """Return how far each person departs from what is normal for them.

    Parameters
    ----------
    regression : Regression
        What `fit_regression` learnt.
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        At the regression's precision.
    people : People
        Coordinates of these people.
    scale : {"w", "residual"}
        W-scores, or residuals in the feature's own unit.
    out : ndarray of shape (n_people, n_features), optional
        Where to write: a memory map for a matrix larger than memory, or ``features`` itself.

    Returns
    -------
    ndarray of shape (n_people, n_features)
        At the features' precision and in their memory order. A feature that demographics determine among
        the normals is measured in standard deviations of the feature itself; one that does not vary scores 0.

    Raises
    ------
    NormalizerError
        NRM-113, a feature is NaN or infinite, or its departure is too large for the precision.
    """
    columns = FeatureColumns.of_array(features)
    result = np.empty(columns.shape, columns.dtype, order=columns.order) if out is None else out
    width = _width(columns, regression.n_people)
    chunks = _row_chunks(regression, people, width, columns.dtype)
    scratch = Scratch(columns.dtype, columns.order)
    with _quiet():
        for part, block in columns.iter_blocks(width):
            _standardize_block(
                columns, part, block, chunks, regression[part], scale, result[:, part], scratch
            )
    return result


def fit_standardize(
    features: FeatureColumns | FloatArray,
    people: People,
    rows: npt.NDArray[np.intp],
    *,
    scale: Scale = "w",
    shrinkage: Shrinkage = "none",
    tails: TailForm = "gaussian",
    out: FloatArray | None = None,
) -> tuple[Regression, FloatArray]:
    """Fit on the normals and standardize everybody, reading each feature once where it is fitted alone.

    Parameters
    ----------
    features : FeatureColumns or ndarray of shape (n_people, n_features)
        Everybody's features.
    people : People
        Everybody's coordinates.
    rows : ndarray of int
        Which rows are the normals, ascending.
    scale : {"w", "residual"}
        W-scores, or residuals.
    shrinkage, tails
        As for `fit_regression`.
    out : ndarray of shape (n_people, n_features), optional
        Where to write; it shares no memory with the features.

    Returns
    -------
    Regression, ndarray of shape (n_people, n_features)
        Those of `fit_regression` and `standardize`, bit for bit.

    Raises
    ------
    NormalizerError
        NRM-113, a feature is NaN or infinite.
    """
    columns = FeatureColumns.of_array(features)
    normals = people[rows]
    if shrinkage != "none" or tails != "gaussian":
        regression = fit_regression(columns, normals, rows, shrinkage=shrinkage, tails=tails)
        return regression, standardize(regression, columns, people, scale=scale, out=out)
    regression = _unfitted(columns, normals)
    result = np.empty(columns.shape, columns.dtype, order=columns.order) if out is None else out
    width = _width(columns, len(normals))
    chunk = _RowChunk.of(regression, normals, slice(None), columns.dtype)
    chunks = _row_chunks(regression, people, width, columns.dtype)
    scratch = Scratch(columns.dtype, columns.order)
    with _quiet():
        for part, block in columns.iter_blocks(width):
            fitted = regression[part]
            _fit_block(columns, part, block, rows, chunk, fitted, scratch)
            _standardize_block(columns, part, block, chunks, fitted, scale, result[:, part], scratch)
    return regression, result


@dataclass(frozen=True)
class _RowChunk:
    """Some people: ``basis`` in float64's coordinates and, ready for products, at the features' precision.

    ``by_columns`` is the basis in the other memory order, ``ones`` the constant (n_people, 1), ``mean`` the
    weights of the mean, ``shrink`` is ``1 / sqrt(1 + leverage)``.
    """

    rows: slice
    people: People
    basis: FloatArray
    by_columns: FloatArray
    ones: FloatArray
    mean: FloatArray
    shrink: FloatArray

    @classmethod
    def of(cls, regression: Regression, people: People, rows: slice, dtype: np.dtype[Any]) -> _RowChunk:
        part = people[rows]
        basis = np.ascontiguousarray(part.basis, dtype=dtype)
        shrink = (1.0 / np.sqrt(1.0 + regression.leverage(part))).astype(dtype)
        ones = np.ones((len(part), 1), dtype)
        return cls(rows, part, basis, np.asfortranarray(basis), ones, ones[:, 0] / len(part), shrink)


def _row_chunks(regression: Regression, people: People, width: int, dtype: np.dtype[Any]) -> list[_RowChunk]:
    """Cut people into chunks of at least as many as the normals, so that a block of them stays small."""
    height = max(regression.n_people, _CHUNK_BYTES // (width * dtype.itemsize))
    return [
        _RowChunk.of(regression, people, slice(top, top + height), dtype)
        for top in range(0, len(people), height)
    ]


def _width(columns: FeatureColumns, n_normals: int) -> int:
    # It depends on the normals alone, so that nobody who is standardized changes the fit by one bit.
    return block_width(n_normals, columns.dtype.itemsize)


def _fit_block(
    columns: FeatureColumns,
    part: slice,
    block: FloatArray,
    rows: Rows,
    normals: _RowChunk,
    fitted: Regression,
    scratch: Scratch,
    mean: FloatArray | None = None,
) -> None:
    """Fit a block on its normals, writing to ``fitted``, views of the block's part of every array.

    To ``mean``, where it is given, each normal's residuals over their spreads are added.
    """
    n, p = normals.basis.shape
    own = gather(block, rows, scratch.buffer("own", (n, block.shape[1])))
    # Centring first keeps the precision of a feature whose mean is large beside its spread.
    np.matmul(normals.mean, own, out=fitted.center)
    add_product(own, normals.ones, fitted.center[None, :], sign=-1)
    fitted.loadings[...] = project(normals.basis, own)
    add_product(own, normals.by_columns, fitted.loadings, sign=-1)
    rest = squared_sums(own)
    if own.dtype == np.float32 and not (
        np.minimum.reduce(rest) > _SMALLEST and np.maximum.reduce(rest) < _LARGEST
    ):
        rest = np.einsum("ij,ij->j", own, own, dtype=np.float64)
    np.sqrt(rest / (n - p), out=fitted.spread, casting="same_kind")
    if fitted.log_variance is not None and normals.people.variance_basis is not None:
        squares = np.square(own, dtype=np.float64) / (1.0 - normals.people.leverage)[:, None]
        variance = fit_log_variance(squares, normals.people.variance_basis)
        fitted.log_variance.loadings[...] = variance.loadings
        fitted.log_variance.lowest[...] = variance.lowest
        fitted.log_variance.highest[...] = variance.highest
    finite = np.isfinite(fitted.spread)
    if not np.logical_and.reduce(finite):
        columns.refuse_unfinite(block[rows], part.start, rows)
        raise NormalizerError(
            "NRM-114",
            "the values are so large that their squares leave the range of floating-point numbers.",
            subject=columns.feature_name(part.start + int(np.argmin(finite))),
            advice="measure the feature in a larger unit",
        )
    replace_zero_spread(fitted)
    if mean is not None:
        mean += own @ np.where(fitted.determined, 0.0, reciprocal(fitted.spread))


def _shrink(regression: Regression, mean: FloatArray) -> Regression:
    """Shrink the slopes; ``mean`` is the sum of each normal's residuals over their spreads."""
    from normwise.normalize.blocked.shrinkage import shrink_slopes

    usable = (regression.spread > 0) & ~regression.determined
    n_features = int(usable.sum())
    if not n_features or len(regression.loadings) < 2:
        return regression
    spread = regression.spread[usable].astype(np.float64)
    degrees_of_freedom = regression.degrees_of_freedom
    slopes, uncertainty = shrink_slopes(
        regression.loadings[1:, usable] / spread,
        degrees_of_freedom,
        float(mean @ mean) / degrees_of_freedom / n_features**2,
    )
    loadings = regression.loadings.copy()
    loadings[1:, usable] = slopes * spread
    whole = np.eye(len(loadings))
    whole[1:, 1:] = uncertainty
    return replace(regression, loadings=loadings, uncertainty=whole)


def _tails(
    columns: FeatureColumns, rows: Rows, normals: People, regression: Regression, *, choose: bool
) -> Tails:
    """Fit the tails of the normals' residuals, each over its own standard deviation."""
    from normwise.normalize.blocked.tails import Tails, fit_tails

    # A normal person's residual varies less than a new one's: by 1 - leverage in place of 1 + leverage.
    inflate = np.sqrt((1.0 + regression.leverage(normals)) / (1.0 - np.minimum(normals.leverage, 0.99)))
    varies = (regression.spread > 0) & ~regression.determined

    def blocks() -> Iterator[FloatArray]:
        for part, block in columns.iter_blocks(_width(columns, len(normals))):
            fitted, own = regression[part], varies[part]
            w = (block[rows] - fitted.expected(normals)) * fitted.inverse_deviation(normals)
            yield (w[:, own] * inflate[:, None]).astype(np.float64)

    own = fit_tails(blocks, choose=choose)
    whole = np.array([[0.0], [1.0], [0.0], [1.0]]) * np.ones(len(varies))
    whole[:, varies] = own.location, own.scale, own.skew, own.weight
    return Tails(*whole.astype(columns.dtype))


def replace_zero_spread(regression: Regression) -> None:
    """Find features of which rounding alone is left, and replace it.

    A feature that demographics determine among the normals gets the standard deviation of the feature itself:
    the residual's own would make any departure endless, this one understates it. A feature that does not vary
    at all gets 0.
    """
    n, p = regression.n_people, len(regression.loadings)
    rest = np.square(regression.spread, dtype=np.float64) * (n - p)
    explained = np.zeros_like(rest)
    for loading in regression.loadings[1:]:
        explained += np.square(loading, dtype=np.float64)
    size = np.sqrt(np.square(regression.center, dtype=np.float64) + (explained + rest) / n)
    rounding = _ROUNDING * np.finfo(regression.center.dtype).eps * size
    own = np.sqrt((explained + rest) / (n - 1))
    flat = regression.spread <= rounding
    regression.determined[...] = flat & (own > rounding)
    regression.spread[flat] = np.where(regression.determined[flat], own[flat], 0.0)


def _standardize_block(
    columns: FeatureColumns,
    part: slice,
    block: FloatArray,
    chunks: list[_RowChunk],
    fitted: Regression,
    scale: Scale,
    result: FloatArray,
    scratch: Scratch,
) -> None:
    """Write the departures of everybody in a block to ``result``."""
    inverse = reciprocal(fitted.spread)
    for chunk in chunks:
        target, source = result[chunk.rows], block[chunk.rows]
        # The work is done in the result itself, if that is contiguous.
        in_place = target.flags.f_contiguous if scratch.order == "F" else target.flags.c_contiguous
        own = target if in_place else scratch.buffer("own", (source.shape[0], source.shape[1]))
        np.copyto(own, source)
        add_product(own, chunk.ones, fitted.center[None, :], sign=-1)
        add_product(own, chunk.by_columns, fitted.loadings, sign=-1)
        if scale == "w" and fitted.log_variance is not None:
            np.multiply(own, fitted.inverse_deviation(chunk.people), out=own)
        elif scale == "w":
            for rows, features in scratch.parts((own.shape[0], own.shape[1])):
                piece = own[rows, features]
                factors = scratch.buffer("factors", (piece.shape[0], piece.shape[1]))
                outer(chunk.shrink[rows], inverse[features], factors)
                np.multiply(piece, factors, out=piece)
        if scale == "w" and fitted.tails is not None:
            changed = np.flatnonzero(fitted.tails.changed)
            own[:, changed] = fitted.tails[changed].apply(own[:, changed])
        if not np.isfinite(chunk.ones[:, 0] @ own).all():
            columns.refuse_unfinite(own, part.start, np.arange(len(block))[chunk.rows])
        if own is not target:
            np.copyto(target, own)


def _quiet() -> np.errstate:
    # What is not finite is refused by name; numpy need not warn of it as well.
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _unfitted(columns: FeatureColumns, normals: People) -> Regression:
    m, dtype = columns.shape[1], columns.dtype
    variance = None
    if normals.variance_basis is not None:
        q = normals.variance_basis.shape[1]
        variance = LogVariance(np.empty((q, m)), np.empty(m), np.empty(m))
    loadings = np.empty((normals.basis.shape[1], m), dtype)
    spread, determined = np.empty(m, dtype), np.zeros(m, dtype=bool)
    return Regression(np.empty(m, dtype), loadings, spread, determined, len(normals), variance)
