"""Falahati's check: whether the errors depend on a demographic."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.inference.bootstrap import PeopleWeights
from normwise.evaluate.inference.estimates import bootstrap_estimate
from normwise.evaluate.out_of_fold import (
    Floats,
    OutOfFold,
    ratio,
)
from normwise.results import Association
from normwise.schema import Roles

__all__ = ["associations_of", "weighted_rank_correlation"]


def associations_of(
    scores: OutOfFold, frame: pd.DataFrame, roles: Roles, weights: PeopleWeights, confidence: float
) -> list[Association]:
    """Correlate the signed out-of-fold error with every numeric demographic, by rank.

    The error of a person is the mean over the repeats of (1 if patient, else 0) − P(patient): where its rank
    correlation with age is negative, the old are called patients too often (after Falahati et al. 2016).

    Parameters
    ----------
    scores : OutOfFold
        The arm.
    frame : DataFrame of shape (n_scans, n_columns)
        With the demographics.
    roles : Roles
        Which demographics are numbers.
    weights : PeopleWeights
        For the interval.
    confidence : float
        Its coverage.
    """
    error = scores.patient.astype(float) - scores.mean_score
    rows = np.flatnonzero(np.isfinite(error) & np.isin(scores.labels, scores.classes))
    part = weights.take(rows)
    found = []
    for column in roles.demographics:
        if column in roles.categorical:
            continue
        values = frame[column].to_numpy(dtype=float)[rows]
        drawn = weighted_rank_correlation(error[rows], values, part.matrix)
        found.append(Association(column, bootstrap_estimate(drawn, part, confidence)))
    return found


def weighted_rank_correlation(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Return Spearman's correlation for each row of weights; whole weights count as repeated people.

    Parameters
    ----------
    one, other : ndarray of shape (n_scans,)
        Finite values.
    weights : ndarray of shape (n_draws, n_scans)
        Not negative.

    Examples
    --------
    >>> weighted_rank_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 9]), np.ones((1, 3))).tolist()
    [1.0]
    """
    total = weights.sum(axis=1, keepdims=True)
    centred = [_ranks(values, weights) - (total + 1) / 2 for values in (one, other)]
    spreads = [(weights * part**2).sum(axis=1) for part in centred]
    return ratio((weights * centred[0] * centred[1]).sum(axis=1), np.sqrt(spreads[0] * spreads[1]))


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Midranks in each weighted sample: the weight below a value, and half of that at it and one more."""
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(place.max() + 1))
    at: NDArray[np.float64] = np.add.reduceat(weights[:, order], starts, axis=1)
    below = np.cumsum(at, axis=1) - at
    ranks: Floats = (below + (at + 1) / 2)[:, place]
    return ranks
