"""Templates to text: jinja2 with autoescape always on; and what a section of the report is."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from normwise.errors import ReportError
from normwise.report.figures.canvas import COLOURS, DARK, FONT, theme_css
from normwise.report.saved_run import SavedRun
from normwise.report.wording import FILTERS, METRIC_TITLES

__all__ = ["Section", "SectionMaker", "read_section", "render", "style_sheet"]

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
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    environment.globals |= {"script": Markup(script), "script_hash": _hash_source(script)}  # noqa: S704
    environment.globals |= {"theme": Markup(theme_css()), "style": Markup(_own_style())}  # noqa: S704  # our own files
    return environment


def _hash_source(script: str) -> str:
    """Return what a content policy names a script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


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

    def _repr_html_(self) -> str:
        """Show the section with the report's style in a page of another style, light or dark as that is."""
        light, dark = (
            "".join(f"--{role}:{hue};" for role, hue in theme.items()) for theme in (COLOURS, DARK)
        )
        # Rules inside a rule hold only within the section, so that the page around it keeps its own.
        sheet = _own_style()
        on_dark = ", ".join(f"{page} .normwise-section" for page in _DARK_PAGES)
        return (
            f"<style>.normwise-section{{{light}--sans:{FONT};color-scheme:light;background:var(--paper);"
            f"color:var(--ink);font:1rem/1.55 var(--sans);padding:.1px .6rem}}\n"
            f"{on_dark}{{{dark}color-scheme:dark}}\n"
            f".normwise-section{{\n{sheet}}}</style>"
            f'<div class="normwise-section">\n<p><strong>{escape(self.title)}</strong></p>\n{self.body}</div>'
        )


_DARK_PAGES = ('html[data-theme="dark"]', '[data-jp-theme-light="false"]', ".vscode-dark")
"""Pages of a site, JupyterLab and an editor that say themselves that they are dark."""

SectionMaker = Callable[[SavedRun], Section | None]
"""Makes a section from a run; None where the run has nothing to say on it."""


_SECTION = re.compile(
    r'<section id="(?P<name>[^"]+)"[^>]*>\s*<h2[^>]*>(?P<title>.*?)</h2>(?P<body>.*?)</section>', re.DOTALL
)


def read_section(page: str | Path, name: str) -> Section:
    """Return one section of a page, which a notebook shows as the page does.

    Parameters
    ----------
    page : path
        ``report.html`` of a run, ``descent.html``, or another page that this package wrote.
    name : str
        The section's anchor: what stands behind ``#`` where the contents lead to it.

    Returns
    -------
    Section
        Its heading and what stands below.

    Raises
    ------
    ReportError
        REP-107 where the page has no such section.

    See Also
    --------
    normwise.report.write_report : Writes the page.
    """
    text = Path(page).read_text(encoding="utf-8")
    found = {match["name"]: match for match in _SECTION.finditer(text)}
    if name not in found:
        raise ReportError(
            "REP-107",
            "the page has no such section.",
            subject=str(page),
            seen=name,
            expected=f"one of {', '.join(found) or 'none'}",
            advice="what a run did not do has no section: a boundary needs two columns, for example",
        )
    section = found[name]
    title = Markup(section["title"]).unescape()  # noqa: S704  # markup of our own page
    return Section(title, Markup(section["body"]))  # noqa: S704  # markup of our own page
