"""A convolutional network that predicts a number from images, of the same parts as the classifier's."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from normwise.classify.regressors.base import Regressor, check_numbers, standardized
from normwise.engine import Progress
from normwise.learnt import validate_images
from normwise.networks.images import CONV_SETTINGS, ConvNetwork
from normwise.schema import FittedParts, Meaning

__all__ = ["ConvRegressor"]

Floats = NDArray[np.float64]

_SETTINGS = CONV_SETTINGS | {"class_weight": Annotated[None, Meaning("nothing: a number has no classes")]}


class ConvRegressor(ConvNetwork, Regressor):
    """A small residual network for hundreds of images, trained on the squared error.

    Numbers are learnt in their own unit: less the mean of the training rows, in standard deviations.

    Parameters
    ----------
    ndim, network, width, blocks, stem_stride, epochs, epoch_folds, batch_size, learning_rate, weight_decay,
    dropout, augmentation, demographics, start_from, freeze, checkpoint, device, threads, random_state
        As of `normwise.classify.ConvClassifier`.
    ensemble : int
        Networks that differ by their seed; their predictions are averaged.
    class_weight : None
        Of the classifier alone.

    Attributes
    ----------
    mean_, deviation_ : float
        Of the training numbers.
    n_features_in_, feature_names_in_, image_shape_, weights_, centre_, spread_, encoding_, epochs_,
    epoch_losses_, losses_
        As of `normwise.classify.ConvClassifier`; losses are mean squared errors in units of the numbers'
        variance.

    See Also
    --------
    normwise.classify.ConvClassifier : The same network for classes.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.uniform(50, 90, 40)
    >>> X = rng.normal(size=(40, 8, 8)) + (y / 10)[:, None, None]
    >>> model = ConvRegressor(ndim=2, width=4, blocks=1, epochs=20, augmentation="none", learning_rate=0.02)
    >>> bool(np.abs(model.fit(X, y).predict(X) - y).mean() < 5)
    True
    """

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Return what each setting may be."""
        return _SETTINGS

    def fit(self, X: Any, y: Any, *, progress: Progress | None = None) -> Self:
        """Train the network, or each member of the ensemble.

        Parameters
        ----------
        X : DataFrame or array-like
            As of `normwise.classify.ConvClassifier.fit`.
        y : array-like of shape (n_scans,)
            Numbers.
        progress : Progress, optional
            Shows epochs, loss and time left.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-112 one number for all rows, CLS-301 torch is not installed,
            CLS-501 to CLS-506.
        """
        self._begin()
        rows, numbers = validate_images(self, X, y, reset=True)
        aims, self.mean_, self.deviation_ = standardized(check_numbers(numbers, type(self).__name__))
        folds: list[Any] = []
        if self.epoch_folds:
            splitter = KFold(self.epoch_folds, shuffle=True, random_state=self.random_state)
            folds = list(splitter.split(aims))
        return self.train(rows, aims, None, folds=folds, progress=progress)

    def predict(self, X: Any) -> Floats:
        """Return the expected number of each row, of shape (n_samples,)."""
        check_is_fitted(self)
        scores = self.scores_of(self.rows_of(validate_images(self, X)[0]))
        mean = np.mean([each[:, 0].astype(np.float64) for each in scores], axis=0)
        return np.asarray(mean * self.deviation_ + self.mean_)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a network that ``fit`` could not have trained; see `RowEstimator.check_parts`."""
        Regressor.check_parts(self, parts)
        ConvNetwork.check_parts(self, parts)
        parts.number("mean_")
        parts.number("deviation_", low=0.0)
