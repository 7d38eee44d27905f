"""The sections of the study file but ``[cohort]`` and ``[features]``, and the base of them all."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "ClassifierSection",
    "CostPair",
    "DecisionSection",
    "EngineSection",
    "EvaluationSection",
    "NonNegative",
    "NormalizerSection",
    "Probability",
    "Section",
    "SelectionSection",
    "SitesSection",
]

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]


class Section(BaseModel):
    """A frozen part of the study file; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class NormalizerSection(Section):
    """``[normalizer]``: the regression of every feature on the demographics of the normal group."""

    model_config = ConfigDict(serialize_by_alias=True)

    prior: str | None = Field(
        None, alias="from", description="a reference, which the study's normal people refine"
    )
    design: Literal["linear", "spline"] = Field("linear", description="form of numeric demographics")
    knots: dict[str, list[float]] = Field(
        default_factory=dict, description="knots of a spline; default: at quantiles of the normals"
    )
    interactions: list[list[str]] = Field(
        default_factory=list, description="pairs of demographics to multiply"
    )
    scale: Literal["w", "residual"] = Field("w", description="W-scores, or the bare residual")
    variance: Literal["constant", "demographic"] = Field("constant", description="spread of the normals")
    shrinkage: Literal["none", "empirical_bayes"] = Field(
        "none", description="slopes as estimated, or drawn towards those of all features"
    )
    tails: Literal["gaussian", "sinh_arcsinh", "auto"] = Field(
        "gaussian",
        description="W as it is, made normal, or made normal where that holds for normals left out",
    )
    reference: Literal["normal", "all"] = Field("normal", description="people on whom it is fitted")
    mode: Literal["replace", "append"] = Field(
        "replace", description="correct the features, or append demographics"
    )


class SitesSection(Section):
    """``[sites]``: scanners made comparable on the normal people of the training part alone."""

    harmonize: Literal["none", "location_scale", "combat", "hierarchical"] = Field(
        "none", description="how a site's shift and scale are taken out of the features"
    )
    unseen: Literal["refuse", "pooled", "predict", "own_normals"] = Field(
        "refuse",
        description="a site without training normals: no decision, the average, any site, or by its normals",
    )


class SelectionSection(Section):
    """``[selection]``: which features the classifier is given, chosen anew inside every training part."""

    name: Literal["none", "l1", "univariate", "mutual_information", "mrmr"] = Field(
        "none", description="how features are chosen"
    )
    features: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="how many are kept; several are tuned; default: 10, 30 and 100"
    )


class ClassifierSection(Section):
    """``[classifier]``: which classifier, and the grid its settings are tuned over.

    What the settings may be is in the signature of each classifier.
    """

    name: str = Field("logistic", description="the classifier")
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
    adjust: Literal["demographics", "none"] = Field(
        "demographics", description="take out of the score what demographics explain of it among the normals"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> DecisionSection:
        if sum(rule is not None for rule in (self.sensitivity, self.cost, self.cost_matrix)) > 1:
            raise ValueError("give one of sensitivity, cost and cost_matrix")
        return self


class EvaluationSection(Section):
    """``[evaluation]``: how the procedure is tested."""

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


class EngineSection(Section):
    """``[engine]``: where the work is done; no result depends on it, and no run keeps it."""

    name: Literal["local", "dask", "slurm", "pbs", "sge", "lsf"] = Field(
        "local", description="this machine, a Dask cluster that runs, or jobs of a queueing system"
    )
    scheduler: str | None = Field(None, description="address of the Dask cluster's scheduler")
    workers: Annotated[int, Field(ge=1)] = Field(1, description="jobs that the queueing system is asked for")
    cores: Annotated[int, Field(ge=1)] = Field(1, description="cores a job, each for one subject or fold")
    memory: str = Field("8GB", description="memory a job")
    time: str = Field("04:00:00", description="time limit of a job")
    queue: str | None = Field(None, description="queue, or partition, of the jobs")
    account: str | None = Field(None, description="account that the jobs are charged to")
    interface: str | None = Field(None, description="network interface by which jobs reach this machine")
    options: list[str] = Field(default_factory=list, description="further options of a job, as it takes them")

    @model_validator(mode="after")
    def _with_scheduler(self) -> EngineSection:
        if self.name == "dask" and self.scheduler is None:
            raise ValueError("a Dask cluster needs engine.scheduler, as tcp://node1:8786")
        if self.name != "dask" and self.scheduler is not None:
            raise ValueError(f"engine.scheduler is read with engine.name = dask, and not with {self.name}")
        return self
