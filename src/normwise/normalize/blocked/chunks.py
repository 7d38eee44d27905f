"""The regression of one block of features, in place, while the block lies in cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import (
    FeatureColumns,
    FloatArray,
    block_width,
)
from normwise.normalize.blocked.kernels import (
    Scratch,
    add_product,
    gather,
    outer,
    project,
    squared_sums,
)
from normwise.normalize.blocked.regression_model import People, Regression
from normwise.normalize.variance import fit_log_variance

__all__ = ["Pass", "RowChunk", "fit_block", "iter_row_chunks", "residualize", "scale_block", "zero_spread"]

_ROUNDING = 10.0  # a spread below this many units in the last place of the feature is rounding, not variation
_SMALLEST, _LARGEST = 1e-30, 1e30  # sums of squares beyond these leave the range of float32
_STRIP_BYTES = 1 << 22  # 4 MiB: where people are many more than the normals they are taken in strips


@dataclass(frozen=True)
class RowChunk:
    """Some people, ready for products at the features' precision.

    Attributes
    ----------
    rows : slice
        Which people.
    people : People
        Their coordinates in float64.
    basis, basis_by_columns : ndarray of shape (n_people, p)
        The same coordinates at the features' precision, in both memory orders.
    ones : ndarray of shape (n_people, 1)
        The constant.
    mean : ndarray of shape (n_people,)
        Weights of the mean.
    shrink : ndarray of shape (n_people,)
        ``1 / sqrt(1 + leverage)``.
    """

    rows: slice
    people: People
    basis: FloatArray
    basis_by_columns: FloatArray
    ones: FloatArray
    mean: FloatArray
    shrink: FloatArray

    @classmethod
    def of(cls, people: People, rows: slice, dtype: np.dtype[Any]) -> RowChunk:
        """Cut ``rows`` out of ``people``."""
        part = people[rows]
        basis = np.ascontiguousarray(part.basis, dtype=dtype)
        shrink = (1.0 / np.sqrt(1.0 + part.leverage)).astype(dtype)
        ones = np.ones((len(part), 1), dtype)
        return cls(rows, part, basis, np.asfortranarray(basis), ones, ones[:, 0] / len(part), shrink)


def iter_row_chunks(people: People, n_normals: int, width: int, dtype: np.dtype[Any]) -> list[RowChunk]:
    """Cut people into strips of at least ``n_normals``, so that a block of them stays small."""
    height = max(n_normals, _STRIP_BYTES // (width * dtype.itemsize))
    return [RowChunk.of(people, slice(top, top + height), dtype) for top in range(0, len(people), height)]


def fit_block(own: FloatArray, normals: RowChunk, fitted: Regression) -> None:
    """Fit a block on the normals, and leave their residuals in it.

    Parameters
    ----------
    own : ndarray of shape (n_normals, width)
        The normals' features, contiguous; overwritten by their residuals.
    normals : RowChunk
        The normals.
    fitted : Regression
        Views of the block's part of every array; written to. Its spread is raw: `zero_spread` looks for
        features that do not vary.
    """
    n, p = normals.basis.shape
    # Centring first keeps the precision of a feature whose mean is large beside its spread.
    np.matmul(normals.mean, own, out=fitted.center)
    add_product(own, normals.ones, fitted.center[None, :], sign=-1)
    fitted.loadings[...] = project(normals.basis, own)
    add_product(own, normals.basis_by_columns, fitted.loadings, sign=-1)
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


def zero_spread(regression: Regression) -> npt.NDArray[np.intp]:
    """Find features of which rounding alone is left, and give them a spread that says so.

    A feature that demographics determine among the normals gets the standard deviation of the feature itself:
    the residual's own would make any departure endless, this one understates it. A feature that does not vary
    at all gets 0. To be called once.

    Parameters
    ----------
    regression : Regression
        With the raw spread of every feature; its spread and `determined` are written to.

    Returns
    -------
    ndarray of int
        The features whose spread was replaced.
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
    found = np.flatnonzero(flat)
    regression.spread[found] = np.where(regression.determined[found], own[found], 0.0)
    return found


def residualize(own: FloatArray, people: RowChunk, fitted: Regression) -> None:
    """Turn a block of features into residuals, in place."""
    add_product(own, people.ones, fitted.center[None, :], sign=-1)
    add_product(own, people.basis_by_columns, fitted.loadings, sign=-1)


