"""Plain data that a run leaves behind, to and from JSON; no logic, no estimator, no frame.

A report is made from these alone, so that it can be made again from a saved run. ``None`` stands for a
number that is not defined (an AUC of one class), never NaN, which JSON does not have. ``record`` holds what
was run and its notes, ``evaluation`` the arms and their figures, ``people`` single people and features.
"""

from normwise.results.evaluation import (
    METRIC_NAMES,
    Abstention,
    Alarm,
    Arm,
    Association,
    Band,
    Comparison,
    Curve,
    Estimate,
    Evaluation,
    LearningCurve,
    Permutation,
    RankedRun,
    RunComparison,
    ScoreAssociation,
    Stability,
    Subgroup,
)
from normwise.results.people import (
    Contribution,
    Explanation,
    FeatureNote,
    Importance,
    People,
    Person,
    Picture,
    Pictures,
    Prediction,
    Quality,
    ScoreShare,
    Trajectory,
)
from normwise.results.record import FlowStep, Note, RunRecord, read_result, write_result

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
    "ScoreAssociation",
    "ScoreShare",
    "Stability",
    "Subgroup",
    "Trajectory",
    "read_result",
    "write_result",
]  # fmt: skip
