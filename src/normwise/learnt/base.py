"""What the learnt transformers share: demographics pass through, beside the features that are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from normwise.schema import FittedParts

__all__ = ["LearntTransformer", "check_passed"]


def check_passed(parts: FittedParts) -> None:
    """Refuse the names of what a learnt transformer passes through, or its seed, where they are none."""
    parts.texts("demographics")
    parts.whole("random_state", 0, 1 << 62)


class LearntTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A transformer that replaces all columns but the demographics; subclasses name the new ones."""

    demographics: Sequence[str]

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
