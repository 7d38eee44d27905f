"""The methods paragraph says what the run did, and cites only what it used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from normwise.report import read_run
from normwise.report.references import REFERENCES
from normwise.report.sections.methods import methods, methods_sentences
from normwise.results import Note
from report.example_runs import EXAMPLES


@pytest.fixture
def whole(tmp_path: Path) -> object:
    return read_run(EXAMPLES["everything"](tmp_path / "run"))


def text_of(run: object) -> str:
    return " ".join(map(str, methods_sentences(run)))


def cited(run: object) -> set[str]:
    return {key for sentence in methods_sentences(run) for key in sentence.cites}


def changed(run: object, **settings: dict[str, object]) -> object:
    return replace(run, record=replace(run.record, settings={**run.record.settings, **settings}))


def test_the_paragraph_has_the_numbers_of_the_run(whole: object) -> None:
    text, record, evaluation = text_of(whole), whole.record, whole.evaluation
    assert f"{record.n_included:,} of {record.n_listed} listed scans took part" in text
    assert f"{record.n_features} feature" in text
    assert f"{evaluation.n_people} people were tested by {evaluation.folds}-fold" in text
    assert f"seed {record.seed}" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_cited_is_listed_and_nothing_else(name: str, tmp_path: Path) -> None:
    run = read_run(EXAMPLES[name](tmp_path / "run"))
    section = methods(run)
    if name == "extracted_only":
        assert section is None
        return
    text, _, entries = section.body.unescape().partition("<pre")
    assert cited(run) == set(re.findall(r"@\w+\{(\w+),", entries))
    assert all(REFERENCES[key].cited in text for key in cited(run))
    assert entries.count("{") == entries.count("}")


def test_names_of_a_study_are_no_citations(whole: object) -> None:
    named = replace(whole, record=replace(whole.record, demographics=["age@scan", "[@lajoie2012]"]))
    section = methods(named)
    assert "age@scan and [@lajoie2012]" in section.body.unescape()


def test_a_step_that_was_not_taken_is_left_out(whole: object) -> None:
    assert "johnson2007" in cited(changed(whole, sites={"harmonize": "combat"}))
    assert "johnson2007" not in cited(changed(whole, sites={"harmonize": "none"}))
    assert "breiman2001" in cited(changed(whole, classifier={"name": "forest"}))
    assert "breiman2001" not in cited(changed(whole, classifier={"name": "logistic"}))
    appended = changed(whole, normalizer={"mode": "append"}, sites={"harmonize": "combat"})
    assert "appended" in text_of(appended)
    assert "lajoie2012" not in cited(appended)
    assert "johnson2007" in cited(appended)
    nobody = replace(whole, record=replace(whole.record, demographics=[]))
    assert "lajoie2012" not in cited(nobody)
    assert "reference" in text_of(changed(whole, normalizer={"from": "norm.json"}))


def test_features_that_were_learnt_are_no_features_of_a_scan(whole: object) -> None:
    learnt = replace(whole, record=replace(whole.record, extractor="voxels", n_features=28_542))
    text = text_of(changed(learnt, features={"components": 50}))
    assert "50 numbers a scan were learnt" in text
    assert "28" not in text.partition("seed")[0].split("learnt")[1].split(".")[0]


def test_a_test_says_what_it_tested_and_whom_it_knew(whole: object) -> None:
    note = Note("EVA-102", "3 of 20 scans were trained on", value=3)
    evaluation = replace(whole.evaluation, kind="test", notes=[note])
    text = text_of(replace(whole, evaluation=evaluation))
    assert "by the saved model" in text
    assert "3 of 20 scans were trained on" in text
    assert "cross-validation" not in text
    more = dict(evaluation.n_per_class, MCI=40)
    text = text_of(replace(whole, evaluation=replace(evaluation, n_per_class=more)))
    sizes = [f"{evaluation.n_per_class[name]} of {name}" for name in evaluation.classes]
    assert f"took part, whose scans, {sizes[0]}" in text
    assert "40 of MCI" not in text
