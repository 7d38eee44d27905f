"""Plain data that a run leaves behind, to and from JSON; no logic, no estimator, no frame.

A report is made from these alone, so that it can be made again from a saved run. ``None`` stands for a
number that is not defined (an AUC of one class), never NaN, which JSON does not have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter

from normwise.errors import NormwiseWarning
from normwise.files import write_bytes
from normwise.reprs import ShortRepr, counts, interval

__all__ = [
    "METRIC_NAMES",
    "Abstention",
    "Alarm",
    "Arm",
    "Association",
    "Band",
    "Comparison",
    "Contribution",
    "Curve",
    "Estimate",
    "Evaluation",
    "Explanation",
    "FeatureNote",
    "FlowStep",
    "Importance",
    "LearningCurve",
    "Note",
    "People",
    "Permutation",
    "Person",
    "Picture",
    "Pictures",
    "Prediction",
    "Quality",
    "RankedRun",
    "RunComparison",
    "RunRecord",
    "Stability",
    "Subgroup",
    "Trajectory",
    "read_result",
    "write_result",
]  # fmt: skip

METRIC_NAMES = ("auc", "balanced_accuracy", "sensitivity", "specificity")
"""The metrics of every arm, in the order in which they are shown."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Note:
    """A finding that stopped nothing, or a reason of no decision; a page or the terminal words it.

    Attributes
    ----------
    code : str
        As in ``docs/errors.md``.
    text : str
        What was found.
    subject : str or None
        The person, scan, column or file concerned.
    value : float or None
        The measured quantity.

    Examples
    --------
    >>> str(Note("EVA-102", "3 of 20 scans were trained on", value=3))
    'EVA-102  3 of 20 scans were trained on'
    """

    code: str
    text: str
    subject: str | None = None
    value: float | None = None

    @classmethod
    def of(cls, warning: NormwiseWarning) -> Note:
        """Keep what a warning says."""
        return cls(warning.code, warning.text, warning.subject, warning.value)

    def __str__(self) -> str:
        return f"{self.code}  {self.text}" if self.code else self.text


def _as_notes(value: Any) -> Any:
    """Read what runs of 0.1.0 hold, sentences, as notes of which nothing but the text is known."""
    if not isinstance(value, list):
        return value
    return [{"code": "", "text": each} if isinstance(each, str) else each for each in value]


Notes = Annotated[list[Note], BeforeValidator(_as_notes)]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval over people."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Curve:
    """A line: ROC as false positive rate (x) and sensitivity (y), or a cost (y) over steps (x)."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Band:
    """A line with its interval: ``y`` over ``x`` from ``low`` to ``high``, with the people behind each."""

    x: list[float]
    y: list[float]
    low: list[float | None]
    high: list[float | None]
    n: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Subgroup:
    """One part of the cohort, as ``sex`` = ``F``, with the metrics of the people in it."""

    name: str
    level: str
    people: int
    positives: int
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class Association:
    """Rank correlation of the error with a demographic (Falahati's check)."""

    demographic: str
    rho: Estimate


@dataclass(frozen=True)
class Abstention:
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


@dataclass(frozen=True)
class Arm:
    """One way to treat demographics, tested on the same folds as the others.

    Attributes
    ----------
    title : str
        What the arm does, in words.
    auc, balanced_accuracy, sensitivity, specificity : Estimate
        Out of fold; AUC by pairs of people tested in the same fold; the other three at the threshold chosen
        inside each training part.
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
        Every metric by its name, the four above among them.
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


@dataclass(frozen=True)
class Permutation:
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

    def facts(self) -> dict[str, str]:
        """Return who was tested, and the AUC of each arm."""
        tested = f"{self.repeats} × {self.folds} folds" if self.kind == "crossval" else "a saved model"
        aucs = {
            f"AUC {name}{'*' * (name == self.main_arm)}": interval(arm.auc) for name, arm in self.arms.items()
        }
        scans = {"scans": f"{self.n_scans} of {self.n_people} people", "classes": counts(self.n_per_class)}
        return {"tested": tested, **scans, **aucs}


@dataclass(frozen=True)
class RankedRun:
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


@dataclass(frozen=True)
class RunComparison:
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


@dataclass(frozen=True)
class Contribution:
    """One feature of one person: its W-score (or value) and its share in the linear score."""

    feature: str
    value: float
    expected: float | None
    w: float | None
    centile: float | None
    weight: float | None


@dataclass(frozen=True)
class Prediction:
    """One person: the decision and why; ``decision`` is None where none was made.

    ``outcome`` is ``decided``, ``referred`` (to a specialist), ``unsupported`` (nobody normal is like the
    person) or ``failed`` (the image or a measurement).
    """

    subject: str
    probabilities: dict[str, float]
    decision: str | None
    reason: str
    threshold: float | None
    contributions: list[Contribution] = field(default_factory=list)
    outcome: str = "decided"


@dataclass(frozen=True)
class Quality:
    """One check of one stage of one scan; it ``passed`` where ``value`` lies from ``low`` to ``high``."""

    stage: str
    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    passed: bool
    text: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture of one scan: a PNG or JPEG below the run folder; ``alt`` describes it."""

    subject: str
    stage: str
    path: str
    title: str
    alt: str


@dataclass(frozen=True)
class Pictures:
    """``pictures.json``: every picture of a run, by scan and stage."""

    pictures: list[Picture]


@dataclass(frozen=True)
class Person:
    """One person's page: the prediction, who it is about, and how far to trust it.

    ``trained_on`` says that the model has learnt from this very scan.
    """

    prediction: Prediction
    label: str | None
    demographics: dict[str, str]
    supported: bool
    support: str
    quality: list[Quality] = field(default_factory=list)
    trained_on: bool = False


@dataclass(frozen=True)
class People:
    """``people.json``: everybody of whom a page is wanted, with the region and meaning of the features named.

    ``out_of_fold`` says that each prediction is the mean over ``models`` trained without the person;
    otherwise it is that of one saved model. W-scores rest on the class ``normal``. ``pictures`` show what a
    network for images looks at in each person.
    """

    negative: str
    people: list[Person]
    normal: str = ""
    title: str = ""
    out_of_fold: bool = False
    models: int = 0
    atlas: str | None = None
    lut: str | None = None
    notes: dict[str, FeatureNote] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)


