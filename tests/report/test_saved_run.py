from __future__ import annotations

import json
from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report import read_run
from normwise.report.sections.summary import sentences
from normwise.results import Note
from report.example_runs import extracted_only, two_classes


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_read_run_counts_the_main_arms_reasons_only(tmp_path: Path) -> None:
    run = read_run(two_classes(tmp_path))
    assert list(run.no_decision.values()) == [3, 1]
    assert run.main is run.evaluation.arms["normalized"]
    assert not run.tested_elsewhere


def test_read_run_does_without_everything_but_the_record(tmp_path: Path) -> None:
    run = read_run(extracted_only(tmp_path))
    assert (run.evaluation, run.explanation, run.main, run.no_decision) == (None, None, None, {})


def test_sentences_of_0_1_0_are_read_as_they_are(tmp_path: Path) -> None:
    run = two_classes(tmp_path)
    edit(run / "run.json", warnings=["FEA-207  odd: few voxels"])
    evaluation = json.loads((run / "evaluation.json").read_text())
    del evaluation["wished_sensitivity"]
    (run / "evaluation.json").write_text(json.dumps(evaluation | {"notes": ["NRM-203  few normals"]}))
    again = read_run(run)
    assert again.record.warnings == [Note("", "FEA-207  odd: few voxels")]
    assert again.evaluation.notes == [Note("", "NRM-203  few normals")]
    assert again.evaluation.wished_sensitivity is None
    assert "wished" not in dict(sentences(again))["Decision"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        read_run(tmp_path)
    assert caught.value.code == "REP-101"


@pytest.mark.parametrize("content", ["", "{", '{"title": 1}', "\x00\xff"])
def test_a_damaged_result_is_refused_by_name(tmp_path: Path, content: str) -> None:
    run = two_classes(tmp_path)
    (run / "evaluation.json").write_text(content, encoding="latin-1")
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert caught.value.code == "REP-102"
    assert caught.value.subject.endswith("evaluation.json")


def test_a_flow_that_does_not_add_up_is_refused(tmp_path: Path) -> None:
    run = two_classes(tmp_path)
    edit(run / "run.json", n_included=199)
    with pytest.raises(ReportError, match="add up") as caught:
        read_run(run)
    assert caught.value.code == "REP-103"
    assert "437 listed − 239 left out ≠ 199 included" in caught.value.seen


def test_an_evaluation_without_its_main_arm_is_refused(tmp_path: Path) -> None:
    run = two_classes(tmp_path)
    edit(run / "evaluation.json", main_arm="magic")
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert caught.value.code == "REP-104"


@pytest.mark.parametrize("content", ["[1]", "{", '{"f": 3}'])
def test_a_damaged_sidecar_is_refused(tmp_path: Path, content: str) -> None:
    run = two_classes(tmp_path)
    (run / "features.json").write_text(content)
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert caught.value.code == "REP-102"


def test_predictions_may_be_missing(tmp_path: Path) -> None:
    run = two_classes(tmp_path)
    (run / "predictions.tsv").unlink()
    assert read_run(run).no_decision == {}
