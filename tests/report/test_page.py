"""Pages of runs of every kind, and the picture of gradient descent."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlparse
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest

from normwise.report import draw_descent, write_report
from normwise.report.sections import SECTIONS
from normwise.results import Curve
from report.example_runs import EXAMPLES, HOSTILE
from report.read_html import read_html

every_page = pytest.mark.parametrize("name", EXAMPLES)


@every_page
def test_page_is_well_formed_and_its_links_lead_somewhere(pages: dict[str, str], name: str) -> None:
    page = read_html(pages[name])
    assert page.faults == []
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for attribute in ("href", "xlink:href", "aria-labelledby"):
            target = element.attributes.get(attribute, "")
            if attribute == "aria-labelledby" and target:
                assert target in ids
            elif target.startswith("#"):
                assert target[1:] in ids
    clips = set(re.findall(r"url\(#([^)]+)\)", pages[name]))
    assert clips <= set(ids)


@every_page
def test_page_fetches_and_runs_nothing(pages: dict[str, str], name: str) -> None:
    page = read_html(pages[name])
    policy = page.elements[[element.tag for element in page.elements].index("meta") + 1].attributes
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none';")
    # One script, the page's own, which the policy names by its hash.
    [script] = page.named("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert f"; script-src 'sha256-{digest}';" in policy["content"]
    assert not script.attributes
    assert not re.search(r"fetch|XMLHttp|import\(|eval|https?:(?!//www.w3.org/2000/svg)", script.text)
    assert not page.named("iframe") + page.named("object")
    for element in page.elements:
        assert not [attribute for attribute in element.attributes if attribute.startswith("on")]
        for attribute in ("src", "href", "xlink:href"):
            assert urlparse(element.attributes.get(attribute, "")).scheme in ("", "data")
    assert "@import" not in pages[name]
    assert "url(http" not in pages[name]


@every_page
def test_page_can_be_read_without_eyes_and_without_a_mouse(pages: dict[str, str], name: str) -> None:
    page = read_html(pages[name])
    assert page.named("html")[0].attributes["lang"] == "en"
    assert len(page.named("h1")) == len(page.named("main")) == len(page.named("nav")) == 1
    assert page.named("a")[0].attributes["class"] == "skip"
    # Whoever goes from landmark to landmark must find the way back to the contents in one.
    assert (
        pages[name].index('<main id="main">')
        < pages[name].index('class="to-contents"')
        < pages[name].index("</main>")
    )
    levels = [int(element.tag[1]) for element in page.elements if re.fullmatch("h[1-6]", element.tag)]
    assert all(below - above <= 1 for above, below in pairwise(levels))
    for picture in page.named("svg"):
        hidden = picture.attributes.get("aria-hidden") == "true"
        assert hidden or (picture.attributes["role"] == "img" and len(picture.attributes["aria-label"]) > 20)
    for picture in page.named("img"):
        assert picture.attributes["alt"]
    for table in page.named("table"):
        assert table.text.strip()
    for box in page.elements:
        if box.attributes.get("class") == "scroll":
            assert box.attributes["tabindex"] == "0"
            assert box.attributes["aria-label"]


@every_page
def test_page_is_light_and_shows_no_bare_none(pages: dict[str, str], name: str) -> None:
    assert len(pages[name].encode()) < 3_000_000
    body = read_html(pages[name]).named("body")[0].text
    assert not re.search(r"\b(?:None|nan|NaN|inf)\b", body)


def test_page_holds_the_sections_in_order(pages: dict[str, str]) -> None:
    found = [element.attributes["id"] for element in read_html(pages["everything"]).named("section")]
    assert found == list(SECTIONS)


@pytest.mark.parametrize(
    ("name", "present"),
    [
        (
            "trained_only",
            {"summary", "participants", "importance", "trajectories", "methods", "readings", "settings"},
        ),
        ("extracted_only", {"summary", "participants", "readings", "settings"}),
    ],
)
def test_page_of_a_shorter_run_leaves_out_what_was_not_done(
    pages: dict[str, str], name: str, present: set[str]
) -> None:
    page = read_html(pages[name])
    assert {element.attributes["id"] for element in page.named("section")} == present
    assert "not been tested" in pages[name] or "Nothing was tested" in pages[name]


def test_hostile_texts_are_shown_and_never_obeyed(pages: dict[str, str]) -> None:
    text = pages["hostile"]
    assert text.lower().count("<script") == 1  # the page's own
    page = read_html(text)
    assert page.named("h1")[0].text == HOSTILE
    assert page.named("body")[0].text.count(HOSTILE) > 20


def test_equal_results_give_equal_bytes_wherever_and_whoever_reads(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(runs["two_classes"], copy)
    (copy / "report.html").unlink()
    with mpl.rc_context({"font.size": 20, "axes.grid": True, "svg.fonttype": "path", "lines.linewidth": 9}):
        page = write_report(copy)
    assert page == copy / "report.html"
    assert page.read_bytes() == (runs["two_classes"] / "report.html").read_bytes()


def test_writing_leaves_nothing_beside_the_page(runs: dict[str, Path]) -> None:
    assert {path.name for path in runs["extracted_only"].iterdir()} == {
        "run.json", "cohort.tsv", "report.html",
    }  # fmt: skip


CURVES = {
    "low, 0.001": Curve([0, 1, 2], [0.7, 0.69, 0.68]),
    HOSTILE: Curve([0, 1], [0.7, 9.0]),
    "none": Curve([], []),
}


def test_svg_stands_alone(tmp_path: Path) -> None:
    path = draw_descent(CURVES, tmp_path / "descent.svg")
    root = ET.parse(path).getroot()
    assert "low, 0.001: 0.7 to 0.68 in 2 steps" in root.attrib["aria-label"]
    assert HOSTILE in "".join(root.itertext())


def test_page_holds_figure_and_table(tmp_path: Path) -> None:
    path = draw_descent(CURVES, tmp_path / "descent.html", title=HOSTILE)
    text = path.read_text(encoding="utf-8")
    page = read_html(text)
    assert page.faults == []
    assert text.count("<script") == 1  # the page's own
    assert page.named("h1")[0].text == HOSTILE
    assert len(page.named("tr")) == 4


def test_equal_curves_give_equal_bytes(tmp_path: Path) -> None:
    one, two = (draw_descent(CURVES, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == two
