"""Pages: one self-contained report from a run's saved results, and nothing else.

- ``saved_run``      the run's results, read and checked once
- ``sections/``      each makes one part of the page, from ``figures/``, ``templates/``, ``wording``
- ``render``         templates to text, autoescape always on
- ``page``           the whole report
- ``person_page``    one page a person
- ``comparison``     runs side by side
- ``regression``     a number that is predicted
- ``descent``        gradient descent on one's own data
- ``checklist``, ``checklists/``, ``model_card``   reporting checklists and the model card
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
from normwise.report.page import draw_descent, make_page, write_report
from normwise.report.render import Section, SectionMaker, read_section, render, style_sheet
from normwise.report.saved_run import Album, SavedRun, Scored, as_uri, read_run, read_scored
from normwise.report.sections import SECTIONS
from normwise.report.sections.decisions import named_scans
from normwise.report.sections.network import draw_losses
from normwise.report.wording import feature_words, probability, threshold

if TYPE_CHECKING:
    from normwise.report.checklist import fill_checklists, write_checklist
    from normwise.report.comparison import write_comparison
    from normwise.report.descent import DescentOfCost, write_descent
    from normwise.report.figures.brain import Outliner, encode, open_template, shade
    from normwise.report.figures.canvas import inline_svg
    from normwise.report.figures.curves import draw_trajectory
    from normwise.report.figures.decision import DecisionPath, TestOf, draw_decision
    from normwise.report.model_card import write_model_card
    from normwise.report.person_page import make_person_page, write_people

__all__ = [
    "SECTIONS",
    "Album",
    "DecisionPath",
    "DescentOfCost",
    "Outliner",
    "SavedRun",
    "Scored",
    "Section",
    "SectionMaker",
    "TestOf",
    "as_uri",
    "draw_decision",
    "draw_descent",
    "draw_losses",
    "draw_trajectory",
    "encode",
    "feature_words",
    "fill_checklists",
    "inline_svg",
    "make_page",
    "make_person_page",
    "named_scans",
    "open_template",
    "probability",
    "read_run",
    "read_scored",
    "read_section",
    "render",
    "shade",
    "style_sheet",
    "threshold",
    "write_checklist",
    "write_comparison",
    "write_descent",
    "write_model_card",
    "write_people",
    "write_report",
]

__getattr__ = on_use(
    __name__,
    {
        "DecisionPath": "figures.decision",
        "DescentOfCost": "descent",
        "Outliner": "figures.brain",
        "TestOf": "figures.decision",
        "draw_decision": "figures.decision",
        "draw_trajectory": "figures.curves",
        "encode": "figures.brain",
        "fill_checklists": "checklist",
        "inline_svg": "figures.canvas",
        "make_person_page": "person_page",
        "open_template": "figures.brain",
        "shade": "figures.brain",
        "write_checklist": "checklist",
        "write_comparison": "comparison",
        "write_descent": "descent",
        "write_model_card": "model_card",
        "write_people": "person_page",
    },
)
