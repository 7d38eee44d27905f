"""Features and demographics of people, read once for many fits of the normalizer on subsets of them."""

# ruff: noqa: SLF001 - what is prepared for many fits fits the estimator's own way

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.regression import People, Regression
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design
from normwise.normalize.support import encodable_rows

__all__ = ["PreparedFeatures"]

Rows = npt.NDArray[np.intp]
SomeNormalizer = TypeVar("SomeNormalizer", bound="Normalizer")


class Normalizer(Protocol):
    """What `FeatureNormalizer` does on rows that have been read."""

    design_: Design
    regression_: Regression | None

    def _fit_rows(
        self,
        columns: FeatureColumns,
        people: Demographics,
        train: Rows,
        y: Any,
        beside: Any,
        locate: Callable[[Design, Rows], People] | None,
    ) -> None: ...

    def _transform_rows(
        self, columns: FeatureColumns, people: Demographics, located: People | None
    ) -> FloatArray: ...


class PreparedFeatures(Generic[SomeNormalizer]):
    """Features and demographics of people, read once for many fits on subsets of them.

    A nested cross-validation and a permutation test fit the normalizer hundreds to thousands of times on the
    same people. What changes is who is trained on and who is normal; the columns of the frame do not.
    `FeatureNormalizer.prepare` makes it.

    Parameters
    ----------
    normalizer : FeatureNormalizer
        Its settings and the names of its columns.
    columns : FeatureColumns
        Everybody's features.
    people : Demographics
        Everybody's demographics.

    Examples
    --------
    >>> import pandas as pd
    >>> from normwise.normalize import FeatureNormalizer
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.uniform(50, 90, 40), "f": rng.normal(size=40)})
    >>> y = np.where(np.arange(40) < 30, "normal", "AD")
    >>> train, test = np.arange(5, 40), np.arange(5)
    >>> prepared = FeatureNormalizer(["age"], "normal").prepare(X)
    >>> fitted = prepared.fit(train, y[train])
    >>> values, known = prepared.transform(fitted, test)
    >>> np.allclose(values, fitted.transform(X.iloc[test])), known.all()
    (True, np.True_)
    """

    def __init__(self, normalizer: SomeNormalizer, columns: FeatureColumns, people: Demographics) -> None:
        self._normalizer = normalizer
        self._columns = columns.in_memory()
        self._finite = np.isfinite(np.asarray(self._columns.source)).all(axis=1)
        self._people = people
        self._located: tuple[Design, People] | None = None

    def fit(self, train: Rows, y: Any = None, beside: FloatArray | None = None) -> SomeNormalizer:
        """Return a normalizer fitted on some rows.

        Parameters
        ----------
        train : ndarray of int
            Row numbers.
        y : array-like of shape (len(train),), optional
            Labels of these rows.
        beside : ndarray of shape (len(train),), optional
            As of `fit_regression`; not with a prior, whose people's numbers are not known.

        Returns
        -------
        FeatureNormalizer
            That of ``fit(X.iloc[train], y)``, up to rounding.

        Raises
        ------
        NormalizerError
            As `FeatureNormalizer.fit`.
        """
        fitted = copy(self._normalizer)
        fitted._fit_rows(self._columns, self._people, train, y, beside, self._locate)
        return fitted

    def transform(self, fitted: SomeNormalizer, rows: Rows) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return what ``fitted.transform(X.iloc[rows])`` does, and whose demographics are known to it.

        Parameters
        ----------
        fitted : FeatureNormalizer
            What `fit` has returned.
        rows : ndarray of int
            Row numbers.

        Returns
        -------
        values : ndarray of shape (len(rows), n_features_out)
            NaN where the second is false.
        encodable : ndarray of bool of shape (len(rows),)
            Whose demographics are there, with levels that a normal person of the training rows has, and whose
            features are all finite: as `FeatureNormalizer.in_support` says.
        """
        encodable = encodable_rows(fitted.design_, self._people.take(rows)) & self._finite[rows]
        some = rows if encodable.all() else rows[encodable]
        # Appended demographics are encoded as they are.
        located = None if fitted.regression_ is None else self._locate(fitted.design_, some)
        values = fitted._transform_rows(self._columns.take(some), self._people.take(some), located)
        if some is rows:
            return values, encodable
        everybody = np.full((len(rows), values.shape[1]), np.nan, values.dtype, order="F")
        everybody[encodable] = values
        return everybody, encodable

    def _locate(self, design: Design, rows: Rows) -> People:
        """Return the coordinates of some people in a design, all of whom it knows.

        Those of everybody are made once a design: a fit asks for the normals, its training and its test rows.
        """
        if self._located is None or self._located[0] is not design:
            known = encodable_rows(design, self._people)
            with np.errstate(over="ignore", invalid="ignore"):  # of people who may not be asked for
                located = design.people(self._people if known.all() else self._people.take(known))
            if not known.all():
                located = People(_in_places(located.basis, known), _in_places(located.variance_basis, known))
            self._located = design, located
        return self._located[1][rows]

    def __getstate__(self) -> dict[str, Any]:
        """Leave coordinates behind, which another process makes of its own designs."""
        return {**vars(self), "_located": None}


def _in_places(rows: Any, chosen: npt.NDArray[np.bool_]) -> Any:
    """Return rows in the places of those that are chosen, all others NaN; None stays None."""
    if rows is None:
        return None
    places = np.full((len(chosen), rows.shape[1]), np.nan)
    places[chosen] = rows
    return places
