"""``[decision]``: a wished sensitivity, or costs; without either a sensitivity of 0.90."""

from __future__ import annotations

from pydantic import Field, model_validator

from normwise.schema.section import NonNegative, Probability, Section

__all__ = ["CostPair", "DecisionSection"]


class CostPair(Section):
    """What a missed patient and a false alarm cost, in the same unit."""

    missed: NonNegative = Field(1.0, description="cost of deciding normal for a patient")
    false_alarm: NonNegative = Field(1.0, description="cost of deciding patient for a normal person")


class DecisionSection(Section):
    """``[decision]``."""

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
