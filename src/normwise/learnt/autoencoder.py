"""A convolutional autoencoder as a learnt extractor: a short code from which the image can be reconstructed.

It needs no classes. A linear one would find the principal components, which the extractor ``voxels`` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from normwise.learnt.base import LearntTransformer, check_passed
from normwise.learnt.image_input import validate_images
from normwise.networks import need_torch
from normwise.networks.images import (
    CONV_SETTINGS,
    augmentation_of,
    check_image_shape,
    check_weights,
    read_rows,
)
from normwise.schema import FittedParts, check_settings

__all__ = ["ConvAutoencoder"]


class ConvAutoencoder(LearntTransformer):
    """Turn images into the code of an autoencoder, and pass the demographics through untouched.

    Parameters
    ----------
    n_components : int
        Numbers in the code.
    settings : mapping, optional
        ``width``, ``blocks``, ``epochs``, ``batch_size``, ``learning_rate``, ``weight_decay``,
        ``augmentation``, ``device`` and ``threads``, as of
        `normwise.classify.ConvClassifier`. Augmentation changes the input, which the network is to
        reconstruct.
    demographics : sequence of str
        Columns that are passed through.
    random_state : int
        Seed.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the training rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of a frame.
    weights_ : dict of str to ndarray
        By the names of torch's modules.
    image_shape_ : tuple of int
        Channels and axes of an image.
    losses_ : ndarray of shape (epochs,)
        Mean squared error of the standardised training images while each epoch ran.
    """

    def __init__(
        self,
        n_components: int = 16,
        *,
        settings: Mapping[str, Any] | None = None,
        demographics: Sequence[str] = (),
        random_state: int = 0,
    ) -> None:
        self.n_components = n_components
        self.settings = settings
        self.demographics = demographics
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Train encoder and decoder on the training rows.

        Parameters
        ----------
        X : DataFrame or array-like
            Frame with a column a voxel, and the demographics; a stack of images; or a table, each row of
            which is an image of one row of voxels.
        y : None
            Not used.
        """
        need_torch(type(self).__name__)
        from normwise.networks.images import train_coder

        images = self._images(X, reset=True)
        self.image_shape_ = tuple(int(edge) for edge in images.shape[1:])
        self.centre_ = float(images.mean(dtype=np.float64))
        self.spread_ = float(images.std(dtype=np.float64)) or 1.0
        self.weights_, self.losses_ = train_coder(
            images, self.centre_, self.spread_, self.n_components, self._settings(), self.random_state
        )
        return self

    def transform(self, X: Any) -> Any:
        """Return the code, and the demographics beside it.

        Returns
        -------
        DataFrame or ndarray of shape (n_scans, n_components + n_demographics)
        """
        check_is_fitted(self)
        from normwise.networks.images import encode_images

        images = self._images(X, reset=False)
        code = encode_images(
            images, self.centre_, self.spread_, self.n_components, self._settings(), self.weights_
        )
        return self._beside_demographics(X, code)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a network that `fit` could not have trained; see `normwise.schema.FittedParts`."""
        check_passed(parts)
        check_settings(CONV_SETTINGS, self.settings or {}, subject=parts.title)
        columns, code = parts.named_columns(), parts.whole("n_components", 1, 1 << 20)
        check_image_shape(parts, columns)
        parts.number("centre_")
        parts.number("spread_", low=1e-300)
        parts.array("losses_", (None,))
        settings = self._settings()
        parts.expect("settings", holds=settings["threads"] <= 1024, instead="for 1024 threads at most")

        def build() -> Any:
            from normwise.networks.images import build_coder

            return build_coder(tuple(self.image_shape_), settings, code)

        check_weights(parts.part("weights_"), build)

    def _images(self, X: Any, *, reset: bool) -> NDArray[Any]:
        rows, _ = validate_images(self, X, reset=reset, demographics=self.demographics)
        return read_rows(rows, ndim=3, demographics=()).images

    def _made_names(self) -> list[str]:
        return [f"code_{place + 1:03d}" for place in range(self.n_components)]

    def _settings(self) -> dict[str, Any]:
        defaults = {
            "width": 8, "blocks": 3, "epochs": 40, "batch_size": 16, "learning_rate": 3e-3,
            "weight_decay": 0.01, "augmentation": "none", "device": "auto", "threads": 1,
        }  # fmt: skip
        chosen = {**defaults, **(self.settings or {})}
        return {**chosen, "augmentation": augmentation_of(chosen["augmentation"])}
