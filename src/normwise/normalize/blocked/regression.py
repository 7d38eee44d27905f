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

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg.lapack import dtrtri

from normwise.normalize.blocked.columns import FloatArray
from normwise.reprs import ShortRepr
from normwise.schema import FittedParts, check_parts

if TYPE_CHECKING:
    from normwise.normalize.blocked.tails import Tails
    from normwise.normalize.blocked.variance import LogVariance

__all__ = [
    "People",
    "Regression",
    "Scale",
    "Shrinkage",
    "TailForm",
    "inverse_triangle",
    "invert_triangle",
    "reciprocal",
    "replace_zero_spread",
]

Scale = Literal["w", "residual"]
Shrinkage = Literal["none", "empirical_bayes"]
TailForm = Literal["gaussian", "sinh_arcsinh", "auto"]

_ROUNDING = 10.0  # a spread below this many units in the last place of the feature is rounding, not variation


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
            from normwise.normalize.blocked.variance import LogVariance

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
    return invert_triangle(np.linalg.qr(np.asarray(design, dtype=np.float64)).R)


def invert_triangle(triangle: FloatArray) -> FloatArray:
    """Return the inverse of R of a QR decomposition, its diagonal above 0."""
    triangle = triangle * np.where(np.diag(triangle) < 0, -1.0, 1.0)[:, None]  # one sign with every LAPACK
    inverse, singular = dtrtri(triangle)
    if singular:
        raise np.linalg.LinAlgError("a column of the design is a combination of the others")
    unsigned: FloatArray = np.add(inverse, 0.0, order="C")  # no zero keeps a sign
    return unsigned


def replace_zero_spread(regression: Regression) -> None:
    """Find features of which rounding alone is left, and replace it.

    A feature that demographics determine among the normals gets the standard deviation of the feature itself:
    the residual's own would make any departure endless, this one understates it. A feature that does not vary
    at all gets 0.
    """
    n, p = regression.n_people, len(regression.loadings)
    share = _ROUNDING * np.finfo(regression.center.dtype).eps
    if regression.spread.size:
        largest = [float(np.abs(each).max(initial=0.0)) for each in (regression.center, regression.loadings)]
        size = largest[0] + np.sqrt(p) * largest[1] + float(np.maximum.reduce(regression.spread))
        if np.minimum.reduce(regression.spread) > share * size:  # as of nearly every block
            regression.determined[...] = False
            return
    rest = np.square(regression.spread, dtype=np.float64) * (n - p)
    explained = np.zeros_like(rest)
    for loading in regression.loadings[1:]:
        explained += np.square(loading, dtype=np.float64)
    size = np.sqrt(np.square(regression.center, dtype=np.float64) + (explained + rest) / n)
    rounding = share * size
    own = np.sqrt((explained + rest) / (n - 1))
    flat = regression.spread <= rounding
    regression.determined[...] = flat & (own > rounding)
    regression.spread[flat] = np.where(regression.determined[flat], own[flat], 0.0)
