"""``[evaluation]``: how the procedure is tested."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from normwise.schema.section import Probability, Section

__all__ = ["EvaluationSection"]


class EvaluationSection(Section):
    """``[evaluation]``."""

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
