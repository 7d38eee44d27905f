"""Single people and single features: predictions, reasons, pictures, and what a model looks at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from normwise.reprs import ShortRepr, counts
from normwise.results.evaluation import Curve, Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ClassifierMap",
    "Contribution",
    "Explanation",
    "FeatureNote",
    "Importance",
    "People",
    "Person",
    "Picture",
    "Pictures",
    "Prediction",
    "Predictions",
    "Quality",
    "ScoreShare",
    "Trajectory",
    "TreeNode",
]  # fmt: skip


_NO_DIAGNOSIS = '<p style="margin:.3em 0">A research result, not a diagnosis.</p>'


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
class ScoreShare:
    """What demographics explain of one person's score, and what is left once it is taken out.

    ``log_odds`` are the classifier's, of the class ``name`` against the negative one; ``explained`` of it is
    what the scores of normal people with these demographics hold beyond those of the mean normal person.
    """

    name: str
    log_odds: float
    explained: float

    @property
    def adjusted(self) -> float:
        """The log-odds that are decided by."""
        return self.log_odds - self.explained


@dataclass(frozen=True, repr=False)
class Prediction(ShortRepr):
    """One person: the decision and why; ``decision`` is None where none was made.

    ``outcome`` is ``decided``, ``referred`` (to a specialist), ``unsupported`` (nobody normal is like the
    person) or ``failed`` (the image or a measurement). ``scores`` is empty where the score is not adjusted.
    """

    subject: str
    probabilities: dict[str, float]
    decision: str | None
    reason: str
    threshold: float | None
    contributions: list[Contribution] = field(default_factory=list)
    outcome: str = "decided"
    scores: list[ScoreShare] = field(default_factory=list)

    @property
    def shown_probabilities(self) -> dict[str, float]:
        """The probabilities a reader may see: none where nobody normal is like the person.

        There the classifier extrapolates, so its numbers are no probabilities.
        """
        return {} if self.outcome == "unsupported" else self.probabilities

    def facts(self) -> dict[str, str]:
        """Return the decision, the probabilities, and why."""
        shown = {f"probability of {name}": f"{value:.3f}" for name, value in self.shown_probabilities.items()}
        threshold = {} if self.threshold is None else {"threshold": f"{self.threshold:.3g}"}
        why = {"reason": self.reason} if self.reason else {}
        return {
            "subject": self.subject,
            "decision": self.decision or f"none ({self.outcome})",
            **why,
            **shown,
            **threshold,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the features that tell most: a row a feature, those that contribute most first.

        Returns
        -------
        DataFrame
            With ``value``, ``expected``, ``w``, ``centile`` and ``weight``; index ``feature``.
        """
        import pandas as pd

        columns = ["feature", "value", "expected", "w", "centile", "weight"]
        rows = [[getattr(row, name) for name in columns] for row in self.contributions]
        return pd.DataFrame(rows, columns=columns).set_index("feature")

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, forest, table

        explained = {
            f"score of {row.name}": f"{row.log_odds:+.2f} in log-odds, of which demographics explain "
            f"{row.explained:+.2f}; {row.adjusted:+.2f} is decided by"
            for row in self.scores
            if self.shown_probabilities
        }
        departures = {
            row.feature: Estimate(row.w, None, None) for row in self.contributions if row.w is not None
        }
        rows = [
            (row.feature, *(_digits(each) for each in (row.value, row.expected, row.w, row.centile)))
            for row in self.contributions
        ]
        return block(
            "Prediction",
            facts_table({**self.facts(), **explained}),
            forest(
                departures,
                title="W-scores: normal standard deviations from what is expected",
                limits=(-3.0, 3.0),
                line=0.0,
            ),
            table("Features", ("feature", "measured", "expected", "W", "centile"), rows) if rows else "",
            _NO_DIAGNOSIS,
        )


class Predictions(list[Prediction]):
    """Predictions of several people, in their order: a list that shows itself as a table.

    Examples
    --------
    >>> Predictions([Prediction("a", {"normal": 0.9, "AD": 0.1}, "normal", "", 0.5)])
    Predictions(1: decided 1)
    """

    def to_frame(self) -> pd.DataFrame:
        """Return a row a person.

        Returns
        -------
        DataFrame
            With ``decision``, ``outcome``, ``probability_CLASS`` of each class, ``threshold`` and ``reason``;
            index ``subject``. Where nobody normal is like a person the probabilities are missing, as they
            are in what `normwise predict` writes.
        """
        import pandas as pd

        names = dict.fromkeys(name for row in self for name in row.probabilities)
        rows = [
            {"subject": row.subject, "decision": row.decision, "outcome": row.outcome}
            | {f"probability_{name}": row.shown_probabilities.get(name) for name in names}
            | {"threshold": row.threshold, "reason": row.reason}
            for row in self
        ]
        columns = [
            "subject",
            "decision",
            "outcome",
            *(f"probability_{name}" for name in names),
            "threshold",
            "reason",
        ]
        frame = pd.DataFrame(rows, columns=columns).set_index("subject")
        numbers = [name for name in columns if name.startswith("probability_") or name == "threshold"]
        return frame.astype(dict.fromkeys(numbers, "float64"))

    def __repr__(self) -> str:
        outcomes = Counter(row.outcome for row in self)
        return f"Predictions({len(self)}: {counts(outcomes)})"

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, table

        rows = [
            (
                row.subject,
                row.decision or f"none ({row.outcome})",
                ", ".join(f"{name} {value:.3f}" for name, value in row.shown_probabilities.items()),
                row.reason,
            )
            for row in self
        ]
        return block(
            "Predictions",
            facts_table(
                {
                    "people": str(len(self)),
                    **{name: str(n) for name, n in Counter(row.outcome for row in self).items()},
                }
            ),
            table("", ("subject", "decision", "probabilities", "reason"), rows),
            _NO_DIAGNOSIS,
        )


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


