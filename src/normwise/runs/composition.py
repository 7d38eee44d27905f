"""Who takes part, by class and by site (table 1 of a study), and who was left out and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from normwise.cohort import Cohort, cap_ages
from normwise.results import FlowStep

__all__ = ["composition_of", "count_reasons", "flow_of", "missing_in", "sites_of"]

_UNKNOWN = "class unknown"


def composition_of(cohort: Cohort) -> list[dict[str, Any]]:
    """Describe each class: people, scans, and every demographic as mean (SD) with its range, or as counts.

    Parameters
    ----------
    cohort : Cohort
        Those who take part.
    """
    if cohort.labels is None:
        return []
    return [
        {"class": name, **_described(cohort, cohort.labels == name)}
        for name in cohort.roles.classes
    ]  # fmt: skip


def sites_of(cohort: Cohort) -> list[dict[str, Any]]:
    """Describe each site as `composition_of` does a class, with the scans of each class there.

    Parameters
    ----------
    cohort : Cohort
        Those who take part.
    """
    if cohort.sites is None:
        return []
    rows: list[dict[str, Any]] = []
    for site in sorted(cohort.sites.astype(str).unique()):
        members = cohort.sites.astype(str) == site
        row: dict[str, Any] = {"site": site}
        if cohort.labels is not None:
            row["classes"] = {
                name: int((members & (cohort.labels == name)).sum()) for name in cohort.roles.classes
            }
        rows.append(row | _described(cohort, members))
    return rows


def missing_in(ledger: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the rows that were left out for a missing value, by what is missing and by class.

    Parameters
    ----------
    ledger : DataFrame
        Columns status, label and missing; one row a row of the table.

    Examples
    --------
    >>> ledger = pd.DataFrame({"status": ["included", "excluded"], "label": ["AD", "AD"],
    ...                        "missing": ["", "Age"]})
    >>> missing_in(ledger)
    {'Age': {'AD': 1}}
    """
    counts: dict[str, dict[str, int]] = {}
    for row in ledger[ledger["status"] != "included"].itertuples(index=False):
        what = str(row.missing)
        if not what:
            continue
        label = str(row.label) if str(row.label) not in ("", "n/a", "nan", "None") else _UNKNOWN
        of_class = counts.setdefault(what, {})
        of_class[label] = of_class.get(label, 0) + 1
    return counts


def count_reasons(ledger: pd.DataFrame) -> list[str]:
    """Count the rows that were left out, a reason at a time, the most frequent first, each with an example.

    Parameters
    ----------
    ledger : DataFrame
        Columns id, status, code, general and reason; one row a row of the table.

    Examples
    --------
    >>> ledger = pd.DataFrame({"id": ["a", "b"], "status": ["included", "excluded"], "code": ["", "COH-202"],
    ...                        "general": ["", "no label"], "reason": ["", "no label; fill it in"]})
    >>> count_reasons(ledger)
    ['1 row by COH-202, as b: no label; fill it in']
    """
    texts = []
    for (code, _), rows in _left_out(ledger):
        count = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
        texts.append(f"{count} by {code}, as {rows['id'].iloc[0]}: {rows['reason'].iloc[0]}")
    return texts


def _left_out(ledger: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Return the rows of each reason by its code and text, the most frequent first."""
    out = ledger[ledger["status"] != "included"]
    groups = [((str(code), str(text)), rows) for (code, text), rows in out.groupby(["code", "general"])]
    return sorted(groups, key=lambda group: (-len(group[1]), group[0]))


def flow_of(ledger: pd.DataFrame) -> list[FlowStep]:
    """Count who was left out, a code and general reason at a time; asserted to add up.

    Parameters
    ----------
    ledger : DataFrame
        Columns status, code and general; one row a row of the table.
    """
    steps = [
        FlowStep(step="left out", code=code, reason=text, scans=len(rows))
        for (code, text), rows in sorted(_left_out(ledger), key=lambda group: group[0])
    ]
    included = int((ledger["status"] == "included").sum())
    assert sum(step.scans for step in steps) + included == len(ledger), "the flow of participants must add up"
    return steps


def _described(cohort: Cohort, members: pd.Series[bool]) -> dict[str, Any]:
    row: dict[str, Any] = {"people": int(cohort.groups[members].nunique()), "scans": int(members.sum())}
    for column in cohort.roles.demographics:
        values = cohort.frame.loc[members, column]
        if column in cohort.roles.categorical:
            counts = values.value_counts().sort_index()
            row[column] = {str(level): int(count) for level, count in counts.items()}
        elif len(values):
            numbers = values.astype(float)
            shown = cap_ages(column, np.asarray(numbers, dtype=np.float64))
            spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else None
            row[column] = {
                "mean": float((numbers if len(numbers) > 1 else shown).mean()), "sd": spread,
                "min": float(shown.min()), "max": float(shown.max()),
            }  # fmt: skip
    return row
