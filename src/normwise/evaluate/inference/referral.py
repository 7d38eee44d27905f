"""Who is referred to a specialist, and whether the sets behind it hold what they promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.inference.bootstrap import PeopleWeights
from normwise.evaluate.inference.estimates import (
    bootstrap_estimate,
    estimates_of,
    values_of,
)
from normwise.evaluate.out_of_fold import Floats, ratio
from normwise.results import (
    Abstention,
    Estimate,
    Stability,
)

__all__ = ["abstention_of", "stability_of"]

_OF_THE_DECIDED = ("auc", "balanced_accuracy", "sensitivity", "specificity")


def abstention_of(
    found: ArmPredictions, groups: NDArray[np.object_], weights: PeopleWeights, confidence: float
) -> Abstention | None:
    """Measure coverage and referral on the test folds; None where nobody is referred.

    Counted are the people who could be decided about: like the normals of the training part, and with
    probabilities.

    Parameters
    ----------
    found : ArmPredictions
        One arm's test predictions.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    weights : PeopleWeights
        The bootstrap's.
    confidence : float
        Coverage of the intervals.
    """
    scores = found.scores
    if found.likely is None or found.coverage is None:
        return None
    asked = (scores.folds >= 0) & np.isfinite(scores.probabilities).all(axis=2)
    if found.supported is not None:
        asked &= found.supported
    names = np.array(scores.classes, dtype=object)
    own = (scores.labels[:, None] == names)[None]
    held = asked & (found.likely & own).any(axis=2)
    referred = asked & (scores.decided < 0)

    def share(marked: NDArray[np.bool_]) -> Estimate:
        hits, total = (part.sum(axis=0).astype(float) for part in (marked, asked))
        values: Floats = ratio(weights.matrix @ hits, weights.matrix @ total)
        return bootstrap_estimate(values, weights, confidence)

    decided = replace(
        scores, probabilities=np.where((scores.decided >= 0)[:, :, None], scores.probabilities, np.nan)
    )
    values = values_of(decided, weights, _OF_THE_DECIDED)
    return Abstention(
        coverage=found.coverage,
        reached=share(held),
        referred=share(referred),
        metrics=estimates_of(decided, groups, weights, values, confidence),
    )


def stability_of(selected: Sequence[tuple[str, ...]]) -> list[Stability]:
    """Count in what share of the training parts each feature was selected, the most frequent first.

    Parameters
    ----------
    selected : sequence of tuple of str
        The features of each part; empty tuples where all are used.

    Examples
    --------
    >>> [(each.feature, each.share) for each in stability_of([("a", "b"), ("b", "c")])]
    [('b', 1.0), ('a', 0.5), ('c', 0.5)]
    """
    counts = Counter(name for names in selected for name in names)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Stability(name, count / len(selected)) for name, count in ranked]
