"""A run read back: results that agree, repeats of a scan put together, pictures of the run alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report.saved_run import Album, Scored, count_reasons, read_run, read_scored
from normwise.report.sections.decisions import worst
from normwise.report.sections.summary import sentences
from normwise.results import Note, Picture
from normwise.run_folder import RunFolder
from report.example_runs import EXAMPLES, extracted_only, two_classes
from report.full_results import PNG


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


HEAD = "arm\trepeat\tid\tlabel\tprobability_normal\tprobability_AD\tdecision\treason\n"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "predictions.tsv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


def test_probabilities_are_means_of_what_is_there(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "raw\t0\ta\tAD\t0.9\t0.1\tnormal\tn/a",
        "main\t0\ta\tAD\t0.2\t0.8\tAD\tn/a",
        "main\t1\ta\tAD\t0.4\t0.6\tnormal\tn/a",
        "main\t2\ta\tAD\tn/a\tn/a\tn/a\ttoo old",
    )
    [row] = read_scored(RunFolder(path.parent), "main")
    assert row.probabilities == pytest.approx({"normal": 0.3, "AD": 0.7})
    assert row.decisions == {"AD": 1, "normal": 1, "": 1}
    assert row.tests == 3
    assert count_reasons([row]) == {"too old": 1}


def test_no_file_is_nobody(tmp_path: Path) -> None:
    assert read_scored(RunFolder(tmp_path), "main") == []


def test_a_damaged_table_is_refused_by_name(tmp_path: Path) -> None:
    run = EXAMPLES["everything"](tmp_path / "run")
    path = run / "predictions.tsv"
    path.write_text(
        path.read_text().replace("normalized\t0\tsub-1\tdementia\t", "normalized\t0\tsub-1\tx\ty")
    )
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert caught.value.code == "REP-102"


def scan(name: str, label: str, share: float, /, **decisions: int) -> Scored:
    return Scored(name, label, {"normal": share, "AD": 1 - share}, decisions, {})


def test_the_surest_mistakes_come_first() -> None:
    rows = [
        scan("mild", "AD", 0.6, normal=5),
        scan("sure", "AD", 0.95, normal=4, AD=1),
        scan("right", "AD", 0.1, AD=5),
        scan("mostly right", "AD", 0.6, AD=3, normal=2),
        scan("alarm", "normal", 0.1, AD=5),
        scan("clear", "normal", 0.9, normal=5),
        scan("undecided", "normal", 0.2, **{"": 5}),
        Scored("untested", "MCI", {}, {"AD": 1}, {}),
    ]
    missed, alarms = worst(rows, ["normal", "AD"], "normal")
    assert [row.subject for row in missed] == ["sure", "mild"]
    assert [row.subject for row in alarms] == ["alarm"]


def album_with(folder: Path, path: str, content: bytes = PNG, limit: int = 10_000) -> Album:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return Album(
        RunFolder(folder / "run"), [Picture("a", "mask", path.removeprefix("run/"), "t", "alt")] * 3, limit
    )


def test_a_picture_of_the_run_is_shown(tmp_path: Path) -> None:
    [(picture, uri)] = album_with(tmp_path, "run/pictures/a.png").show("a")
    assert picture.title == "t"
    assert uri.startswith("data:image/png;base64,iVBOR")


def test_a_jpeg_is_shown_as_one(tmp_path: Path) -> None:
    [(_, uri)] = album_with(tmp_path, "run/a.png", b"\xff\xd8\xff\xe0rest").show("a")
    assert uri.startswith("data:image/jpeg;")


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "missing.png", "."])
def test_nothing_outside_the_run_is_shown(tmp_path: Path, path: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    assert Album(RunFolder(tmp_path / "run"), [Picture("a", "mask", path, "t", "alt")]).show("a") == []


def test_a_link_out_of_the_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "run" / "a.png").symlink_to(tmp_path / "secret.png")
    assert Album(RunFolder(tmp_path / "run"), [Picture("a", "mask", "a.png", "t", "alt")]).show("a") == []


def test_what_is_no_picture_is_not_shown(tmp_path: Path) -> None:
    assert album_with(tmp_path, "run/a.png", b"<svg onload=alert(1)>").show("a") == []


def test_the_limit_is_not_exceeded(tmp_path: Path) -> None:
    album = album_with(tmp_path, "run/a.png", limit=2 * len(PNG))
    assert len(album.show("a", most=3)) == 2
    assert album.show("a") == []
