"""``[classifier]``: which classifier, and the grid its settings are tuned over."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from normwise.schema.section import Section

__all__ = ["ClassifierSection"]


class ClassifierSection(Section):
    """``[classifier]``; what its settings may be is in the signature of each classifier."""

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
