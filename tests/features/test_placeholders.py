"""Numbers that stand for missing ones are named where they lie far from all other values."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from cohorts import cohort_of
from normwise.features import extract_features
from normwise.features.columns import warn_of_placeholders


def said(values):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_placeholders(pd.DataFrame({"gm": values}, dtype=float), "people.tsv")
    return " ".join(str(each.message) for each in caught)


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([640, 655, 612, -999, -999], "-999 (2 of 5 rows)"),
        ([2.4, 2.5, 2.6, -9], "-9 (1 of 4 rows)"),
        ([2.4, 2.5, 2.6, 99, -9999], "-9999, 99 (2 of 5 rows)"),
        ([-999], "-999 (1 of 1 rows)"),
        ([0, 4000, 1200, 2500, -999], "-999 (1 of 5 rows)"),  # never negative otherwise
        ([-9] * 10 + [1, 2], "-9 (10 of 12 rows)"),
        ([-9, 500, 600], "-9 (1 of 3 rows)"),
        ([0.2, -0.5, 1.1, -9], "-9 (1 of 4 rows)"),
        ([-2, 3, 1, 0, -999], "-999 (1 of 5 rows)"),
        ([0, 0, 0, -9], "-9 (1 of 4 rows)"),
        ([90, 90, 90, 90.5, 99.9, 999], "999 (1 of 6 rows)"),
        ([89, 89, 89, 99], "99 (1 of 4 rows)"),  # beyond
    ],
)
def test_what_lies_far_off_is_named(values, held):
    assert f"gm in people.tsv holds {held}" in said(values)


@pytest.mark.parametrize(
    "values",
    [
        [640, 655, 612, 700],
        [900, 950, 1000, 999],  # among the others
        [800, 900, 999],  # as far from them as they lie apart
        [-20, -9, -3, 5],
        [100] * 30 + [99],
        [99.9, 100, 99.9, 100, 99],
        [990, 990, 990, 999],
        [90, 90, 90, 99],  # a tenth of them
        [-2, 3, 1, 0, -9],
        [-9, -1, 2],
        [-9, 5],  # of two people
        [-9],  # of one person, perhaps a score
        [999, 999],
        [],
    ],
)
def test_what_may_be_measured_is_not(values):
    assert not said(values)


@pytest.mark.parametrize("features", [{"columns": ["gm"]}, {"columns": ["wm"], "also": ["gm"]}])
def test_tables_are_looked_at(tmp_path, features):
    people = "ID,Age,Sex,dx,gm,wm\n" + "".join(
        f"{row},7{row},F,{'AD' if row % 2 else 'normal'},{-999 if row == 3 else 640 + row},5{row}.5\n"
        for row in range(6)
    )
    with pytest.warns(UserWarning, match="FEA-910"):
        table = extract_features(*cohort_of(tmp_path, people, {"extractor": "table", **features}))
    assert len(table.values) == 6
