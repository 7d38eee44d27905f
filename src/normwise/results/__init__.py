"""Plain data that a run leaves behind, to and from JSON; no logic, no estimator, no frame.

A report is made from these alone, so that it can be made again from a saved run. ``None`` stands for a
number that is not defined (an AUC of one class), never NaN, which JSON does not have. ``record`` holds what
was run and its notes, ``evaluation`` the arms and their figures, ``regression`` those of a number, ``people``
single people and features, ``predicted_numbers`` single people's numbers.
"""

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.results.evaluation import (
    DRAWN_POINTS,
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
    ClassifierMap,
    Contribution,
    Explanation,
    FeatureNote,
    Importance,
    People,
    Person,
    Picture,
    Pictures,
    Prediction,
    Predictions,
    Quality,
    ScoreShare,
    Trajectory,
    TreeNode,
)
from normwise.results.record import FlowStep, Note, RunRecord, notes_of, read_result, write_result

if TYPE_CHECKING:
    from normwise.results.predicted_numbers import PredictedNumber, PredictedNumbers, PredictionInterval
    from normwise.results.regression import Coverage, GapGroup, Regression, RegressionArm, RegressionPoint

__all__ = [
    "DRAWN_POINTS",
    "METRIC_NAMES",
    "Abstention",
    "Alarm",
    "Arm",
    "Association",
    "Band",
    "ClassifierMap",
    "Comparison",
    "Contribution",
    "Coverage",
    "Curve",
    "Estimate",
    "Evaluation",
    "Explanation",
    "FeatureNote",
    "FlowStep",
    "GapGroup",
    "Importance",
    "LearningCurve",
    "Note",
    "People",
    "Permutation",
    "Person",
    "Picture",
    "Pictures",
    "PredictedNumber",
    "PredictedNumbers",
    "Prediction",
    "PredictionInterval",
    "Predictions",
    "Quality",
    "RankedRun",
    "Regression",
    "RegressionArm",
    "RegressionPoint",
    "RunComparison",
    "RunRecord",
    "ScoreAssociation",
    "ScoreShare",
    "Stability",
    "Subgroup",
    "Trajectory",
    "TreeNode",
    "notes_of",
    "read_result",
    "write_result",
]  # fmt: skip

__getattr__ = on_use(
    __name__,
    {
        **dict.fromkeys(("PredictedNumber", "PredictedNumbers", "PredictionInterval"), "predicted_numbers"),
        **dict.fromkeys(
            ("Coverage", "GapGroup", "Regression", "RegressionArm", "RegressionPoint"), "regression"
        ),
    },
)