@dataclass(frozen=True)
class FlowStep:
    """People and scans that a step left out, with the code and the reason; the numbers add up."""

    step: str
    code: str
    reason: str
    scans: int


@dataclass(frozen=True)
class FeatureNote:
    """Unit and meaning of one feature; ``place`` is the region or nucleus, ``label`` its atlas index."""

    unit: str
    description: str
    place: str = ""
    label: int | None = None


@dataclass(frozen=True)
class Importance:
    """How much a feature drives the decision; the sign says towards which side."""

    feature: str
    weight: float
    place: str = ""
    label: int | None = None


@dataclass(frozen=True)
class Trajectory:
    """A feature's expected value over one numeric demographic, and everybody's own.

    ``expected`` and ``centiles`` are lines over ``grid``, one a level of the categorical demographics
    (``"F"``, ``"M"`` …), the other numeric demographics held at the normals' mean. ``people_level`` is the
    level of each person, empty where there are no categories.
    """

    feature: str
    unit: str
    demographic: str
    grid: list[float]
    expected: dict[str, list[float]]
    centiles: dict[str, dict[str, list[float]]]
    people_x: list[float]
    people_y: list[float]
    people_class: list[str]
    people_level: list[str] = field(default_factory=list)


@dataclass(frozen=True, repr=False)
class Explanation(ShortRepr):
    """``explanation.json``: what the trained model looks at.

    ``cost_curves`` holds the cost (y) over the steps (x) of a classifier that was fitted by descent,
    ``loss_curves`` the training loss (y) over the epochs (x) of a network, and ``network_pictures`` what a
    network for images looks at.
    """

    importances: list[Importance]
    importance_kind: str
    trajectories: list[Trajectory]
    atlas: str | None = None
    cost_curves: dict[str, Curve] = field(default_factory=dict)
    loss_curves: dict[str, Curve] = field(default_factory=dict)
    network_pictures: list[Picture] = field(default_factory=list)

    def facts(self) -> dict[str, str]:
        """Return how many features have a weight, and which weigh most."""
        most = ", ".join(row.feature for row in self.importances[:3]) or "none"
        return {"features": str(len(self.importances)), "weight": self.importance_kind, "most": most}


@dataclass(frozen=True)
class RunRecord:
    """``run.json``: what was run on whom with which versions.

    ``composition`` has one row a class, ``sites`` one a site; ``missing["Age"]["AD"]`` counts the rows of a
    class that were left out for a value that is not there. ``digests`` has the SHA-256 of each result, from
    schema version 2 on; `normwise.run_folder.RunFolder` writes and compares them.
    """

    title: str
    command: str
    versions: dict[str, str]
    seed: int
    classes: list[str]
    normal: str
    demographics: list[str]
    extractor: str
    n_features: int
    n_listed: int
    n_included: int
    flow: list[FlowStep]
    composition: list[dict[str, Any]]
    readings: list[str]
    warnings: Notes
    hashes: dict[str, str]
    settings: dict[str, Any]
    sites: list[dict[str, Any]] = field(default_factory=list)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)
    schema_version: int = 1
    digests: dict[str, str] = field(default_factory=dict)


def write_result(result: object, path: Path) -> None:
    """Write a result as JSON, whole or not at all.

    Parameters
    ----------
    result : object
        One of the dataclasses above.
    path : Path
        The file; its folder exists.
    """
    write_bytes(path, TypeAdapter(type(result)).dump_json(result, indent=2) + b"\n")


def read_result(kind: type[ResultT], path: Path) -> ResultT:
    """Read a result back.

    Parameters
    ----------
    kind : type
        The dataclass that is expected.
    path : Path
        A file that `write_result` wrote.

    Raises
    ------
    OSError
        The file can't be read.
    pydantic.ValidationError
        The file is not such a result.
    """
    return TypeAdapter(kind).validate_json(path.read_bytes())
