"""Single people and single features: predictions, reasons, pictures, and what a model looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

from normwise.reprs import ShortRepr
from normwise.results.evaluation import Curve

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
    "Quality",
    "ScoreShare",
    "Trajectory",
    "TreeNode",
]  # fmt: skip


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


@dataclass(frozen=True)
class Prediction:
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


@dataclass(frozen=True)
class ClassifierMap:
    """The plane of the only two columns that a classifier is given.

    Attributes
    ----------
    columns : list of str
        Their names.
    x, y : list of float
        Points of the grid along the first and the second.
    score : list of list of float
        Probability of not being of the negative class, a row a point of ``y``.
    margin : list of list of float
        Score of a support vector machine's own, ±1 at the ends of its margin; empty for other classifiers.
    people_x, people_y, people_class
        The people it was trained on, or is tested on.
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
