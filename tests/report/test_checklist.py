"""Checklists say what the run knows, and leave named blanks for what it can't."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from normwise.report import fill_checklists, read_run, write_checklist
from normwise.report.checklists import CHECKLISTS
from report.example_runs import EXAMPLES
from report.read_html import read_html


@pytest.mark.parametrize(
    ("key", "items"), [("tripod_ai", 27), ("claim", 44), ("stard_ai", 40), ("probast_ai", 24)]
)
def test_every_item_is_there_once(key: str, items: int) -> None:
    *_, listed = CHECKLISTS[key]
    assert [item.number for item in listed] == list(range(1, items + 1))
    assert len({item.title for item in listed}) == items


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_item_is_left_without_a_word(name: str, tmp_path: Path) -> None:
    for rows in fill_checklists(read_run(EXAMPLES[name](tmp_path / "run"))).values():
        for row in rows:
            assert row.text
            assert row.filled != row.text.startswith("To be written by the authors")
            assert "None," not in row.text
            assert "nan" not in row.text.split()


def test_a_complete_run_fills_most_items(tmp_path: Path) -> None:
    run = EXAMPLES["everything"](tmp_path / "run")
    page = read_html(write_checklist(run).read_text(encoding="utf-8"))
    written = json.loads((run / "checklist.json").read_text(encoding="utf-8"))
    assert list(written) == ["tripod_ai", "claim", "stard_ai", "probast_ai"]
    assert {frozenset(row) for rows in written.values() for row in rows} == {
        frozenset({"item", "filled", "text"})
    }
    assert sum(row["filled"] for row in written["tripod_ai"]) >= 20
    assert sum(row["filled"] for row in written["claim"]) >= 25
    assert sum(row["filled"] for row in written["stard_ai"]) >= 22
    assert sum(row["filled"] for row in written["probast_ai"]) >= 17
    assert page.faults == []
    assert len(page.named("tr")) == 27 + 44 + 40 + 24 + 4


def test_what_only_authors_know_stays_blank(tmp_path: Path) -> None:
    filled = fill_checklists(read_run(EXAMPLES["everything"](tmp_path / "run")))
    blank = {row.item for rows in filled.values() for row in rows if not row.filled}
    assert {
        "17 Ethical approval",
        "18 Open science",
        "44 Funding",
        "13 Acquisition",
        "33 External testing",
        "13 Who knew what",
        "10 Outcome without the predictors",
    } <= blank


def test_a_trained_model_claims_no_performance(tmp_path: Path) -> None:
    rows = {
        row.item: row for row in fill_checklists(read_run(EXAMPLES["trained_only"](tmp_path / "r")))["claim"]
    }
    for item in ("32 Internal evaluation", "37 Performance by part", "39 Failures", "29 Uncertainty"):
        assert not rows[item].filled


def test_numbers_are_those_of_the_run(tmp_path: Path) -> None:
    run = read_run(EXAMPLES["everything"](tmp_path / "run"))
    rows = {row.item: row.text for row in fill_checklists(run)["tripod_ai"]}
    assert f"AUC {run.main.auc.estimate:.2f}" in rows["23 Performance"]
    assert "Matthews correlation 0.48 (−0.01 to 0.60)" in rows["23 Performance"]
    assert "437 rows listed − 218" in rows["20 Flow and characteristics"]
    assert "Age: 2 normal" in rows["11 Missing data"]
    assert "The site tells the diagnosis" in rows["26 Limitations"]
    leaks = {row.item: row.text for row in fill_checklists(run)["probast_ai"]}[
        "17 Leakage between training and test"
    ]
    assert "The site tells the diagnosis" in leaks
    harmless = replace(run, evaluation=replace(run.evaluation, alarms=[]))
    assert "The site tells" not in {
        row.item: row.text for row in fill_checklists(harmless)["tripod_ai"]
    }["26 Limitations"]  # fmt: skip
