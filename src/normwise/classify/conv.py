"""A convolutional network for images, with the demographics joined at its fully connected layer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from normwise.classify.base import Classifier
from normwise.engine import Progress
from normwise.learnt import validate_images
from normwise.networks.images import CONV_SETTINGS, ConvNetwork
from normwise.schema import FittedParts

__all__ = ["ConvClassifier"]

Floats = NDArray[np.float64]


class ConvClassifier(ConvNetwork, Classifier):
    """A small residual network for hundreds of images (two or three axes), demographics joined after pooling.

    Parameters
    ----------
    ndim : int
        Axes of an image, 2 or 3, where an array is given; a frame says it by the names of its columns.
    network : str
        ``residual``, or one of MONAI's, as ``DenseNet121`` or ``resnet18``, where MONAI is installed.
    width, blocks : int
        Channels of the first residual block, and blocks; each block after the first halves the image and
        doubles the channels.
    stem_stride : int, optional
        2 halves the image at once; default: 1 for pictures, 2 for volumes.
    epochs : int
        Passes over the training rows; the most that are tried where ``epoch_folds`` is given.
    epoch_folds : int
        0 trains all epochs; else their number is chosen by the held-out loss of so many inner folds.
    batch_size : int
        Images a step.
    learning_rate, weight_decay : float
        Of AdamW. The rate rises for a tenth of the epochs and then falls as a cosine.
    dropout : float
        Share of the embedding left out at random in training.
    augmentation : str or mapping
        ``none``, ``mild``, ``strong``, or a table with ``mirror``, ``rotation``, ``shear``, ``scale``,
        ``shift``, ``warp``, ``intensity``, ``bias`` and ``noise``; see
        `normwise.networks.images.augmentation.Augmentation`.
    demographics : sequence of str, optional
        Columns of the frame that are joined; default: every column that is no voxel. ``()`` joins none.
    ensemble : int
        Networks that differ by their seed; their probabilities are averaged.
    class_weight : None, "balanced" or dict
        Row weights by class.
    start_from : str, optional
        A safetensors file with weights to begin with: of this trunk, by name and shape; see
        `normwise.networks.images.save_trunk`.
    freeze : str
        What of it stays as it is: ``nothing``, ``all_but_last_block`` or ``trunk``.
    checkpoint : str, optional
        Folder in which each epoch is saved, so that a killed training resumes and ends at the same weights.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    threads : int
        Processor threads.
    random_state : int
        Seed of weights, order, augmentation and dropout.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
        Columns of the training rows, or voxels of an image.
    feature_names_in_ : ndarray of shape (n_features,)
        Where a frame with names was given.
    image_shape_ : tuple of int
        Channels and axes of an image.
    weights_ : list of dict of str to ndarray
        One a member, by the names of torch's modules.
    centre_, spread_ : float
        Mean and standard deviation of the training images.
    encoding_ : dict
        How demographics are encoded as numbers.
    epochs_ : int
        Epochs trained.
    epoch_losses_ : ndarray of shape (epoch_folds, epochs)
        Held-out losses by which the epochs were chosen; without rows where they were not.
    losses_ : ndarray of shape (ensemble, n_epochs)
        Training loss of each member.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["normal", "AD"], 12)
    >>> X = rng.normal(size=(24, 8, 8))
    >>> X[y == "AD", 2:6, 2:6] += 3
    >>> model = ConvClassifier(ndim=2, width=4, blocks=1, epochs=8, augmentation="none", learning_rate=0.02)
    >>> model.fit(X, y).score(X, y)
    1.0
    """

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Return what each setting may be."""
        return CONV_SETTINGS

    def fit(self, X: Any, y: Any, *, progress: Progress | None = None) -> Self:
        """Train the network, or each member of the ensemble.

        Parameters
        ----------
        X : DataFrame or array-like
            Frame with a column a voxel beside the demographics; or images of shape (n_scans, …) or (n_scans,
            channels, …); or a table of shape (n_scans, n_columns), each row of which is an image of one row.
        y : array-like of shape (n_scans,)
            Classes.
        progress : Progress, optional
            Shows epochs, loss and time left.

        Raises
        ------
        ClassifierError
            CLS-103 a setting out of range, CLS-106 a weight for no class, CLS-107 one class only, CLS-301
            torch is not installed, CLS-501 to CLS-506.
        """
        self._begin()
        rows, labels = validate_images(self, X, y, reset=True)
        codes = self._learn_classes(labels)
        folds: list[Any] = []
        if self.epoch_folds:
            splitter = StratifiedKFold(self.epoch_folds, shuffle=True, random_state=self.random_state)
            folds = list(splitter.split(codes, codes))
        return self.train(
            rows, codes, self.classes_, weights=self.row_weights(codes), folds=folds, progress=progress
        )

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a network that ``fit`` could not have trained; see `Classifier.check_parts`."""
        Classifier.check_parts(self, parts)
        ConvNetwork.check_parts(self, parts)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        check_is_fitted(self)
        scores = self.scores_of(self.rows_of(validate_images(self, X)[0]))
        return np.asarray(np.mean([softmax(each.astype(np.float64), axis=1) for each in scores], axis=0))
