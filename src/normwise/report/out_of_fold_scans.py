"""Each scan's predictions by one arm, put together over the repeats."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

from normwise.run_folder import RunFolder

__all__ = ["Scored", "count_reasons", "read_scored"]

_MISSING = ("", "n/a")
_PREFIX = "probability_"


@dataclass(frozen=True)
class Scored:
    """What one arm said about one scan.

    Attributes
    ----------
    subject : str
        The scan.
    label : str
        Its true class.
    probabilities : dict of str to float
        Mean over the repeats in which there was one, by class.
    decisions : dict of str to int
        How often each class was decided; an empty name is no decision.
    reasons : dict of str to int
        Why nothing was decided.
    """

    subject: str
    label: str
    probabilities: dict[str, float]
    decisions: dict[str, int]
    reasons: dict[str, int]

    @property
    def tests(self) -> int:
        """How often the scan was tested."""
        return sum(self.decisions.values())


def read_scored(run: RunFolder, arm: str) -> list[Scored]:
    """Read one arm's rows of ``predictions.tsv``.

    Parameters
    ----------
    run : RunFolder
        The run; nothing is read where it holds no predictions.
    arm : str
        The arm.

    Returns
    -------
    list of Scored
        In the file's order.
    """
    try:
        text = run.read(run.PREDICTIONS).decode("utf-8")
    except FileNotFoundError:
        return []
    rows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"):
        if row.get("arm") == arm:
            rows.setdefault(row.get("id") or "", []).append(row)
    return [_together(subject, each) for subject, each in rows.items()]


def _together(subject: str, rows: list[dict[str, str]]) -> Scored:
    names = [name for name in rows[0] if name and name.startswith(_PREFIX)]
    known = {
        name.removeprefix(_PREFIX): [float(row[name]) for row in rows if (row[name] or "n/a") not in _MISSING]
        for name in names
    }
    decided = ["" if (row.get("decision") or "") in _MISSING else row["decision"] for row in rows]
    return Scored(
        subject=subject,
        label=rows[0].get("label") or "",
        probabilities={name: sum(values) / len(values) for name, values in known.items() if values},
        decisions=dict(Counter(decided)),
        reasons=dict(
            Counter(row.get("reason") or "n/a" for row, one in zip(rows, decided, strict=True) if not one)
        ),
    )


def count_reasons(scored: list[Scored]) -> dict[str, int]:
    """Count the reasons of missing decisions, the most frequent first.

    Examples
    --------
    >>> count_reasons([Scored("a", "AD", {}, {"": 2}, {"too old": 2}), Scored("b", "AD", {}, {"AD": 2}, {})])
    {'too old': 2}
    """
    found: Counter[str] = Counter()
    for row in scored:
        found.update(row.reasons)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
