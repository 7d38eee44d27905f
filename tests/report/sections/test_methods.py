"""The methods paragraph says what the run did, and cites only what it used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from normwise.report import read_run
from normwise.report.references import REFERENCES
from normwise.report.sections.methods import methods, methods_sentences
from report.example_runs import EXAMPLES


@pytest.fixture
def whole(tmp_path: Path) -> object:
    return read_run(EXAMPLES["everything"](tmp_path / "run"))


def test_the_paragraph_has_the_numbers_of_the_run(whole: object) -> None:
    text = " ".join(methods_sentences(whole))
    record, evaluation = whole.record, whole.evaluation
    assert f"{record.n_included:,} of {record.n_listed} listed scans took part" in text
    assert f"{record.n_features} feature" in text
    assert f"tested on {evaluation.n_people} people by {evaluation.folds}-fold" in text
    assert f"seed {record.seed}" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_cited_is_listed_and_nothing_else(name: str, tmp_path: Path) -> None:
    run = read_run(EXAMPLES[name](tmp_path / "run"))
    section = methods(run)
    if name == "extracted_only":
        assert section is None
        return
    cited = set(re.findall(r"@(\w+)", " ".join(methods_sentences(run))))
    text, _, entries = section.body.unescape().partition("<pre")
    assert cited == set(re.findall(r"@\w+\{(\w+),", entries))
    assert all(REFERENCES[key].cited in text for key in cited)
    assert "[@" not in text
    assert entries.count("{") == entries.count("}")


def test_a_step_that_was_not_taken_is_not_told(whole: object) -> None:
    def keys(**settings: dict[str, object]) -> str:
        record = replace(whole.record, settings={**whole.record.settings, **settings})
        return " ".join(methods_sentences(replace(whole, record=record)))

    assert "@johnson2007" in keys(sites={"harmonize": "combat"})
    assert "@johnson2007" not in keys(sites={"harmonize": "none"})
    assert "@breiman2001" in keys(classifier={"name": "forest"})
    assert "@breiman2001" not in keys(classifier={"name": "logistic"})
    assert "appended" in keys(normalizer={"mode": "append"})
    assert "@lajoie2012" not in keys(normalizer={"mode": "append"})
    nobody = replace(whole, record=replace(whole.record, demographics=[]))
    assert "@lajoie2012" not in " ".join(methods_sentences(nobody))
