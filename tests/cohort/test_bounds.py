"""No table and no pattern takes longer than a person waits."""

from __future__ import annotations

import time

import pandas as pd
import pytest

from normwise.cohort import read_cohort, read_study, read_table
from normwise.cohort.conditions import parse_condition
from normwise.cohort.labels import natural_key
from normwise.cohort.patterns import first_groups
from normwise.cohort.tables import MAX_COLUMNS
from normwise.cohort.values import looks_like_ages, read_ages
from normwise.errors import CohortError, StudyError


def study_in(folder, pattern, ids=("a1", "b2")):
    rows = "\n".join(f"{name}\t{'AD' if place % 2 else 'normal'}" for place, name in enumerate(ids))
    (folder / "participants.tsv").write_text(f"participant_id\tdx\n{rows}\n")
    (folder / "study.toml").write_text("[cohort]\n")
    return read_study(folder / "study.toml", {"cohort.label": "dx", "cohort.group_pattern": pattern})


def test_a_pattern_that_never_ends_is_refused_in_time():
    begun = time.monotonic()
    with pytest.raises(StudyError) as caught:
        first_groups("^(([a-z]+)+)$", ["a" * 60 + "1"], seconds=1.0)
    assert (caught.value.code, caught.value.seen) == ("STU-115", "'^(([a-z]+)+)$'")
    assert time.monotonic() - begun < 30


def test_a_pattern_names_people_as_before(tmp_path):
    cohort = read_cohort(study_in(tmp_path, "^(?:x|([a-z]))", ids=("ä_1", "a1", "x2", "b3")))
    assert cohort.groups.to_dict() == {"a1": "a", "b3": "b"}
    assert cohort.ledger["code"].tolist() == ["COH-212", "", "COH-212", ""]


@pytest.mark.parametrize("pattern", ["(" * 5000 + "a" + ")" * 5000, "(a)" + "b" * 998, "(a{99999999999999})"])
def test_a_pattern_that_is_too_much_is_no_pattern(tmp_path, pattern):
    with pytest.raises(StudyError) as caught:
        study_in(tmp_path, pattern)
    assert caught.value.code == "STU-109"
    assert study_in(tmp_path, "(a)" + "b" * 997).cohort.group_pattern


def test_too_many_columns_are_refused_before_they_are_read(tmp_path):
    file = tmp_path / "wide.tsv"
    file.write_text("\t".join(map(str, range(MAX_COLUMNS + 1))) + "\n" + "\t" * MAX_COLUMNS + "1\n")
    with pytest.raises(CohortError) as caught:
        read_table(file)
    assert caught.value.code == "COH-102"
    assert "100,000 columns" in caught.value.problem
    file.write_text("\n" + "\t".join(map(str, range(MAX_COLUMNS))) + "\n" + "\t" * (MAX_COLUMNS - 1) + "1\n")
    assert read_table(file).frame.shape == (1, MAX_COLUMNS)


def test_long_cells_and_conditions_cost_no_time():
    cells = pd.Series(["61", "1" + " " * 200_000 + "x", "9" * 500_000], dtype=object)
    reading = read_ages("age", cells)
    assert sorted(reading.problems) == [1, 2]
    assert len(reading.problems[1].text) < 100
    assert looks_like_ages(cells)
    assert not looks_like_ages(cells.iloc[1:])
    with pytest.raises(StudyError) as caught:
        parse_condition("age" + " " * 100_000 + "60")
    assert caught.value.code == "STU-108"
    assert parse_condition("age" + " " * 3000 + ">= 60").column == "age"


def test_a_session_of_many_digits_is_ordered():
    assert natural_key("ses-" + "9" * 5000) > natural_key("ses-" + "8" * 5000) > natural_key("ses-010")
    assert natural_key("ses-10") > natural_key("ses-002")
    assert natural_key("ses-02") == natural_key("ses-2")
