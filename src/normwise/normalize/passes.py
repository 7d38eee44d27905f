"""One pass over the features, block by block: each is read once, worked on in cache, and written once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from normwise.errors import NormalizerError
from normwise.normalize.blocks import FeatureColumns, FloatArray, block_width
from normwise.normalize.blockwise import Strip, cut_strips, fit_block, scale_block, take_away
from normwise.normalize.kernels import Scratch, gather
from normwise.normalize.people import People, Regression

__all__ = ["Pass"]


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

    def strips(self, people: People) -> list[Strip]:
        """Cut people so that a block of a strip stays small."""
        return cut_strips(people, self.n_normals, self.width, self.columns.dtype)

    def fit(
        self, part: slice, block: FloatArray, rows: npt.NDArray[np.intp], normals: Strip, fitted: Regression
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
        normals: Strip,
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
        strips: list[Strip],
        fitted: Regression,
        inverse: FloatArray | None,
        result: FloatArray,
    ) -> None:
        """Write everybody's departures; ``inverse``, one over the spread, makes them W-scores."""
        for strip in strips:
            target = result[strip.rows]
            own = self._copy(block[strip.rows], target)
            take_away(own, strip, fitted)
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
