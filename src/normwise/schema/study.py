"""Plain frozen data that travels through every room: roles, costs and the study file.

A `Study` is the resolved content of ``study.toml``; every command-line flag equals one of its keys. Reading
a file or a BIDS folder into one is the cohort room's work (`normwise.read_study`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ClassifierSection",
    "CohortSection",
    "CostPair",
    "DecisionSection",
    "EvaluationSection",
    "FeaturesSection",
    "NormalizerSection",
    "Roles",
    "SelectionSection",
    "SitesSection",
    "Study",
]

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]


@dataclass(frozen=True)
class Roles:
    """What each column of the travelling frame is for.

    Attributes
    ----------
    label : str
        Column of the raw table that holds the diagnosis.
    classes : tuple of str
        Every class name, in the study's order.
    normal : str
        The class on which the normalizer is fitted.
    targets : tuple of str
        The classes told apart; a class outside them (normals that are not a class) only trains.
    demographics : tuple of str
        Columns the features are regressed on.
    categorical : tuple of str
        The demographics that are categories; the others are numbers.
    group : str
        What makes one person: the column, or the pattern's result.
    site : str or None
        Column of the acquisition site.
    """

    label: str
    classes: tuple[str, ...]
    normal: str
    targets: tuple[str, ...]
    demographics: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    group: str = "group"
    site: str | None = None

    @property
    def negative(self) -> str:
        """What a false alarm is raised about: the normal class where it is a target, else the first."""
        return self.normal if self.normal in self.targets else self.targets[0]


class Section(BaseModel):
    """A frozen part of the study file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class CohortSection(Section):
    """``[cohort]``: who takes part and what each column means."""

    root: Path | None = Field(
        None, description="folder the other paths start from; default: the study file's"
    )
    table: str = Field("participants.tsv", description="participants table, CSV or TSV")
    id: str = Field("participant_id", description="column that names the scan or the person")
    group: str | None = Field(None, description="column that names the person; default: the id")
    group_pattern: str | None = Field(None, description="regular expression whose first group is the person")
    session: str | None = Field(None, description="column that orders one person's sessions; default: the id")
    site: str | None = Field(None, description="column of the acquisition site")
    images: str | None = Field(
        None, description="path of an image, with columns in braces: volumes/{ID}.nii.gz; or bids, by layout"
    )
    label: str = Field("diagnosis", description="column that holds the diagnosis")
    classes: dict[str, list[str]] = Field(
        default_factory=dict, description="class name = the label's values; default: each value is a class"
    )
    normal: str = Field("normal", description="the class that defines normal")
    targets: list[str] = Field(
        default_factory=list, description="classes to tell apart; default: all of them"
    )
    demographics: list[str] = Field(default_factory=list, description="columns to regress the features on")
    categorical: list[str] = Field(
        default_factory=list, description="demographics that are codes, not quantities"
    )
    include: list[str] = Field(default_factory=list, description="conditions on columns, as Age >= 60")
    sessions: Literal["first", "all"] = Field("first", description="sessions of one person that are used")


