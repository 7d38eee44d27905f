"""CLAIM: reporting of artificial intelligence in medical imaging, 2024 update (Tejani et al. 2024).

The titles are ours; the wording of the checklist is in the paper, Radiology: Artificial Intelligence
2024;6(4):e240300.
"""

from __future__ import annotations

from normwise.report.checklists.facts import (
    abstract,
    aim,
    availability,
    composition,
    data_source,
    eligibility,
    flow,
    limitations,
    missing,
    outcome,
    preparation,
    software,
    subsets,
    title,
)
from normwise.report.checklists.item import Item
from normwise.report.checklists.methods import (
    disjoint,
    ensembling,
    explainability,
    external,
    failures,
    goal,
    initialization,
    internal,
    metrics,
    model,
    model_selection,
    partitions,
    performance,
    robustness,
    sample_size,
    training,
    uncertainty,
)

__all__ = ["CLAIM"]

CLAIM: list[Item] = [
    Item(1, "Title names the method", "Title", "the final title", title),
    Item(2, "Abstract", "Abstract", "background and conclusion", abstract),
    Item(3, "Background and intended use", "Introduction", "clinical background, and the role in care"),
    Item(4, "Aims", "Introduction", "hypotheses", aim),
    Item(5, "Prospective or retrospective", "Methods: design", "which of the two"),
    Item(6, "Goal of the study", "Methods: design", "", goal),
    Item(7, "Data sources", "Methods: data", "where and when the data were collected", data_source),
    Item(8, "Who was eligible", "Methods: data", "places and dates of care", eligibility),
    Item(9, "Preprocessing", "Methods: data", "", preparation),
    Item(10, "Subsets of the data", "Methods: data", "", subsets),
    Item(11, "De-identification", "Methods: data", "how the data were de-identified"),
    Item(12, "Missing data", "Methods: data", "why values were missing", missing),
    Item(13, "Acquisition", "Methods: data", "scanners and protocols"),
    Item(14, "Reference standard", "Methods: reference standard", "criteria behind the label", outcome),
    Item(15, "Why this standard", "Methods: reference standard", "the reason, and what else there is"),
    Item(16, "Who set the standard", "Methods: reference standard", "qualifications and instructions"),
    Item(17, "Standard of the test set", "Methods: reference standard", "who labelled the test people"),
    Item(18, "Agreement of raters", "Methods: reference standard", "agreement between and within raters"),
    Item(19, "Assignment to parts", "Methods: partitions", "", partitions),
    Item(20, "Level at which parts are disjoint", "Methods: partitions", "", disjoint),
    Item(21, "Sample size", "Methods: testing data", "how the size was arrived at", sample_size),
    Item(22, "Model", "Methods: model", "", model),
    Item(23, "Software", "Methods: model", "", software),
    Item(24, "Initialization", "Methods: model", "", initialization),
    Item(25, "Training", "Methods: training", "", training),
    Item(26, "Selection of the final model", "Methods: training", "", model_selection),
    Item(27, "Ensembling", "Methods: training", "", ensembling),
    Item(28, "Metrics", "Methods: evaluation", "why these metrics", metrics),
    Item(29, "Uncertainty", "Methods: evaluation", "", uncertainty),
    Item(30, "Robustness", "Methods: evaluation", "", robustness),
    Item(31, "Explainability", "Methods: evaluation", "", explainability),
    Item(32, "Internal evaluation", "Methods: evaluation", "", internal),
    Item(33, "External testing", "Methods: evaluation",
         "whether another cohort was tested; normwise test does it", external),
    Item(34, "Trial registration", "Methods: evaluation", "the registration, if it was a trial"),
    Item(35, "Who was in and out", "Results: data", "", flow),
    Item(36, "Demographics and clinical traits", "Results: data", "clinical traits", composition),
    Item(37, "Performance by part", "Results: performance", "", performance),
    Item(38, "Precision of the estimates", "Results: performance", "",
         lambda run: " ".join(part for part in (uncertainty(run), performance(run)) if part)),
    Item(39, "Failures", "Results: performance", "what the worst cases have in common", failures),
    Item(40, "Limitations", "Discussion", "limits that the run can't know", limitations),
    Item(41, "Implications", "Discussion", "what follows for care, and the intended use"),
    Item(42, "Protocol", "Other", "where the full protocol can be had"),
    Item(43, "Availability", "Other", "where software, model and data can be had", availability),
    Item(44, "Funding", "Other", "funding and the role of the funders"),
]  # fmt: skip
"""The 44 items."""
