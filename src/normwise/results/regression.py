"""A number that is predicted: the arms tested on the same folds, and the people behind the figures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from normwise.reprs import ShortRepr, counts, interval
from normwise.results.evaluation import Estimate
from normwise.results.record import Notes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Coverage", "GapGroup", "Regression", "RegressionArm", "RegressionPoint"]


@dataclass(frozen=True)
class Coverage:
    """How often prediction intervals of a stated level hold the true number, and their mean full width.

    The width is None where some are unbounded.
    """

    level: float
    share: Estimate
    width: float | None


@dataclass(frozen=True)
class GapGroup:
    """The gap (predicted − true) of the normal people, or of the others, as it is and corrected."""

    name: str
    people: int
    mae: Estimate
    gap: Estimate
    corrected: Estimate


@dataclass(frozen=True, repr=False)
class RegressionArm(ShortRepr):
    """The figures of one treatment of demographics, out of fold; averaged over the repeats.

    Attributes
    ----------
    mae, rmse, r2, spearman : Estimate
        Mean absolute error, root of the mean squared error, share of the variance explained (of a prediction
        by the mean of those tested, 0), rank correlation of predicted and true.
    slope, bias : Estimate
        Calibration: the slope of the true number on the predicted one, 1 where a difference of predictions is
        the difference to expect; and the mean of predicted − true.
    gap_rho, corrected_rho : Estimate
        Among normal people, the rank correlation of the gap with the true number: regression to the mean, and
        what is left of it after the correction.
    intervals : list of Coverage
        One a level.
    groups : list of GapGroup
        The normal people, and the others.
    unpredicted : float
        Share of the tested scans without a prediction: outside the normal group's range.
    beyond : float
        Share of the predictions beyond the range of the training people's numbers.
    settings : list of dict
        The tuned settings, one a fold and repeat.
    """

    mae: Estimate
    rmse: Estimate
    r2: Estimate
    spearman: Estimate
    slope: Estimate
    bias: Estimate
    gap_rho: Estimate
    corrected_rho: Estimate
    intervals: list[Coverage]
    groups: list[GapGroup]
    unpredicted: float
    beyond: float
    settings: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class RegressionPoint:
    """One scan of the main arm, out of fold, averaged over the repeats; no id."""

    true: float
    predicted: float
    corrected: float
    normal: bool


@dataclass(frozen=True, repr=False)
class Regression(ShortRepr):
    """``regression.json``: a number predicted by several arms on the same folds.

    Attributes
    ----------
    kind : str
        ``"crossval"`` or ``"test"``.
    target, normal : str
        The column that is predicted, and the condition of who is normal; empty where everybody is.
    n_per_group : dict of str to int
        Scans of normal people, and of the others.
    differences : dict of str to Estimate
        By arm, the main arm's mean absolute error less that arm's: below 0 the main arm errs less.
    points : list of RegressionPoint
        The main arm's predictions.
    """

    kind: str
    target: str
    normal: str
    n_people: int
    n_scans: int
    n_per_group: dict[str, int]
    folds: int
    repeats: int
    seed: int
    confidence: float
    split: str
    main_arm: str
    arms: dict[str, RegressionArm]
    differences: dict[str, Estimate]
    notes: Notes
    points: list[RegressionPoint] = field(default_factory=list)

    def facts(self) -> dict[str, str]:
        """Return the main arm's figures."""
        main = self.arms[self.main_arm]
        return {
            "target": self.target,
            "people": f"{self.n_people}: {counts(self.n_per_group)}",
            "arm": self.main_arm,
            "MAE": interval(main.mae),
            "R²": interval(main.r2),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return every figure of every arm with its interval: a row an arm and figure.

        Returns
        -------
        DataFrame
            With ``arm``, ``metric``, ``estimate``, ``low`` and ``high``.
        """
        import pandas as pd

        rows = [
            (name, each.name, row.estimate, row.low, row.high)
            for name, arm in self.arms.items()
            for each in fields(arm)
            if isinstance(row := getattr(arm, each.name), Estimate)
        ]
        return pd.DataFrame(rows, columns=["arm", "metric", "estimate", "low", "high"])

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, forest, table

        level = f"{self.confidence:.0%} interval"
        errors = {name: arm.mae for name, arm in self.arms.items()}
        arms = [
            (
                f"{name}{' (main)' * (name == self.main_arm)}",
                *(interval(row) for row in (arm.mae, arm.rmse, arm.r2, arm.spearman, arm.bias)),
            )
            for name, arm in self.arms.items()
        ]
        return block(
            "Regression",
            facts_table(self.facts()),
            forest(
                errors, title=f"Mean absolute error with its {level}", limits=(0.0, 1e-9), main=self.main_arm
            ),
            table(f"Each arm with its {level}", ("arm", "MAE", "RMSE", "R²", "Spearman", "bias"), arms),
        )
