"""STARD-AI: diagnostic accuracy studies that use artificial intelligence (Sounderajah et al. 2025).

Items 1 to 30 are those of STARD 2015 (Bossuyt et al. 2015, BMJ 351:h5527), which STARD-AI keeps; from 31 on
stand the subjects that it adds, in an order of our own. Titles are ours; the wording is in the paper, Nature
Medicine 2025;31:3283-3289.
"""

from __future__ import annotations

from normwise.report.checklists.facts import (
    abstract,
    aim,
    availability,
    balance,
    composition,
    data_source,
    eligibility,
    flow,
    limitations,
    missing,
    outcome,
    predictors,
    preparation,
    software,
    title,
)
from normwise.report.checklists.item import Item
from normwise.report.checklists.methods import (
    disjoint,
    explainability,
    failures,
    fairness,
    goal,
    metrics,
    output,
    partitions,
    performance,
    robustness,
    sample_size,
    training,
    uncertainty,
    usability,
)

__all__ = ["STARD_AI"]

STARD_AI: list[Item] = [
    Item(1, "Title names accuracy and method", "Title", "the final title", title),
    Item(2, "Abstract", "Abstract", "background and conclusion", abstract),
    Item(3, "Background and intended use", "Introduction",
         "clinical background, and the role of the test in care"),
    Item(4, "Objectives and hypotheses", "Introduction", "hypotheses", aim),
    Item(5, "Prospective or retrospective", "Methods: design", "which of the two"),
    Item(6, "Who was eligible", "Methods: participants", "criteria beyond those of the table", eligibility),
    Item(7, "On what basis people were found", "Methods: participants",
         "symptoms, earlier results or a registry"),
    Item(8, "Where and when", "Methods: participants", "setting, places and dates"),
    Item(9, "Consecutive, random or convenience", "Methods: participants", "how the series was formed"),
    Item(10, "Index test and reference standard", "Methods: tests",
         "the reference standard, so that others can repeat it",
         lambda run: " ".join(part for part in (predictors(run), outcome(run)) if part)),
    Item(11, "Why this reference standard", "Methods: tests", "the reason, and what else there is"),
    Item(12, "Cut-offs and how they were chosen", "Methods: tests",
         "categories of the reference standard", output),
    Item(13, "Who knew what", "Methods: tests",
         "whether the readers of either test knew the other's result, or clinical information"),
    Item(14, "Estimating and comparing accuracy", "Methods: analysis", "",
         lambda run: " ".join(part for part in (metrics(run), uncertainty(run)) if part)),
    Item(15, "Undecided results", "Methods: analysis",
         "undecided results of the reference standard", usability),
    Item(16, "Missing data", "Methods: analysis", "why values were missing", missing),
    Item(17, "Variability of accuracy", "Methods: analysis", "which of these were planned", fairness),
    Item(18, "Sample size", "Methods: analysis", "how the size was arrived at", sample_size),
    Item(19, "Flow of participants", "Results: participants", "", flow),
    Item(20, "Demographics and clinical traits", "Results: participants", "clinical traits", composition),
    Item(21, "Severity and other diagnoses", "Results: participants",
         "how severe the disease was in patients, and what else the others had"),
    Item(22, "Time between the tests", "Results: participants", "the interval, and treatment in between"),
    Item(23, "Cross-table of test and standard", "Results: tests", "",
         lambda run: "The report shows it under Decisions, with 'no decision' as a column of its own."
         if run.main is not None and run.main.confusion else ""),
    Item(24, "Accuracy with its precision", "Results: tests", "", performance),
    Item(25, "Harm by the tests", "Results: tests", "adverse events of either test"),
    Item(26, "Limitations", "Discussion", "limits that the run can't know", limitations),
    Item(27, "Implications and clinical role", "Discussion", "what follows for care"),
    Item(28, "Registration", "Other", "number and name of the registry"),
    Item(29, "Protocol", "Other", "where the full protocol can be had"),
    Item(30, "Funding", "Other", "funding and the role of the funders"),
    Item(31, "Data sets and their origin", "Added: data", "scanners, protocols and dates", data_source),
    Item(32, "Annotation of the data", "Added: data",
         "who labelled, with what training and tools, and their agreement"),
    Item(33, "Preparation of the data", "Added: data", "", preparation),
    Item(34, "Balance and representativeness", "Added: data", "whom the data stand for", balance),
    Item(35, "Training, tuning and test data", "Added: partitions", "",
         lambda run: " ".join(part for part in (partitions(run), disjoint(run)) if part)),
    Item(36, "Development and version of the algorithm", "Added: index test", "",
         lambda run: " ".join(part for part in (goal(run), training(run), software(run)) if part)),
    Item(37, "People and algorithm together", "Added: index test",
         "who enters what, who sees the result, and what training that needs"),
    Item(38, "Errors and their causes", "Added: results", "what the mistaken cases have in common",
         lambda run: " ".join(part for part in (failures(run), explainability(run)) if part)),
    Item(39, "Generalization and bias between groups", "Added: results",
         "whether another cohort was tested", robustness),
    Item(40, "Availability of data, code and model", "Added: other",
         "where they can be had, and commercial interests", availability),
]  # fmt: skip
"""The 40 items."""
