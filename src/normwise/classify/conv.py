"""A convolutional network for images, with the demographics joined at its fully connected layer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from normwise.classify.base import Classifier
from normwise.engine import Progress
from normwise.errors import ClassifierError
from normwise.networks import need_torch
from normwise.networks.images import (
    CONV_SETTINGS,
    ImageRows,
    augmentation_of,
    encode,
    learn_encoding,
    read_rows,
)

if TYPE_CHECKING:
    from normwise.networks.images import ImageSet, Settings

__all__ = ["ConvClassifier"]

Floats = NDArray[np.float64]


class ConvClassifier(Classifier):
    """A small residual network for hundreds of images (two or three axes), demographics joined after pooling.

    Parameters
    ----------
    ndim : int
        Axes of an image, 2 or 3, where an array is given; the travelling frame tells it by its columns.
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
        A safetensors file with weights to begin with: of this trunk, by name and shape.
    freeze : str
        What of it stays as it is: ``nothing``, ``all_but_last_block`` or ``trunk``.
    checkpoint : str, optional
        Folder in which every epoch is written down, so that a killed training goes on to the same weights.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
    mixed, compiled : bool
        Half precision and ``torch.compile``, on a GPU only.
    threads : int
        Processor threads.
    random_state : int
        Seed of weights, order, augmentation and dropout.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    image_shape_ : tuple of int
        Channels and axes of an image.
    weights_ : list of dict of str to ndarray
        One a member, by the names of torch's modules.
    centre_, spread_ : float
        Mean and standard deviation of the training images.
    encoding_ : dict
        How demographics become numbers.
    epochs_ : int
        Epochs trained.
    epoch_losses_ : ndarray of shape (epoch_folds, epochs)
        Held-out losses by which the epochs were chosen; without rows where they were not.
    losses_ : ndarray of shape (ensemble, epochs_)
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

    def __init__(
        self,
        ndim: int = 3,
        *,
        network: str = "residual",
        width: int = 8,
        blocks: int = 3,
        stem_stride: int | None = None,
        epochs: int = 40,
        epoch_folds: int = 0,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.05,
        dropout: float = 0.2,
        augmentation: str | Mapping[str, float] = "mild",
        demographics: Sequence[str] | None = None,
        ensemble: int = 1,
        class_weight: Any = None,
        start_from: str | None = None,
        freeze: str = "nothing",
        checkpoint: str | None = None,
        device: str = "auto",
        mixed: bool = True,
        compiled: bool = False,
        threads: int = 1,
        random_state: int = 0,
    ) -> None:
        self.ndim = ndim
        self.network = network
        self.width = width
        self.blocks = blocks
        self.stem_stride = stem_stride
        self.epochs = epochs
        self.epoch_folds = epoch_folds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.augmentation = augmentation
        self.demographics = demographics
        self.ensemble = ensemble
        self.class_weight = class_weight
        self.start_from = start_from
        self.freeze = freeze
        self.checkpoint = checkpoint
        self.device = device
        self.mixed = mixed
        self.compiled = compiled
        self.threads = threads
        self.random_state = random_state

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """Return what each setting may be."""
        return CONV_SETTINGS

    def fit(self, X: Any, y: Any, *, progress: Progress | None = None) -> Self:
        """Train the network, or each member of the ensemble.

        Parameters
        ----------
        X : DataFrame or array-like
            The travelling frame, with a column a voxel beside the demographics; or images of shape (n_scans,
            …) or (n_scans, channels, …).
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
        need_torch(type(self).__name__)
        from normwise.networks.images import best_epochs, train_member

        rows = read_rows(X, ndim=self.ndim, demographics=self.demographics)
        codes = self._read_classes(rows, y)
        self._learn_layout(X, rows)
        ready, settings = self._ready(rows, codes), self._settings()
        folder = None if self.checkpoint is None else Path(self.checkpoint)
        key = _key(ready) if folder is not None else ""
        self.epochs_, self.epoch_losses_ = self.epochs, np.empty((0, self.epochs))
        if self.epoch_folds:
            splitter = StratifiedKFold(self.epoch_folds, shuffle=True, random_state=self.random_state)
            self.epochs_, self.epoch_losses_ = best_epochs(
                self._build, ready, settings, list(splitter.split(codes, codes)), self.random_state,
                checkpoint=None if folder is None else folder / "fold.safetensors", key=key,
            )  # fmt: skip
        members, losses = [], []
        for member in range(self.ensemble):
            path = None if folder is None else folder / f"member-{member}.safetensors"
            weights, curve = train_member(
                self._build, ready, self._settings(self.epochs_), self.random_state + 7919 * member,
                checkpoint=path, key=key, progress=progress,
            )  # fmt: skip
            members.append(weights)
            losses.append(curve.losses)
        self.losses_, self.weights_ = np.array(losses), members
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, (n_samples, n_classes), in the order of ``classes_``."""
        tables = [softmax(scores.astype(np.float64), axis=1) for scores in self._each_member(X)]
        return np.asarray(np.mean(tables, axis=0))

    def embed(self, X: Any) -> Floats:
        """Return what the network sees in the images alone: the pooled maps of every member, side by side.

        Returns
        -------
        ndarray of shape (n_samples, n_members * embedding width)
        """
        return np.concatenate([part.astype(np.float64) for part in self._each_member(X, embed=True)], axis=1)

    def _each_member(self, X: Any, *, embed: bool = False) -> list[NDArray[np.float32]]:
        return self.scores_of(self.rows_of(X), embed=embed)

    def scores_of(self, rows: ImageSet, *, embed: bool = False) -> list[NDArray[np.float32]]:
        """Return each member's scores, or its embedding, of rows from `rows_of`."""
        from normwise.networks.images import predict_scores

        network, settings = self._build(), self._settings()
        return [predict_scores(network, weights, rows, settings, embed=embed) for weights in self.weights_]

    def each_network(self, X: Any) -> Iterator[tuple[Any, ImageSet]]:
        """Give each member as a torch module on its device, and the rows made ready for it."""
        from normwise.networks import choose_device
        from normwise.networks.images import load_weights

        rows, network = self.rows_of(X), self._build()
        for weights in self.weights_:
            load_weights(network, weights)
            yield network.to(choose_device(self.device)).eval(), rows

    def rows_of(self, X: Any) -> ImageSet:
        """Check rows to be predicted, and make them ready."""
        check_is_fitted(self)
        ndim = len(self.image_shape_) - 1 if self.image_shape_ else self.ndim
        rows = read_rows(X, ndim=ndim, demographics=self.joined_)
        if _image_shape(rows) != self.image_shape_:
            raise ClassifierError(
                "CLS-505",
                "the images are not of the shape that the network was trained on.",
                seen=str(rows.shape),
                expected=f"{self.image_shape_}, channels first",
                advice="bring them onto the training's grid: the extractor 'images' does, with its settings",
            )
        return self._ready(rows, np.zeros(len(rows), dtype=np.intp))

    def _read_classes(self, rows: ImageRows, y: Any) -> NDArray[np.intp]:
        labels = np.asarray(y)
        check_classification_targets(labels)
        if len(labels) != len(rows):
            raise ClassifierError(
                "CLS-502",
                "there is not one class an image.",
                seen=f"{len(rows)} images, {len(labels)} classes",
                expected="as many",
            )
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ClassifierError(
                "CLS-107",
                "the training rows hold 1 class; a classifier needs at least two classes.",
                subject=type(self).__name__,
                seen=f"{len(codes)} rows of class {self.classes_[0]}",
                advice="check the cohort's label and classes, and that every class has people left",
            )
        return np.asarray(codes, dtype=np.intp)

    def _learn_layout(self, X: Any, rows: ImageRows) -> None:
        self.image_shape_ = _image_shape(rows)
        self.joined_ = [str(name) for name in rows.demographics.columns]
        self.encoding_ = learn_encoding(rows.demographics)
        if not self.image_shape_ and not self.joined_:
            raise ClassifierError(
                "CLS-502",
                "there is nothing to learn from: neither images nor demographics.",
                expected="columns image_…, as the extractor 'images' gives, or an array of images",
                advice="set features.extractor to 'images'",
            )
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = int(np.prod(self.image_shape_)) + len(self.joined_)
        self.centre_, self.spread_ = _mean_and_spread(rows.images)

    def _ready(self, rows: ImageRows, codes: NDArray[np.intp]) -> ImageSet:
        from normwise.networks.images import ImageSet

        images = rows.images
        if not self.image_shape_:
            images = np.empty((len(rows), 0), np.float32)
        weights = self.row_weights(codes) if "weights_" not in vars(self) else np.ones(len(codes))
        return ImageSet(
            images, self.centre_, self.spread_, encode(rows.demographics, self.encoding_), codes, weights
        )

    def _settings(self, epochs: int | None = None) -> Settings:
        from normwise.networks.images import Settings

        return Settings(
            epochs or self.epochs, self.batch_size, self.learning_rate, self.weight_decay,
            augmentation_of(self.augmentation if self.image_shape_ else "none"), self.device,
            self.mixed, self.compiled, self.threads,
        )  # fmt: skip

    def _build(self) -> Any:
        """Build a network with fresh weights, and those of ``start_from`` where it is given."""
        from normwise.networks.images import begin_from, build_network

        levels = self.encoding_["levels"].values()
        ndim = len(self.image_shape_) - 1
        network = build_network(
            self.network,
            ndim=ndim,
            channels=self.image_shape_[0] if self.image_shape_ else 0,
            width=self.width,
            blocks=self.blocks,
            stem_stride=self.stem_stride or (2 if ndim == 3 else 1),
            demographics=len(self.encoding_["numeric"]) + sum(len(each) - 1 for each in levels),
            classes=len(self.classes_),
            dropout=self.dropout,
            images=bool(self.image_shape_),
        )
        if self.image_shape_ and "weights_" not in vars(self):
            begin_from(network, self.start_from, self.freeze)
        return network


def _image_shape(rows: ImageRows) -> tuple[int, ...]:
    """Return channels and axes of the images; () where there are none."""
    return rows.shape if len(rows.shape) > 1 else ()


def _mean_and_spread(images: NDArray[Any]) -> tuple[float, float]:
    """Return mean and standard deviation of all intensities, one image in memory at a time."""
    if not images[0].size:
        return 0.0, 1.0
    sums = np.array(
        [(image.sum(dtype=np.float64), np.square(image, dtype=np.float64).sum()) for image in images]
    )
    mean, square = sums.sum(axis=0) / images.size
    spread = float(np.sqrt(max(square - mean**2, 0.0)))
    return float(mean), spread if spread > 1e-12 * max(1.0, abs(mean)) else 1.0


def _key(rows: ImageSet) -> str:
    """Name the training rows by their content."""
    digest = hashlib.sha256(repr((rows.images.shape, rows.centre, rows.spread)).encode())
    for part in (rows.images, rows.demographics, rows.codes, rows.weights):
        for row in part:
            digest.update(np.ascontiguousarray(row).tobytes())
    return digest.hexdigest()
