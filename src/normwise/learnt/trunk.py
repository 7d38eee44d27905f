"""The trunk of a convolutional network as a learnt extractor: its embedding goes through the normalizer.

A network separates the people it was trained on better than anybody else; a normalizer and a classifier
fitted on such embeddings would be too confident. So the training rows are cross-fitted: several networks are
trained, each without some of the rows, and `fit_transform` embeds a row by the network trained without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from normwise.errors import ClassifierError
from normwise.learnt.base import LearntTransformer, Rows, check_passed, count_people, draw_parts
from normwise.learnt.image_input import validate_images
from normwise.networks.images import CONV_SETTINGS, ConvNetwork, learn_encoding
from normwise.schema import FittedParts, check_parts, check_settings

__all__ = ["ConvTrunk"]

Floats = NDArray[np.float64]

_VARIES = 1e-6  # of the largest spread
_RIDGE = 1e-2  # share of the embedding's variance: keeps the map between two networks from following noise


class ConvTrunk(LearntTransformer):
    """Turn images into the embedding of a network, and pass the demographics through untouched.

    Parameters
    ----------
    settings : mapping, optional
        Of `normwise.classify.ConvClassifier`, as ``width`` and ``epochs``.
    folds : int
        Networks, each trained without one part of the rows; 0 trains one network on all rows and embeds them
        with it.
    joined : bool
        Whether the demographics are joined while the network is trained, so that the trunk learns what means
        disease at a given age. The embedding is of the image alone.
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
    networks_ : list of ConvNetwork
        The trained networks.
    maps_ : list of ndarray of shape (width + 1, width)
        Linear map from each network's embedding to the first one's: the last row is the intercept.
    kept_ : ndarray of shape (width,)
        Which numbers of the embedding vary among the training rows; the others are left out.

    See Also
    --------
    normwise.classify.ConvClassifier : The network as a classifier.
    """

    cross_fits = True

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        folds: int = 3,
        joined: bool = True,
        demographics: Sequence[str] = (),
        random_state: int = 0,
    ) -> None:
        self.settings = settings
        self.folds = folds
        self.joined = joined
        self.demographics = demographics
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> Self:
        """Train the networks.

        Parameters
        ----------
        X : DataFrame or array-like
            Frame with a column a voxel, and the demographics; a stack of images; or a table, each row of
            which is an image of one row of voxels.
        y : array-like of shape (n_scans,)
            Classes.
        groups : array-like of shape (n_scans,), optional
            Person of each scan: all scans of one lie in the same part; default: a person each.

        Raises
        ------
        ClassifierError
            CLS-507, there are no classes to learn from; otherwise as `normwise.classify.ConvClassifier.fit`.
        """
        self._fit(X, y, groups)
        return self

    def fit_transform(self, X: Any, y: Any = None, *, groups: Any = None) -> Any:
        """Train the networks, and embed each training row by the network that was trained without it.

        Parameters
        ----------
        X, y, groups
            As in `fit`.

        Returns
        -------
        DataFrame or ndarray of shape (n_scans, width + n_demographics)
        """
        return self._beside_demographics(X, self._fit(X, y, groups)[:, self.kept_])

    def transform(self, X: Any) -> Any:
        """Return the embedding, averaged over all networks, and the demographics beside it.

        Parameters
        ----------
        X : DataFrame or array-like
            As in `fit`.

        Returns
        -------
        DataFrame or ndarray of shape (n_scans, width + n_demographics)
        """
        check_is_fitted(self)
        rows, _ = validate_images(self, X, demographics=self.demographics)
        return self._beside_demographics(X, self._embed(rows).mean(axis=0)[:, self.kept_])

    def class_maps(self, X: Any, target: Any) -> NDArray[np.float32]:
        """Return where each image speaks for a class: averaged Grad-CAM maps, (n_scans, …).

        Parameters
        ----------
        X : DataFrame or array-like
            As in `fit`.
        target : object
            One of the classes.
        """
        check_is_fitted(self)
        rows, _ = validate_images(self, X, demographics=self.demographics)
        maps = [each.class_maps(rows, list(each.classes_).index(target)) for each in self.networks_]
        return np.asarray(np.mean(maps, axis=0), dtype=np.float32)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _fit(self, X: Any, y: Any, groups: Any) -> Floats:
        """Train the networks, and return the out-of-fold embedding of the training rows."""
        if y is None:
            raise ClassifierError(
                "CLS-507",
                "a trunk requires y to be passed, but the target y is None: it is trained on classes.",
                subject=type(self).__name__,
                advice="use the extractor 'autoencoder' or 'voxels', which learn without classes",
            )
        check_settings(CONV_SETTINGS, self.settings or {}, subject=type(self).__name__)
        rows, labels = validate_images(self, X, y, reset=True, demographics=self.demographics)
        check_classification_targets(labels)
        codes = np.unique(labels, return_inverse=True)[1]
        people, fewest = count_people(codes, groups)
        n_rows, folds = len(codes), min(self.folds, fewest)
        every = np.arange(n_rows)
        splits = [(every, every)]
        if folds >= 3:  # two networks have no row in common by which their embeddings could be matched
            splits = draw_parts(codes, people, folds, self.random_state)
        self.networks_ = [
            self._train(number, rows, labels, people, train) for number, (train, _) in enumerate(splits)
        ]
        first = splits[0][0]
        embedded = [network.embed(rows) for network in self.networks_]
        self.maps_ = [np.vstack([np.eye(embedded[0].shape[1]), np.zeros(embedded[0].shape[1])])]
        for (train, _), own in zip(splits[1:], embedded[1:], strict=True):
            both = np.intersect1d(train, first)
            self.maps_.append(_map_onto(own[both], embedded[0][both]))
        embedding = np.empty_like(embedded[0])
        for (_, test), own, matrix in zip(splits, embedded, self.maps_, strict=True):
            embedding[test] = _mapped(own, matrix)[test]
        # A map of the trunk that is 0 for everybody would have no unit.
        spread = embedding.std(axis=0)
        self.kept_ = (spread > _VARIES * spread.max()) | (spread.max() == 0)
        return embedding

    def _train(self, number: int, rows: Any, labels: NDArray[Any], people: Rows, train: Rows) -> ConvNetwork:
        """Train one network on some of the rows."""
        settings = {"random_state": self.random_state + 104729 * number, **(self.settings or {})}
        network = ConvNetwork(**{**settings, "demographics": tuple(self.demographics) if self.joined else ()})
        classes, codes = np.unique(labels[train], return_inverse=True)
        folds: list[Any] = []
        if network.epoch_folds:
            folds = draw_parts(codes, people[train], network.epoch_folds, network.random_state)
        weights = compute_sample_weight(network.class_weight, labels[train])
        part, levels = rows[train] if isinstance(rows, np.ndarray) else rows.iloc[train], None
        if network.demographics:
            # A part may lack a rare category that the others have.
            levels = learn_encoding(rows[list(network.demographics)])["levels"]
        return network.train(part, codes, classes, weights=weights, folds=folds, levels=levels)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse networks that `fit` could not have trained; see `normwise.schema.FittedParts`."""
        check_passed(parts)
        check_settings(CONV_SETTINGS, self.settings or {}, subject=parts.title)
        parts.named_columns()
        networks, maps = parts.part("networks_"), parts.part("maps_")
        fits = isinstance(networks, list) and isinstance(maps, list) and len(networks) == len(maps) > 0
        parts.expect("maps_", holds=fits, instead="one a network")
        width = len(parts.array("kept_", (None,), kinds="b"))
        for network, matrix in zip(networks, maps, strict=True):
            check_parts(network, allowed=ConvNetwork)
            FittedParts(SimpleNamespace(maps_=matrix)).array("maps_", (width + 1, width))
            heads = [each["head.weight"].shape[1] for each in network.weights_]
            own = sum(heads) - len(heads) * network.joined_width()
            parts.expect("kept_", holds=own == width, instead=f"a mark a number of the embedding, {own}")

    def _embed(self, rows: Any) -> Floats:
        """Return each network's embedding, mapped onto the first one's, (n_networks, n_scans, width)."""
        pairs = zip(self.networks_, self.maps_, strict=True)
        return np.stack([_mapped(network.embed(rows), matrix) for network, matrix in pairs])

    def _made_names(self) -> list[str]:
        return [f"embedding_{place + 1:03d}" for place in np.flatnonzero(self.kept_)]


def _mapped(embedding: Floats, matrix: Floats) -> Floats:
    return np.asarray(embedding @ matrix[:-1] + matrix[-1])


def _map_onto(source: Floats, target: Floats) -> Floats:
    """Return the ridge regression of one embedding on another's, of shape (width + 1, width)."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    gram = centred.T @ centred
    gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)) + 1e-12 * np.eye(len(gram))
    slope = np.linalg.solve(gram, centred.T @ (target - target_mean))
    return np.vstack([slope, target_mean - source_mean @ slope])
