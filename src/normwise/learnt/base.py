"""What the learnt transformers share: demographics pass through, beside the features that are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from normwise.schema import FittedParts

__all__ = ["LearntTransformer", "Rows", "check_passed", "count_people", "draw_parts"]

Rows = NDArray[np.intp]


def check_passed(parts: FittedParts) -> None:
    """Refuse the names of what a learnt transformer passes through, or its seed, where they are none."""
    parts.texts("demographics")
    parts.whole("random_state", 0, 1 << 62)


def count_people(codes: Rows, groups: Any) -> tuple[Rows, int]:
    """Return a number for each row's person, and how many people the smallest class has.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows,)
        Class of each row.
    groups : array-like of shape (n_rows,) or None
        Person of each row; None for a person each.
    """
    people = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    return people, min(len(set(people[codes == code])) for code in set(codes))


def draw_parts(codes: Rows, people: Rows, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Return rows trained on and left out, each class spread over the parts, a person's rows in one.

    Examples
    --------
    >>> parts = draw_parts(np.repeat([0, 1], 6), np.repeat(np.arange(6), 2), 3, 0)
    >>> [test.tolist() for _, test in parts]
    [[0, 1, 10, 11], [4, 5, 6, 7], [2, 3, 8, 9]]
    """
    if len(set(people)) == len(people):
        return list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(codes, codes))
    return list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(codes, codes, people))


class LearntTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A transformer that replaces all columns but the demographics; subclasses name the new ones."""

    demographics: Sequence[str]

    cross_fits = False
    """Whether a training row is made without itself, so that ``fit_transform`` takes ``groups``."""

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the columns that `transform` gives."""
        check_is_fitted(self)
        return np.asarray([*self._made_names(), *self.demographics], dtype=object)

    def _made_names(self) -> list[str]:
        """Return the names of the features that are made."""
        raise NotImplementedError

    def _beside_demographics(self, X: Any, values: NDArray[Any]) -> Any:
        """Return the features that were made; of a frame as a frame, with its demographics."""
        if not isinstance(X, pd.DataFrame):
            return values
        frame = pd.DataFrame(values, index=X.index, columns=self._made_names())
        return pd.concat([frame, X[list(self.demographics)]], axis=1)
