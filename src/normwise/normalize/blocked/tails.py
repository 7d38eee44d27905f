r"""Tails that no normal distribution has: a sinh-arcsinh transform of the normals' W-scores.

Jones and Pewsey (2009), *Sinh-arcsinh distributions*, Biometrika 96:761-780::

    z = sinh(delta asinh((w - xi) / lambda) - epsilon)

is standard normal; epsilon is the skew, delta below 1 means heavier tails. It rises with w, so that nobody's
order changes, and at (0, 1, 0, 1) it is w itself. The four numbers are found for every feature at once by
Newton's method on the penalised likelihood, with exact second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from normwise.normalize.blocked.columns import FloatArray
from normwise.schema import FittedParts

__all__ = ["FEWEST_NORMALS", "Tails", "fit_tails", "fit_tails_to_counts"]

FEWEST_NORMALS = 50
"""With fewer normals four more numbers a feature can't be estimated, and W stays as it is."""

Prior = tuple[float, float]
"""Standard deviations of the prior of epsilon and of log delta."""

_WIDE: Prior = (0.5, 0.3)
_NARROWEST = 0.01
_STEPS, _CONVERGED = 60, 1e-6
_FOLDS, _HELD_OUT_STEPS = 5, 2
_LARGEST = 50.0  # beyond it cosh leaves the range of what can be compared
_WIDTH = 2048  # features at a time, where they are counts

Counts = FloatArray | None
"""How many people have each W, (n_values, n_features); None: each row is one person."""


class _Derivatives(NamedTuple):
    """Of the penalised cost, and by person of what each adds to the log-likelihood."""

    gradient: FloatArray
    curvature: FloatArray
    by_person: FloatArray


