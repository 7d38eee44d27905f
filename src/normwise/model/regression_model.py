"""The trained model of a number: from a frame of features and demographics to numbers with intervals.

`StoredRegression` is what its manifest says beside the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from normwise.errors import ProcedureError
from normwise.model.model import TrainedModel, full_block
from normwise.procedure import LEVELS, FittedRegression, GapLine
from normwise.results import PredictedNumber, PredictedNumbers, PredictionInterval
from normwise.schema import FittedParts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RegressionModel", "StoredRegression"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class RegressionModel(TrainedModel):
    """A fitted regression with everything that is needed to apply it to new people.

    Attributes
    ----------
    procedure : FittedRegression
        Pipeline, widths of the intervals, and the line by which the gap is corrected.
    study, feature_names, notes, feature_hash, training
        As of `TrainedModel`.
    """

    procedure: FittedRegression

    def facts(self) -> dict[str, str]:
        """Return what it predicts, by what, and on whom it was trained."""
        chosen = self.procedure.setting.get("classifier", self.study.classifier.name)
        return {
            "target": f"{self.target}, trained from {self.range_text()}",
            "regressor": str(chosen),
            "features": f"{len(self.feature_names)} of extractor {self.study.features.extractor}",
            "demographics": ", ".join(self.roles.demographics) or "none",
            "intervals": ", ".join(
                f"{level:.0%} " + (f"± {width:.3g}" if np.isfinite(width) else "unbounded")
                for level, width in zip(LEVELS, self.procedure.half_widths, strict=True)
            ),
            "trained on": f"{self.training.get('scans', 'unknown')} scans",
        }

    def _repr_html_(self) -> str:
        words = ("group", "people unlike the normal group in", "of whom it predicts nothing")
        return self._card("Model of a number", words, self.procedure.setting, self.procedure.notes)

    @property
    def target(self) -> str:
        """The column that is predicted."""
        return str(self.roles.target)

    def range_text(self) -> str:
        """Return the range of the training people's numbers in words."""
        return f"{self.procedure.lowest:g} to {self.procedure.highest:g}"

    def predict(self, X: pd.DataFrame) -> Floats:
        """Return the expected number of each row.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            As for `predictions`.

        Returns
        -------
        ndarray of shape (n_scans,)
            NaN where nothing is predicted, for which `predictions` gives the reason.

        See Also
        --------
        predictions : Intervals, the corrected gap and reasons too.
        """
        return self.numbers_of(X)[0]

    def numbers_of(self, frame: pd.DataFrame) -> tuple[Floats, list[str], NDArray[np.bool_]]:
        """Return the number of each row, why it has none, and whether that is for its features.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            As for `predictions`.

        Returns
        -------
        tuple of ndarray of shape (n_scans,), list of str and ndarray of bool of shape (n_scans,)
            NaN beside a reason, and the reason empty beside a number; the flags are set where a feature or
            the model fails, and not where nobody normal is like the person.
        """
        X = self._columns_of(frame)
        wrong, support = self._check_rows(X)
        supported = support["supported"].to_numpy(dtype=bool) & support["encodable"].to_numpy(dtype=bool)
        rows = np.flatnonzero(support["usable"].to_numpy(dtype=bool) & supported)
        values = np.full(len(X), np.nan)
        if len(rows):
            values[rows] = self.procedure.predict(X.iloc[full_block(rows)])[: len(rows)]
        for row in rows[~np.isfinite(values[rows])]:
            values[row], wrong[row] = np.nan, "the model gives no finite number"
        failed = np.array([bool(text) for text in wrong], dtype=bool)
        reasons = [text or str(reason) for text, reason in zip(wrong, support["reason"], strict=True)]
        return values, reasons, failed

    def predictions(self, frame: pd.DataFrame, true: ArrayLike | None = None) -> PredictedNumbers:
        """Predict the numbers of people the model has never seen, with intervals and reasons.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            One row a scan with the training's features and demographics as named columns, in any order; the
            index names the scans. Further columns are ignored; a feature that is no number is missing.
        true : array-like of shape (n_scans,), optional
            The people's own numbers, in the frame's order, for the corrected gap; NaN where one is not known.

        Returns
        -------
        PredictedNumbers
            One of each row, in the frame's order. A row with a missing or infinite feature, with one that
            departs by more than ``LARGEST_DEPARTURE``, or a person outside the normal group's demographics,
            gets ``predicted=None`` and the reason; ``outcome`` says which it was. Numbers beyond the range
            of the training people's have a remark.

        Raises
        ------
        ProcedureError
            PRC-401 where a column is missing, or the people do not come in a frame; PRC-403 where the true
            numbers are not one a row.
        """
        values, reasons, failed = self.numbers_of(frame)
        known = np.full(len(values), np.nan) if true is None else np.asarray(true, dtype=np.float64)
        if known.shape != values.shape:
            raise ProcedureError(
                "PRC-403",
                "the true numbers are not one a row of the frame.",
                subject=self.target,
                seen=f"shape {known.shape}",
                expected=f"shape {values.shape}",
                advice="give them in the frame's order, NaN where one is not known",
            )
        gaps = self.procedure.gap.correct(values - known, known)
        return PredictedNumbers(
            PredictedNumber(
                subject=str(name),
                predicted=float(value) if np.isfinite(value) else None,
                intervals=list(self._intervals(float(value))) if np.isfinite(value) else [],
                reason=reason,
                remarks=self._remarks(float(value), float(own)) if np.isfinite(value) else [],
                true=float(own) if np.isfinite(own) else None,
                corrected_gap=float(gap) if np.isfinite(gap) else None,
                outcome="failed" if wrong else "predicted" if np.isfinite(value) else "unsupported",
            )
            for name, value, reason, wrong, own, gap in zip(
                frame.index, values, reasons, failed, known, gaps, strict=True
            )
        )

    def _intervals(self, value: float) -> Iterator[PredictionInterval]:
        for level, width in zip(LEVELS, self.procedure.half_widths, strict=True):
            bounded = bool(np.isfinite(width))
            low, high = (value - width, value + width) if bounded else (None, None)
            yield PredictionInterval(level, low, high)

    def _remarks(self, value: float, true: float) -> list[str]:
        beyond = self.procedure.is_beyond(np.array([value, true]))
        place = f"lies beyond the range of the training people's, {self.range_text()}"
        texts = (
            f"EVA-109 the prediction {place}: it is extrapolated",
            f"EVA-109 the true number {place}: its gap is corrected by a line that is extrapolated",
        )
        return [text for text, is_beyond in zip(texts, beyond, strict=True) if is_beyond]


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
