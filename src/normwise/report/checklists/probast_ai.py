"""PROBAST+AI: quality, risk of bias and applicability of prediction models (Moons et al. 2025).

An assessor's tool: its four domains are asked of the development and of the evaluation. Here stands what a
run says on each subject, for whoever judges; subjects and order are ours, the signalling questions are in the
paper, BMJ 2025;388:e082505.
"""

from __future__ import annotations

from normwise.report.checklists.facts import (
    aim,
    balance,
    composition,
    data_source,
    eligibility,
    limitations,
    missing,
    outcome,
    predictors,
    preparation,
)
from normwise.report.checklists.item import Item
from normwise.report.checklists.methods import (
    external,
    fairness,
    internal,
    leaks,
    metrics,
    model_selection,
    output,
    partitions,
    robustness,
    sample_size,
    training,
    uncertainty,
    updating,
    usability,
)

__all__ = ["PROBAST_AI"]

_PEOPLE, _PREDICTORS, _OUTCOME, _ANALYSIS = (
    "Participants and data sources",
    "Predictors",
    "Outcome",
    "Analysis",
)

PROBAST_AI: list[Item] = [
    Item(1, "Sources of the data", _PEOPLE,
         "design of the study, and whether the source suits the question", data_source),
    Item(2, "Inclusions and exclusions", _PEOPLE,
         "whether they suit those the model is meant for", eligibility),
    Item(3, "Whom the data stand for", _PEOPLE,
         "how the people compare with those the model is meant for", composition),
    Item(4, "Applicability of the people", _PEOPLE, "the question of the assessment", aim),
    Item(5, "Predictors alike for everybody", _PREDICTORS,
         "differences of scanners, protocols and readers", predictors),
    Item(6, "Preparation of predictors", _PREDICTORS, "", preparation),
    Item(7, "Predictors without knowledge of the outcome", _PREDICTORS,
         "whether who measured knew the diagnosis"),
    Item(8, "Predictors at hand when the model is used", _PREDICTORS, "", usability),
    Item(9, "Definition of the outcome", _OUTCOME,
         "whether it is a standard one, the same for everybody", outcome),
    Item(10, "Outcome without the predictors", _OUTCOME,
         "whether images or features took part in the diagnosis, and who knew them"),
    Item(11, "Time between predictors and outcome", _OUTCOME, "the interval"),
    Item(12, "Sample size", _ANALYSIS, "how the size was arrived at", sample_size),
    Item(13, "Missing values", _ANALYSIS, "why values were missing", missing),
    Item(14, "Class imbalance", _ANALYSIS, "", balance),
    Item(15, "Selection, tuning and complexity", _ANALYSIS, "",
         lambda run: " ".join(part for part in (training(run), model_selection(run)) if part)),
    Item(16, "Overfitting and optimism", _ANALYSIS, "", partitions),
    Item(17, "Leakage between training and test", _ANALYSIS, "", leaks),
    Item(18, "Discrimination, calibration and usefulness", _ANALYSIS, "",
         lambda run: " ".join(part for part in (metrics(run), uncertainty(run), output(run)) if part)),
    Item(19, "Internal evaluation", _ANALYSIS, "", internal),
    Item(20, "Evaluation on other people", _ANALYSIS, "whether another cohort was tested", external),
    Item(21, "Fairness", _ANALYSIS, "which groups matter for this use", fairness),
    Item(22, "Robustness", _ANALYSIS, "", robustness),
    Item(23, "Updating after the test", _ANALYSIS, "", updating),
    Item(24, "Overall judgement", "Overall",
         "quality, risk of bias and concerns of applicability: low, high or unclear",
         limitations),
]  # fmt: skip
"""What a run says on the four domains."""
