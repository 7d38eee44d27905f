from __future__ import annotations

import dataclasses

import pytest

from normwise.cohort.cohort import one_line
from normwise.errors import CohortError, ImageError

TABLE = "ID,Age,site,dx\n1,71,A,normal\n2,72,B,AD\n3,n/a,A,AD\n4,74,A,normal\n"


@pytest.fixture
def cohort(people, tmp_path):
    for name in "1234":
        (tmp_path / f"{name}.nii").touch()
    return people(TABLE, demographics=["Age"], site="site", images="{ID}.nii")


def test_failed_scans_leave_every_column_and_stay_in_the_ledger(cohort):
    error = ImageError("IMG-104", "the maps\ndiffer.", seen="0.8 mm", advice="resample")
    rest = cohort.leave_out({"2": error})
    assert rest.frame.index.tolist() == ["1", "4"]
    for each in (rest.labels, rest.groups, rest.sites, rest.images, rest.raw):
        assert each.index.equals(rest.frame.index)
    assert rest.ledger.loc[1].to_dict() == {
        "id": "2", "group": "2", "label": "AD", "status": "failed", "code": "IMG-104",
        "reason": "the maps differ; seen 0.8 mm; resample", "general": "the maps differ", "missing": "",
        "image": False,
    }  # fmt: skip
    assert len(rest.ledger) == 4
    assert cohort.ledger["status"].tolist() == ["included", "included", "excluded", "included"]
    assert cohort.leave_out({}) is cohort


def test_people_with_the_same_problem_are_counted_whatever_their_files_are_called(cohort):
    same = {name: ImageError("IMG-102", f"{name}.nii: no kind that is read.", subject=name) for name in "12"}
    other = {"4": ImageError("IMG-102", "seen twice: another kind.", subject="4")}
    rest = cohort.leave_out(same | other)
    assert rest.ledger["general"].tolist()[:2] == ["no kind that is read"] * 2
    assert rest.ledger["general"].tolist()[3] == "seen twice: another kind"
    assert rest.ledger["reason"].tolist()[0] == "1.nii: no kind that is read"


def test_keep_leaves_the_others_with_a_code(cohort):
    kept = cohort.keep(["4"])
    assert kept.frame.index.tolist() == ["4"]
    assert kept.ledger["code"].tolist() == ["COH-218", "COH-218", "COH-205", ""]
    assert kept.ledger["status"].tolist() == ["excluded", "excluded", "excluded", "included"]
    assert kept.ledger["missing"].tolist() == ["", "", "Age", ""]


@pytest.mark.parametrize("name", ["3", "none"])
def test_an_id_that_takes_no_part(cohort, name):
    for act in (lambda: cohort.keep([name]), lambda: cohort.leave_out({name: ImageError("IMG-101", "x.")})):
        with pytest.raises(CohortError) as caught:
            act()
        assert caught.value.code == "COH-114"


def test_the_ledger_as_a_file(people, tmp_path):
    cohort = people(TABLE.replace("3,n/a", '3,"4\t\n5"'), demographics=["Age"])
    cohort.write_ledger(tmp_path / "run" / "cohort.tsv")
    lines = (tmp_path / "run" / "cohort.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["id", "group", "label", "status", "code", "reason"]
    assert lines[1].split("\t") == ["1", "1", "normal", "included", "n/a", "n/a"]
    assert lines[3].split("\t")[:5] == ["3", "3", "AD", "excluded", "COH-207"]
    assert len(lines) == 5
    assert all(len(line.split("\t")) == 6 for line in lines)


def test_numbers_that_do_not_add_up_are_an_assertion(cohort):
    with pytest.raises(AssertionError):
        dataclasses.replace(cohort, ledger=cohort.ledger.iloc[1:])
    with pytest.raises(AssertionError):
        dataclasses.replace(cohort, frame=cohort.frame.iloc[1:])
    with pytest.raises(AssertionError):
        dataclasses.replace(cohort, labels=cohort.labels.iloc[::-1])


def test_one_line():
    assert one_line("a\n\tb", "", "seen c") == "a b; seen c"
