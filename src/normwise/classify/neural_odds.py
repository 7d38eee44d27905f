"""Log-odds of several networks' mean probability, and what moves them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax, logsumexp

__all__ = ["joined_odds", "odds_of", "pull_of"]

Floats = NDArray[np.float64]


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


def pull_of(scores: Floats, place: int) -> Floats:
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
