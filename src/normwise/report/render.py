"""Templates to text: jinja2 with autoescape always on; and what a section of the report is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from normwise.report.figures.canvas import theme_css
from normwise.report.saved_run import SavedRun
from normwise.report.wording import FILTERS, METRIC_TITLES

__all__ = ["Section", "SectionMaker", "render", "style_sheet"]

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _TEMPLATES]),
        autoescape=True,  # jinja2's own default is off
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {function.__name__: function for function in FILTERS}
    environment.globals["metric_titles"] = METRIC_TITLES
    environment.globals |= {"theme": Markup(theme_css()), "style": Markup(_own_style())}  # noqa: S704  # our own files
    return environment


@cache
def _own_style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


def style_sheet() -> str:
    """Return the pages' style sheet, both themes first."""
    return f"{theme_css()}\n{_own_style()}"


def render(template: str, folder: Path = _TEMPLATES, /, **context: Any) -> Markup:
    """Fill a template of ``report/templates``; every value is escaped unless it is markup already.

    Parameters
    ----------
    template : str
        File name.
    folder : Path
        Where it is looked for first.
    **context
        Names that the template uses; a missing one is an error, never an empty text.

    Returns
    -------
    markupsafe.Markup
        HTML.
    """
    return Markup(_environment(folder).get_template(template).render(**context))  # noqa: S704  # autoescaped


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes
    ----------
    title : str
        Its heading, and its line in the contents.
    body : markupsafe.Markup
        What stands below the heading, made by `normwise.report.render.render`.
    """

    title: str
    body: Markup


SectionMaker = Callable[[SavedRun], Section | None]
"""Makes a section from a run; None where the run has nothing to say on it."""