@dataclass(frozen=True)
class Tails:
    """The transform of each feature.

    Attributes
    ----------
    location, scale, skew, weight : ndarray of shape (n_features,)
        xi, lambda, epsilon and delta; (0, 1, 0, 1) where W stays as it is.
    """

    location: FloatArray
    scale: FloatArray
    skew: FloatArray
    weight: FloatArray

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a transform that is none; see `normwise.schema.FittedParts`."""
        features = len(parts.array("location", (None,)))
        parts.array("skew", (features,))
        for name in ("scale", "weight"):
            parts.array(name, (features,), low=1e-300)

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """Features whose W is transformed."""
        parts = ((self.location, 0), (self.scale, 1), (self.skew, 0), (self.weight, 1))
        changed: npt.NDArray[np.bool_] = np.any([part != same for part, same in parts], axis=0)
        return changed

    def __getitem__(self, features: slice | npt.NDArray[Any]) -> Tails:
        return Tails(*(getattr(self, part.name)[features] for part in fields(self)))

    def astype(self, dtype: np.dtype[Any]) -> Tails:
        """Return the same transform at another precision."""
        return Tails(*(getattr(self, part.name).astype(dtype) for part in fields(self)))

    def apply(self, w: FloatArray) -> FloatArray:
        """Return z of W-scores (n_people, n_features)."""
        z = w - self.location
        z /= self.scale
        np.arcsinh(z, out=z)
        z *= self.weight
        z -= self.skew
        np.sinh(z, out=z)
        return z

    def invert(self, z: FloatArray) -> FloatArray:
        """Return the W-scores whose transform is z (n_people, n_features)."""
        inner = (np.arcsinh(z) + self.skew) / self.weight
        w: FloatArray = self.location + self.scale * np.sinh(inner)
        return w


def fit_tails(blocks: Callable[[], Iterable[FloatArray]], *, choose: bool) -> Tails:
    """Fit the transform of every feature.

    Skew and weight have a normal prior around 0. It is wide, so that a feature goes its own way, or only as
    wide as the features at hand differ from the normal distribution by more than chance: where none does, all
    stay as they are.

    Parameters
    ----------
    blocks : callable
        Returns the normals' residuals, each divided by its own standard deviation, as blocks of shape
        (n_normals, n_block); called twice, for the same blocks.
    choose : bool
        Whether a feature has the common prior unless the wide one raises the log-likelihood of normals held
        out of its fit by more than 1; every fifth normal is held out in turn. Otherwise all have the wide
        prior.

    Returns
    -------
    Tails
        In float64; with fewer than `FEWEST_NORMALS` normals everything stays as it is.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> skewed = rng.gamma(4.0, size=(400, 1))
    >>> w = (skewed - skewed.mean()) / skewed.std()
    >>> z = fit_tails(lambda: [w], choose=True).apply(w)
    >>> bool(abs((z**3).mean()) < 0.2 < abs((w**3).mean()))
    True
    """
    return _fit(lambda: ((w, None) for w in blocks()), choose=choose)


def fit_tails_to_counts(values: FloatArray, counts: npt.NDArray[np.int64], *, choose: bool) -> Tails:
    """Fit the transform of every feature to how many normals have each W.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        W-scores, as of `fit_tails`.
    counts : ndarray of int of shape (n_values, n_features)
        How many normals have each; of each feature equally many.
    choose : bool
        As for `fit_tails`, by the log-likelihood of each normal left out in turn, to the first order
        (Takeuchi 1976): counts do not tell who belongs to which fifth.

    Returns
    -------
    Tails
        In float64; with fewer than `FEWEST_NORMALS` normals everything stays as it is.

    Examples
    --------
    >>> skewed = np.random.default_rng(0).gamma(4.0, size=400) / 2.0 - 2.0
    >>> values, counts = np.unique(np.rint(skewed * 32.0) / 32.0, return_counts=True)
    >>> counted = fit_tails_to_counts(values, counts[:, None], choose=False)
    >>> people = fit_tails(lambda: [skewed[:, None]], choose=False)
    >>> counted.skew.round(1), people.skew.round(1)
    (array([0.6]), array([0.6]))
    """

    def blocks() -> Iterable[tuple[FloatArray, Counts]]:
        for start in range(0, counts.shape[1], _WIDTH):
            own = counts[:, start : start + _WIDTH]
            there = own.any(axis=1)
            yield np.broadcast_to(values[there, None], own[there].shape), own[there].astype(np.float64)

    return _fit(blocks, choose=choose)


def _fit(blocks: Callable[[], Iterable[tuple[FloatArray, Counts]]], *, choose: bool) -> Tails:
    parameters: list[FloatArray] = [np.zeros((4, 0))]
    variances: list[FloatArray] = []
    for w, counts in blocks():
        if _number(w, counts) < FEWEST_NORMALS:
            parameters.append(np.zeros((4, w.shape[1])))
            continue
        found = _maximise(w, np.zeros((4, w.shape[1])), _WIDE, counts=counts)
        parameters.append(found)
        if choose:
            curvature = _derivatives(w, found, (np.inf, np.inf), counts).curvature
            variances.append(np.diagonal(np.linalg.inv(curvature), axis1=1, axis2=2)[:, 2:].T)
    if variances:
        common = _common_prior(np.concatenate(parameters, axis=1)[2:], np.concatenate(variances, axis=1))
        chosen = zip(blocks(), parameters[1:], strict=True)
        parameters = [_choose(w, counts, own, common) for (w, counts), own in chosen]
    location, log_scale, skew, log_weight = np.concatenate(parameters, axis=1)
    return Tails(location, np.exp(log_scale), skew, np.exp(log_weight))


def _common_prior(shrunk: FloatArray, variances: FloatArray) -> Prior:
    """Return the standard deviations of skew and log weight over the features, beyond chance.

    Parameters
    ----------
    shrunk : ndarray of shape (2, n_features)
        Both, as estimated with the wide prior.
    variances : ndarray of shape (2, n_features)
        Of the estimates without a prior; not positive where the likelihood has no peak.
    """
    usable = (variances > 0).all(axis=0) & np.isfinite(variances).all(axis=0)
    if not usable.any():
        return _WIDE
    variances = variances[:, usable]
    estimates = shrunk[:, usable] * (1.0 + variances / np.square(_WIDE)[:, None])
    skew, weight = np.sqrt(np.maximum((estimates**2 - variances).mean(axis=1), _NARROWEST**2))
    return float(skew), float(weight)


def _choose(w: FloatArray, counts: Counts, wide: FloatArray, common: Prior) -> FloatArray:
    """Return each feature's parameters with the common prior, or with the wide one where that is better."""
    narrow = _maximise(w, wide, common, counts=counts)
    if counts is not None:
        gained = _left_out(w, counts, wide, _WIDE) - _left_out(w, counts, narrow, common)
        return np.where(gained > 1.0, wide, narrow)
    gained = np.zeros(w.shape[1])
    fold = np.arange(len(w)) % _FOLDS
    for held in range(_FOLDS):
        unseen, seen = w[fold == held], w[fold != held]
        # Without a fifth of the people the optimum is next to that with them.
        gained += _log_likelihood(unseen, _maximise(seen, wide, _WIDE, steps=_HELD_OUT_STEPS))
        gained -= _log_likelihood(unseen, _maximise(seen, narrow, common, steps=_HELD_OUT_STEPS))
    return np.where(gained > 1.0, wide, narrow)


