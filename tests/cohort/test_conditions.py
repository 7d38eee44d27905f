from __future__ import annotations

import pandas as pd
import pytest

from normwise.cohort.conditions import parse_condition
from normwise.errors import StudyError


def column(*cells):
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    ("text", "column_name", "sign", "values"),
    [
        ("Age >= 60", "Age", ">=", ("60.0",)),
        ("Age<60.5", "Age", "<", ("60.5",)),
        ("site == 'A'", "site", "==", ("A",)),
        ('site == "A, B"', "site", "==", ("A, B",)),
        ("M/F in F, M", "M/F", "in", ("F", "M")),
        ("M/F in ['F', 'M']", "M/F", "in", ("F", "M")),
        ("site not in (A,B)", "site", "!=", ("A", "B")),
        ("site in 'A, B', C", "site", "in", ("A, B", "C")),
        ("`time in scanner` > 3", "time in scanner", ">", ("3.0",)),
        ("CDR != 0.5", "CDR", "!=", ("0.5",)),
        ("visit != n/a", "visit", "!=", ("n/a",)),
        ("two words == x", "two words", "==", ("x",)),
    ],
)
def test_the_grammar(text, column_name, sign, values):
    condition = parse_condition(text)
    assert (condition.column, condition.operator, condition.values) == (column_name, sign, values)


@pytest.mark.parametrize(
    "text",
    [
        "", "Age", "Age >=", ">= 60", "Age = 60", "Age > sixty", "60 <= Age", "Age >= 60 and Age < 80",
        "site == A or site == B", "site in ", "site in A,,B", "__import__('os').system('true')", "Age => 60",
        "Age > nan", " in A", "`` == 1", "site in A\rB", "site in (",
    ],
)  # fmt: skip
def test_what_is_no_condition(text):
    with pytest.raises(StudyError) as caught:
        parse_condition(text)
    assert caught.value.code == "STU-108"
    assert repr(text) in caught.value.problem


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("Age >= 60", ("60", "59.9", "072Y", "010M"), [True, False, True, False]),
        ("Age < 60", ("60", "59,9", "61,5"), [False, True, False]),
        ("CDR == 0", ("0", "0.0", "0.5", "00"), [True, True, False, True]),
        ("CDR in 0, 0.5", ("0", "0.50", "1"), [True, True, False]),
        ("site != A", ("A", "B", "a"), [False, True, True]),
        ("site not in A, B", ("A", "B", "C"), [False, False, True]),
        ("site == NA", ("NA", "A"), [True, False]),
        ("visit == n/a", ("", "N/A", "1"), [True, True, False]),
        ("visit != n/a", ("", "N/A", "1"), [False, False, True]),
        ("visit in n/a, 1", ("", "2", "1"), [True, False, True]),
    ],
)
def test_who_meets_it(text, cells, expected):
    holds, unknown, _ = parse_condition(text).judge(column(*cells))
    assert holds.tolist() == expected
    assert not unknown


def test_what_can_not_be_told_is_left_out_with_its_reason():
    holds, unknown, _ = parse_condition("Age >= 60").judge(column("61", "", "89+"))
    assert holds.tolist() == [True, False, False]
    assert {row: problem.code for row, problem in unknown.items()} == {1: "COH-204", 2: "COH-207"}
    holds, unknown, _ = parse_condition("site != A").judge(column("n/a", "B"))
    assert holds.tolist() == [False, True]
    assert unknown[0].code == "COH-204"
