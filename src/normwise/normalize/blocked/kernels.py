"""Arithmetic on one block of features while it lies in cache.

A block is an (n_people, width) array that is contiguous in either order. Sums and products go through the
BLAS, which keeps its pace on short rows where a broadcast is three times slower.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas

from normwise.normalize.blocked.columns import FloatArray

__all__ = ["Scratch", "add_product", "gather", "outer", "project", "squared_sums"]


_PART_BYTES = 1 << 18  # 256 KiB
_SUMMED = 2048  # people


class Scratch:
    """Buffers that are used again for every block, so that no block waits for fresh memory.

    Parameters
    ----------
    dtype : numpy dtype
        Precision of the buffers.
    order : {"C", "F"}
        Memory order of the buffers.
    """

    def __init__(self, dtype: np.dtype[Any], order: Literal["C", "F"]) -> None:
        self.dtype = dtype
        self.order = order
        self._buffers: dict[str, FloatArray] = {}
        self._arrays: dict[tuple[str, tuple[int, int]], FloatArray] = {}
        self._cuts: dict[tuple[int, int], list[tuple[slice, slice]]] = {}

    def buffer(self, name: str, shape: tuple[int, int]) -> FloatArray:
        """Return the array called ``name``, with whatever it held."""
        array = self._arrays.get((name, shape))
        if array is None:
            size = shape[0] * shape[1]
            if name not in self._buffers or self._buffers[name].size < size:
                self._buffers[name] = np.empty(size, dtype=self.dtype)
            array = self._buffers[name][:size].reshape(shape, order=self.order)
            self._arrays[name, shape] = array
        return array

    def parts(self, shape: tuple[int, int]) -> list[tuple[slice, slice]]:
        """Cut a block of a shape into contiguous parts that lie in cache beside a buffer of their size."""
        cuts = self._cuts.get(shape)
        if cuts is None:
            rows, columns = shape
            by_columns = self.order == "F"
            height = rows if by_columns else max(_PART_BYTES // (columns * self.dtype.itemsize), 1)
            width = max(_PART_BYTES // (rows * self.dtype.itemsize), 1) if by_columns else columns
            cuts = [
                (slice(top, top + height), slice(left, left + width))
                for top in range(0, rows, height)
                for left in range(0, columns, width)
            ]
            self._cuts[shape] = cuts
        return cuts


def _gemm(alpha: float, left: FloatArray, right: FloatArray, beta: float, out: FloatArray) -> None:
    multiply = blas.sgemm if out.dtype == np.float32 else blas.dgemm
    # The BLAS, being Fortran's, sees a row-major block as its transpose.
    by_columns = out.flags.f_contiguous
    first, second, target = (left, right, out) if by_columns else (right.T, left.T, out.T)
    product = multiply(alpha, first, second, beta=beta, c=target, overwrite_c=1)
    if product is not target:  # the wrapper works on a copy where memory is not aligned
        target[...] = product


def add_product(block: FloatArray, left: FloatArray, right: FloatArray, *, sign: Literal[1, -1]) -> None:
    """Add ``sign * left @ right`` to a block, in place.

    Parameters
    ----------
    block : ndarray of shape (n_people, width)
        Contiguous; overwritten.
    left : ndarray of shape (n_people, k)
        At the block's precision.
    right : ndarray of shape (k, width)
        At the block's precision.
    sign : {1, -1}
        Add or subtract.

    Examples
    --------
    >>> block = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> add_product(block, np.ones((2, 1)), np.array([[1.0, 2.0]]), sign=-1)
    >>> block
    array([[0., 0.],
           [2., 2.]])
    """
    _gemm(float(sign), left, right, 1.0, block)


def outer(column: FloatArray, row: FloatArray, out: FloatArray) -> None:
    """Write the outer product of ``column`` (n_people,) and ``row`` (width,) over ``out``."""
    _gemm(1.0, column[:, None], row[None, :], 0.0, out)


def project(basis: FloatArray, block: FloatArray) -> FloatArray:
    """Return ``basis.T @ block`` of shape (k, width)."""
    if block.flags.f_contiguous:
        return (block.T @ basis).T
    return basis.T @ block


def gather(block: FloatArray, rows: npt.NDArray[np.intp], out: FloatArray) -> FloatArray:
    """Copy some people of a block to ``out`` (len(rows), width), of the block's memory order."""
    if len(rows) == len(block) and bool((rows[1:] > rows[:-1]).all()):
        np.copyto(out, block)
    elif block.flags.f_contiguous:  # five times faster than block[rows]
        np.take(block.T, rows, axis=1, out=out.T, mode="clip")
    else:
        np.copyto(out, block[rows])
    return out


def squared_sums(block: FloatArray) -> FloatArray:
    """Return the sum of squares over people, of shape (width,)."""
    if block.flags.f_contiguous:
        sums: FloatArray = np.vecdot(block.T, block.T)
        return sums
    # A long sum at single precision loses digits; short ones are added at double precision.
    tops = range(0, len(block), _SUMMED)
    parts = [np.einsum("ij,ij->j", part, part) for part in (block[top : top + _SUMMED] for top in tops)]
    total: FloatArray = parts[0] if len(parts) == 1 else np.sum(parts, axis=0, dtype=np.float64)
    return total
