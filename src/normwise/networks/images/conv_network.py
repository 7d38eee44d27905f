"""A convolutional network for images: settings, training and weights. Demographics join after pooling."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from normwise.engine import Progress
from normwise.errors import ClassifierError
from normwise.networks.device import choose_device, deterministic_torch, need_torch
from normwise.networks.images.inputs import (
    Encoding,
    ImageRows,
    check_encoding,
    encode,
    learn_encoding,
    read_rows,
)
from normwise.networks.images.settings import CONV_SETTINGS, augmentation_of
from normwise.networks.images.weights import check_image_shape, check_weights
from normwise.schema import FittedParts, check_settings

if TYPE_CHECKING:
    from normwise.networks.images.training import ImageSet, Settings

__all__ = ["ConvNetwork"]

Floats = NDArray[np.float64]
Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(eq=False, repr=False)
class ConvNetwork:
    """A convolutional network, or an ensemble of them; settings and attributes as of `ConvClassifier`.

    It tells classes apart, or predicts one number.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = np.repeat([0, 1], 12)
    >>> images = rng.normal(size=(24, 8, 8))
    >>> images[codes == 1, 2:6, 2:6] += 3
    >>> network = ConvNetwork(2, width=4, blocks=1, epochs=40, augmentation="none", learning_rate=0.02)
    >>> scores = network.train(images, codes, np.array([0, 1])).scores_of(network.rows_of(images))
    >>> bool((scores[0].argmax(axis=1) == codes).all())
    True
    """

    ndim: int = 3
    _: KW_ONLY
    network: str = "residual"
    width: int = 8
    blocks: int = 3
    stem_stride: int | None = None
    epochs: int = 40
    epoch_folds: int = 0
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    dropout: float = 0.2
    augmentation: str | Mapping[str, float] = "mild"
    demographics: Sequence[str] | None = None
    ensemble: int = 1
    class_weight: Any = None
    start_from: str | None = None
    freeze: str = "nothing"
    checkpoint: str | None = None
    device: str = "auto"
    threads: int = 1
    random_state: int = 0

    def train(
        self,
        X: Any,
        aims: NDArray[Any],
        classes: NDArray[Any] | None,
        *,
        weights: Floats | None = None,
        folds: Folds = (),
        levels: Mapping[str, Sequence[str]] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train the network, or each member of the ensemble.

        Parameters
        ----------
        X : DataFrame or array-like
            As `normwise.networks.images.read_rows` takes it.
        aims : ndarray of shape (n_scans,)
            Code of each scan's class; or, as float, a standardised number of each.
        classes : ndarray of shape (n_classes,), or None
            Names of the classes; None where a number is learnt.
        weights : ndarray of shape (n_scans,), optional
            Row weights; default: 1.
        folds : sequence of tuple of ndarray
            Rows trained on and held out, by which the number of epochs is chosen; none trains ``epochs``.
        levels : mapping of str to sequence of str, optional
            Categories of the demographics joined, where ``X`` may lack some; default: those of ``X``.
        progress : Progress, optional
            Shows epochs, loss and time left.

        Raises
        ------
        ClassifierError
            CLS-301 torch is not installed, CLS-501 to CLS-506.
        """
        need_torch(type(self).__name__)
        from normwise.networks.images.training import best_epochs, train_member

        rows = read_rows(X, ndim=self.ndim, demographics=self.demographics)
        if len(aims) != len(rows):
            raise ClassifierError(
                "CLS-502",
                "there is not one class or number an image.",
                seen=f"{len(rows)} images, {len(aims)} classes or numbers",
                expected="as many",
            )
        if classes is not None:
            self.classes_ = classes
        self._learn_layout(rows, levels)
        image_set = self._image_set(rows, aims, np.ones(len(aims)) if weights is None else weights)
        folder = None if self.checkpoint is None else Path(self.checkpoint)
        key = _key(image_set) if folder is not None else ""
        self.epochs_, self.epoch_losses_ = self.epochs, np.empty((0, self.epochs))
        if len(folds):
            self.epochs_, self.epoch_losses_ = best_epochs(
                self._build, image_set, self._settings(), list(folds), self.random_state,
                checkpoint=None if folder is None else folder / "fold.safetensors", key=key,
            )  # fmt: skip
        trained = [
            train_member(
                self._build, image_set, self._settings(self.epochs_), self.random_state + 7919 * member,
                checkpoint=None if folder is None else folder / f"member-{member}.safetensors", key=key,
                progress=progress,
            )
            for member in range(self.ensemble)
        ]  # fmt: skip
        self.losses_ = np.array([curve.losses for _, curve in trained])
        self.weights_ = [member for member, _ in trained]
        return self

    def embed(self, X: Any) -> Floats:
        """Return the embedding of the images alone: the pooled maps of every member, side by side.

        The demographics of ``X`` are not looked at: they may be missing, or of a category never seen.

        Returns
        -------
        ndarray of shape (n_samples, n_members * embedding width)
        """
        parts = self.scores_of(self.rows_of(X, joined=False), embed=True)
        return np.concatenate([part.astype(np.float64) for part in parts], axis=1)

    def scores_of(self, rows: ImageSet, *, embed: bool = False) -> list[NDArray[np.float32]]:
        """Return each member's scores, or its embedding, of rows from `rows_of`."""
        from normwise.networks.images.training import predict_scores

        with deterministic_torch(0, choose_device(self.device), threads=self.threads):
            return [predict_scores(network, rows, embed=embed) for network in self._members()]

    def class_maps(self, X: Any, code: int) -> NDArray[np.float32]:
        """Return each image's signed Grad-CAM map, averaged over the members; the code of a number is 0."""
        from normwise.networks.images.training import class_maps

        rows = self.rows_of(X)
        return np.asarray(np.mean([class_maps(network, rows, code) for network in self._members()], axis=0))

    def rows_of(self, X: Any, *, joined: bool = True) -> ImageSet:
        """Check rows to be predicted, and encode them for `scores_of`; their images alone if not joined.

        Raises
        ------
        ClassifierError
            CLS-505, images of another shape than those that the network was trained on.
        """
        ndim = len(self.image_shape_) - 1 if self.image_shape_ else self.ndim
        rows = read_rows(X, ndim=ndim, demographics=self.joined_ if joined else ())
        if _image_shape(rows) != self.image_shape_:
            raise ClassifierError(
                "CLS-505",
                "the images are not of the shape that the network was trained on.",
                seen=str(rows.shape),
                expected=f"{self.image_shape_}, channels first",
                advice="bring them onto the training's grid: the extractor 'images' does, with its settings",
            )
        return self._image_set(rows, np.zeros(len(rows), dtype=np.intp), np.ones(len(rows)))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse what `train` could not have learnt; weights are compared with the network of the settings.

        Parameters
        ----------
        parts : FittedParts
            What this network holds, read from a file.

        Raises
        ------
        ValueError, ClassifierError
            The first part that is wrong.
        """
        known = {name: vars(self).get(name, getattr(type(self), name, None)) for name in CONV_SETTINGS}
        check_settings(CONV_SETTINGS, known, subject=parts.title)
        if self._tells_classes():
            parts.texts("classes_")
        columns = parts.named_columns() if "n_features_in_" in vars(self) else 1 << 31
        check_image_shape(parts, columns)
        parts.number("centre_")
        parts.number("spread_", low=1e-300)
        parts.whole("epochs_")
        parts.array("losses_", (self.ensemble, None))
        parts.array("epoch_losses_", (None, None), infinite=True)
        joined, encoding = parts.texts("joined_"), parts.part("encoding_")
        check_encoding(encoding, joined)
        fits = (
            isinstance(self.weights_, list) and len(self.weights_) == self.ensemble and self.threads <= 1024
        )
        parts.expect("weights_", holds=fits, instead=f"{self.ensemble} networks for 1024 threads at most")
        for weights in self.weights_:
            check_weights(weights, self._build)

    def joined_width(self) -> int:
        """Return how many numbers the demographics become that are joined."""
        levels = self.encoding_["levels"].values()
        return len(self.encoding_["numeric"]) + sum(len(each) - 1 for each in levels)

    def _tells_classes(self) -> bool:
        """Return whether classes were learnt, or a number."""
        return "classes_" in vars(self)

    def _members(self) -> Iterator[Any]:
        """Yield each member as a torch module on its device."""
        from normwise.networks.images.training import load_weights

        network = self._build().to(choose_device(self.device))
        for weights in self.weights_:
            load_weights(network, weights)
            yield network.eval()

    def _learn_layout(self, rows: ImageRows, levels: Mapping[str, Sequence[str]] | None) -> None:
        self.image_shape_ = _image_shape(rows)
        self.joined_ = [str(name) for name in rows.demographics.columns]
        self.encoding_: Encoding = learn_encoding(rows.demographics, levels)
        if not self.image_shape_ and not self.joined_:
            raise ClassifierError(
                "CLS-502",
                "there is nothing to learn from: neither images nor demographics.",
                expected="columns image_…, as the extractor 'images' gives, or an array of images",
                advice="set features.extractor to 'images'",
            )
        self.centre_, self.spread_ = _mean_and_spread(rows.images)

    def _image_set(self, rows: ImageRows, aims: NDArray[Any], weights: Floats) -> ImageSet:
        from normwise.networks.images.training import ImageSet

        images = rows.images if self.image_shape_ else np.empty((len(rows), 0), np.float32)
        joined = rows.demographics.shape[1] == len(self.joined_)
        demographics = (
            encode(rows.demographics, self.encoding_) if joined else np.empty((len(rows), 0), np.float32)
        )
        aims = aims.astype(np.float32 if aims.dtype.kind == "f" else np.int64)
        return ImageSet(images, self.centre_, self.spread_, demographics, aims, weights)

    def _settings(self, epochs: int | None = None) -> Settings:
        from normwise.networks.images.training import Settings

        return Settings(
            epochs or self.epochs, self.batch_size, self.learning_rate, self.weight_decay,
            augmentation_of(self.augmentation if self.image_shape_ else "none"), self.device, self.threads,
        )  # fmt: skip

    def _build(self) -> Any:
        """Build a network with fresh weights, and those of ``start_from`` where it is given."""
        from normwise.networks.images.architectures import build_network
        from normwise.networks.images.transfer import begin_from

        ndim = len(self.image_shape_) - 1
        network = build_network(
            self.network,
            ndim=ndim,
            channels=self.image_shape_[0] if self.image_shape_ else 0,
            width=self.width,
            blocks=self.blocks,
            stem_stride=self.stem_stride or (2 if ndim == 3 else 1),
            demographics=self.joined_width(),
            classes=len(self.classes_) if self._tells_classes() else 1,
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
    """Identify the training rows by their content."""
    digest = hashlib.sha256(repr((rows.images.shape, rows.centre, rows.spread)).encode())
    for part in (rows.images, rows.demographics, rows.aims, rows.weights):
        for row in part:
            digest.update(np.ascontiguousarray(row).tobytes())
    return digest.hexdigest()
