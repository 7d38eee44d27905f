"""One feature matrix, many normal groups: W-scores for each of them, from arrays.

A permutation test asks the normalizer tens of thousands of times, each time with other normals. What does not
change is read once, columns of demographics among it, and each fit is two thin products on arrays. The scores
equal those of `FeatureNormalizer` up to rounding, since they do not depend on the basis of the design.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.normalize.blocked.columns import FloatArray
from normwise.normalize.demographics import (
    is_category,
    read_levels,
    read_numbers,
)
from normwise.normalize.feature_normalizer import FeatureNormalizer
from normwise.normalize.validation import names_of

__all__ = ["Refits"]

Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

_DEPENDENT = 1e-6  # a column of the design, or a feature's rest, this small beside the whole needs more care


class Refits:
    """W-scores of everybody for any normal group out of one frame.

    Parameters
    ----------
    normalizer : FeatureNormalizer
        Its settings; it is not fitted.
    X : DataFrame of shape (n_people, n_columns)
        Features beside demographics.

    Attributes
    ----------
    possible : bool
        Whether these settings have this way: W-scores, a linear design without interactions, one spread.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"age": rng.uniform(50, 90, 30), "f": rng.normal(size=30)})
    >>> normals = np.arange(20)
    >>> scores, known = Refits(FeatureNormalizer(["age"]), people).scores(normals, np.arange(30))
    >>> labels = np.where(np.arange(30) < 20, "normal", "AD")
    >>> np.allclose(scores, FeatureNormalizer(["age"], "normal").fit(people, labels).transform(people))
    True
    """

    def __init__(self, normalizer: FeatureNormalizer, X: pd.DataFrame) -> None:
        self.possible = (
            normalizer.mode == "replace"
            and normalizer.scale == "w"
            and normalizer.design == "linear"
            and normalizer.variance == "constant"
            and not len(normalizer.interactions)
        )
        names = names_of(normalizer.demographics)
        declared = names_of(normalizer.categorical)
        held = set(names)
        self._features = X[[name for name in X.columns if name not in held]].to_numpy(dtype=np.float64)
        numbers: list[FloatArray] = []
        self._levels: list[Flags] = []
        for name in names:
            if is_category(X[name], declared=name in declared):
                levels = read_levels(X[name])
                seen = sorted({level for level in levels if level is not None})
                self._levels.append(np.equal.outer(levels, np.array(seen, dtype=object)).astype(bool))
            else:
                numbers.append(read_numbers(X[name])[0])
        self._numbers = np.column_stack([np.ones(len(X)), *numbers])
        self._measured: Flags = np.asarray(np.isfinite(self._numbers).all(axis=1))

    def scores(self, normals: Rows, rows: Rows) -> tuple[FloatArray, Flags] | None:
        """Fit on some people and return the W-scores of others.

        Parameters
        ----------
        normals : ndarray of int
            Rows of the normal group.
        rows : ndarray of int
            Rows whose scores are wanted.

        Returns
        -------
        tuple of ndarray of shape (len(rows), n_features) and ndarray of bool of shape (len(rows),), or None
            The second tells whose demographics are known among these normals; the others' scores mean
            nothing. None where the fit needs the care, or has the faults, that `FeatureNormalizer` sees to.
        """
        known = self._measured.copy()
        columns = [self._numbers]
        for levels in self._levels:
            present = np.flatnonzero(levels[normals].any(axis=0))
            known &= levels[:, present].any(axis=1)
            columns.append(levels[:, present[1:]])
        design = np.where(known[:, None], np.hstack(columns), 0.0)
        own, values = design[normals], self._features[normals]
        if not known[normals].all() or len(normals) < own.shape[1] + 2:
            return None
        center = own.mean(axis=0)
        center[0] = 0.0
        size = own.std(axis=0)
        size[0] = 1.0
        if (size <= _DEPENDENT * np.abs(own).max(axis=0)).any():
            return None
        basis, triangle = np.linalg.qr((own - center) / size)
        if np.abs(np.diag(triangle)).min() <= _DEPENDENT * np.sqrt(len(normals)):
            return None
        mean = values.mean(axis=0)
        values = values - mean
        inverse = np.linalg.inv(triangle)
        places = ((design[rows] - center) / size) @ inverse
        loadings = basis.T @ values
        whole = _squares(values)
        values -= basis @ loadings
        left = _squares(values)
        # Where next to nothing is left the spread is one of rounding, or nothing varies at all.
        if not (left > _DEPENDENT * whole).all() or not np.isfinite(whole).all():
            return None
        spread = np.sqrt(left / (len(normals) - own.shape[1]))
        leverage = np.einsum("ij,ij->i", places, places)
        # In place: a pass over the features costs more than all the rest.
        scores: FloatArray = np.column_stack([places, np.ones(len(places))]) @ np.vstack([loadings, mean])
        np.subtract(self._features[rows], scores, out=scores)
        scores /= spread
        scores /= np.sqrt(1.0 + leverage)[:, None]
        return scores, known[rows]


def _squares(values: FloatArray) -> FloatArray:
    squares: npt.NDArray[Any] = np.einsum("ij,ij->j", values, values)
    return squares