class FeaturesSection(Section):
    """``[features]``: what is measured on an image, or where the measurements lie."""

    extractor: str = Field(
        "regions",
        description="brain, regions, table, freesurfer, voxels, images, trunk, autoencoder or slides",
    )
    atlas: str = Field(
        "neuromorphometrics",
        description="name of an installed atlas, a label map, or one map a scan with columns in braces",
    )
    lut: str | None = Field(None, description="look-up table of a label map: index and name")
    statistics: list[str] = Field(
        default_factory=list, description="region statistics; default: the few that tell people apart"
    )
    columns: list[str] = Field(
        default_factory=list, description="feature columns by name or pattern (Left-*)"
    )
    table: str | list[str] | None = Field(
        None, description="second table that holds the features, or several; patterns (*.tsv) are allowed"
    )
    table_id: str | None = Field(
        None, description="id column of the second table, or COLUMN ~ PATTERN; default: the cohort's"
    )
    subjects_dir: str | None = Field(None, description="FreeSurfer SUBJECTS_DIR")
    mask: str | None = Field(None, description="mask of voxels and images; default: the MNI152 brain")
    smoothing_mm: NonNegative = Field(
        8.0, description="full width at half maximum of the voxels' smoothing, mm"
    )
    voxel_size_mm: NonNegative = Field(
        4.0, description="voxel size after downsampling, mm; 0 keeps the image's"
    )
    components: Annotated[int, Field(ge=1)] = Field(
        50, description="principal components, or numbers of an autoencoder's code"
    )
    network: dict[str, Any] = Field(
        default_factory=dict, description="settings of the network that trunk and autoencoder train"
    )
    quality: Literal["fast", "default", "high"] = Field(
        "default", description="how thoroughly a raw head is registered"
    )
    already_stripped: bool = Field(False, description="the heads hold the brain only, 0 elsewhere")
    masker: Literal["auto", "network", "template"] = Field(
        "auto", description="how the brain is found: by a network where it is installed, or by the template"
    )
    template: str | None = Field(
        None, description="T1-weighted brain without skull in whose space the atlas lies; default: MNI152"
    )
    labels: str | None = Field(
        None, description="label map a scan of FreeSurfer, FastSurfer or SynthSeg, with columns in braces"
    )
    keep_derivatives: bool = Field(False, description="write mask, tissue and labels to RUN/derivatives")
    keep_implausible: bool = Field(False, description="keep scans whose quality is out of range")
    mpp: Annotated[float, Field(gt=0)] | None = Field(
        None, description="µm per pixel of slides whose file does not say it"
    )
    measured_mpp: Annotated[float, Field(ge=0.2, le=1.0)] = Field(
        0.5, description="µm per pixel at which nuclei are measured, the same for all slides"
    )
    tile_um: Annotated[float, Field(ge=64, le=2048)] = Field(512.0, description="side of a slide's tiles, µm")
    stains: Literal["published", "macenko", "vahadane"] = Field(
        "published", description="stain vectors: the published ones, or learnt from each slide"
    )
    damaged_tiles: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.02, description="share of a slide's tiles that may be damaged"
    )
    solidity: bool = Field(False, description="measure each nucleus's share of its convex hull")
    pooling: Literal["attention", "mean"] = Field(
        "attention", description="how the extractor attention pools the tiles of a slide"
    )
    bag_tiles: Annotated[int, Field(ge=2, le=4096)] = Field(
        512, description="tiles of a slide that attention looks at, evenly spaced where there are more"
    )
    export: list[Literal["nuclei", "geojson"]] = Field(
        default_factory=list, description="tables of all nuclei, and outlines for QuPath"
    )

    @model_validator(mode="before")
    @classmethod
    def _atlas_of_brain(cls, keys: Any) -> Any:
        # Raw heads get FreeSurfer's regions unless another atlas is named.
        if isinstance(keys, dict) and keys.get("extractor") == "brain" and "atlas" not in keys:
            return {**keys, "atlas": "desikan_killiany"}
        return keys


class NormalizerSection(Section):
    """``[normalizer]``: the regression of every feature on the demographics of the normal group."""

    design: Literal["linear", "spline"] = Field("linear", description="form of numeric demographics")
    interactions: list[list[str]] = Field(
        default_factory=list, description="pairs of demographics to multiply"
    )
    scale: Literal["w", "residual"] = Field("w", description="W-scores, or the bare residual")
    variance: Literal["constant", "demographic"] = Field("constant", description="spread of the normals")
    reference: Literal["normal", "all"] = Field("normal", description="people on whom it is fitted")
    mode: Literal["replace", "append"] = Field(
        "replace", description="correct the features, or append demographics"
    )


class ClassifierSection(Section):
    """``[classifier]``: which classifier, and the grid its settings are tuned over."""

    name: str = Field("logistic", description="linear, logistic, svm, forest or perceptron")
    solver: str | None = Field(None, description="default, or gradient_descent (linear, logistic)")
    parameters: dict[str, Any] = Field(default_factory=dict, description="fixed settings of the classifier")
    grid: dict[str, list[Any]] = Field(
        default_factory=dict, description="settings to tune; default: the classifier's"
    )
    choices: list[str] = Field(
        default_factory=list, description="classifiers to choose among, the simplest first; default: name"
    )
    rule: Literal["best", "one_standard_error"] = Field(
        "best", description="setting of the least inner loss, or the simplest within one standard error"
    )


