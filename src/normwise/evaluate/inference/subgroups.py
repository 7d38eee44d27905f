"""The metrics of parts of the cohort: each sex, thirds of age, each site."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.evaluate.inference.bootstrap import PeopleWeights
from normwise.evaluate.inference.estimates import estimates_of, values_of
from normwise.evaluate.metrics.registry import metrics_for
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.results import Subgroup
from normwise.schema import Roles

__all__ = ["Part", "parts_of", "subgroups_of"]

_AGE = re.compile(r"(?:^|[^a-z])age(?:$|[^a-z])", flags=re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part of the cohort: ``rows`` are its scans."""

    name: str
    level: str
    rows: NDArray[np.intp]


def parts_of(frame: pd.DataFrame, roles: Roles, sites: NDArray[np.object_] | None) -> list[Part]:
    """Divide the cohort by every categorical demographic, thirds of every age, and site.

    Parameters
    ----------
    frame : DataFrame of shape (n_scans, n_columns)
        With the demographics.
    roles : Roles
        Which are categories; of the numeric ones those called age, or else the first, are cut into thirds.
    sites : ndarray of shape (n_scans,) or None
        The site of each scan.
    """
    parts = []
    for column in roles.categorical:
        parts += _levels(column, frame[column].to_numpy(dtype=object))
    numeric = [column for column in roles.demographics if column not in roles.categorical]
    for column in [name for name in numeric if _AGE.search(name.replace("_", " "))] or numeric[:1]:
        values = frame[column].to_numpy(dtype=float)
        cuts = np.unique(np.quantile(values, [1 / 3, 2 / 3]))
        third = np.searchsorted(cuts, values, side="left")
        for place in range(len(cuts) + 1):
            rows = np.flatnonzero(third == place)
            if len(rows):
                parts.append(Part(column, f"{values[rows].min():g}–{values[rows].max():g}", rows))
    if sites is not None and roles.site is not None and roles.site not in roles.categorical:
        parts += _levels(roles.site, sites)
    # A part that holds everybody says nothing of its own.
    return [part for part in parts if len(part.rows) < len(frame)]


def subgroups_of(
    scores: OutOfFold,
    groups: NDArray[np.object_],
    weights: PeopleWeights,
    parts: list[Part],
    confidence: float,
) -> list[Subgroup]:
    """Estimate every metric in each part; one that is not defined there is left out.

    Parameters
    ----------
    scores : OutOfFold
        The arm.
    groups : ndarray of shape (n_scans,)
        Person of each scan.
    weights : PeopleWeights
        The cohort's weights; a part takes its own columns.
    parts : list of Part
        Of `parts_of`.
    confidence : float
        Coverage of the intervals.
    """
    found = []
    target = np.isin(scores.labels, scores.classes) & scores.tested
    for part in parts:
        rows = part.rows[target[part.rows]]
        if not len(rows):
            continue
        own = scores.take(rows)
        few = weights.take(rows)
        values = values_of(own, few, metrics_for(scores.classes))
        estimates = estimates_of(own, groups[rows], few, values, confidence)
        found.append(
            Subgroup(
                name=part.name,
                level=part.level,
                people=len(set(groups[rows])),
                positives=len(set(groups[rows][own.patient])),
                metrics={name: each for name, each in estimates.items() if each.estimate is not None},
            )
        )
    return found


def _levels(name: str, values: NDArray[np.object_]) -> list[Part]:
    return [Part(name, str(level), np.flatnonzero(values == level)) for level in pd.unique(np.sort(values))]
