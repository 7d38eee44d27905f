"""Schema."""

from normwise.schema.parameters import (
    Rule,
    check_value,
    choice,
    class_weights,
    either,
    layers,
    nothing,
    number,
    suggestion,
)
from normwise.schema.study import (
    ClassifierSection,
    CohortSection,
    CostPair,
    DecisionSection,
    EvaluationSection,
    FeaturesSection,
    NormalizerSection,
    Roles,
    SelectionSection,
    SitesSection,
    Study,
)

__all__ = [
    "ClassifierSection",
    "CohortSection",
    "CostPair",
    "DecisionSection",
    "EvaluationSection",
    "FeaturesSection",
    "NormalizerSection",
    "Roles",
    "Rule",
    "SelectionSection",
    "SitesSection",
    "Study",
    "check_value",
    "choice",
    "class_weights",
    "either",
    "layers",
    "nothing",
    "number",
    "suggestion",
]
