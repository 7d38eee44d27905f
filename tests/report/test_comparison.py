"""The leaderboard shows every run with its intervals, and tests only where people are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report import write_comparison
from normwise.results import Alarm, Comparison, Estimate, RankedRun, RunComparison, write_result
from report.example_runs import HOSTILE
from report.read_html import read_html


def comparison() -> RunComparison:
    metrics = {"auc": Estimate(0.81, 0.74, 0.88), "brier": Estimate(0.18, 0.15, 0.2)}
    alarm = Alarm("EVA-301", "severe", "The site tells the label", "AUC 0.9", "balance")
    best = RankedRun("runs/svm", "OASIS", "normalized", "svm", "regions", "kfold", 139, 139, metrics)
    other = replace(best, run="runs/forest", classifier="forest", metrics={"auc": Estimate(0.7, 0.6, 0.8)})
    other = replace(other, alarms=[alarm])
    test = Comparison("runs/svm", "runs/forest", "auc", "DeLong", Estimate(0.11, 0.02, 0.2), 0.0161)
    return RunComparison(
        ["normal", "AD"], "normal", 0.95, [best, other], [test], ["one run has other people"]
    )


def page_of(folder: Path, found: RunComparison):
    write_result(found, folder / "comparison.json")
    return read_html(write_comparison(folder).read_text(encoding="utf-8"))


def test_leaderboard_shows_runs_in_order_with_intervals_and_alarms(tmp_path: Path) -> None:
    page = page_of(tmp_path, comparison())
    assert page.faults == []
    rows = [" ".join(row.text.split()) for row in page.named("tr")]
    assert rows[1].startswith("1svm")
    assert "0.81 0.74–0.88" in rows[1]
    assert rows[2].startswith("2forest")
    assert "1 The site tells the label" in rows[2]
    assert any("DeLong" in row and "+0.110" in row and "0.016" in row for row in rows)
    assert "one run has other people" in page.named("body")[0].text
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["runs-auc.svg"]


def test_without_the_same_people_nothing_is_paired(tmp_path: Path) -> None:
    page = page_of(tmp_path, replace(comparison(), comparisons=[]))
    assert "No two of these runs tested the same people" in page.named("body")[0].text


def test_a_hostile_run_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    found = comparison()
    hostile = replace(found.standings[0], run=HOSTILE, title=HOSTILE, classifier=HOSTILE)
    page = page_of(tmp_path, replace(found, standings=[hostile], notes=[HOSTILE], comparisons=[]))
    assert page.faults == []
    assert len(page.named("script")) == 1  # the page's own, which saves figures


def test_without_a_comparison_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        write_comparison(tmp_path)
    assert caught.value.code == "REP-106"
