"""Every section of the report, on a run of every kind: new ones are tested by being listed."""

from __future__ import annotations

import re

import pytest

import normwise.features.atlases
from normwise.errors import FeatureError
from normwise.report import SavedRun, Section, read_run
from normwise.report.sections import SECTIONS
from report.example_runs import EXAMPLES
from report.read_html import read_html


def no_atlas(name: str, lut: str | None = None) -> object:
    raise FeatureError("FEA-101", "no such atlas.", subject=name)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SavedRun]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: read_run(make(folder / name)) for name, make in EXAMPLES.items()}


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", SECTIONS)
def test_section_keeps_its_contract(
    saved: dict[str, SavedRun], name: str, example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normwise.features.atlases, "load_atlas", no_atlas, raising=False)
    section = SECTIONS[name](saved[example])
    if section is None:
        return
    assert isinstance(section, Section)
    assert section.title.strip() == section.title != ""
    page = read_html(section.body)
    assert page.faults == []
    assert not page.named("h1") + page.named("h2"), "the page sets the heading; inside start at h3"
    assert not page.named("script")
    assert not re.search(r"\b(?:None|nan)\b", "".join(element.text for element in page.elements))
    assert SECTIONS[name](saved[example]) == section, "equal results give equal bytes"


@pytest.mark.parametrize("name", SECTIONS)
def test_section_name_is_an_anchor_and_some_run_shows_it(saved: dict[str, SavedRun], name: str) -> None:
    assert re.fullmatch("[a-z][a-z_]*", name)
    assert any(SECTIONS[name](run) is not None for run in saved.values() if run.evaluation)