@dataclass(frozen=True, repr=False)
class Pictures(ShortRepr):
    """``pictures.json``: every picture of a run, by scan and stage."""

    pictures: list[Picture]


@dataclass(frozen=True, repr=False)
class Person(ShortRepr):
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


@dataclass(frozen=True, repr=False)
class People(ShortRepr):
    """``people.json``: everybody of whom a page is wanted, with the region and meaning of the features named.

    ``out_of_fold`` says that each prediction is the mean over ``models`` trained without the person;
    otherwise it is that of one saved model. W-scores rest on the class ``normal``. ``pictures`` show what a
    network for images looks at in each person. ``named`` says that only those are here whom the report names.
    ``loss_curves`` are those of the model's networks, as in `Explanation`.
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
    named: bool = False
    loss_curves: dict[str, Curve] = field(default_factory=dict)


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


@dataclass(frozen=True, repr=False)
class Trajectory(ShortRepr):
    """A feature's expected value over one numeric demographic, and people's own.

    ``expected`` and ``centiles`` are lines over ``grid``, one a level of the categorical demographics
    (``"F"``, ``"M"`` …), the other numeric demographics held at the normals' mean. ``people_level`` is the
    level of each person, empty where there are no categories. ``of_people`` is the number of all, where these
    are evenly taken from more; otherwise 0.
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
    of_people: int = 0


@dataclass(frozen=True, repr=False)
class ClassifierMap(ShortRepr):
    """The score of a classifier that is given one column or two.

    Attributes
    ----------
    columns : list of str
        Their names.
    x, y : list of float
        Points of the grid along the first and the second; no ``y`` where there is one.
    score : list of list of float
        Probability of not being of the negative class, a row a point of ``y``, or one row.
    margin : list of list of float
        Score of a support vector machine's own, ±1 at the ends of its margin; empty for other classifiers.
    people_x, people_y, people_class
        The people it was trained on, or is tested on; of one column ``people_y`` is 0 for the negative class
        and 1 for the others.
    support : list of bool
        Who is a support vector; empty for other classifiers.
    threshold : float or None
        From which score on a person is called ill; None where a cost matrix decides.
    adjusted : bool
        Whether demographics take part in the score beside the columns, so that ``score`` is that of the
        normals' mean demographics.
    """

    columns: list[str]
    x: list[float]
    y: list[float]
    score: list[list[float]]
    margin: list[list[float]]
    people_x: list[float]
    people_y: list[float]
    people_class: list[str]
    support: list[bool]
    threshold: float | None
    adjusted: bool = False


@dataclass(frozen=True)
class TreeNode:
    """One node of a tree, with its children's places in the list; a leaf has none.

    Attributes
    ----------
    column : str
        What is asked of a person; empty in a leaf.
    cut : float
        Whoever has at most this goes to ``lower``, everybody else to ``upper``.
    lower, upper : int
        Places of the children; −1 in a leaf.
    share : float
        Of the training people here, those not of the negative class.
    people : int
        Training people here.
    """

    column: str
    cut: float
    lower: int
    upper: int
    share: float
    people: int


@dataclass(frozen=True, repr=False)
class Explanation(ShortRepr):
    """``explanation.json``: what the trained model looks at.

    ``cost_curves`` holds the cost (y) over the steps (x) of a classifier that was fitted by descent,
    ``loss_curves`` the training loss (y) over the epochs (x) of a network, and ``network_pictures`` what a
    network for images looks at. ``plane`` is there where a classifier has two columns, ``tree`` where it is a
    forest.
    """

    importances: list[Importance]
    importance_kind: str
    trajectories: list[Trajectory]
    atlas: str | None = None
    cost_curves: dict[str, Curve] = field(default_factory=dict)
    loss_curves: dict[str, Curve] = field(default_factory=dict)
    network_pictures: list[Picture] = field(default_factory=list)
    plane: ClassifierMap | None = None
    tree: list[TreeNode] = field(default_factory=list)

    def facts(self) -> dict[str, str]:
        """Return how many features have a weight, and which weigh most."""
        most = ", ".join(row.feature for row in self.importances[:3]) or "none"
        return {"features": str(len(self.importances)), "weight": self.importance_kind, "most": most}

    def _repr_html_(self) -> str:
        from normwise.reprs import block, facts_table, table

        rows = [(row.feature, _digits(row.weight), row.place) for row in self.importances[:20]]
        return block(
            "Explanation", facts_table(self.facts()), table("Weights", ("feature", "weight", "region"), rows)
        )


def _digits(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4g}"
