"""What a regression is made of: people as coordinates, and what the normals teach about every feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.variance import LogVariance

__all__ = ["People", "Regression", "inverse_triangle", "reciprocal"]


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


@dataclass(frozen=True)
class Regression:
    """What the normals teach about every feature.

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
    """

    center: FloatArray
    loadings: FloatArray
    spread: FloatArray
    determined: npt.NDArray[np.bool_]
    n_people: int
    log_variance: LogVariance | None = None

    @property
    def degrees_of_freedom(self) -> int:
        """Normals less parameters, n - p."""
        return self.n_people - len(self.loadings)

    def __getitem__(self, features: slice | npt.NDArray[np.intp]) -> Regression:
        variance = None if self.log_variance is None else self.log_variance[features]
        return Regression(
            self.center[features],
            self.loadings[:, features],
            self.spread[features],
            self.determined[features],
            self.n_people,
            variance,
        )

    def astype(self, dtype: np.dtype[Any]) -> Regression:
        """Return the same regression at another precision."""
        if self.center.dtype == dtype:
            return self
        return Regression(
            self.center.astype(dtype),
            self.loadings.astype(dtype),
            self.spread.astype(dtype),
            self.determined,
            self.n_people,
            self.log_variance,
        )

    def expected(self, people: People) -> FloatArray:
        """Return what is normal for ``people``: (n_people, n_features)."""
        expected: FloatArray = self.center + people.basis.astype(self.center.dtype) @ self.loadings
        return expected

    def inverse_deviation(self, people: People) -> FloatArray:
        """Return one over the predictive standard deviation (n_people, n_features), 0 for a constant feature.

        The variance of a new person is ``s^2 (1 + leverage)``; where the spread depends on demographics it is
        the person's own variance plus, for the error of what is expected, ``s^2 leverage``.
        """
        inverse = reciprocal(self.spread)
        if self.log_variance is None or people.variance_basis is None:
            return np.outer(1.0 / np.sqrt(1.0 + people.leverage), inverse).astype(self.center.dtype)
        pooled = np.square(self.spread, dtype=np.float64)
        own = np.where(self.determined, pooled, self.log_variance.at(people.variance_basis))
        total = own + np.outer(people.leverage, pooled)
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
