"""Participants tables of the kinds that public datasets have: each gets a sentence, none a traceback."""

from __future__ import annotations

import json

import pytest

from normwise.cli.main import main
from normwise.cohort import read_cohort, read_study

PEOPLE = 80
COLUMNS = ("participant_id", "age", "sex", "group", "gm_ml")


def plain():
    """Return a table without faults, by column."""
    rows = range(PEOPLE)
    return {
        "participant_id": [f"sub-{row + 1:02d}" for row in rows],
        "age": [str(20 + row * 7 % 50) for row in rows],
        "sex": ["FM"[row % 2] for row in rows],
        "group": [("control", "patient")[row // 2 % 2] for row in rows],
        "gm_ml": [f"{600 + row * 37 % 113}.5" for row in rows],
    }


def written(columns, delimiter="\t", end="\n"):
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    return "".join(delimiter.join(map(str, row)) + end for row in rows)


def with_column(name, change):
    """Return a table one of whose columns is changed, cell by cell."""
    return {**plain(), name: [change(row, cell) for row, cell in enumerate(plain()[name])]}


def without(*names):
    return {name: cells for name, cells in plain().items() if name not in names}


def check(folder, capsys, *flags):
    code = main(["check", str(folder), *flags])
    out, err = capsys.readouterr()
    assert "CLI-901" not in err
    assert "Traceback" not in out + err
    return code, " ".join((out + err).split())


# ruff: noqa: E501
TABLES = {
    "as it should be": (written(plain()), 0, "taken were label 'group' (control, patient); normal 'control'"),
    "ages are ranges": (written(with_column("age", lambda row, _: f"{20 + row // 4 * 5}-{25 + row // 4 * 5}")), 2,
                        "age is a range"),
    "some ages are ranges": (written(with_column("age", lambda row, cell: "20-25" if row < 2 else cell)), 0,
                             "2 rows by COH-207"),
    "ages above 89": (written(with_column("age", lambda row, cell: "89+" if row == 3 else cell)), 0,
                      "age is censored: '89+'"),
    "ages with a unit": (written(with_column("age", lambda _, cell: f"{cell}Y")), 0, "read as 20 years"),
    "a column of units": (written({**with_column("age", lambda row, cell: str(12 * int(cell)) if row % 2 else cell),
                                   "age_unit": [("years", "months")[row % 2] for row in range(PEOPLE)]}), 0,
                          "age: in months, as age_unit says"),
    "decimal commas": (written(with_column("age", lambda _, cell: f"{cell},5")), 0, "age: decimal comma, as '20,5'"),
    "carriage returns": (written(plain(), end="\r"), 0, "line ends: carriage returns"),
    "carriage returns and line feeds": (written(plain(), end="\r\n"), 0, "control 40 (defines normal), patient 40"),
    "a byte order mark": (b"\xef\xbb\xbf" + written(plain()).encode(), 0, "UTF-8 with a byte order mark"),
    "UTF-16": (written(plain()).encode("utf-16"), 0, "encoding: UTF-16"),
    "Windows-1252": (written(with_column("group", lambda _, cell: cell.replace("patient", "Übergang"))).encode("cp1252"),
                     0, "Windows-1252"),
    "no age": (written(without("age")), 0, "demographics sex"),
    "neither age nor sex": (written(without("age", "sex")), 0, "corrected for nothing. The columns are"),
    "age is n/a everywhere": (written(with_column("age", lambda *_: "n/a")), 0, "age is empty"),
    "some ages are n/a": (written(with_column("age", lambda row, cell: "n/a" if row < 3 else cell)), 0,
                          "3 rows by COH-205"),
    "group is n/a everywhere": (written(with_column("group", lambda *_: "n/a")), 2, "add a column with each person's diagnosis: no other holds classes; or"),
    "one group": (written(with_column("group", lambda *_: "control")), 2, "no other holds classes (group is 'control' alone)"),
    "a group and empty cells": (written(with_column("group", lambda row, _: ["control", "n/a"][row % 2])), 2,
                                "(group is 'control' alone)"),
    "other classes": (written({**without("group"), "hand": ["RL"[row % 2] for row in range(PEOPLE)]}), 2,
                      "as --label NAME --normal VALUE; it may be hand (R, L)"),
    "sexes and ages alone are no diagnosis": (written({**without("group", "gm_ml"), "age": ["20-25", "25-30"] * (PEOPLE // 2)}), 2,
                                              "no other holds classes; or predict a number"),
    "sexes and ages that are empty": (written({**plain(), "age": ["n/a"] * PEOPLE, "sex": [""] * PEOPLE}), 0,
                                      "age, sex are empty: features are corrected for nothing"),
    "no group": (written(without("group")), 2, "there is no column 'diagnosis', which cohort.label names"),
    "ids alone": (written({"participant_id": plain()["participant_id"]}), 2, "seen columns participant_id do add a column"),
    "duplicate ids": (written(with_column("participant_id", lambda row, cell: "sub-01" if row == 1 else cell)), 0,
                      "COH-210"),
    "sessions": (
        written({**with_column("participant_id", lambda row, _: f"sub-{row // 2 + 1:02d}"),
                 "group": [("control", "patient")[row // 4 % 2] for row in range(PEOPLE)],
                 "session_id": [f"ses-{row % 2 + 1}" for row in range(PEOPLE)]}),
        0, "session 'session_id'"),
    "sexes of mixed coding": (written(with_column("sex", lambda row, cell: "1" if row == 5 else cell)), 2, "COH-109"),
    "sexes as codes": (written(with_column("sex", lambda _, cell: "1" if cell == "F" else "2")), 0,
                       "sex: codes 1 and 2 kept as categories"),
    "sexes as words": (written(with_column("sex", lambda _, cell: {"F": "female", "M": "Male"}[cell])), 0,
                       "read as F"),
    "another sex": (written(with_column("sex", lambda row, cell: "D" if row == 7 else cell)), 0, "'D' kept"),
    "an id of another name": (written({("subject" if name == "participant_id" else name): cells
                                       for name, cells in plain().items()}), 0, "control 40"),
    "an id of a name of its own": (written({("code" if name == "participant_id" else name): cells
                                            for name, cells in plain().items()}), 2, "as --id NAME; it may be code"),
    "blanks between columns": (written(plain(), delimiter="  "), 2, "write tabs or commas"),
    "commas in a TSV": (written(plain(), delimiter=","), 0, "columns are separated by comma"),
    "only a header": (written({name: [] for name in COLUMNS}), 2, "the table has no rows"),
    "nothing": ("", 2, "the table is empty"),
    "a row that is too short": (written(plain()) + "sub-99\t30\n", 2, "(line 82) has 3 cells fewer"),
    "two columns of one name": (written(plain()).replace("gm_ml", "age", 1), 2, "two columns are called 'age'"),
    "a last tab in every line": (written(plain(), end="\t\n"), 0, "control 40"),
    "empty lines": (written(plain(), end="\n\n"), 0, "control 40"),
    "two normal classes": (written(with_column("group", lambda row, cell: "Control" if row == 0 else cell)), 2,
                           "values Control, control, patient"),
    "codes of groups": (written(with_column("group", lambda _, cell: {"control": "0", "patient": "1"}[cell])), 2,
                        "--normal VALUE"),
    "a code for a missing age": (written(with_column("age", lambda row, cell: "-1" if row < 2 else cell)), 0,
                                 "2 rows by COH-207"),
    "dates of birth": (written(with_column("age", lambda *_: "1951-03-02")), 2, "age is a date"),
    "two ages": (written({**plain(), "age_at_scan2": plain()["age"]}).replace("\tage\t", "\tage_at_scan\t"), 2, "2 columns may be the age"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_each_kind_of_table_gets_a_sentence(kind, tmp_path, capsys):
    content, expected, phrase = TABLES[kind]
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "participants.tsv").write_bytes(data)
    code, said = check(tmp_path, capsys, "--folds", "2", "--inner-folds", "2", "--sensitivity", "0.5")
    assert phrase in said
    assert code == expected


def test_units_and_words_of_the_data_dictionary(tmp_path, capsys):
    table = with_column("age", lambda _, cell: str(12 * int(cell)))
    table["group"] = [{"control": "0", "patient": "1"}[cell] for cell in table["group"]]
    (tmp_path / "participants.tsv").write_text(written(table))
    levels = {"age": {"Units": "months"}, "group": {"Levels": {"0": "healthy control", "1": "schizophrenia"}}}
    (tmp_path / "participants.json").write_text(json.dumps(levels))
    code, said = check(tmp_path, capsys, "--folds", "2", "--inner-folds", "2", "--sensitivity", "0.5")
    assert code == 0
    assert "age: in months, as its data dictionary says" in said
    assert "healthy control 40 (defines normal), schizophrenia 40" in said


@pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")
def test_ids_without_sub_find_their_images(tmp_path):
    table = with_column("participant_id", lambda _, cell: cell.removeprefix("sub-"))
    (tmp_path / "participants.tsv").write_text(written(table))
    for name in plain()["participant_id"]:
        (tmp_path / name / "anat").mkdir(parents=True)
        (tmp_path / name / "anat" / f"{name}_T1w.nii.gz").touch()
    cohort = read_cohort(read_study(tmp_path))
    assert len(cohort.frame) == PEOPLE
    assert any("'sub-' put before each name" in reading for reading in cohort.readings)


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        (["{}/eeg/{}_task-rest_eeg.edf", "{}/eeg/{}_task-rest_eeg.json"], "seen eeg/*_eeg.edf expected"),
        (["{}/ses-1/anat/{}_ses-1_inv-1_MP2RAGE.nii.gz"], "seen anat/*_MP2RAGE.nii.gz expected"),
        (["{}/mrs/{}_svs.nii.gz"], "seen mrs/*_svs.nii.gz expected"),  # spectra are no images
    ],
)
def test_a_dataset_without_images_is_named_by_its_files(files, seen, tmp_path, capsys):
    (tmp_path / "participants.tsv").write_text(written(plain()))
    for name in plain()["participant_id"]:
        for file in files:
            place = tmp_path / file.format(name, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    code, said = check(tmp_path, capsys)
    assert code == 2
    assert "COH-113" in said
    assert seen in said


def test_a_dataset_without_a_table_is_named_by_its_people(tmp_path, capsys):
    for name in ("sub-01", "sub-02"):
        (tmp_path / name / "anat").mkdir(parents=True)
        (tmp_path / name / "anat" / f"{name}_T1w.nii.gz").touch()
    code, said = check(tmp_path, capsys)
    assert code == 2
    assert "STU-107" in said
    assert "no participants.tsv" in said
    assert "folders of 2 people: sub-01, sub-02" in said


def test_images_of_which_none_can_be_read_are_no_cohort(tmp_path, capsys):
    (tmp_path / "participants.tsv").write_text(written(plain()))
    for name in plain()["participant_id"]:
        (tmp_path / name / "anat").mkdir(parents=True)
        (tmp_path / name / "anat" / f"{name}_T1w.nii.gz").touch()
    code, said = check(tmp_path, capsys)
    assert code == 2
    assert "IMG-101 sub-01: " in said


@pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")
def test_a_column_of_units_turns_ages_into_years(tmp_path):
    units = [("years", "months", "n/a", "Weeks")[row % 4] for row in range(PEOPLE)]
    table = {**with_column("age", lambda row, cell: "52,5" if row == 3 else "24"), "age_unit": units}
    (tmp_path / "participants.tsv").write_text(written(table))
    ages = read_cohort(read_study(tmp_path)).frame["age"].tolist()[:4]
    assert ages == pytest.approx([24, 2, 24, 52.5 * 7 / 365.25])
