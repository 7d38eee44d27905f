"""Names that a spreadsheet would run take no part, and are quoted where they are written."""

from __future__ import annotations

import pytest

from normwise.cohort import read_cohort, read_study
from normwise.files import is_formula

EVIL = ("=cmd|' /C calc'!A0", "@SUM(1)", "+x", "-x", "=1", "-1-1")


@pytest.mark.parametrize("text", EVIL)
def test_formulas_are_told(text):
    assert is_formula(text)


@pytest.mark.parametrize("text", ["p=1", "-1", "+1.5", "-1e-5", "+", "-", "n/a", "", "a-b", "-,5"])
def test_numbers_signs_and_names_are_no_formulas(text):
    assert not is_formula(text)


def cohort_of(folder, rows, **keys):
    lines = ["\t".join(row) for row in (("participant_id", "person", "dx"), *rows)]
    (folder / "participants.tsv").write_text("\n".join(lines) + "\n")
    (folder / "study.toml").write_text('[cohort]\nlabel = "dx"\n')
    return read_cohort(read_study(folder, keys))


@pytest.mark.parametrize("name", EVIL)
def test_such_an_id_or_person_or_label_costs_its_row(tmp_path, name):
    rows = [
        ("p1", "a", "normal"),
        ("p2", "b", "AD"),
        (name, "c", "AD"),
        ("p4", name, "AD"),
        ("p5", "e", name),
    ]
    cohort = cohort_of(tmp_path, rows, **{"cohort.group": "person"})
    assert cohort.ledger["code"].tolist() == ["", "", "COH-201", "COH-212", "COH-203"]
    assert cohort.roles.classes == ("normal", "AD")
    cohort.write_ledger(tmp_path / "cohort.tsv")
    cells = [cell for line in (tmp_path / "cohort.tsv").read_text().splitlines() for cell in line.split("\t")]
    assert not any(map(is_formula, cells))
    assert f"'{name}" in cells


def test_labels_of_a_sign_alone_stay_labels(tmp_path):
    cohort = cohort_of(tmp_path, [("p1", "a", "-"), ("p2", "b", "+")], **{"cohort.normal": "-"})
    assert cohort.labels.tolist() == ["-", "+"]