def _left_out(w: FloatArray, counts: FloatArray, parameters: FloatArray, prior: Prior) -> FloatArray:
    """Return the log-likelihood of everybody by the fit to all others, to the first order.

    Without a person the optimum moves by the inverse curvature times that person's gradient.
    """
    _, curvature, own = _derivatives(w, parameters, prior, counts)
    squares = np.einsum("inf,jnf,nf->fij", own, own, counts)
    moved = np.trace(np.linalg.solve(curvature, squares), axis1=1, axis2=2)
    left_out: FloatArray = _log_likelihood(w, parameters, counts) - moved
    return left_out


def _number(w: FloatArray, counts: Counts) -> float:
    """Return how many people there are."""
    return len(w) if counts is None else float(counts.sum(axis=0).max(initial=0.0))


def _sum(by_person: FloatArray, counts: Counts) -> FloatArray:
    """Return the sum over people, (..., n_features)."""
    total: FloatArray = by_person.sum(axis=-2) if counts is None else (by_person * counts).sum(axis=-2)
    return total


def _log_likelihood(w: FloatArray, parameters: FloatArray, counts: Counts = None) -> FloatArray:
    """Return the log density of each feature summed over people, up to the constant of the normal one."""
    location, log_scale, skew, log_weight = parameters
    y = (w - location) * np.exp(-log_scale)
    u = np.exp(log_weight) * np.arcsinh(y) - skew
    with np.errstate(over="ignore"):
        density = -0.5 * np.sinh(u) ** 2 + np.logaddexp(u, -u) - np.log(2.0) - 0.5 * np.log1p(y * y)
    total: FloatArray = _sum(density, counts) + _number(w, counts) * (log_weight - log_scale)
    return total


def _penalty(parameters: FloatArray, prior: Prior) -> FloatArray:
    penalty: FloatArray = 0.5 * (parameters[2] / prior[0]) ** 2 + 0.5 * (parameters[3] / prior[1]) ** 2
    return penalty


