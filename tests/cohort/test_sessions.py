"""Ages and diagnoses at the session, and what codes stand for in a sessions table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from normwise.cohort import read_cohort, read_study
from normwise.errors import CohortError, NormwiseWarning

KEYS = {"cohort.label": "dx", "cohort.demographics": ["age", "sex"], "cohort.sessions": "all"}
SESSIONS = ("ses-M00", "ses-M24")


def dataset(
    root: Path, *, head="participant_id\tage\tsex\tdx", rows=("sub-01\t60\tF\tnormal", "sub-02\t70\tM\tAD")
):
    root.mkdir()
    (root / "participants.tsv").write_text("\n".join([head, *rows]) + "\n")
    for row in rows:
        subject = row.split("\t")[0]
        for session in SESSIONS:
            (root / subject / session / "anat").mkdir(parents=True)
            (root / subject / session / "anat" / f"{subject}_{session}_T1w.nii.gz").touch()
    return root


def sessions(root: Path, subject: str, head: str, *rows: str):
    text = "\n".join(
        [f"session_id\t{head}", *(f"{name}\t{row}" for name, row in zip(SESSIONS, rows, strict=True))]
    )
    (root / subject / f"{subject}_sessions.tsv").write_text(text + "\n")


def ages(root: Path, **keys):
    return read_cohort(read_study(root, {**KEYS, **keys})).frame["age"].round(6).tolist()


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("age", ("60", "62")), ("age_at_session", ("60", "62")), ("AgeAtScan", ("60.0", "62.0")),
        ("session_age_months", ("720", "744")), ("age_at_visit", ("60 years", "062Y")),
    ],
)  # fmt: skip
def test_the_age_is_that_of_the_session(tmp_path, column, cells):
    root = dataset(tmp_path / "ds")
    sessions(root, "sub-01", column, *cells)
    sessions(root, "sub-02", column, *cells)
    cohort = read_cohort(read_study(root, KEYS))
    assert cohort.frame["age"].tolist() == [60.0, 62.0, 60.0, 62.0]
    said = [text for text in cohort.readings if text.startswith("age: that at the session")]
    assert said == (
        [] if column == "age" else [f"age: that at the session, from {column} of the sessions tables"]
    )


@pytest.mark.parametrize("column", ["age_at_onset", "age_at_diagnosis", "page", "age_group", "brain_age_gap"])
def test_another_age_is_not_that_of_the_session(tmp_path, column):
    root = dataset(tmp_path / "ds")
    sessions(root, "sub-01", column, "40", "40")
    with pytest.warns(NormwiseWarning, match="COH-304") as caught:
        assert ages(root) == [60.0, 60.0, 70.0, 70.0]
    assert caught[0].message.value == 2


def test_two_ages_at_the_session_cost_their_participant(tmp_path):
    root = dataset(tmp_path / "ds")
    sessions(root, "sub-01", "age_at_scan\tage_at_visit", "60\t60", "62\t62")
    sessions(root, "sub-02", "age_at_scan", "70", "72")
    cohort = read_cohort(read_study(root, KEYS))
    assert cohort.frame["age"].tolist() == [70.0, 72.0]
    assert cohort.ledger["code"].tolist()[:2] == ["COH-117"] * 2
    assert ages(dataset_named(root, "age_at_scan")) == [60.0, 62.0, 70.0, 72.0]


def dataset_named(root: Path, column: str) -> Path:
    """Give the first participant an age of the name that the study asks for."""
    sessions(root, "sub-01", f"{column}\tage", "61\t60", "61\t62")
    return root


def test_a_session_without_an_age_keeps_the_participants_and_says_so(tmp_path):
    root = dataset(tmp_path / "ds")
    sessions(root, "sub-01", "age_at_session", "60", "62")
    with pytest.warns(NormwiseWarning, match="COH-304") as caught:
        assert ages(root) == [60.0, 62.0, 70.0, 70.0]
    assert (caught[0].message.value, "sub-02" in caught[0].message.text) == (1, True)
    assert ages(root, **{"cohort.sessions": "first"}) == [60.0, 70.0]


@pytest.mark.parametrize(
    ("use", "kept"), [("all", ["normal", "AD", "AD", "AD"]), ("first", ["normal", "AD"])]
)
def test_people_whose_diagnosis_changes_are_counted(tmp_path, use, kept):
    root = dataset(tmp_path / "ds")
    sessions(root, "sub-01", "age\tdx", "60\tnormal", "62\tAD")
    sessions(root, "sub-02", "age\tdx", "70\tn/a", "72\tAD")
    with pytest.warns(NormwiseWarning, match="COH-305") as caught:
        cohort = read_cohort(read_study(root, {**KEYS, "cohort.sessions": use}))
    assert cohort.labels.tolist() == kept
    assert caught[0].message.value == 1
    assert "1 of 2 people" in caught[0].message.text
    assert "AD and normal: 1" in caught[0].message.text
    assert caught[0].message.text in cohort.readings


@pytest.mark.parametrize("place", ["sessions.json", "sub-01/sub-01_sessions.json"])
def test_codes_of_a_sessions_table_have_the_words_beside_it(tmp_path, place):
    root = dataset(tmp_path / "ds", rows=("sub-01\t60\tF\tnormal",))
    sessions(root, "sub-01", "age\tsex", "60\t2", "62\t2")
    (root / place).write_text(json.dumps({"sex": {"Levels": {"1": "male", "2": "female"}}}))
    assert read_cohort(read_study(root, KEYS)).frame["sex"].tolist() == ["F", "F"]


def test_one_code_with_two_meanings_is_refused(tmp_path):
    root = dataset(tmp_path / "ds", rows=("sub-01\t60\t1\tnormal",))
    sessions(root, "sub-01", "age\tsex", "60\t2", "62\t2")
    (root / "participants.json").write_text(json.dumps({"sex": {"Levels": {"1": "male", "2": "female"}}}))
    (root / "sessions.json").write_text(json.dumps({"sex": {"Levels": {"1": "female", "2": "male"}}}))
    with pytest.raises(CohortError) as caught:
        read_cohort(read_study(root, KEYS))
    assert caught.value.code == "COH-116"
