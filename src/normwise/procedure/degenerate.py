"""Degenerate rules: everybody decided alike, a threshold next to 0 or 1, a class that is always likely.

Nothing forbids them, and an AUC does not show them, so each is warned of by a code of its own; what the
numbers of people tell already is warned of before anything is computed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseError, NormwiseWarning
from normwise.procedure.conformal import scores_needed
from normwise.procedure.pipeline import looks_at_images
from normwise.schema import AutoencoderSection, DecisionSection, Study, TrunkSection

__all__ = [
    "is_saturated",
    "is_too_few",
    "warn_of_alike",
    "warn_of_coverage",
    "warn_of_few_images",
    "warn_of_numbers",
    "warn_untuned",
]

Floats = NDArray[np.float64]

FEWEST_FOR_NETWORK = 400
"""People from whom a network made afresh has found what was planted in their images (AUC .98)."""

_SATURATED = 1e-6  # `normwise predict` writes no probability as nearer to 0 or 1


def is_saturated(threshold: float) -> bool:
    """Tell whether a threshold lies so near to 0 or 1 that the probabilities behind it are saturated.

    Examples
    --------
    >>> is_saturated(1e-170), is_saturated(2e-6), is_saturated(0.5), is_saturated(1 - 1e-9)
    (True, False, False, True)
    """
    return min(threshold, 1.0 - threshold) < _SATURATED


def is_too_few(error: NormwiseError) -> bool:
    """Tell whether an error says that a part of the training people is too small to be fitted on."""
    return error.code in ("PRC-101", "PRC-105", "NRM-106", "NRM-109", "CLS-107", "CLS-110")


def warn_untuned(error: NormwiseError) -> None:
    """Warn that nothing could be tuned in a training part, and why.

    Warns
    -----
    NormwiseWarning
        PRC-117.
    """
    text = (
        "people are too few for folds inside a training part, so nothing is tuned: the classifier has its own"
        " settings, no score is adjusted, and the threshold follows from the costs and from probabilities"
        " that nobody has checked"
        f" ({error.code}: {error.problem.rstrip('.')})"
    )
    warnings.warn(NormwiseWarning("PRC-117", text), stacklevel=3)


def warn_of_alike(ill: NDArray[np.bool_], threshold: float | None) -> None:
    """Warn where a rule decides everybody alike on whom it was chosen, or its threshold is saturated.

    Parameters
    ----------
    ill : ndarray of bool of shape (n_scans,)
        Whom the rule, referral aside, gives another class than the negative one.
    threshold : float or None
        The rule's; None with a cost matrix.

    Warns
    -----
    NormwiseWarning
        PRC-305.
    """
    if not len(ill):
        return
    cut = "" if threshold is None else f", threshold {threshold:.4g}"
    if ill.all() or not ill.any():
        whom = "everybody" if ill.all() else "nobody"
        text = (
            f"the rule calls {whom} ill: all {len(ill)} scans that it was chosen on are decided alike{cut};"
            " look at the AUC, and at the sensitivity or the costs that are asked for"
        )
    elif threshold is not None and is_saturated(threshold):
        text = (
            f"the threshold {threshold:.4g} can't be told from {threshold:.0f}: the classifier's"
            " probabilities are saturated; use a stronger penalty, fewer epochs or another classifier"
        )
    else:
        return
    warnings.warn(NormwiseWarning("PRC-305", text, value=threshold), stacklevel=3)


def warn_of_coverage(section: DecisionSection, people: Mapping[str, int], *, where: str = "") -> None:
    """Warn of classes with too few people for the coverage of referral: they would always be likely.

    Parameters
    ----------
    section : DecisionSection
        Its ``refer`` is the coverage.
    people : mapping of str to int
        People of each class.
    where : str
        Whose numbers they are, for the message.

    Warns
    -----
    NormwiseWarning
        PRC-306.
    """
    if section.refer is None:
        return
    needed = scores_needed(section.refer)
    few = {name: count for name, count in people.items() if count < needed}
    if few:
        counts = ", ".join(f"{name}: {count}" for name, count in few.items())
        text = (
            f"a coverage of {section.refer:g} needs {needed} people of every class, and there are fewer"
            f"{where} ({counts}): such a class is likely for everybody, so nearly all are referred"
        )
        warnings.warn(NormwiseWarning("PRC-306", text, subject="decision.refer"), stacklevel=3)


def warn_of_numbers(
    section: DecisionSection, people: Mapping[str, int], negative: str, *, where: str = ""
) -> None:
    """Warn of what so few people can't weigh, before anything is computed: a coverage, or costs.

    Where a missed patient costs more than calling all others ill, no patient may be missed at any price, and
    the threshold is the lowest score of any of them; and the other way round.

    Parameters
    ----------
    section : DecisionSection
        Its ``refer`` and ``cost``.
    people : mapping of str to int
        People of each class.
    negative : str
        The class that a false alarm is raised about.
    where : str
        Whose numbers they are, for the message.

    Warns
    -----
    NormwiseWarning
        PRC-306, PRC-307.
    """
    warn_of_coverage(section, people, where=where)
    if section.cost is None:
        return
    others = people[negative]
    patients = sum(people.values()) - others
    missed, alarm = section.cost.missed, section.cost.false_alarm
    if missed > alarm * others:
        text = (
            f"a missed patient costs more than {others} false alarms, which are all that there can be{where}:"
            " the threshold is the lowest score of any patient, whatever that costs"
        )
    elif alarm > missed * patients:
        text = (
            f"a false alarm costs more than {patients} missed patients, which are all that there are{where}:"
            " the threshold is above every other person's score, whatever that costs"
        )
    else:
        return
    warnings.warn(NormwiseWarning("PRC-307", text, subject="decision.cost"), stacklevel=3)


def warn_of_few_images(study: Study, people: int) -> None:
    """Warn where a network for images is made afresh from few people.

    Parameters
    ----------
    study : Study
        What is to be run.
    people : int
        How many take part.

    Warns
    -----
    NormwiseWarning
        CLS-205.
    """
    section = study.features
    settings = study.classifier.parameters if looks_at_images(study) else None
    if isinstance(section, TrunkSection | AutoencoderSection):
        settings = section.network
    if settings is None or settings.get("start_from") or people >= FEWEST_FOR_NETWORK:
        return
    text = (
        f"a network for images is made afresh from {people} people: on 139 of OASIS-1 its AUC was .63"
        " where that of regions with logistic regression was .77, while a sign planted in the images of"
        f" {FEWEST_FOR_NETWORK} was found with .98; run regions as well, and compare the two"
    )
    warnings.warn(NormwiseWarning("CLS-205", text, value=people), stacklevel=2)
