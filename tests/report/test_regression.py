"""The page of a predicted number is made from the run's results alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report import write_report
from normwise.report.references import REFERENCES
from normwise.report.sections.methods import regression_methods
from normwise.results import (
    Coverage,
    Estimate,
    GapGroup,
    Note,
    Regression,
    RegressionArm,
    RegressionPoint,
    write_result,
)
from report.example_runs import HOSTILE, save
from report.read_html import read_html
from report.simulated_results import make_record


def regression() -> Regression:
    arm = RegressionArm(
        mae=Estimate(5.03, 4.59, 5.48), rmse=Estimate(6.4, 5.9, 7.0), r2=Estimate(0.61, 0.54, 0.67),
        spearman=Estimate(0.79, 0.73, 0.83), slope=Estimate(0.98, 0.9, 1.07), bias=Estimate(0.1, -0.6, 0.9),
        gap_rho=Estimate(-0.6, -0.68, -0.51), corrected_rho=Estimate(-0.01, -0.12, 0.11),
        intervals=[
            Coverage(0.8, Estimate(0.81, 0.76, 0.85), 16.4),
            Coverage(0.9, Estimate(0.9, 0.86, 0.93), None),
        ],
        groups=[
            GapGroup("normal", 30, Estimate(5.0, 4.0, 6.0), Estimate(0.1, -1.0, 1.0), Estimate(0.0, -1, 1.0)),
            GapGroup("others", 10, Estimate(6.0, 4.0, 8.0), Estimate(3.3, 1.0, 5.0), Estimate(4.4, 2.0, 6.0)),
        ],
        unpredicted=0.05, beyond=0.007,
    )  # fmt: skip
    points = [RegressionPoint(60.0 + row, 65.0 + 0.4 * row, -1.0 + row % 3, row % 4 > 0) for row in range(20)]
    return Regression(
        kind="crossval", target="Age", normal="CDR == 0", n_people=40, n_scans=40,
        n_per_group={"normal": 30, "others": 10}, folds=5, repeats=2, seed=0, confidence=0.95, split="kfold",
        main_arm="normalized", arms={"raw": replace(arm, mae=Estimate(7.0, 6.0, 8.0)), "normalized": arm},
        differences={"raw": Estimate(-1.97, -3.0, -1.0)}, notes=[Note("EVA-109", "0.7 % lie beyond")],
        points=points,
    )  # fmt: skip


def page_of(folder: Path, found: Regression):
    save(folder, make_record({"normal": 30, "others": 10}))
    write_result(found, folder / "regression.json")
    return read_html(write_report(folder).read_text(encoding="utf-8"))


def test_the_page_has_every_figure_and_every_number(tmp_path: Path) -> None:
    page = page_of(tmp_path, regression())
    assert page.faults == []
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == {
        "errors", "predicted", "gap", "corrected",
    }  # fmt: skip
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for shown in ("5.03 (4.59 to 5.48)", "-1.97 (-3 to -1)", "unbounded", "4.4 (2 to 6)", "EVA-109",
                  "-0.6 (-0.68 to -0.51)", "of the scans have no prediction"):  # fmt: skip
        assert shown in text


@pytest.mark.parametrize(
    ("rho", "said"),
    [
        (Estimate(-0.6, -0.7, -0.001), True),
        (Estimate(-0.2, -0.4, 0.0), False),
        (Estimate(0.6, 0.5, 0.7), False),
    ],
)
def test_a_large_number_predicted_too_small_is_said_where_it_holds(
    tmp_path: Path, rho: Estimate, *, said: bool
) -> None:
    found = regression()
    arms = {name: replace(arm, gap_rho=rho) for name, arm in found.arms.items()}
    page_of(tmp_path, replace(found, arms=arms))
    assert ("predicted too small" in (tmp_path / "report.html").read_text(encoding="utf-8")) == said


def test_names_from_a_table_are_text_not_markup(tmp_path: Path) -> None:
    found = replace(regression(), target=HOSTILE, normal=HOSTILE, notes=[Note("EVA-318", HOSTILE)])
    page_of(tmp_path, found)
    assert "<script>alert" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_defined_and_nobody_predicted_is_a_page_too(tmp_path: Path) -> None:
    nothing = Estimate(None, None, None)
    whole = regression()
    arm = replace(
        whole.arms["raw"], mae=nothing, rmse=nothing, r2=nothing, gap_rho=nothing, corrected_rho=nothing
    )
    page = page_of(tmp_path, replace(whole, arms={"normalized": arm}, points=[], differences={}, notes=[]))
    assert page.faults == []
    assert "not defined" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_one_group_needs_no_legend_and_equal_numbers_no_line(tmp_path: Path) -> None:
    points = [RegressionPoint(60.0, 60.0, 0.0, normal=True)] * 3
    found = replace(regression(), normal="", n_per_group={"normal": 40}, points=points)
    assert page_of(tmp_path, found).faults == []
    assert "everybody" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_main_arm_that_is_not_there_is_refused(tmp_path: Path) -> None:
    save(tmp_path, make_record({"normal": 30, "others": 10}))
    write_result(replace(regression(), main_arm="appended"), tmp_path / "regression.json")
    with pytest.raises(ReportError, match="REP-104"):
        write_report(tmp_path)


@pytest.mark.parametrize(("name", "code"), [("run.json", "REP-101"), ("regression.json", "REP-102")])
def test_missing_or_damaged_results_are_refused(tmp_path: Path, name: str, code: str) -> None:
    save(tmp_path, make_record({"normal": 30, "others": 10}))
    write_result(regression(), tmp_path / "regression.json")
    if name == "run.json":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(ReportError, match=code):
        write_report(tmp_path)


@pytest.mark.parametrize("kind", ["crossval", "test"])
def test_a_methods_paragraph_says_how_the_number_was_tested(kind: str) -> None:
    record, found = make_record({"normal": 30, "others": 10}), replace(regression(), kind=kind)
    section = regression_methods(record, found)
    text, _, entries = section.body.unescape().partition("<pre")
    keys = re.findall(r"@\w+\{(\w+),", entries)
    assert {"lei2018", "vovk2015", "smith2019"} <= set(keys)
    assert all(REFERENCES[key].cited in text for key in keys)
    assert "Prediction intervals (80 % and 90 %)" in text
    assert "the true Age, fitted to the gaps of normal training people (CDR == 0)" in text
    assert ("40 people were tested by the saved model." in text) == (kind == "test")
    assert (
        "40 people were tested by 5-fold cross-validation of the whole procedure, repeated 2 times." in text
    ) == (kind == "crossval")
    arm = replace(found.arms["normalized"], intervals=[], groups=[])
    bare = regression_methods(record, replace(found, arms={"normalized": arm})).body.unescape()
    assert "lei2018" not in bare
    assert "smith2019" not in bare
