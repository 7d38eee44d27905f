from __future__ import annotations

from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report import read_section

PAGE = """<main><section id="roc" aria-labelledby="roc-title">
<h2 id="roc-title">People &amp; curves</h2>
<p>first</p>
</section>
<section id="tree">
<h2>Tree</h2>
<p>second</p>
</section></main>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_one_section_is_read_and_its_neighbours_are_not(page: Path) -> None:
    section = read_section(page, "roc")
    assert section.title == "People & curves"
    assert section.body.strip() == "<p>first</p>"
    assert read_section(str(page), "tree").title == "Tree"


def test_a_section_that_is_not_there_is_refused_with_those_that_are(page: Path) -> None:
    with pytest.raises(ReportError, match="REP-107") as caught:
        read_section(page, "margin")
    assert caught.value.expected == "one of roc, tree"


def test_a_notebook_shows_it_escaped_and_in_a_style_of_its_own(page: Path) -> None:
    shown = read_section(page, "roc")._repr_html_()
    assert "People &amp; curves" in shown
    assert "<p>first</p>" in shown
    sheet = shown[shown.index("<style>") : shown.index("</style>")]
    # Every rule stands inside a rule of the section, so that none holds for the page around it.
    depth, outside = 0, ""
    for letter in sheet.removeprefix("<style>"):
        depth += (letter == "{") - (letter == "}")
        outside += letter if depth == 0 else ""
    selectors = [line.strip("} ,") for line in outside.replace("}", ",").split(",") if line.strip("} \n,")]
    assert selectors
    assert all(each.strip().endswith(".normwise-section") for each in selectors), selectors
    assert 'html[data-theme="dark"] .normwise-section' in sheet
