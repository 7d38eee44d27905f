"""Fit the regression on the normals, and standardize everybody, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray, block_width
from normwise.normalize.blocked.kernels import Scratch, add_product, gather, outer, project, squared_sums
from normwise.normalize.blocked.regression import (
    People,
    Regression,
    Scale,
    Shrinkage,
    TailForm,
    reciprocal,
    replace_zero_spread,
)

if TYPE_CHECKING:
    from normwise.normalize.blocked.tails import Tails

__all__ = ["fit_regression", "fit_standardize", "standardize"]

Rows = npt.NDArray[np.intp]

_SMALLEST, _LARGEST = 1e-30, 1e30  # sums of squares beyond these leave the range of float32
_DETERMINED = 1e-9  # of a number's variation: less is rounding
_CHUNK_BYTES = 1 << 22  # 4 MiB: where people are many more than the normals they are taken in chunks


def fit_regression(
    features: FeatureColumns | FloatArray,
    normals: People,
    rows: npt.NDArray[np.intp] | None = None,
    *,
    shrinkage: Shrinkage = "none",
    tails: TailForm = "gaussian",
    beside: FloatArray | None = None,
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
    beside : ndarray of shape (n_normals,), optional
        A number of each normal that explains features as well. Slopes of demographics are those at an equal
        number: what people of one sex share because they are older is not taken for their sex. The number
        itself is not taken out, and is not needed of anybody else.

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
    held = None if beside is None else _HeldNumber.of(beside, normals, columns.dtype)
    with _quiet():
        for part, block in columns.iter_blocks(_width(columns, len(normals))):
            own = scratch.buffer("own", (len(rows), block.shape[1]))
            _fit_block(columns, part, block, rows, chunk, regression[part], own, mean, held)
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
            fitted, target = regression[part], result[:, part]
            if len(rows) == len(block):  # the fit leaves everybody's residuals behind
                own = _work_place(target, scratch)
                _fit_block(columns, part, block, rows, chunk, fitted, own)
                _scale_block(columns, part, own, chunk, fitted, scale, target, scratch)
                continue
            own = scratch.buffer("own", (len(rows), block.shape[1]))
            _fit_block(columns, part, block, rows, chunk, fitted, own)
            _standardize_block(columns, part, block, chunks, fitted, scale, target, scratch)
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


@dataclass(frozen=True)
class _HeldNumber:
    """A number beside demographics: ``along`` is its slopes on the basis, ``rest`` gives a feature's on it.

    A regression on demographics and number has the demographics' loadings less ``along`` times the number's
    own slope, which is the product of the feature with what demographics leave of the number, over its square
    (Frisch and Waugh 1933).
    """

    along: FloatArray
    rest: FloatArray

    @classmethod
    def of(cls, values: FloatArray, normals: People, dtype: np.dtype[Any]) -> _HeldNumber | None:
        """Return None where demographics determine the number, or it is the same for everybody."""
        centred = values - values.mean()
        along = normals.basis.T @ centred
        rest = centred - normals.basis @ along
        square = float(rest @ rest)
        if square <= _DETERMINED * float(centred @ centred):
            return None
        return cls(along.astype(dtype), (rest / square).astype(dtype))


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
    own: FloatArray,
    mean: FloatArray | None = None,
    held: _HeldNumber | None = None,
) -> None:
    """Fit a block on its normals, writing to ``fitted``, views of the block's part of every array.

    Their residuals are left in ``own``, contiguous. To ``mean``, where given, each normal's residuals over
    their spreads are added.
    """
    n, p = normals.basis.shape
    gather(block, rows, own)
    # Centring first keeps the precision of a feature whose mean is large beside its spread.
    np.matmul(normals.mean, own, out=fitted.center)
    add_product(own, normals.ones, fitted.center[None, :], sign=-1)
    fitted.loadings[...] = project(normals.basis, own)
    if held is not None:
        fitted.loadings[...] -= np.outer(held.along, held.rest @ own)
    add_product(own, normals.by_columns, fitted.loadings, sign=-1)
    rest = squared_sums(own)
    if own.dtype == np.float32 and not (
        np.minimum.reduce(rest) > _SMALLEST and np.maximum.reduce(rest) < _LARGEST
    ):
        rest = np.einsum("ij,ij->j", own, own, dtype=np.float64)
    np.sqrt(rest / (n - p), out=fitted.spread, casting="same_kind")
    if fitted.log_variance is not None and normals.people.variance_basis is not None:
        from normwise.normalize.blocked.variance import fit_log_variance

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
    for chunk in chunks:
        target = result[chunk.rows]
        own = _work_place(target, scratch)
        np.copyto(own, block[chunk.rows])
        add_product(own, chunk.ones, fitted.center[None, :], sign=-1)
        add_product(own, chunk.by_columns, fitted.loadings, sign=-1)
        _scale_block(columns, part, own, chunk, fitted, scale, target, scratch)


def _work_place(target: FloatArray, scratch: Scratch) -> FloatArray:
    """Return where a block is worked on: its place in the result itself, if that is contiguous."""
    in_place = target.flags.f_contiguous if scratch.order == "F" else target.flags.c_contiguous
    return target if in_place else scratch.buffer("own", (target.shape[0], target.shape[1]))


def _scale_block(
    columns: FeatureColumns,
    part: slice,
    own: FloatArray,
    chunk: _RowChunk,
    fitted: Regression,
    scale: Scale,
    target: FloatArray,
    scratch: Scratch,
) -> None:
    """Write to ``target`` what is asked for of the residuals ``own``, which are overwritten."""
    if scale == "w" and fitted.log_variance is not None:
        np.multiply(own, fitted.inverse_deviation(chunk.people), out=own)
    elif scale == "w":
        inverse = reciprocal(fitted.spread)
        for rows, features in scratch.parts((own.shape[0], own.shape[1])):
            piece = own[rows, features]
            factors = scratch.buffer("factors", (piece.shape[0], piece.shape[1]))
            outer(chunk.shrink[rows], inverse[features], factors)
            np.multiply(piece, factors, out=piece)
    if scale == "w" and fitted.tails is not None:
        changed = np.flatnonzero(fitted.tails.changed)
        own[:, changed] = fitted.tails[changed].apply(own[:, changed])
    if not np.isfinite(chunk.ones[:, 0] @ own).all():
        columns.refuse_unfinite(own, part.start, np.arange(len(own)) + (chunk.rows.start or 0))
    if own is not target:
        np.copyto(target, own)


def _quiet() -> np.errstate:
    # What is not finite is refused by name; numpy need not warn of it as well.
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def _unfitted(columns: FeatureColumns, normals: People) -> Regression:
    m, dtype = columns.shape[1], columns.dtype
    variance = None
    if normals.variance_basis is not None:
        from normwise.normalize.blocked.variance import LogVariance

        q = normals.variance_basis.shape[1]
        variance = LogVariance(np.empty((q, m)), np.empty(m), np.empty(m))
    loadings = np.empty((normals.basis.shape[1], m), dtype)
    spread, determined = np.empty(m, dtype), np.zeros(m, dtype=bool)
    return Regression(np.empty(m, dtype), loadings, spread, determined, len(normals), variance)