def _maximise(
    w: FloatArray, start: FloatArray, prior: Prior, steps: int = _STEPS, counts: Counts = None
) -> FloatArray:
    """Return the parameters of the largest penalised likelihood, (4, n_features)."""
    parameters = start.copy()
    moving = np.arange(w.shape[1])
    number = _number(w, counts)
    cost = _penalty(parameters, prior) - _log_likelihood(w, parameters, counts)
    for _ in range(steps):
        if not len(moving):
            break
        own, at = w[:, moving] if len(moving) < w.shape[1] else w, parameters[:, moving]
        own_counts = None if counts is None else counts[:, moving]
        gradient, curvature, _ = _derivatives(own, at, prior, own_counts)
        values, vectors = np.linalg.eigh(curvature)
        # Where the likelihood is not concave the step follows the size of its curvature downhill.
        scaled = np.einsum("fji,jf->fi", vectors, gradient) / np.maximum(np.abs(values), 1e-3 * number)
        step = -np.einsum("fij,fj->if", vectors, scaled)
        step *= np.minimum(1.0, 1.0 / np.maximum(np.abs(step).max(axis=0), 1e-300))
        share = np.ones(len(moving))
        best, reached = cost[moving], at
        waiting = np.ones(len(moving), dtype=bool)
        for _ in range(20):
            tried = at[:, waiting] + share[waiting] * step[:, waiting]
            tried_counts = None if own_counts is None else own_counts[:, waiting]
            value = _penalty(tried, prior) - _log_likelihood(own[:, waiting], tried, tried_counts)
            better = value <= best[waiting]
            rows = np.flatnonzero(waiting)[better]
            reached = reached.copy()
            reached[:, rows], best[rows] = tried[:, better], value[better]
            waiting[rows] = False
            if not waiting.any():
                break
            share[waiting] *= 0.5
        parameters[:, moving], cost[moving] = reached, best
        moving = moving[np.abs(reached - at).max(axis=0) > _CONVERGED]
    return parameters


def _derivatives(w: FloatArray, parameters: FloatArray, prior: Prior, counts: Counts = None) -> _Derivatives:
    """Return gradient (4, n_features) and Hessian (n_features, 4, 4) of the penalised cost.

    The third part is each person's gradient of the log-likelihood, (4, n_people, n_features).
    """
    location, log_scale, skew, log_weight = parameters
    scale, delta = np.exp(log_scale), np.exp(log_weight)
    y = (w - location) / scale
    r2 = 1.0 / (1.0 + y * y)
    r = np.sqrt(r2)
    slope = delta * np.arcsinh(y)  # the derivative of u by log delta
    u = np.clip(slope - skew, -_LARGEST, _LARGEST)
    tanh, square = np.tanh(u), np.sinh(u) ** 2
    first = tanh - tanh * (square + 1.0)  # -S C + S / C
    second = -(2.0 * square + 1.0) + 1.0 - tanh**2
    flat, bent = -y * r2, -(1.0 - y * y) * r2 * r2  # derivatives of -log(1 + y^2) / 2
    by_location, by_scale = -delta * r / scale, -delta * r * y
    r3 = r * r2
    by = (by_location, by_scale, -np.ones_like(u), slope)
    own = np.stack([first * by_location - flat / scale, first * by_scale - flat * y, -first, first * slope])
    gradient, number = _sum(own, counts), _number(w, counts)
    for place, sign in ((1, -1.0), (3, 1.0)):
        gradient[place] += sign * number
        own[place] += sign
    curvature = np.empty((w.shape[1], 4, 4))
    if counts is not None:
        second = second * counts
    for i in range(4):
        for j in range(i, 4):
            curvature[:, i, j] = curvature[:, j, i] = np.einsum("nf,nf,nf->f", second, by[i], by[j])
    more = bent * y + flat
    for i, j, term in (
        (0, 0, -first * delta * y * r3 / scale**2 + bent / scale**2),
        (0, 1, first * delta * r3 / scale + more / scale),
        (1, 1, first * delta * y * r3 + more * y),
        (0, 3, first * by_location),
        (1, 3, first * by_scale),
        (3, 3, first * slope),
    ):
        curvature[:, i, j] += _sum(term, counts)
        if i != j:
            curvature[:, j, i] = curvature[:, i, j]
    precision = np.array([0.0, 0.0, prior[0] ** -2, prior[1] ** -2])
    return _Derivatives(precision[:, None] * parameters - gradient, np.diag(precision) - curvature, own)
