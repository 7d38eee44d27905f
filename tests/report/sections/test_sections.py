from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from normwise.report import SavedRun, read_run
from normwise.report.sections import SECTIONS
from normwise.report.sections.cohort import all_warnings
from normwise.report.sections.decisions import confusion_rows
from normwise.results import Estimate, Note
from report.example_runs import EXAMPLES
from report.read_html import read_html
from report.simulated_results import make_evaluation, make_explanation, make_record

TWO = {"normal": 98, "dementia": 100}


def run_of(**changes: object) -> SavedRun:
    return SavedRun(make_record(TWO), replace(make_evaluation(TWO), **changes), make_explanation(TWO))


def text_of(name: str, run: SavedRun) -> str:
    return " ".join(read_html(f"<div>{SECTIONS[name](run).body}</div>").named("div")[0].text.split())


def test_flow_shows_every_step_and_adds_up() -> None:
    text = text_of("participants", run_of())
    assert "437 rows in the table" in text
    assert "218 left out: does not satisfy Age >= 60 COH-301" in text
    assert "437 − 218 − 20 − 1 = 198" in text
    assert "198 scans included" in text


def test_composition_gives_mean_range_and_counts() -> None:
    text = text_of("participants", run_of())
    assert "73.7 ± 7.8 60 to 96" in text
    assert "F 58, M 40" in text


def test_arms_table_shows_every_arm_with_its_interval() -> None:
    run = run_of()
    text = text_of("arms", run)
    for arm in run.evaluation.arms.values():
        assert arm.title in text
        assert f"{arm.auc.estimate:.2f} {arm.auc.low:.2f}–{arm.auc.high:.2f}" in text


def test_a_difference_stands_out_only_without_zero() -> None:
    run = run_of(
        differences={
            "normalized-raw": {"auc": Estimate(0.03, 0.01, 0.05), "sensitivity": Estimate(0.1, -0.1, 0.3)}
        }
    )
    page = read_html(SECTIONS["differences"](run).body)
    kinds = {
        cell.text.split()[0]: cell.attributes["class"]
        for cell in page.named("td")
        if cell.text.startswith(("+0.030", "+0.100"))
    }
    assert kinds == {"+0.030": "n higher", "+0.100": "n not-told-apart"}


def test_confusion_shares_add_up_by_row() -> None:
    run = run_of()
    for cells in confusion_rows(run.main, run.evaluation.classes).values():
        assert abs(sum(cell.share for cell in cells) - 1) < 1e-9
        assert [cell.right for cell in cells].count(True) == 1
    empty = replace(run.main, confusion=[[0.0] * 3] * 2)
    assert all(
        cell.share == 0 for cells in confusion_rows(empty, ["normal", "dementia"]).values() for cell in cells
    )


def test_many_reasons_are_folded_into_others() -> None:
    run = replace(run_of(), no_decision={f"Age {age} lies outside": 1 for age in range(95, 105)})
    text = text_of("decisions", run)
    assert text.count("lies outside") == 6
    assert "40\u00a0%: other reasons".replace("\u00a0", " ") in text


def test_features_without_a_region_are_drawn_as_bars(tmp_path: Path) -> None:
    run = read_run(EXAMPLES["few_features"](tmp_path))
    section = SECTIONS["importance"](run)
    assert section.title == "Features that matter"
    assert "<img" not in section.body
    assert 'class="drawing"' in section.body


def test_regions_are_drawn_on_the_brain_and_every_feature_is_listed() -> None:
    section = SECTIONS["importance"](run_of())
    page = read_html(section.body)
    assert section.title == "Regions that matter"
    assert len(page.named("img")) > 6
    assert len([row for row in page.named("tr") if row.text.strip()]) == 60 + 2


def test_features_are_told_with_meaning_and_unit(tmp_path: Path) -> None:
    page = read_html(SECTIONS["importance"](read_run(EXAMPLES["trained_only"](tmp_path))).body)
    notes = [element.text for element in page.named("small")]
    assert notes[0] == "Volume of the label · mm³"


def test_warnings_come_once_and_keep_their_code() -> None:
    run = run_of(notes=[Note("NRM-203", "few normals"), Note("NRM-203", "few normals")])
    assert len(all_warnings(run)) == 2
    assert "2 warnings came up" in text_of("summary", run)
    assert [code.text for code in read_html(SECTIONS["readings"](run).body).named("code")] == [
        "FEA-207",
        "NRM-203",
    ]


def test_warnings_of_one_kind_are_folded() -> None:
    run = run_of(notes=[Note("NRM-203", f"few normals in fold {fold}") for fold in range(25)])
    page = read_html(SECTIONS["readings"](run).body)
    assert "26 warnings of 2 kinds" in text_of("summary", run)
    assert [element.text for element in page.named("summary")] == ["24 more of this kind"]


def test_settings_are_told_as_dotted_keys() -> None:
    text = text_of("settings", run_of())
    assert 'cohort.classes.dementia["0.5", "1", "2"]' in text
    assert "9c56cc51" in text
    assert "seed 0" in text
