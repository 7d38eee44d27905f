"""What a manifest says of a model of a number: how far it errs, and in what range it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from normwise.procedure import LEVELS, FittedRegression, GapLine
from normwise.schema import FittedParts

__all__ = ["StoredRegression"]


@dataclass(frozen=True)
class StoredRegression:
    """The numbers of a `FittedRegression`.

    Attributes
    ----------
    half_widths : dict of str to float or None
        Of the prediction intervals, by level; None where they are unbounded, for which JSON has no number.
    gap : GapLine
        How the gap of normal people follows the true number.
    lowest, highest : float
        The range of the training people's numbers.
    """

    half_widths: dict[str, float | None]
    gap: GapLine
    lowest: float
    highest: float

    @classmethod
    def of(cls, fitted: FittedRegression) -> StoredRegression:
        """Return what is written of a fitted regression."""
        widths = {
            str(level): None if width == float("inf") else float(width)
            for level, width in zip(LEVELS, fitted.half_widths, strict=True)
        }
        return cls(widths, fitted.gap, fitted.lowest, fitted.highest)

    def widths(self) -> tuple[float, ...]:
        """Return the half widths in the order of the levels."""
        return tuple(
            float("inf") if (width := self.half_widths[str(level)]) is None else width for level in LEVELS
        )

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse intervals that shrink with their level, and a line or a range that is none."""
        names = [str(level) for level in LEVELS]
        fits = list(self.half_widths) == names
        parts.expect("half_widths", holds=fits, instead=f"one of each of {', '.join(names)}")
        widths = self.widths()
        ordered = all(0.0 <= low <= high for low, high in pairwise(widths))
        parts.expect("half_widths", holds=ordered, instead="lengths that grow with their level")
        parts.expect("gap", holds=isinstance(self.gap, GapLine), instead="a line")
        line = FittedParts(self.gap)
        line.number("intercept")
        line.number("slope")
        line.whole("people")
        lowest, highest = parts.number("lowest"), parts.number("highest")
        parts.expect("highest", holds=lowest < highest, instead="larger than the lowest")
