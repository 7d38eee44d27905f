"""Rows in the orthonormal basis of their span: the same model with fewer unknowns.

A penalty on the length of the weight vector leaves no weight outside the span of the centred rows (the
representer theorem; Schölkopf, Herbrich and Smola 2001). With 115 people and 600 features, 114 unknowns hold
all that 600 could, and one factorisation serves every setting of a grid (Hastie and Tibshirani 2004,
"Efficient quadratic regularization for expression arrays").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["RowSpace", "to_row_space"]

Floats = NDArray[np.float64]

_ROWS = 1000  # turned at a time
_SAFE = 1e-7  # an error of the Gram matrix that no probability shows


@dataclass(frozen=True)
class RowSpace:
    """Centred rows and their coordinates.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_features) or None
        The centred rows; None where there is a basis.
    design : ndarray of shape (n_samples, n_dimensions + 1)
        The coordinates with a column of ones behind them.
    squares : ndarray of shape (n_dimensions,)
        Squared length of each column of the coordinates.
    basis : ndarray of shape (n_features, n_dimensions) or None
        The basis; None where it is cheaper to go back through the rows.
    """

    rows: Floats | None
    design: Floats
    squares: Floats
    basis: Floats | None

    @property
    def coordinates(self) -> Floats:
        """The rows in an orthonormal basis, whose columns are orthogonal and come by ascending size.

        Of shape (n_samples, n_dimensions).
        """
        return self.design[:, :-1]

    def back(self, weights: Floats) -> Floats:
        """Turn weights of the coordinates, (n_dimensions, n_columns), into (n_columns, n_features)."""
        if self.basis is not None:
            return (self.basis @ weights).T
        assert self.rows is not None, "without a basis"
        # The basis is rows' · coordinates / squares; it is never formed.
        return (self.coordinates @ (weights / self.squares[:, None])).T @ self.rows


def to_row_space(rows: Floats, strength: float, design: Floats | None = None) -> RowSpace:
    """Find the span of centred rows.

    The eigenvectors of a Gram matrix cost a fifth of a singular value decomposition and square the rounding
    error, which matters only where the data outweigh the penalty by far (features of huge scale).

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Centred rows.
    strength : float
        The largest weight of the data in units of the penalty, such as C or 1/alpha.
    design : ndarray of shape (n_samples, n_features + 1), optional
        Where the rows lie in all but the last column: the coordinates may take their place.

    Returns
    -------
    RowSpace

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0, 2.0], [-1.0, -2.0, -2.0]])
    >>> span = to_row_space(rows, strength=1.0)
    >>> span.coordinates.shape, np.round(span.squares, 6)
    ((2, 1), array([18.]))
    """
    n_samples, n_features = rows.shape
    rounding = float(np.finfo(float).eps)
    size = float(np.einsum("ij,ij->", rows, rows))
    if not strength * size * rounding < _SAFE:
        left, lengths, right = scipy.linalg.svd(rows, full_matrices=False, check_finite=False)
        large = np.flatnonzero(lengths > rounding * max(rows.shape) * lengths[0])[::-1]
        design = np.ones((n_samples, len(large) + 1))
        np.multiply(left[:, large], lengths[large], out=design[:, :-1])
        return RowSpace(None, design, lengths[large] ** 2, right[large].T)
    wide = n_samples <= n_features
    gram = rows @ rows.T if wide else rows.T @ rows
    squares, vectors = scipy.linalg.eigh(gram, driver="evd", check_finite=False)
    # Below this a square is rounding error of the largest one.
    large = np.flatnonzero(squares > rounding * len(squares) * max(squares[-1], 0.0))
    squares, vectors = squares[large], vectors[:, large]
    count = len(squares)
    if wide or design is None:
        design = np.ones((n_samples, count + 1))
    if wide:
        np.multiply(vectors, np.sqrt(squares), out=design[:, :-1])
        return RowSpace(rows, design, squares, None)
    for first in range(0, n_samples, _ROWS):
        part = slice(first, first + _ROWS)
        design[part, :count] = rows[part] @ vectors
    design[:, count] = 1.0
    return RowSpace(None, design[:, : count + 1], squares, vectors)
