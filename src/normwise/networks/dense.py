"""Fully connected networks on arrays: scores, gradients and attributions of several networks at once.

Only NumPy: predicting with a trained network, and explaining it, needs no PyTorch. Weights of equal
networks are stacked, the member first, so that one product serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, logsumexp

from normwise.reprs import ShortRepr

__all__ = [
    "ACTIVATIONS",
    "MAXOUT_PIECES",
    "Dense",
    "check_weights",
    "first_weights",
    "integrated_gradients",
    "joined_odds",
    "log_odds_gradient",
    "odds_of",
    "shapes_of",
]

Floats = NDArray[np.float64]

MAXOUT_PIECES = 2
"""Linear pieces that a maxout unit takes the largest of (Goodfellow et al. 2013)."""

LEAK = 0.01
"""Slope of a leaky unit below 0 (Maas, Hannun and Ng 2013)."""

_FIRST, _MOST = 16, 512  # points of integrated gradients on the line
_GAP = 1e-4  # of the difference that is to be explained
_BLOCK = 1 << 15  # rows that go through the network together


def _largest(inputs: Floats) -> Floats:
    pieces: Floats = inputs.reshape(*inputs.shape[:-1], -1, MAXOUT_PIECES).max(axis=-1)
    return pieces


def _largest_slope(inputs: Floats, upstream: Floats) -> Floats:
    pieces = inputs.reshape(*inputs.shape[:-1], -1, MAXOUT_PIECES)
    chosen = np.arange(MAXOUT_PIECES) == pieces.argmax(axis=-1)[..., None]
    return np.asarray((chosen * upstream[..., None]).reshape(inputs.shape))


def _sigmoid_slope(inputs: Floats, upstream: Floats) -> Floats:
    value = expit(inputs)
    return np.asarray(upstream * value * (1.0 - value))


ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats, Floats], Floats]]] = {
    "sigmoid": (expit, _sigmoid_slope),
    "tanh": (np.tanh, lambda z, up: up * (1.0 - np.tanh(z) ** 2)),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z, up: up * (z > 0.0)),
    "leaky_relu": (lambda z: np.where(z > 0.0, z, LEAK * z), lambda z, up: up * np.where(z > 0.0, 1.0, LEAK)),
    "maxout": (_largest, _largest_slope),
    "elu": (
        lambda z: np.where(z > 0.0, z, np.expm1(np.minimum(z, 0.0))),
        lambda z, up: up * np.exp(np.minimum(z, 0.0)),
    ),
}
"""Each activation, and the gradient at its inputs from the one at its outputs."""


def shapes_of(
    n_features: int, hidden: Sequence[int], n_outputs: int, activation: str, n_members: int
) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every array of weights, first layer first.

    Examples
    --------
    >>> shapes_of(5, [4], 1, "maxout", 3)
    {'0.weight': (3, 5, 8), '0.bias': (3, 8), '1.weight': (3, 4, 1), '1.bias': (3, 1)}
    """
    pieces = MAXOUT_PIECES if activation == "maxout" else 1
    shapes: dict[str, tuple[int, ...]] = {}
    before = n_features
    for place, units in enumerate([*hidden, n_outputs]):
        wide = units * (pieces if place < len(hidden) else 1)
        shapes[f"{place}.weight"] = (n_members, before, wide)
        shapes[f"{place}.bias"] = (n_members, wide)
        before = units
    return shapes


def check_weights(
    weights: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Floats]:
    """Return weights read from a file, each in one piece.

    Raises
    ------
    ValueError
        Where names, shapes or types are not those of the network, or a weight is not finite.
    """
    if set(weights) != set(shapes):
        raise ValueError(f"weights {sorted(weights)[:5]} instead of {sorted(shapes)[:5]}")
    for name, shape in shapes.items():
        array = weights[name]
        if array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
            raise ValueError(f"{name} is {array.dtype} {array.shape} instead of finite float64 {shape}")
    return {name: np.ascontiguousarray(weights[name]) for name in shapes}


