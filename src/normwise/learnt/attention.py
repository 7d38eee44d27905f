"""Attention over a slide's tiles, learnt from slide labels alone inside each training fold.

Tile k of a slide, standardised to h_k, speaks for a disease by s_k = w · h_k + g(h_k), where g is a gated
layer (Ilse, Tomczak and Welling 2018, equation 9) that may be left out. The slide speaks for it by the
log-mean-exp of its tiles (Pinheiro and Collobert 2015, equation 6), whose derivative is the attention
a_k ∝ exp(s_k): the tiles that are looked at are those that decide. With attention of its own, dozens of
slides are too few to find them. What is handed on are the weighted means of the tiles' own features, in their
own units, so that they can be normalized and understood.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from normwise.errors import FeatureError

__all__ = ["PRESENT", "AttentionPooling", "attend", "bag_column"]

Floats = NDArray[np.float64]
PRESENT = "present"
"""The column of a tile that is 1 where there is one; slides with fewer tiles than the frame's room have 0."""

_COLUMN = re.compile(r"tile_(\d+)\.(.+)")


def bag_column(tile: int, name: str) -> str:
    """Return the name of one tile's column in the travelling frame.

    Examples
    --------
    >>> bag_column(3, "nucleus.area_um2")
    'tile_0003.nucleus.area_um2'
    """
    return f"tile_{tile:04d}.{name}"


