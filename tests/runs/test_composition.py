"""Table 1 counts everybody, by class and by site, and says what was missing."""

from __future__ import annotations

from pathlib import Path

from normwise.cohort import read_cohort
from normwise.errors import ImageError
from normwise.runs.composition import composition_of, flow_of, missing_in, sites_of
from normwise.schema import Study

TABLE = """ID,Age,Sex,dx,site
a,60,F,normal,Lund
b,70,M,AD,Lund
c,80,F,AD,Oslo
d,,F,AD,Oslo
e,,F,normal,Oslo
f,66,F,,Oslo
g,61,M,normal,
"""


def cohort_in(folder: Path, **changes: object):
    (folder / "people.csv").write_text(TABLE)
    section = {
        "root": folder, "table": "people.csv", "id": "ID", "label": "dx", "demographics": ["Age", "Sex"],
        "classes": {"normal": ["normal"], "AD": ["AD"]}, "site": "site",
    }  # fmt: skip
    return read_cohort(Study.model_validate({"cohort": section | changes}))


def test_classes_and_sites_hold_everybody_once(tmp_path: Path) -> None:
    cohort = cohort_in(tmp_path)
    classes, sites = composition_of(cohort), sites_of(cohort)
    assert [(row["class"], row["scans"]) for row in classes] == [("normal", 1), ("AD", 2)]
    assert [(row["site"], row["scans"], row["classes"]) for row in sites] == [
        ("Lund", 2, {"normal": 1, "AD": 1}),
        ("Oslo", 1, {"normal": 0, "AD": 1}),
    ]
    assert sites[0]["Age"] == {"mean": 65.0, "sd": 7.0710678118654755, "min": 60.0, "max": 70.0}
    assert sites[1]["Sex"] == {"F": 1}


def test_missing_values_are_counted_by_class(tmp_path: Path) -> None:
    assert missing_in(cohort_in(tmp_path).ledger) == {
        "Age": {"AD": 1, "normal": 1},
        "the label": {"class unknown": 1},
        "the site": {"normal": 1},
    }


def test_without_sites_there_is_no_table_of_them(tmp_path: Path) -> None:
    assert sites_of(cohort_in(tmp_path, site=None)) == []


def test_the_flow_says_what_holds_for_every_row_of_a_code(tmp_path: Path) -> None:
    cohort = cohort_in(tmp_path, site=None, include=["Age < 80"])
    error = ImageError(
        "IMG-104", "the grids differ: no overlap.", seen="a shift of 0.8 mm", advice="resample"
    )
    cohort = cohort.leave_out({"g": error})
    assert {step.code: (step.reason, step.scans) for step in flow_of(cohort.ledger)} == {
        "COH-202": ("the label dx is missing", 1),
        "COH-204": ("Age is missing, which Age < 80 needs", 2),
        "COH-209": ("not Age < 80", 1),
        "IMG-104": ("the grids differ: no overlap", 1),
    }
    reasons = cohort.ledger.set_index("id")["reason"]
    assert reasons["c"] == "not Age < 80: Age is '80'"
    assert reasons["g"] == "the grids differ: no overlap; seen a shift of 0.8 mm; resample"


def test_nobody_above_89_is_shown_with_an_age_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("ID,Age,dx\na,96,normal\nb,60,AD\nc,89,AD\nd,89.5,AD\n")
    section = {
        "root": tmp_path, "table": "people.csv", "id": "ID", "label": "dx", "demographics": ["Age"],
    }  # fmt: skip
    normal, patients = composition_of(read_cohort(Study.model_validate({"cohort": section})))
    assert normal["Age"] == {"mean": 90.0, "sd": None, "min": 90.0, "max": 90.0}
    assert (patients["Age"]["min"], patients["Age"]["max"]) == (60.0, 90.0)
    assert abs(patients["Age"]["mean"] - 79.5) < 1e-12
