"""Input of an estimator of images, checked as scikit-learn checks tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

__all__ = ["validate_images"]


def validate_images(
    estimator: Any, X: Any, y: Any = None, *, reset: bool = False, demographics: Any = None
) -> tuple[Any, Any]:
    """Check the input of ``fit`` or, with ``reset=False``, of what follows it.

    Parameters
    ----------
    estimator : estimator
        Learns ``n_features_in_``, and ``feature_names_in_`` from a frame.
    X : DataFrame or array-like
        A frame; a stack of images; or a table of shape (n_samples, n_columns), which is checked as any table.
    y : array-like of shape (n_samples,), optional
        Classes.
    reset : bool
        Whether this is the input of ``fit``.
    demographics : sequence of str, optional
        Where given, other columns of a frame are voxels, also where their names don't say so: the frame
        returned holds an image of one row.

    Returns
    -------
    tuple
        What `normwise.networks.images.read_rows` takes, and the classes as an array.
    """
    labels = None if y is None else np.asarray(y)
    if isinstance(X, pd.DataFrame):
        # Voxels are found by their names, in any order; other columns must come as they did in training.
        if reset or not any(str(name).startswith("image_") for name in X.columns):
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        if demographics is None or any(str(name).startswith("image_") for name in X.columns):
            return X, labels
        return _as_image(X, demographics), labels
    if not hasattr(X, "ndim"):
        X = np.asarray(X)
    if X.ndim > 2:
        images = np.asanyarray(X)
        if reset:
            estimator.n_features_in_ = int(np.prod(images.shape[1:]))
        return images, labels
    if y is None:
        return validate_data(estimator, X, reset=reset, dtype="numeric"), None
    table, labels = validate_data(estimator, X, y, reset=reset, dtype="numeric")
    return table, labels


def _as_image(X: pd.DataFrame, demographics: Any) -> pd.DataFrame:
    """Return a table's other columns as an image of one row of voxels, the demographics beside it."""
    from normwise.networks.images import image_columns

    passed = [name for name in X.columns if name in set(demographics)]
    voxels = X.drop(columns=passed)
    return pd.concat([voxels.set_axis(image_columns((1, voxels.shape[1])), axis=1), X[passed]], axis=1)
