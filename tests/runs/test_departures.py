"""Everybody held against the normals of their own cohort, and the tables of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from tests.lecture_table import ROWS, write_eight

from normwise.cohort import read_study
from normwise.errors import NormwiseWarning, ProcedureError
from normwise.files import sha256_file
from normwise.model import make_reference
from normwise.normalize import write_reference
from normwise.run_folder import RunFolder
from normwise.runs import SCORES, normalize_study, score_text

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")


def read(run: Path, what: str) -> pd.DataFrame:
    return pd.read_csv(run / "normalized" / f"{what}.tsv", sep="\t", index_col="id", na_values="n/a")


def test_the_lectures_eight_people_are_normalized(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.warns(NormwiseWarning, match="NRM-201"):
        normalize_study(write_eight(tmp_path / "study"), run)
    assert "NRM-201" in [note["code"] for note in json.loads((run / "run.json").read_text())["warnings"]]
    residual, w = read(run, "residual"), read(run, "w")
    assert residual.loc[["AD-1", "AD-2"], "f1"].round(2).tolist() == [4.40, 4.42]
    assert residual.loc[["AD-1", "AD-2"], "f2"].round(6).tolist() == [11.0, 10.0]
    assert w.loc[["AD-1", "AD-2"], "f1"].round(1).tolist() == [7.1, 7.6]
    value, expected = read(run, "value"), read(run, "expected")
    names = ["f1", "f2", "f3"]
    pd.testing.assert_frame_equal(
        value[names] - expected[names], residual[names], check_dtype=False, atol=1e-8, rtol=0
    )
    assert read(run, "centile").loc["AD-2", "f1"].round(1) == 99.8
    assert w["outside_support"].isna().all()


def test_every_table_has_its_dictionary_and_a_digest(tmp_path: Path) -> None:
    run = tmp_path / "run"
    normalize_study(write_eight(tmp_path / "study"), run)
    for what in SCORES:
        about = json.loads((run / "normalized" / f"{what}.json").read_text())
        assert set(read(run, what)) <= set(about)
        assert (about["GeneratedBy"]["Score"], about["GeneratedBy"]["Normals"]) == (what, 6)
    folder = RunFolder(run)
    folder.check()
    (run / "normalized" / "w.tsv").write_text("changed")
    with pytest.raises(Exception, match=r"w\.tsv"):
        folder.check()


def test_the_dictionary_says_which_tails_and_which_reference_w_has(tmp_path: Path) -> None:
    study = write_eight(tmp_path / "study", '[normalizer]\ntails = "auto"\n')
    normalize_study(study, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "normalized" / "w.json").read_text())["GeneratedBy"]
    assert about["Tails"] == "auto"
    assert "Reference" not in about
    plain = {"normalizer.tails": "gaussian"}
    write_reference(make_reference(read_study(study, plain))[0], tmp_path / "norm.json")
    changes = {**plain, "normalizer.from": str(tmp_path / "norm.json")}
    normalize_study(read_study(study, changes), tmp_path / "refined")
    about = json.loads((tmp_path / "refined" / "normalized" / "w.json").read_text())["GeneratedBy"]
    assert (about["Normals"], "Tails" in about) == (12, False)
    assert about["Reference"] == sha256_file(tmp_path / "norm.json")


def test_patients_never_move_what_is_expected(tmp_path: Path) -> None:
    normalize_study(write_eight(tmp_path / "study"), tmp_path / "run")
    study = write_eight(tmp_path / "other")
    (tmp_path / "other" / "participants.tsv").write_text(ROWS.replace("9.2", "99.2"))
    normalize_study(study, tmp_path / "run2")
    pd.testing.assert_frame_equal(read(tmp_path / "run", "expected"), read(tmp_path / "run2", "expected"))


def test_who_is_outside_or_left_out_is_named(tmp_path: Path) -> None:
    study = write_eight(tmp_path / "study")
    more = "AD-3\tAD\t99\tF\t9\t20\t5\nAD-4\tAD\t60\tX\t9\t20\t5\nAD-5\tAD\tn/a\tF\t9\t20\t5\n"
    (tmp_path / "study" / "participants.tsv").write_text(ROWS + more)
    normalize_study(study, tmp_path / "run")
    w = read(tmp_path / "run", "w")
    assert len(w) == 11
    assert "age 99 is outside" in w.loc["AD-3", "outside_support"]
    assert pd.notna(w.loc["AD-3", "f1"])
    for scan, reason in (("AD-4", "X"), ("AD-5", "age")):
        assert pd.isna(w.loc[scan, "f1"])
        assert reason in w.loc[scan, "outside_support"]


def test_appended_demographics_are_no_reason_to_normalize_nothing(tmp_path: Path) -> None:
    study = write_eight(tmp_path / "study", '[normalizer]\nmode = "append"\n')
    assert normalize_study(study, tmp_path / "run").tables["residual"].loc["AD-1", "f1"] > 4


def test_without_demographics_nothing_is_expected(tmp_path: Path) -> None:
    study = read_study(write_eight(tmp_path / "study"), {"cohort.demographics": []})
    with pytest.raises(ProcedureError, match="no demographics") as caught:
        normalize_study(study, tmp_path / "run")
    assert caught.value.code == "PRC-116"


def test_cells_that_a_spreadsheet_would_run_are_quoted() -> None:
    assert score_text(["f"], [("=1+1", [-1.5], "")]).splitlines()[1] == "'=1+1\t-1.5\tn/a"
