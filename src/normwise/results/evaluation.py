"""The arms tested on the same folds, and runs side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from normwise.reprs import ShortRepr, counts, interval
from normwise.results.record import Notes

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DRAWN_POINTS",
    "METRIC_NAMES",
    "Abstention",
    "Alarm",
    "Arm",
    "Association",
    "Band",
    "Comparison",
    "Curve",
    "Estimate",
    "Evaluation",
    "LearningCurve",
    "Permutation",
    "RankedRun",
    "RunComparison",
    "ScoreAssociation",
    "Stability",
    "Subgroup",
]  # fmt: skip


METRIC_NAMES = ("auc", "adjusted_auc", "balanced_accuracy", "sensitivity", "specificity")
"""The metrics of every arm, in the order in which they are shown."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval over people."""

    estimate: float | None
    low: float | None
    high: float | None


DRAWN_POINTS = 4000
"""Most thresholds or people that a result holds for a picture of them; figures come from everybody."""


@dataclass(frozen=True, repr=False)
class Curve(ShortRepr):
    """A line: ROC as false positive rate (x) and sensitivity (y), or a cost (y) over steps (x)."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True, repr=False)
class Band(ShortRepr):
    """A line with its interval: ``y`` over ``x`` from ``low`` to ``high``, with the people behind each."""

    x: list[float]
    y: list[float]
    low: list[float | None]
    high: list[float | None]
    n: list[int] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Subgroup(ShortRepr):
    """One part of the cohort, as ``sex`` = ``F``, with the metrics of the people in it.

    ``mistaken`` is the scan whose wrong decision was surest, of the main arm alone; empty where none was.
    """

    name: str
    level: str
    people: int
    positives: int
    metrics: dict[str, Estimate]
    mistaken: str = ""


@dataclass(frozen=True)
class Association:
    """Rank correlation of the error with a demographic (Falahati's check)."""

    demographic: str
    rho: Estimate


@dataclass(frozen=True)
class ScoreAssociation:
    """How far the scores of the negative class, out of fold, follow a demographic or the site.

    Attributes
    ----------
    variable : str
        The demographic, or the site's column.
    level : str
        The level of a category that is compared with the others; empty for a number.
    people : int
        Of the negative class: who is of the level, or with a number.
    rho : Estimate
        Rank correlation with a number; rank-biserial correlation of a level. 0 where nothing follows.
    """

    variable: str
    level: str
    people: int
    rho: Estimate


@dataclass(frozen=True, repr=False)
class Abstention(ShortRepr):
    """Referral to a specialist by conformal prediction sets.

    Attributes
    ----------
    coverage : float
        Stated share of people whose true class lies in the set.
    reached : Estimate
        The same share, measured on the test folds.
    referred : Estimate
        Share of people whose set holds more or less than one class.
    metrics : dict of str to Estimate
        Of the people who were decided.
    """

    coverage: float
    reached: Estimate
    referred: Estimate
    metrics: dict[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Stability:
    """In what share of the training parts a feature was selected."""

    feature: str
    share: float


@dataclass(frozen=True, repr=False)
class Arm(ShortRepr):
    """One way to treat demographics, tested on the same folds as the others.

    Attributes
    ----------
    title : str
        What the arm does, in words.
    auc, balanced_accuracy, sensitivity, specificity : Estimate
        Out of fold; AUC by pairs of people tested in the same fold; the other three at the threshold chosen
        inside each training part.
    adjusted_auc : Estimate
        Each patient among people of the negative class of the same demographics (Janes and Pepe 2009).
    confusion : list of list of float
        Rows true class, columns decided class (then "no decision"), scans a repeat.
    roc : Curve
        Patients against the negative class, over the mean out-of-fold probability of each scan.
    thresholds : list of float
        One a fold and repeat.
    settings : list of dict
        The tuned settings, one a fold and repeat.
    undecided : float
        Share of test decisions that were "no decision".
    metrics : dict of str to Estimate
        Every metric by its name, those above among them.
    precision_recall : Curve or None
        Precision (y) over sensitivity (x), at the cohort's prevalence.
    calibration : Band or None
        Share of patients (y) by predicted probability (x), in bins of equally many people.
    decision_curve : dict of str to Curve
        Net benefit (y) over threshold probability (x) of ``"model"``, ``"everybody"`` and ``"nobody"``.
    subgroups : list of Subgroup
        By sex, thirds of age, site.
    errors : list of Association
        Whether errors depend on a demographic.
    score_associations : list of ScoreAssociation
        Whether the scores of the negative class follow a demographic or the site.
    abstention : Abstention or None
        Where a band of referral was asked for.
    stability : list of Stability
        Where features were selected, the most frequent first.
    """

    title: str
    auc: Estimate
    balanced_accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    confusion: list[list[float]]
    roc: Curve
    thresholds: list[float]
    settings: list[dict[str, Any]]
    undecided: float
    metrics: dict[str, Estimate] = field(default_factory=dict)
    precision_recall: Curve | None = None
    calibration: Band | None = None
    decision_curve: dict[str, Curve] = field(default_factory=dict)
    subgroups: list[Subgroup] = field(default_factory=list)
    errors: list[Association] = field(default_factory=list)
    abstention: Abstention | None = None
    stability: list[Stability] = field(default_factory=list)
    adjusted_auc: Estimate = Estimate(None, None, None)
    score_associations: list[ScoreAssociation] = field(default_factory=list)

    def facts(self) -> dict[str, str]:
        """Return what the arm does, and its main metrics with their intervals."""
        shown = {_title(metric): interval(getattr(self, metric)) for metric in METRIC_NAMES}
        return {"title": self.title, **shown, "no decision": f"{self.undecided:.0%}"}


@dataclass(frozen=True)
class Alarm:
    """Something that may make the numbers too good: a code, its severity, what was seen, what to do.

    ``severity`` is ``"severe"`` (do not publish before it is cleared up), ``"caution"`` or ``"note"``.
    """

    code: str
    severity: str
    title: str
    seen: str
    advice: str


@dataclass(frozen=True)
class Comparison:
    """A paired test between two arms or runs over the same people."""

    one: str
    other: str
    metric: str
    test: str
    difference: Estimate
    p: float | None


@dataclass(frozen=True, repr=False)
class Permutation(ShortRepr):
    """The whole procedure on shuffled labels: ``p`` counts shuffles at least as good, plus one."""

    metric: str
    observed: float
    shuffled: list[float]
    p: float


@dataclass(frozen=True)
class LearningCurve:
    """A metric over the number of training people, with what it would take to go on."""

    metric: str
    curve: Band
    advice: str = ""


@dataclass(frozen=True, repr=False)
class Evaluation(ShortRepr):
    """``evaluation.json``: the arms compared on the same folds, or a test on another cohort.

    ``n_per_class`` counts scans, as ``n_scans`` does.

    ``differences["normalized-raw"]["auc"]`` is a paired difference over the same people; ``by_site`` is the
    main arm tested on sites it was not trained on, beside any other split. ``decision`` is the rule in words,
    ``wished_sensitivity`` the share of patients at which it aims; None with costs, and in runs of 0.1.0.
    """

    kind: str
    classes: list[str]
    negative: str
    positives: list[str]
    n_people: int
    n_scans: int
    n_per_class: dict[str, int]
    folds: int
    repeats: int
    seed: int
    confidence: float
    decision: str
    main_arm: str
    arms: dict[str, Arm]
    differences: dict[str, dict[str, Estimate]]
    notes: Notes = field(default_factory=list)
    split: str = "kfold"
    alarms: list[Alarm] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    permutation: Permutation | None = None
    learning_curve: LearningCurve | None = None
    by_site: Arm | None = None
    wished_sensitivity: float | None = None
    schema_version: int = 1

    def to_frame(self) -> pd.DataFrame:
        """Return every metric of every arm with its interval: a row an arm and metric.

        Returns
        -------
        DataFrame
            With ``arm``, ``metric``, ``estimate``, ``low`` and ``high``.
        """
        import pandas as pd

        rows = [
            (name, metric, row.estimate, row.low, row.high)
            for name, arm in self.arms.items()
            for metric, row in arm.metrics.items()
        ]
        return pd.DataFrame(rows, columns=["arm", "metric", "estimate", "low", "high"])

    def facts(self) -> dict[str, str]:
        """Return who was tested, and the AUC of each arm, as it is and adjusted for the demographics."""
        tested = f"{self.repeats} × {self.folds} folds" if self.kind == "crossval" else "a saved model"
        aucs = {
            f"AUC {name}{'*' * (name == self.main_arm)}": interval(arm.auc)
            + (f", adjusted {arm.adjusted_auc.estimate:.2f}" if arm.adjusted_auc.estimate is not None else "")
            for name, arm in self.arms.items()
        }
        scans = {"scans": f"{self.n_scans} of {self.n_people} people", "classes": counts(self.n_per_class)}
        return {"tested": tested, **scans, **aucs}

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, forest, table

        about = {name: text for name, text in self.facts().items() if not name.startswith("AUC ")}
        arms = [
            (
                f"{name}{' (main)' * (name == self.main_arm)}",
                *(interval(getattr(arm, metric)) for metric in METRIC_NAMES),
            )
            for name, arm in self.arms.items()
        ]
        aucs = {name: arm.auc for name, arm in self.arms.items()}
        level = f"{self.confidence:.0%} interval"
        return block(
            "Evaluation",
            facts_table({**about, "decision": self.decision}),
            forest(aucs, title=f"AUC with its {level}", limits=(0.4, 1.0), main=self.main_arm, line=0.5),
            table(f"Each arm with its {level}", ("arm", *map(_title, METRIC_NAMES)), arms),
            table(
                "Alarms",
                ("severity", "what"),
                [(row.severity, f"{row.code} {row.title}") for row in self.alarms],
            )
            if self.alarms
            else "",
        )


@dataclass(frozen=True, repr=False)
class RankedRun(ShortRepr):
    """One run on the leaderboard: its main arm, out of fold; ``run`` is its folder."""

    run: str
    title: str
    arm: str
    classifier: str
    extractor: str
    split: str
    people: int
    scans: int
    metrics: dict[str, Estimate]
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class RunComparison(ShortRepr):
    """``comparison.json``: runs side by side, the best AUC first, and paired tests over the same people.

    In ``comparisons``, ``one`` and ``other`` are the runs' folders as in ``standings``; pairs of runs that
    tested different people have no test, and ``notes`` names them.
    """

    classes: list[str]
    negative: str
    confidence: float
    standings: list[RankedRun]
    comparisons: list[Comparison] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    schema_version: int = 1


def _title(metric: str) -> str:
    return metric.replace("_", " ").replace("auc", "AUC")