def scale_block(
    own: FloatArray, people: RowChunk, fitted: Regression, inverse: FloatArray, scratch: Scratch
) -> None:
    """Turn a block of residuals into W-scores, in place; ``inverse`` is one over the spread."""
    if fitted.log_variance is not None:
        np.multiply(own, fitted.inverse_deviation(people.people), out=own)
        return
    for rows, columns in scratch.parts((own.shape[0], own.shape[1])):
        part = own[rows, columns]
        factors = scratch.lend("factors", (part.shape[0], part.shape[1]))
        outer(people.shrink[rows], inverse[columns], factors)
        np.multiply(part, factors, out=part)


class Pass:
    """A walk over the features in blocks whose width hangs on the number of normals alone.

    So neither patients nor the number of people asked for ever change the fit by one bit.

    Parameters
    ----------
    columns : FeatureColumns
        What is walked over.
    n_normals : int
        Normals of the fit.
    """

    def __init__(self, columns: FeatureColumns, n_normals: int) -> None:
        self.columns = columns
        self.n_normals = n_normals
        self.width = block_width(n_normals, columns.dtype.itemsize)
        self.scratch = Scratch(columns.dtype, columns.order)

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield which features a block holds, and the block (n_people, width), to be read only."""
        for first, piece in self.columns.pieces(self.width):
            for left in range(0, piece.shape[1], self.width):
                block = piece[:, left : left + self.width]
                yield slice(first + left, first + left + block.shape[1]), block

    def strips(self, people: People) -> list[RowChunk]:
        """Cut people so that a block of a strip stays small."""
        return iter_row_chunks(people, self.n_normals, self.width, self.columns.dtype)

    def fit(
        self,
        part: slice,
        block: FloatArray,
        rows: npt.NDArray[np.intp],
        normals: RowChunk,
        fitted: Regression,
    ) -> None:
        """Fit a block on the normals among its people."""
        own = self.scratch.lend("own", (len(rows), block.shape[1]))
        if len(rows) == len(block):
            np.copyto(own, block)
        else:
            gather(block, rows, own)
        fit_block(own, normals, fitted)
        self._refuse_unfitted(part, block, rows, fitted)

    def fit_and_write(
        self,
        part: slice,
        block: FloatArray,
        normals: RowChunk,
        fitted: Regression,
        target: FloatArray,
        *,
        scaled: bool,
    ) -> None:
        """Fit a block on all its people, and write the departures that the fit leaves behind."""
        own = self._copy(block, target)
        fit_block(own, normals, fitted)
        self._refuse_unfitted(part, block, np.arange(len(block)), fitted)
        if scaled:
            # Where nothing but rounding is left this may be infinite; such features are done again.
            scale_block(own, normals, fitted, np.reciprocal(fitted.spread), self.scratch)
        if own is not target:
            np.copyto(target, own)

    def standardize(
        self,
        part: slice,
        block: FloatArray,
        strips: list[RowChunk],
        fitted: Regression,
        inverse: FloatArray | None,
        result: FloatArray,
    ) -> None:
        """Write everybody's departures; ``inverse``, one over the spread, makes them W-scores."""
        for strip in strips:
            target = result[strip.rows]
            own = self._copy(block[strip.rows], target)
            residualize(own, strip, fitted)
            if inverse is not None:
                scale_block(own, strip, fitted, inverse, self.scratch)
            if not np.isfinite(strip.ones[:, 0] @ own).all():
                self.columns.refuse_unfinite(own, part.start, np.arange(len(block))[strip.rows])
            if own is not target:
                np.copyto(target, own)

    def _copy(self, block: FloatArray, target: FloatArray) -> FloatArray:
        """Copy a block to where it is worked on: its place in the result, if that is contiguous."""
        in_place = target.flags.f_contiguous if self.scratch.order == "F" else target.flags.c_contiguous
        own = target if in_place else self.scratch.lend("own", (block.shape[0], block.shape[1]))
        np.copyto(own, block)
        return own

    def _refuse_unfitted(
        self, part: slice, block: FloatArray, rows: npt.NDArray[np.intp], fitted: Regression
    ) -> None:
        finite = np.isfinite(fitted.spread)
        if np.logical_and.reduce(finite):
            return
        self.columns.refuse_unfinite(block[rows], part.start, rows)
        raise NormalizerError(
            "NRM-114",
            "the values are so large that their squares leave the range of floating-point numbers.",
            subject=self.columns.feature_name(part.start + int(np.argmin(finite))),
            advice="measure the feature in a larger unit",
        )
