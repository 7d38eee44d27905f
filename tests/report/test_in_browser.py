"""A report in a browser: every text can be read in both themes, and nothing is said in its console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from axe import axe_findings
from chromium import CHROMIUM, Browser, browser
from contrast import faint_texts

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_lies_behind_it(
    runs: dict[str, Path], page: Browser, *, dark: bool
) -> None:
    page.resize(1800, 900, dark=dark)  # so wide that no table scrolls
    page.open((runs["everything"] / "report.html").as_uri())
    assert axe_findings(page) == []
    assert faint_texts(page) == []
    assert page.messages == []


def test_figures_are_saved_from_the_page(runs: dict[str, Path], page: Browser) -> None:
    page.resize(1000, 800, dark=True)
    page.open((runs["everything"] / "report.html").as_uri())
    drawings = page.run("document.querySelectorAll('svg.drawing').length")
    assert page.run("document.querySelectorAll('.saveable .save button').length") == 2 * drawings > 0
    page.run("""(() => {
  window.saved = [];
  const made = URL.createObjectURL;
  URL.createObjectURL = (blob) => { window.blob = blob; return made(blob); };
  HTMLAnchorElement.prototype.click = function () { window.saved.push(this.download); };
})()""")
    for place, kind in enumerate(("svg", "png")):
        page.run(f"document.querySelectorAll('.saveable .save button')[{place}].click()")
        page.wait(f"saved.length === {place + 1}")
        assert page.run(f"saved[{place}]").endswith(f".{kind}")
        # A file of its own: it is drawn where nothing of the page is.
        page.run("""new Promise((read) => {
  const reader = new FileReader();
  reader.onload = () => { window.shown = new Image(); shown.src = reader.result; read(true); };
  reader.readAsDataURL(blob);
})""")
        page.run("shown.decode()")
        width, wanted = page.run(
            "[shown.naturalWidth, document.querySelector('svg.drawing').viewBox.baseVal.width]"
        )
        assert width == (3 if kind == "png" else 1) * wanted
    # On paper as bright as the light page, though the page is dark.
    corner = page.run("""(() => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").drawImage(shown, 0, 0);
  return [...canvas.getContext("2d").getImageData(1, 1, 1, 1).data];
})()""")
    assert min(corner) > 250
    assert page.messages == []
