"""TRIPOD+AI: reporting of prediction models that use regression or machine learning (Collins et al. 2024).

The titles are ours; the wording of the checklist is in the paper, BMJ 2024;385:e078378.
"""

from __future__ import annotations

from normwise.report.checklists import facts, methods
from normwise.report.checklists.item import Item

__all__ = ["TRIPOD_AI"]

_DATA = "sources and design of the data, dates of enrolment and follow-up, and whom they represent"

TRIPOD_AI: list[Item] = [
    Item(1, "Title", "Title", "the final title", facts.title),
    Item(2, "Abstract", "Abstract", "background, interpretation and registration", facts.abstract),
    Item(3, "Background", "Introduction",
         "clinical context, intended use and users, care today, and known inequalities between groups"),
    Item(4, "Objectives", "Introduction", "", facts.aim),
    Item(5, "Data", "Methods", _DATA, facts.data_source),
    Item(6, "Participants", "Methods", "setting, places and treatments received", facts.eligibility),
    Item(7, "Data preparation", "Methods", "", facts.preparation),
    Item(8, "Outcome", "Methods", "who assessed the outcome, how, when, and blinded to what", facts.outcome),
    Item(9, "Predictors", "Methods", "why these predictors, and who measured them blinded to what",
         facts.predictors),
    Item(10, "Sample size", "Methods", "how the size was arrived at", methods.sample_size),
    Item(11, "Missing data", "Methods", "why values were missing", facts.missing),
    Item(12, "Analysis", "Methods", "", methods.analysis),
    Item(13, "Class imbalance", "Methods", "", facts.balance),
    Item(14, "Fairness", "Methods", "why these groups were looked at", methods.fairness),
    Item(15, "Model output", "Methods", "", methods.output),
    Item(16, "Training against evaluation data", "Methods", "", methods.partitions),
    Item(17, "Ethical approval", "Methods", "the committee that approved the study, and consent"),
    Item(18, "Open science", "Open science",
         "funding, conflicts of interest, protocol, registration, and where data and code can be had"),
    Item(19, "Patients and public", "Patient and public involvement",
         "who was involved in design, conduct or reporting, or that nobody was"),
    Item(20, "Flow and characteristics", "Results", "",
         lambda run: f"{facts.flow(run)} {facts.composition(run)}"),
    Item(21, "Numbers in each analysis", "Results", "", methods.development),
    Item(22, "Full model", "Results", "where the model can be had", methods.specification),
    Item(23, "Performance", "Results", "", methods.performance),
    Item(24, "Updating", "Results", "", methods.updating),
    Item(25, "Interpretation", "Discussion", "what the results mean beside the aims and other studies"),
    Item(26, "Limitations", "Discussion", "limits of the data that the run can't know", facts.limitations),
    Item(27, "Use in care", "Discussion", "who would use it, with what expertise, and what to do next",
         methods.usability),
]  # fmt: skip
"""The 27 items."""
