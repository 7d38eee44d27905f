"""What the sections say of a run in which everything was done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from normwise.report import SavedRun, read_run, write_report
from normwise.report.sections import SECTIONS
from normwise.report.sections.arms import paired_tests
from normwise.report.sections.cohort import check_rows
from normwise.report.sections.summary import ranked
from report.example_runs import EXAMPLES
from report.read_html import read_html


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SavedRun:
    return read_run(EXAMPLES["everything"](tmp_path_factory.mktemp("full") / "run"))


def text_of(name: str, run: SavedRun) -> str:
    body = read_html(f"<div>{SECTIONS[name](run).body}</div>")
    return " ".join(body.named("div")[0].text.split())


def test_alarms_come_before_every_number_the_gravest_first(run: SavedRun) -> None:
    assert [alarm.severity for alarm in ranked(run.evaluation.alarms)] == ["severe", "caution", "note"]
    summary = text_of("summary", run)
    assert summary.startswith("2 alarms. The site tells the diagnosis; Age alone is as good")
    assert SECTIONS["alarms"](run).title == "2 alarms"
    assert "AUC 0.97 (0.93 to 0.99)" in text_of("alarms", run)


def test_a_note_is_no_alarm(run: SavedRun) -> None:
    notes = [alarm for alarm in run.evaluation.alarms if alarm.severity == "note"]
    quiet = replace(run, evaluation=replace(run.evaluation, alarms=notes))
    assert "too good" not in text_of("summary", quiet)
    assert SECTIONS["alarms"](quiet).title == "Checks for leaks"
    assert SECTIONS["alarms"](replace(run, evaluation=replace(run.evaluation, alarms=[]))) is None


def test_an_unknown_severity_counts_as_severe(run: SavedRun) -> None:
    odd = replace(run.evaluation.alarms[0], severity="terrible")
    assert ranked([run.evaluation.alarms[2], odd])[0] is odd


def test_missing_values_and_sites_are_in_table_1(run: SavedRun) -> None:
    text = text_of("participants", run)
    assert "Rows left out for a missing value, by class" in text
    assert "São Paulo" in text
    assert "No row was left out" not in text


def test_every_metric_is_shown_with_its_interval(run: SavedRun) -> None:
    text = text_of("arms", run)
    assert "Matthews correlation" in text
    assert "0.48 −0.01 to 0.60" in text
    assert "Brier score best: 0" in text


def test_how_scores_follow_demographics_is_shown_with_the_level_that_differs_most(run: SavedRun) -> None:
    text = text_of("subgroups", run)
    assert "How far scores of normal people follow demographics" in text
    assert "+0.54 +0.38 to +0.67" in text
    assert "−0.11 −0.34 to +0.14 B" in text
    assert "−0.2 to" not in text


def test_paired_tests_one_pair_stand_in_one_row(run: SavedRun) -> None:
    columns, rows = paired_tests(run.evaluation.comparisons)
    assert columns == [("auc", "DeLong"), ("auc", "Nadeau–Bengio corrected t")]
    assert [len(row.cells) for row in rows] == [2, 2]
    assert rows[1].cells[1] is None
    text = text_of("differences", run)
    assert "0.006 +0.041" in text
    assert "< 0.001 +0.200" in text
    assert "not tested" in text


def test_permutation_learning_and_referral_say_their_numbers(run: SavedRun) -> None:
    assert "p = 0.005" in text_of("permutation", run)
    assert "about 400 people" in text_of("learning_curve", run)
    assert "The wished coverage lies inside the interval" in text_of("referral", run)


def test_quality_names_flagged_scans_and_shows_their_pictures(run: SavedRun) -> None:
    rows = {row.name: row for row in check_rows(run.quality)}
    assert (rows["overlap"].failed, rows["volume"].failed) == (5, 0)
    section = SECTIONS["quality"](run)
    content = read_html(section.body)
    assert "5 scans of 40 failed" in text_of("quality", run)
    shown = [caption.text for caption in content.named("figcaption")]
    assert len(shown) == 8
    assert shown[0] == "sub-0: Brain mask"
    assert "5 are" not in section.body


def test_misses_show_pictures(run: SavedRun) -> None:
    page = read_html(SECTIONS["misses"](run).body)
    assert len(page.named("img")) == len(page.named("figcaption")) > 4
    assert "probabilities are means over 5 repeats" in text_of("misses", run).lower()


def test_figures_are_files_and_old_ones_go(tmp_path: Path) -> None:
    folder = EXAMPLES["everything"](tmp_path / "run")
    (folder / "figures").mkdir()
    (folder / "figures" / "gone.svg").write_text("<svg/>")
    (folder / "figures" / "mine.txt").write_text("kept")
    page = read_html(write_report(folder).read_text(encoding="utf-8"))
    names = {
        picture.attributes["data-figure"] for picture in page.named("svg") if "role" in picture.attributes
    }
    files = {path.name for path in (folder / "figures").iterdir()}
    assert files == {f"{name}.svg" for name in names} | {"mine.txt"}
    assert {"roc.svg", "calibration.svg", "decision-curve.svg", "permutation.svg", "cost.svg"} <= files
