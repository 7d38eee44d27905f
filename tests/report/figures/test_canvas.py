from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from normwise.report.figures.canvas import (
    COLOURS,
    DARK,
    SERIES,
    drawing,
    figures_in,
    inline_svg,
    new_figure,
    standalone_svg,
    wrap,
)


def figure_of(text: str = "f1 < f2 & $x$"):
    with drawing():
        figure = new_figure(300, 200)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=COLOURS["main"])
        axes.fill_between([0, 1], [0, 1], [1, 2], color=COLOURS["series-1"], alpha=0.2)
        axes.set_title(text)
    return figure


def luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [COLOURS, DARK], ids=["light", "dark"])
def test_every_role_reads_on_its_paper(theme: dict[str, str]) -> None:
    assert contrast(theme["ink"], theme["paper"]) > 7
    for role in ("soft", "main"):  # text
        assert contrast(theme[role], theme["paper"]) > 4.5
        assert contrast(theme[role], theme["wash"]) > 4.5
    for role, colour in theme.items():  # lines and points
        if role not in ("paper", "wash", "rule"):
            assert contrast(colour, theme["paper"]) > 3
    assert theme.keys() == COLOURS.keys()
    assert len(set(theme.values())) == len(theme)


VISION = {
    "every cone": np.eye(3),
    "no red cones": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                              [-0.003882, -0.048116, 1.051998]]),
    "no green cones": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                                [-0.011820, 0.042940, 0.968881]]),
    "no blue cones": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                               [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
"""Machado, Oliveira and Fernandes (2009), table 1, severity 1.0: on linear red, green and blue."""


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as somebody with that vision sees it."""
    shares = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    seen = np.clip(vision @ linear, 0, 1)
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [COLOURS, DARK], ids=["light", "dark"])
def test_lines_and_classes_are_told_apart_by_every_colour_vision(theme: dict[str, str], vision: str) -> None:
    seen = {role: lab(theme[role], VISION[vision]) for role in ("main", "normal", *SERIES)}
    for one, other in combinations(seen, 2):
        # Just noticeable is about 2.3.
        assert np.linalg.norm(seen[one] - seen[other]) > 15, (one, other)


def test_every_figure_of_a_page_stands_alone_as_a_file() -> None:
    page = f"<p>{inline_svg(figure_of(), 'a', 'one')}</p>{inline_svg(figure_of(), 'b', 'two & more')}"
    found = figures_in(page)
    assert list(found) == ["a", "b"]
    assert found["a"] == standalone_svg(figure_of(), "a", "one")
    assert ET.fromstring(found["b"]).attrib["aria-label"] == "two & more"


def test_inline_svg_follows_the_page() -> None:
    svg = inline_svg(figure_of(), "plot", 'a "b" <c>')
    assert "var(--main)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert "font-family" not in svg
    assert "<text" in svg
    root = ET.fromstring(str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    assert root.attrib["aria-label"] == 'a "b" <c>'
    assert "f1 < f2 & $x$" in "".join(root.itertext())


def test_two_figures_share_no_id() -> None:
    one, two = (set(re.findall(r' id="([^"]+)"', inline_svg(figure_of(), name, "x"))) for name in ("a", "b"))
    assert one
    assert not one & two


def test_equal_figures_give_equal_bytes() -> None:
    assert inline_svg(figure_of(), "a", "x") == inline_svg(figure_of(), "a", "x")


def test_standalone_svg_brings_both_themes() -> None:
    text = standalone_svg(figure_of(), "plot", "label")
    ET.fromstring(text)
    for theme in (COLOURS, DARK):
        assert f"--ink:{theme['ink']}" in text
    assert "prefers-color-scheme:dark" in text


def test_drawing_changes_nothing_outside() -> None:
    before = dict(mpl.rcParams)
    inline_svg(figure_of(), "a", "x")
    assert dict(mpl.rcParams) == before


def test_figures_need_no_pyplot() -> None:
    code = (
        "import sys\n"
        "from normwise.report import draw_descent\n"
        "from normwise.results import Curve\n"
        "import tempfile, pathlib\n"
        "draw_descent({'a': Curve([0, 1], [1, 0])}, pathlib.Path(tempfile.mkdtemp()) / 'd.svg')\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=1000
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("text", ["x" * 200, "a_b." * 60, "word " * 40, "kurz", ""])
def test_wrapped_text_keeps_its_width(text: str) -> None:
    lines = wrap(text, 30).split("\n")
    assert len(lines) <= 2
    assert all(len(line) <= 30 for line in lines)
