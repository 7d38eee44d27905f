"""TRIPOD+AI: reporting of prediction models that use regression or machine learning (Collins et al. 2024).

The titles are ours; the wording of the checklist is in the paper, BMJ 2024;385:e078378.
"""

from __future__ import annotations

from normwise.report.checklists.facts import (
    abstract,
    aim,
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
    title,
)
from normwise.report.checklists.item import Item
from normwise.report.checklists.methods import (
    analysis,
    development,
    fairness,
    output,
    partitions,
    performance,
    sample_size,
    specification,
    updating,
    usability,
)

__all__ = ["TRIPOD_AI"]

_DATA = "sources and design of the data, dates of enrolment and follow-up, and whom they represent"

TRIPOD_AI: list[Item] = [
    Item(1, "Title", "Title", "the final title", title),
    Item(2, "Abstract", "Abstract", "background, interpretation and registration", abstract),
    Item(3, "Background", "Introduction",
         "clinical context, intended use and users, care today, and known inequalities between groups"),
    Item(4, "Objectives", "Introduction", "", aim),
    Item(5, "Data", "Methods", _DATA, data_source),
    Item(6, "Participants", "Methods", "setting, places and treatments received", eligibility),
    Item(7, "Data preparation", "Methods", "", preparation),
    Item(8, "Outcome", "Methods", "who assessed the outcome, how, when, and blinded to what", outcome),
    Item(9, "Predictors", "Methods", "why these predictors, and who measured them blinded to what",
         predictors),
    Item(10, "Sample size", "Methods", "how the size was arrived at", sample_size),
    Item(11, "Missing data", "Methods", "why values were missing", missing),
    Item(12, "Analysis", "Methods", "", analysis),
    Item(13, "Class imbalance", "Methods", "", balance),
    Item(14, "Fairness", "Methods", "why these groups were looked at", fairness),
    Item(15, "Model output", "Methods", "", output),
    Item(16, "Training against evaluation data", "Methods", "", partitions),
    Item(17, "Ethical approval", "Methods", "the committee that approved the study, and consent"),
    Item(18, "Open science", "Open science",
         "funding, conflicts of interest, protocol, registration, and where data and code can be had"),
    Item(19, "Patients and public", "Patient and public involvement",
         "who was involved in design, conduct or reporting, or that nobody was"),
    Item(20, "Flow and characteristics", "Results", "",
         lambda run: f"{flow(run)} {composition(run)}"),
    Item(21, "Numbers in each analysis", "Results", "", development),
    Item(22, "Full model", "Results", "where the model can be had", specification),
    Item(23, "Performance", "Results", "", performance),
    Item(24, "Updating", "Results", "", updating),
    Item(25, "Interpretation", "Discussion", "what the results mean beside the aims and other studies"),
    Item(26, "Limitations", "Discussion", "limits of the data that the run can't know", limitations),
    Item(27, "Use in care", "Discussion", "who would use it, with what expertise, and what to do next",
         usability),
]  # fmt: skip
"""The 27 items."""
