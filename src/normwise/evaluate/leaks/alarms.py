"""Leak alarms: what may make the numbers too good, looked for in every evaluation.

An alarm is a function of the `LeakInputs` that returns what it found; each has a code of its own, EVA-301 and
up, that docs/errors.md explains. None of them changes a number.
"""

from __future__ import annotations

from collections.abc import Callable

from normwise.evaluate.leaks.acquisition import acquisition_predicts_label, site_predicts_label, sites_differ
from normwise.evaluate.leaks.duplicates import duplicate_images, duplicate_rows, split_sessions
from normwise.evaluate.leaks.features import (
    age_in_disguise,
    decided_alike,
    diagnosis_in_disguise,
    errors_depend_on_demographics,
    few_people,
    learnt_on_everybody,
    scores_follow_demographics,
)
from normwise.evaluate.leaks.inputs import LeakInputs
from normwise.results import Alarm

__all__ = ["ALARMS", "LeakInputs", "raise_alarms"]

ALARMS: dict[str, Callable[[LeakInputs], list[Alarm]]] = {
    "site": site_predicts_label,
    "acquisition": acquisition_predicts_label,
    "demographics": age_in_disguise,
    "images": duplicate_images,
    "rows": duplicate_rows,
    "sessions": split_sessions,
    "disguise": diagnosis_in_disguise,
    "errors": errors_depend_on_demographics,
    "scores": scores_follow_demographics,
    "whole cohort": learnt_on_everybody,
    "other sites": sites_differ,
    "people": few_people,
    "decisions": decided_alike,
}
"""A new alarm is one function and one line here."""

_ORDER = ("severe", "caution", "note")


def raise_alarms(inputs: LeakInputs) -> list[Alarm]:
    """Look for every leak, the severest first.

    Parameters
    ----------
    inputs : LeakInputs
        The run with its predictions.
    """
    found = [alarm for look in ALARMS.values() for alarm in look(inputs)]
    return sorted(found, key=lambda alarm: _ORDER.index(alarm.severity))
