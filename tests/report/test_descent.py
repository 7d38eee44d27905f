from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from normwise.report import draw_descent
from normwise.results import Curve
from report.example_runs import HOSTILE
from report.read_html import read_html

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
    assert "<script" not in text
    assert page.named("h1")[0].text == HOSTILE
    assert len(page.named("tr")) == 4


def test_equal_curves_give_equal_bytes(tmp_path: Path) -> None:
    one, two = (draw_descent(CURVES, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == two
