"""Attention over a slide's tiles, learnt from slide labels alone inside each training fold.

Tile k of a slide, standardised to h_k, has the score s_k = w · h_k + g(h_k) for a disease, where g is a gated
layer (Ilse, Tomczak and Welling 2018, equation 9) that may be left out. The slide's score is the log-mean-exp
of its tiles' (Pinheiro and Collobert 2015, equation 6), whose derivative is the attention a_k ∝ exp(s_k): the
tiles that get attention are those that decide. Attention with parameters of its own can't be learnt from
dozens of slides. The features are the means of the tiles' own features, weighted by attention, in their own
units, so that they can be normalized and understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from normwise.errors import FeatureError
from normwise.learnt.base import LearntTransformer, check_passed, count_people, draw_parts
from normwise.schema import FittedParts

__all__ = ["PRESENT", "AttentionPooling", "attend", "bag_column"]

Floats = NDArray[np.float64]
PRESENT = "present"
"""The column that is 1 where there is a tile, and 0 after the last tile of a slide with fewer."""

_COLUMN = re.compile(r"tile_(\d+)\.(.+)")


def bag_column(tile: int, name: str) -> str:
    """Return the name of one tile's column in a frame.

    Examples
    --------
    >>> bag_column(3, "nucleus.area_um2")
    'tile_0003.nucleus.area_um2'
    """
    return f"tile_{tile:04d}.{name}"


class AttentionPooling(LearntTransformer):
    """Pool the tiles of a slide by learnt attention, or by their plain mean.

    Parameters
    ----------
    pooling : {"attention", "mean"}
        The mean learns nothing, and is the baseline.
    normal : str, optional
        The class without an attention; every other class has its own. Default: every class has one.
    hidden : int
        Units of the gated layer; 0 leaves it out, which suits a few dozen slides.
    ensemble : int
        Networks from different seeds, whose attention is averaged.
    epochs : int
        Passes over the training slides.
    learning_rate, weight_decay : float
        Of AdamW.
    folds : int
        `fit_transform` pools training slides by networks fitted on the other folds, so that what follows is
        not fitted on attention that knows the answer.
    demographics : sequence of str
        Columns of the frame that are not features; they follow the pooled features, unchanged.
    random_state : int
        Seed of the networks and the folds.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the training frame.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, of a frame.
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

    cross_fits = True

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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the attention of each class from the training slides' labels.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_slides, n_columns)
            Tiles as `bag_column` names them, and the demographics; or a table without tiles, each row of
            which is a slide of one tile.
        y : array-like of shape (n_slides,)
            Class of each slide.

        Raises
        ------
        FeatureError
            FEA-411 the columns are not those of tiles, FEA-412 PyTorch is missing.
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None, *, groups: Any = None) -> Any:
        """Fit, and pool each training slide by a network that was fitted without it.

        Parameters
        ----------
        X, y
            As in `fit`.
        groups : array-like of shape (n_slides,), optional
            Person of each slide: all slides of one lie in the same part; default: a person each.

        Returns
        -------
        DataFrame or ndarray of shape (n_slides, n_features × n_classes + n_demographics)
        """
        tiles, present, codes = self._fit(X, y)
        attention = self._attention(tiles, present, self.weights_)
        if self.pooling == "attention":
            people, fewest = count_people(codes, groups)
            unit, parts = self._unit(tiles), min(self.folds, fewest)
            if parts > 1:
                split = draw_parts(codes, people, parts, self.random_state)
                for number, (train, test) in enumerate(split):
                    seed = self.random_state + 1 + number
                    weights = self._train(unit[train], present[train], codes[train], seed)
                    attention[test] = self._attention(tiles[test], present[test], weights)
        return self._pool(X, tiles, attention)

    def transform(self, X: Any) -> Any:
        """Return the pooled features, and the demographics beside them.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_slides, n_columns)
            As in `fit`.

        Returns
        -------
        DataFrame or ndarray of shape (n_slides, n_features × n_classes + n_demographics)
        """
        check_is_fitted(self)
        tiles, present = self._tiles(X, reset=False)
        return self._pool(X, tiles, self._attention(tiles, present, self.weights_))

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
        attention = self._attention(tiles, np.ones(tiles.shape[:2], dtype=bool), self.weights_)[0]
        return dict(zip(self.classes_, attention, strict=True))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.pooling == "attention"
        return tags

    def _fit(self, X: Any, y: Any) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]:
        """Fit on all slides; return tiles, where there is one, and the number of each slide's class."""
        if self.pooling not in ("attention", "mean"):
            raise ValueError(f"pooling is attention or mean, not {self.pooling!r}")
        self.names_ = _tile_features(X)
        tiles, present = self._tiles(X, reset=True)
        self.classes_, self.weights_ = ["mean"], {}
        inside = tiles[present]
        self.centre_, spread = inside.mean(axis=0), inside.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, np.inf)
        codes = np.empty(0, dtype=np.intp)
        if self.pooling == "attention":
            if y is None:
                raise ValueError(
                    "AttentionPooling requires y to be passed, but the target y is None: attention is learnt "
                    "from the slides' classes"
                )
            codes = self._read_classes(_column(y, tiles))
            self.weights_ = self._train(self._unit(tiles), present, codes, self.random_state)
        return tiles, present, codes

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse weights that `fit` could not have learnt; see `normwise.schema.FittedParts`."""
        check_passed(parts)
        parts.expect("pooling", holds=self.pooling in ("attention", "mean"), instead="attention or mean")
        if "n_features_in_" in vars(self):  # models of 0.1.0 do not say it
            parts.named_columns()
        width, classes = len(parts.texts("names_")), len(parts.texts("classes_"))
        parts.expect("classes_", holds=isinstance(self.classes_, list) and classes > 0, instead="a list")
        parts.array("centre_", (width,))
        parts.array("scale_", (width,), low=1e-300, infinite=True)
        if self.pooling == "mean":
            return
        members, hidden = parts.whole("ensemble", 1, 1 << 16), parts.whole("hidden", 0, 1 << 20)
        shapes: dict[str, tuple[int, ...]] = {"w": (members, classes, width)}
        if hidden:
            inside, outside = (members, width, hidden), (members, hidden)
            shapes |= dict.fromkeys("VU", inside) | dict.fromkeys("vu", outside)
            shapes["o"] = (members, classes, hidden)
        weights = parts.part("weights_")
        fits = isinstance(weights, dict) and weights.keys() == shapes.keys()
        parts.expect("weights_", holds=fits, instead=f"the arrays {', '.join(shapes)}")
        arrays = FittedParts(SimpleNamespace(**weights))
        for name, shape in shapes.items():
            arrays.array(name, shape)

    def _read_classes(self, y: Any) -> NDArray[np.intp]:
        """Return the classes as numbers, from 1 in the order of ``classes_``; 0 is normal."""
        labels = np.asarray(y, dtype=str)
        self.classes_ = [name for name in np.unique(labels).tolist() if name != self.normal]
        order = {name: number for number, name in enumerate(self.classes_, start=1)}
        return np.array([order.get(label, 0) for label in labels], dtype=np.intp)

    def _made_names(self) -> list[str]:
        if self.pooling == "mean":
            return [f"{name}.mean" for name in self.names_]
        if len(self.classes_) == 1:
            return [f"{name}.attended" for name in self.names_]
        return [f"{name}.attended_{each}" for each in self.classes_ for name in self.names_]

    def _tiles(self, X: Any, *, reset: bool) -> tuple[Floats, NDArray[np.bool_]]:
        """Return tiles of shape (n_slides, n_tiles, n_features), and where there is one."""
        columns = _tile_columns(X)
        if not columns:
            if isinstance(X, pd.DataFrame):
                X = X.drop(columns=list(self.demographics))
            table = validate_data(self, X, reset=reset, dtype=np.float64)
            if reset:
                self.names_ = [f"x{place}" for place in range(table.shape[1])]
                self.names_ = list(getattr(self, "feature_names_in_", self.names_))
            return table[:, None, :], np.ones((len(table), 1), dtype=bool)
        if reset:
            validate_data(self, X, reset=True, skip_check_array=True)
        width = len(self.names_) + 1
        n_tiles = len(columns) // width
        if columns != [bag_column(tile, name) for tile in range(n_tiles) for name in (*self.names_, PRESENT)]:
            raise _no_tiles(X, f"{width} columns a tile: {', '.join([*self.names_, PRESENT])}")
        table = X[columns].to_numpy(dtype=np.float64).reshape(len(X), n_tiles, width)
        return table[:, :, :-1], table[:, :, -1] > 0

    def _unit(self, tiles: Floats) -> Floats:
        unit: Floats = (tiles - self.centre_) / self.scale_
        return unit

    def _attention(self, tiles: Floats, present: NDArray[np.bool_], weights: dict[str, Floats]) -> Floats:
        if self.pooling == "mean":
            shares: Floats = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
            return shares[:, None, :]
        return attend(self._unit(tiles), present, weights)

    def _pool(self, X: Any, tiles: Floats, attention: Floats) -> Any:
        pooled = np.einsum("nck,nkd->ncd", attention, tiles).reshape(len(tiles), -1)
        return self._beside_demographics(X, pooled)

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
            hidden = np.tanh(unit @ weights["V"][member] + weights["v"][member])
            gate = 1.0 / (1.0 + np.exp(-(unit @ weights["U"][member] + weights["u"][member])))
            score = score + (hidden * gate) @ weights["o"][member].T
        score = np.where(present[:, None], score.transpose(0, 2, 1), -np.inf)
        share = np.exp(score - score.max(axis=2, keepdims=True))
        total += share / share.sum(axis=2, keepdims=True)
    mean: Floats = total / members
    return mean


def _tile_columns(X: Any) -> list[str]:
    """Return the columns of a frame that are named as those of tiles."""
    names = map(str, X.columns) if isinstance(X, pd.DataFrame) else ()
    return [name for name in names if _COLUMN.fullmatch(name)]


def _tile_features(X: Any) -> list[str]:
    """Return the features of the first tile, in order; none where the columns are not those of tiles."""
    columns = _tile_columns(X)
    matches = [match for name in columns if (match := _COLUMN.fullmatch(name))]
    names = [match[2] for match in matches if int(match[1]) == 0]
    if columns and (not names or names[-1] != PRESENT):
        raise _no_tiles(X, f"columns as {bag_column(0, 'nucleus.area_um2')}, {bag_column(0, PRESENT)}")
    return names[:-1]


def _column(y: Any, tiles: Floats) -> NDArray[Any]:
    """Check that there is one class a slide."""
    labels = column_or_1d(y, warn=True)
    check_consistent_length(tiles, labels)
    check_classification_targets(labels)
    return np.asarray(labels)


def _no_tiles(X: Any, expected: str) -> FeatureError:
    return FeatureError(
        "FEA-411",
        "the columns are not those of the tiles of slides.",
        seen=f"{len(X.columns)} columns",
        expected=expected,
        advice="extract the features with features.extractor = attention",
    )
