"""The trunk of a convolutional network as a learnt extractor: its embedding goes through the normalizer.

Trained inside each training fold on the labels of the training rows. A network shows people it was trained on
better apart than it will show anybody else; a normalizer and a classifier that learnt from such embeddings
would trust them too much. So the training rows are cross-fitted: several networks are trained, each without
some of the rows, and a person is embedded by the networks that have not seen that person's image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from normwise.classify import ConvClassifier
from normwise.errors import ClassifierError

__all__ = ["ConvTrunk"]

Floats = NDArray[np.float64]

_VARIES = 1e-6  # of the largest spread
_RIDGE = 1e-2  # share of the embedding's variance: keeps the map between two networks from following noise


class ConvTrunk(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Turn images into the embedding of a network, and pass the demographics through untouched.

    Parameters
    ----------
    settings : mapping, optional
        Of `ConvClassifier`, as ``width`` and ``epochs``.
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
    networks_ : list of ConvClassifier
        The trained networks.
    maps_ : list of ndarray of shape (width + 1, width)
        From each network's embedding to the first one's: the last row is added.
    kept_ : ndarray of shape (width,)
        Which numbers of the embedding vary among the training rows; the others are left out.
    held_out_ : dict of str to int
        By SHA-256 of a training row's voxels, the network that has not seen it.
    """

    supervised: ClassVar[bool] = True
    """Whether it is fitted with labels."""

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

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Train the networks.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            A column a voxel, and the demographics.
        y : array-like of shape (n_scans,)
            Classes.

        Raises
        ------
        ClassifierError
            CLS-507, there are no classes to learn from; otherwise as `ConvClassifier.fit`.
        """
        if y is None:
            raise ClassifierError(
                "CLS-507",
                "a trunk is trained on classes, and none are given.",
                subject=type(self).__name__,
                advice="use the extractor 'autoencoder' or 'voxels', which learn without classes",
            )
        labels = np.asarray(y)
        _, counts = np.unique(labels, return_counts=True)
        folds = min(self.folds, int(counts.min()))
        if folds < 3:  # two networks have no row in common by which their embeddings could be matched
            parts = [np.arange(len(labels))]
        else:
            splitter = StratifiedKFold(folds, shuffle=True, random_state=self.random_state)
            parts = [train for train, _ in splitter.split(labels, labels)]
        self.networks_ = [
            self._network(number).fit(X.iloc[part], labels[part]) for number, part in enumerate(parts)
        ]
        for network in self.networks_:
            del network.feature_names_in_  # one list of all voxels is enough
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        embedded = [network.embed(X) for network in self.networks_]
        self.maps_ = [_unmoved(embedded[0].shape[1])]
        self.held_out_: dict[str, int] = {}
        for number, part in enumerate(parts[1:], start=1):
            both = np.intersect1d(part, parts[0])
            self.maps_.append(_map_onto(embedded[number][both], embedded[0][both]))
        if len(parts) > 1:
            names = self._names_of(X)
            for number, part in enumerate(parts):
                left = np.setdiff1d(np.arange(len(labels)), part)
                self.held_out_ |= {names[row]: number for row in left}
        # A map that answers to nobody is 0 throughout, and would have no unit.
        spread = self._embedding(X).std(axis=0)
        self.kept_ = (spread > _VARIES * spread.max()) | (spread.max() == 0)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the embedding, and the demographics beside it.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            As in `fit`.

        Returns
        -------
        DataFrame of shape (n_scans, width + n_demographics)
            Somebody new gets the mean over all networks; a training row the one that has not seen it.
        """
        check_is_fitted(self)
        embedding = self._embedding(X)[:, self.kept_]
        frame = pd.DataFrame(embedding, index=X.index, columns=self._embedding_names())
        return pd.concat([frame, X[list(self.demographics)]], axis=1)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the columns that `transform` gives."""
        check_is_fitted(self)
        return np.asarray([*self._embedding_names(), *self.demographics], dtype=object)

    def _embedding_names(self) -> list[str]:
        return [f"embedding_{place + 1:03d}" for place in np.flatnonzero(self.kept_)]

    def _embedding(self, X: pd.DataFrame) -> Floats:
        """Return the embedding of everybody by the networks that have not seen them, (n_scans, width)."""
        ways = zip(self.networks_, self.maps_, strict=True)
        found = np.stack([_moved(network.embed(X), way) for network, way in ways])
        embedding: Floats = found.mean(axis=0)
        if self.held_out_:
            for row, name in enumerate(self._names_of(X)):
                if name in self.held_out_:
                    embedding[row] = found[self.held_out_[name], row]
        return embedding

    def _network(self, number: int) -> ConvClassifier:
        joined = tuple(self.demographics) if self.joined else ()
        settings = {"random_state": self.random_state + 104729 * number, **(self.settings or {})}
        return ConvClassifier(**{**settings, "demographics": joined})

    def _names_of(self, X: pd.DataFrame) -> list[str]:
        voxels = X.drop(columns=list(self.demographics)).to_numpy(np.float32)
        return [hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest() for row in voxels]


def _unmoved(width: int) -> Floats:
    return np.vstack([np.eye(width), np.zeros(width)])


def _moved(embedding: Floats, way: Floats) -> Floats:
    return np.asarray(embedding @ way[:-1] + way[-1])


def _map_onto(source: Floats, target: Floats) -> Floats:
    """Return the ridge regression of one embedding on another's, of shape (width + 1, width)."""
    centre, aim = source.mean(axis=0), target.mean(axis=0)
    away = source - centre
    gram = away.T @ away
    gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)) + 1e-12 * np.eye(len(gram))
    slope = np.linalg.solve(gram, away.T @ (target - aim))
    return np.vstack([slope, aim - centre @ slope])