class AttentionPooling(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Pool the tiles of a slide by learnt attention, or by their plain mean.

    Parameters
    ----------
    pooling : {"attention", "mean"}
        The mean learns nothing, and is the baseline.
    normal : str, optional
        The class that shows itself by nothing; every other class has its own attention. Default: every class
        has.
    hidden : int
        Units of the gated layer; 0 leaves it out, which suits a few dozen slides.
    ensemble : int
        Networks from different seeds, whose attention is averaged.
    epochs : int
        Passes over the training slides.
    learning_rate, weight_decay : float
        Of AdamW.
    folds : int
        Training slides are pooled by networks that did not see them, each fitted on the other folds: what
        comes after must not be fitted on attention that knows the answer.
    demographics : sequence of str
        Columns of the frame that are not features; they follow the pooled features, unchanged.
    random_state : int
        Seed of the networks and the folds.

    Attributes
    ----------
    names_ : list of str
        The tiles' features.
    classes_ : list of str
        The classes that have an attention.
    centre_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation over the training tiles.
    weights_ : dict of str to ndarray
        ``w`` of shape (ensemble, n_classes, n_features); with a gated layer ``V`` and ``U`` of shape
        (ensemble, n_features, hidden), ``v`` and ``u`` of shape (ensemble, hidden), and ``o`` of shape
        (ensemble, n_classes, hidden).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bags = rng.normal(size=(12, 3, 2))
    >>> bags[:, :, 1] = 1.0
    >>> columns = [bag_column(tile, name) for tile in range(3) for name in ("size", "present")]
    >>> frame = pd.DataFrame(bags.reshape(12, 6), columns=columns)
    >>> pooled = AttentionPooling(pooling="mean").fit(frame, ["a", "b"] * 6).transform(frame)
    >>> list(pooled), bool(np.allclose(pooled["size.mean"], bags[:, :, 0].mean(axis=1)))
    (['size.mean'], True)
    """

    def __init__(
        self,
        pooling: str = "attention",
        normal: str | None = None,
        hidden: int = 0,
        ensemble: int = 3,
        epochs: int = 100,
        learning_rate: float = 0.05,
        weight_decay: float = 0.01,
        folds: int = 3,
        demographics: Sequence[str] = (),
        random_state: int = 0,
    ) -> None:
        self.pooling = pooling
        self.normal = normal
        self.hidden = hidden
        self.ensemble = ensemble
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.folds = folds
        self.demographics = demographics
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn what speaks for a class, from the training slides' labels.

        Parameters
        ----------
        X : DataFrame of shape (n_slides, n_columns)
            Tiles as `bag_column` names them, and the demographics.
        y : array-like of shape (n_slides,)
            Class of each slide.

        Raises
        ------
        FeatureError
            FEA-411 the frame holds no tiles, FEA-412 PyTorch is missing.
        """
        tiles, present = self._begin(X)
        self.weights_: dict[str, Floats] = {}
        self.fold_weights_: list[dict[str, Floats]] = []
        self.held_out_: dict[str, int] = {}
        if self.pooling == "mean":
            return self
        unit, codes = self._unit(tiles), self._read_classes(y)
        self.weights_ = self._train(unit, present, codes, self.random_state)
        parts = min(self.folds, int(np.bincount(codes)[np.unique(codes)].min()))
        if parts > 1:
            names = _names_of_rows(tiles)
            split = StratifiedKFold(parts, shuffle=True, random_state=self.random_state)
            for number, (train, test) in enumerate(split.split(codes, codes)):
                seed = self.random_state + 1 + number
                self.fold_weights_.append(self._train(unit[train], present[train], codes[train], seed))
                self.held_out_ |= {names[row]: number for row in test}
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the pooled features, and the demographics beside them.

        Parameters
        ----------
        X : DataFrame of shape (n_slides, n_columns)
            As in `fit`.

        Returns
        -------
        DataFrame of shape (n_slides, n_features × n_classes + n_demographics)
        """
        check_is_fitted(self)
        tiles, present = self._tiles(X)
        attention = self._attention(tiles, present, self.weights_)
        if self.held_out_:
            known = np.array([self.held_out_.get(name, -1) for name in _names_of_rows(tiles)])
            for number, weights in enumerate(self.fold_weights_):
                mine = known == number
                attention[mine] = self._attention(tiles[mine], present[mine], weights)
        return self._frame(X, tiles, attention)

    def attention(self, vectors: NDArray[np.floating]) -> dict[str, Floats]:
        """Return by class the weight of each tile of one slide; they add up to 1.

        Parameters
        ----------
        vectors : ndarray of shape (n_tiles, n_features)
            In the order of ``names_``.

        Returns
        -------
        dict of str to ndarray of shape (n_tiles,)
        """
        check_is_fitted(self)
        tiles = np.asarray(vectors, dtype=np.float64)[None]
        found = self._attention(tiles, np.ones(tiles.shape[:2], dtype=bool), self.weights_)[0]
        return dict(zip(self.classes_, found, strict=True))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the columns that `transform` gives."""
        check_is_fitted(self)
        return np.asarray([*self._pooled_names(), *self.demographics], dtype=object)

    def _begin(self, X: pd.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
        """Learn what the mean needs too: the features' names and their unit."""
        if self.pooling not in ("attention", "mean"):
            raise ValueError(f"pooling is attention or mean, not {self.pooling!r}")
        self.names_ = _names_of(X)
        self.classes_ = ["mean"]
        tiles, present = self._tiles(X)
        inside = tiles[present]
        self.centre_, spread = inside.mean(axis=0), inside.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, np.inf)
        return tiles, present

    def _read_classes(self, y: Any) -> NDArray[np.intp]:
        """Return the classes as numbers, from 1 in the order of ``classes_``; 0 is normal."""
        labels = np.asarray(y, dtype=str)
        self.classes_ = [name for name in np.unique(labels).tolist() if name != self.normal]
        order = {name: number for number, name in enumerate(self.classes_, start=1)}
        return np.array([order.get(label, 0) for label in labels], dtype=np.intp)

    def _pooled_names(self) -> list[str]:
        if self.pooling == "mean":
            return [f"{name}.mean" for name in self.names_]
        if len(self.classes_) == 1:
            return [f"{name}.attended" for name in self.names_]
        return [f"{name}.attended_{each}" for each in self.classes_ for name in self.names_]

    def _tiles(self, X: pd.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
        """Return tiles of shape (n_slides, n_tiles, n_features), and where there is one."""
        width = len(self.names_) + 1
        columns = [name for name in X.columns if _COLUMN.fullmatch(str(name))]
        room = len(columns) // width
        if columns != [bag_column(tile, name) for tile in range(room) for name in (*self.names_, PRESENT)]:
            raise _no_tiles(X, f"{width} columns a tile: {', '.join([*self.names_, PRESENT])}")
        table = X[columns].to_numpy(dtype=np.float64).reshape(len(X), room, width)
        return table[:, :, :-1], table[:, :, -1] > 0

    def _unit(self, tiles: Floats) -> Floats:
        unit: Floats = (tiles - self.centre_) / self.scale_
        return unit

    def _attention(self, tiles: Floats, present: NDArray[np.bool_], weights: dict[str, Floats]) -> Floats:
        if self.pooling == "mean":
            shares: Floats = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
            return shares[:, None, :]
        return attend(self._unit(tiles), present, weights)

    def _frame(self, X: pd.DataFrame, tiles: Floats, attention: Floats) -> pd.DataFrame:
        pooled = np.einsum("nck,nkd->ncd", attention, tiles).reshape(len(X), -1)
        frame = pd.DataFrame(pooled, index=X.index, columns=self._pooled_names())
        return pd.concat([frame, X[list(self.demographics)]], axis=1)

    def _train(
        self, unit: Floats, present: NDArray[np.bool_], codes: NDArray[np.intp], seed: int
    ) -> dict[str, Floats]:
        from normwise.networks import train_attention

        return train_attention(
            unit,
            present,
            codes,
            classes=len(self.classes_),
            hidden=self.hidden,
            members=self.ensemble,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            seed=seed,
        )


def attend(unit: Floats, present: NDArray[np.bool_], weights: dict[str, Floats]) -> Floats:
    """Return the ensemble's mean attention.

    Parameters
    ----------
    unit : ndarray of shape (n_slides, n_tiles, n_features)
        Standardised tiles.
    present : ndarray of bool of shape (n_slides, n_tiles)
        Where there is a tile.
    weights : dict of str to ndarray
        As ``AttentionPooling.weights_``.

    Returns
    -------
    ndarray of shape (n_slides, n_classes, n_tiles)
        Adds up to 1 over the tiles that are present.
    """
    members, classes = weights["w"].shape[:2]
    total = np.zeros((len(unit), classes, unit.shape[1]))
    for member in range(members):
        score = unit @ weights["w"][member].T
        if "V" in weights:
            turned = np.tanh(unit @ weights["V"][member] + weights["v"][member])
            gate = 1.0 / (1.0 + np.exp(-(unit @ weights["U"][member] + weights["u"][member])))
            score = score + (turned * gate) @ weights["o"][member].T
        score = np.where(present[:, None], score.transpose(0, 2, 1), -np.inf)
        share = np.exp(score - score.max(axis=2, keepdims=True))
        total += share / share.sum(axis=2, keepdims=True)
    mean: Floats = total / members
    return mean


def _names_of_rows(tiles: Floats) -> list[str]:
    """Return what a slide's tiles are known by."""
    return [hashlib.sha256(np.ascontiguousarray(each).tobytes()).hexdigest() for each in tiles]


def _names_of(X: Any) -> list[str]:
    """Return the features of the first tile, in order."""
    found = [_COLUMN.fullmatch(str(name)) for name in X.columns] if isinstance(X, pd.DataFrame) else []
    names = [match[2] for match in found if match is not None and int(match[1]) == 0]
    if not names or names[-1] != PRESENT:
        raise _no_tiles(X, f"columns as {bag_column(0, 'nucleus.area_um2')}, {bag_column(0, PRESENT)}")
    return names[:-1]


def _no_tiles(X: Any, expected: str) -> FeatureError:
    return FeatureError(
        "FEA-411",
        "the frame does not hold the tiles of slides.",
        seen=f"{type(X).__name__} of {np.shape(X)[1] if np.ndim(X) == 2 else '?'} columns",
        expected=expected,
        advice="extract the features with features.extractor = attention",
    )
