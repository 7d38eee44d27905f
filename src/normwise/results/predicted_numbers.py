"""Numbers that a saved model predicts of new people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from normwise.reprs import ShortRepr, counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PredictedNumber", "PredictedNumbers", "PredictionInterval"]


@dataclass(frozen=True)
class PredictionInterval:
    """Where a person's true number lies with a stated probability; ``low`` and ``high`` None: unbounded."""

    level: float
    low: float | None
    high: float | None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends; infinite where it is unbounded."""
        low = float("-inf") if self.low is None else self.low
        return low, float("inf") if self.high is None else self.high


@dataclass(frozen=True, repr=False)
class PredictedNumber(ShortRepr):
    """One person: the number that is predicted, or why there is none.

    Attributes
    ----------
    subject : str
        The scan.
    predicted : float or None
        None where nothing is predicted.
    intervals : list of PredictionInterval
        One a level; empty where nothing is predicted.
    reason : str
        Why nothing is predicted.
    remarks : list of str
        What a reader has to know before the numbers are used, as of one beyond the training range.
    true : float or None
        The person's own number, where it is known.
    corrected_gap : float or None
        Predicted − true, less what is normal at this true number.
    outcome : str
        ``predicted``, ``unsupported`` (nobody normal is like the person) or ``failed`` (the image or a
        measurement).
    """

    subject: str
    predicted: float | None
    intervals: list[PredictionInterval] = field(default_factory=list)
    reason: str = ""
    remarks: list[str] = field(default_factory=list)
    true: float | None = None
    corrected_gap: float | None = None
    outcome: str = "predicted"

    @property
    def gap(self) -> float | None:
        """Predicted − true; None where one of them is not known."""
        return None if self.predicted is None or self.true is None else self.predicted - self.true

    def facts(self) -> dict[str, str]:
        """Return the number with its intervals, the gap, and what is to be known of them."""
        numbers = {"true": self.true, "gap": self.gap, "corrected gap": self.corrected_gap}
        said = {"reason": self.reason, "remarks": "; ".join(self.remarks)}
        return {
            "subject": self.subject,
            "predicted": f"none ({self.outcome})" if self.predicted is None else f"{self.predicted:.4g}",
            **{f"{row.level:.0%} interval": _range(row) for row in self.intervals},
            **{name: f"{value:.4g}" for name, value in numbers.items() if value is not None},
            **{name: text for name, text in said.items() if text},
        }


class PredictedNumbers(list[PredictedNumber]):
    """Numbers of several people, in their order: a list that shows itself as a table.

    Examples
    --------
    >>> row = PredictedNumber("a", 71.0, [PredictionInterval(0.9, 63.0, 79.0)], true=68.0, corrected_gap=2.1)
    >>> PredictedNumbers([row])
    PredictedNumbers(1: predicted 1)
    >>> PredictedNumbers([row]).to_frame()[["predicted", "high_90", "gap"]].loc["a"].tolist()
    [71.0, 79.0, 3.0]
    """

    def to_frame(self) -> pd.DataFrame:
        """Return a row a person.

        Returns
        -------
        DataFrame
            With ``predicted``, ``low_80`` and the other ends of the intervals (infinite where they are
            unbounded), ``true``, ``gap``, ``corrected_gap``, ``outcome`` and ``remark``, which is the reason
            where nothing is predicted; index ``subject``.
        """
        import pandas as pd

        rows = []
        for row in self:
            ends: dict[str, float] = {}
            for each in row.intervals:
                level = f"{100 * each.level:.0f}"
                ends[f"low_{level}"], ends[f"high_{level}"] = each.ends
            rows.append(
                {"subject": row.subject, "predicted": row.predicted, **ends, "true": row.true,
                 "gap": row.gap, "corrected_gap": row.corrected_gap, "outcome": row.outcome,
                 "remark": row.reason or "; ".join(row.remarks)}
            )  # fmt: skip
        levels = dict.fromkeys(f"{100 * each.level:.0f}" for row in self for each in row.intervals)
        of_intervals = [f"{end}_{level}" for level in levels for end in ("low", "high")]
        numbers = ["predicted", *of_intervals, "true", "gap", "corrected_gap"]
        frame = pd.DataFrame(rows, columns=["subject", *numbers, "outcome", "remark"]).set_index("subject")
        return frame.astype(dict.fromkeys(numbers, "float64"))

    def __repr__(self) -> str:
        return f"PredictedNumbers({len(self)}: {counts(Counter(row.outcome for row in self))})"

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, table

        rows = [
            (
                row.subject,
                f"none ({row.outcome})" if row.predicted is None else f"{row.predicted:.4g}",
                ", ".join(f"{each.level:.0%}: {_range(each)}" for each in row.intervals),
                "" if row.corrected_gap is None else f"{row.corrected_gap:+.3g}",
                row.reason or "; ".join(row.remarks),
            )
            for row in self
        ]
        outcomes = {name: str(n) for name, n in Counter(row.outcome for row in self).items()}
        return block(
            "Predicted numbers",
            facts_table({"people": str(len(self)), **outcomes}),
            table("", ("subject", "predicted", "intervals", "corrected gap", "remark"), rows),
            '<p style="margin:.3em 0">A research result, not a diagnosis.</p>',
        )


def _range(interval: PredictionInterval) -> str:
    if interval.low is None or interval.high is None:
        return "unbounded"
    return f"{interval.low:.4g} to {interval.high:.4g}"