def first_weights(shapes: Mapping[str, tuple[int, ...]], activation: str, seed: int) -> dict[str, Floats]:
    """Draw the weights that training starts from; each member's depend on its place and the seed alone.

    Uniform of the variance that keeps signals and gradients alive through the layers: Glorot and Bengio's
    (2010) for the activations with two flat ends, four times as wide for the sigmoid, whose slope at 0 is a
    quarter; He et al.'s (2015) for the others. Biases are 0.

    Parameters
    ----------
    shapes : mapping of str to tuple
        As `shapes_of` returns them.
    activation : str
        A key of `ACTIVATIONS`.
    seed : int
        Random state.
    """
    n_members = next(iter(shapes.values()))[0]
    draws = [np.random.default_rng([seed, member]) for member in range(n_members)]
    weights: dict[str, Floats] = {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            weights[name] = np.zeros(shape)
            continue
        before, after = shape[1:]
        last = name == list(shapes)[-2]
        flat = last or activation in ("sigmoid", "tanh")
        bound = np.sqrt(6.0 / (before + after if flat else before))
        if activation == "sigmoid" and not last:
            bound *= 4.0
        weights[name] = np.stack([draw.uniform(-bound, bound, (before, after)) for draw in draws])
    return weights


@dataclass(frozen=True, repr=False)
class Dense(ShortRepr):
    """Several networks of one shape, ready to be used.

    Attributes
    ----------
    weights : dict of str to ndarray
        Names and shapes as `shapes_of` says.
    activation : str
        A key of `ACTIVATIONS`.
    """

    weights: Mapping[str, Floats]
    activation: str

    @property
    def depth(self) -> int:
        """How many layers have weights."""
        return len(self.weights) // 2

    def scores(self, rows: Floats) -> Floats:
        """Return each member's scores of rows, (n_members, n_samples, n_outputs)."""
        return self._through(rows)[-1]

    def gradients(self, rows: Floats, upstream: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """Return scores, and the gradient with respect to the rows of a function of the scores.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            Inputs.
        upstream : callable
            From the scores, (n_members, n_samples, n_outputs), to the function's gradient with respect to
            them, of the same shape. A row's function depends on that row's scores alone.

        Returns
        -------
        tuple of ndarray
            Scores, and gradients of shape (n_samples, n_features).
        """
        signals = self._through(rows)
        flowing = upstream(signals[-1])
        slope = ACTIVATIONS[self.activation][1]
        for place in reversed(range(self.depth)):
            if place < self.depth - 1:
                flowing = slope(signals[place], flowing)
            flowing = flowing @ self.weights[f"{place}.weight"].swapaxes(1, 2)
        return signals[-1], np.asarray(flowing.sum(axis=0))

    def _through(self, rows: Floats) -> list[Floats]:
        """Return what arrives at each layer's units, before the activation."""
        act = ACTIVATIONS[self.activation][0]
        signals: list[Floats] = []
        passed = rows
        for place in range(self.depth):
            passed = passed @ self.weights[f"{place}.weight"] + self.weights[f"{place}.bias"][:, None, :]
            signals.append(passed)
            if place < self.depth - 1:
                passed = act(passed)
        return signals


def _log_probabilities(scores: Floats) -> Floats:
    """Return each member's log-probabilities, (n_members, n_samples, n_classes), from its scores."""
    if scores.shape[-1] == 1:
        return np.concatenate([log_expit(-scores), log_expit(scores)], axis=-1)
    return np.asarray(log_softmax(scores, axis=-1))


def joined_odds(scores: Floats) -> Floats:
    """Return the log-odds, or each class's score, of the members' mean probability."""
    logs = logsumexp(_log_probabilities(scores), axis=0) - np.log(len(scores))
    return np.asarray(logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs)


def odds_of(scores: Floats, place: int) -> Floats:
    """Return the log-odds of one class against the rest, of the members' mean probability."""
    logs = logsumexp(_log_probabilities(scores), axis=0)
    return np.asarray(logs[:, place] - logsumexp(np.delete(logs, place, axis=1), axis=1))


def log_odds_gradient(scores: Floats, place: int) -> Floats:
    """Return the gradient of `odds_of` with respect to every member's scores."""
    logs = _log_probabilities(scores)
    own = logs[..., place]
    rest = logsumexp(np.delete(logs, place, axis=-1), axis=-1)
    # d log Σ pₘ = Σ pₘ d log pₘ / Σ pₘ, and the same for the rest, 1 − pₘ, which falls as pₘ rises.
    falls = np.exp(own + rest - logsumexp(own, axis=0)) + np.exp(own + rest - logsumexp(rest, axis=0))
    if scores.shape[-1] == 1:
        return np.asarray(falls[..., None] * (1.0 if place == 1 else -1.0))
    # log pₘ rises by 1 − pₘ with its own score and falls by pⱼ with another's.
    shared = np.exp(logs - rest[..., None])
    slope = -shared
    slope[..., place] = 1.0
    return np.asarray(falls[..., None] * slope)


def integrated_gradients(
    function: Callable[[Floats], tuple[Floats, Floats]], rows: Floats, baseline: Floats
) -> Floats:
    """Return each input's share in the difference of a function between a row and the baseline.

    The gradient, averaged along the straight line from baseline to row, times their difference (Sundararajan,
    Taly and Yan 2017, equation 1); the attributions of a row add up to the difference of the two values.

    The points lie at the nodes of Gauss and Legendre. They are doubled, for the rows that need it, until the
    shares add up to the difference but for a ten-thousandth of it, or until there are 512: a kink, as
    rectified units have, is met only that closely.

    Parameters
    ----------
    function : callable
        From rows, (n, n_features), to the values, (n,), and their gradients, (n, n_features).
    rows : ndarray of shape (n_samples, n_features)
        What is explained.
    baseline : ndarray of shape (n_features,)
        What it is compared with.

    Returns
    -------
    ndarray of shape (n_samples, n_features)

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [3.0, 0.0]])
    >>> integrated_gradients(lambda x: (x[:, 0] * x[:, 1], x[:, ::-1]), rows, np.zeros(2))
    array([[1., 1.],
           [0., 0.]])
    """
    way = rows - baseline
    shares = np.zeros_like(way)
    difference = function(rows)[0] - function(baseline[None])[0]
    left = np.arange(len(rows))
    points = _FIRST
    while len(left):
        places, parts = _nodes(points)
        for block in np.array_split(left, -(-len(left) * points // _BLOCK)):
            line = baseline + places[:, None, None] * way[block]
            gradients = function(line.reshape(-1, way.shape[1]))[1].reshape(line.shape)
            shares[block] = np.einsum("p,pnd->nd", parts, gradients) * way[block]
        if points == _MOST:
            break
        gap = np.abs(shares[left].sum(axis=1) - difference[left])
        left = left[gap > _GAP * np.abs(difference[left]) + 1e-9]
        points *= 2
    return shares


@lru_cache(maxsize=8)
def _nodes(points: int) -> tuple[Floats, Floats]:
    """Return the nodes of Gauss and Legendre on [0, 1] and their weights."""
    places, parts = np.polynomial.legendre.leggauss(points)
    return (places + 1.0) / 2.0, parts / 2.0