class SelectionSection(Section):
    """``[selection]``: which features the classifier is given, chosen anew inside every training part."""

    name: Literal["none", "l1", "univariate", "mutual_information", "mrmr"] = Field(
        "none", description="how features are chosen"
    )
    features: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="how many are kept; several are tuned; default: 10, 30 and 100"
    )


class SitesSection(Section):
    """``[sites]``: scanners made comparable on the normal people of the training part alone."""

    harmonize: Literal["none", "location_scale", "combat"] = Field(
        "none", description="how a site's shift and scale are taken out of the features"
    )
    unseen: Literal["refuse", "pooled", "own_normals"] = Field(
        "refuse", description="a site without training normals: no decision, as it is, or by its own normals"
    )


class CostPair(Section):
    """What a missed patient and a false alarm cost, in the same unit."""

    missed: NonNegative = Field(1.0, description="cost of deciding normal for a patient")
    false_alarm: NonNegative = Field(1.0, description="cost of deciding patient for a normal person")


class DecisionSection(Section):
    """``[decision]``: a wished sensitivity, or costs; without either a sensitivity of 0.90."""

    sensitivity: Probability | None = Field(None, description="wished share of patients found")
    cost: CostPair | None = Field(None, description="cost of a missed patient and of a false alarm")
    cost_matrix: dict[str, dict[str, NonNegative]] | None = Field(
        None, description="cost by true class, then decided class"
    )
    refer: Probability | None = Field(
        None, description="refer whoever has not one class at this coverage, as 0.9"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> DecisionSection:
        if sum(rule is not None for rule in (self.sensitivity, self.cost, self.cost_matrix)) > 1:
            raise ValueError("give one of sensitivity, cost and cost_matrix")
        return self


class EvaluationSection(Section):
    """``[evaluation]``: the honest test."""

    folds: Annotated[int, Field(ge=2)] = Field(5, description="outer folds")
    repeats: Annotated[int, Field(ge=1)] = Field(5, description="times the outer folds are drawn anew")
    inner_folds: Annotated[int, Field(ge=2)] = Field(
        5, description="folds inside a training part, for tuning"
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="seed of everything that is drawn")
    bootstrap: Annotated[int, Field(ge=100)] = Field(2000, description="bootstrap samples of the intervals")
    confidence: Probability = Field(0.95, description="coverage of the intervals")
    split: Literal["kfold", "leave_one_out", "site", "group"] = Field(
        "kfold", description="who is tested together: random folds, one person, one site or one group"
    )
    split_column: str | None = Field(None, description="column of the groups of split = group")
    prevalence: Probability | None = Field(
        None,
        description="share of patients that predictive values and cost are stated at; default: the cohort's",
    )
    learning_curve: bool = Field(False, description="test with fewer training people too")
    permutations: Annotated[int, Field(ge=0)] = Field(
        0, description="times the whole procedure is run on shuffled labels"
    )


class Study(Section):
    """The whole study file, resolved.

    Examples
    --------
    >>> study = Study.model_validate({"cohort": {"label": "CDR", "demographics": ["Age", "M/F"]}})
    >>> study.cohort.demographics, study.evaluation.folds
    (['Age', 'M/F'], 5)
    """

    title: str = Field("", description="a line for the report")
    cohort: CohortSection = Field(default_factory=CohortSection)
    features: FeaturesSection = Field(default_factory=FeaturesSection)
    normalizer: NormalizerSection = Field(default_factory=NormalizerSection)
    sites: SitesSection = Field(default_factory=SitesSection)
    selection: SelectionSection = Field(default_factory=SelectionSection)
    classifier: ClassifierSection = Field(default_factory=ClassifierSection)
    decision: DecisionSection = Field(default_factory=DecisionSection)
    evaluation: EvaluationSection = Field(default_factory=EvaluationSection)
