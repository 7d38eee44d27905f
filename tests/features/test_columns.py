from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.columns import choose_columns, drop_incomplete, read_columns

KNOWN = ["ID", "Age", "dx", "lh_a", "lh_b", "rh_a", "x[1]"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ([], ["lh_a", "lh_b", "rh_a", "x[1]"]),
        (["rh_a", "lh_a"], ["lh_a", "rh_a"]),
        (["*_a"], ["lh_a", "rh_a"]),
        (["*", "!lh_*"], ["rh_a", "x[1]"]),
        (["x[1]"], ["x[1]"]),
        (["*h_?"], ["lh_a", "lh_b", "rh_a"]),
    ],
)
def test_names_and_patterns_choose_in_the_tables_order(wanted, chosen):
    assert choose_columns(wanted, KNOWN, ["ID", "Age", "dx"], "t.csv") == chosen


def test_a_second_name_fits_as_well():
    assert choose_columns(["Left-*"], ["a", "b"], (), "t", also={"a": "Left-Insula"}) == ["a"]


@pytest.mark.parametrize(
    ("wanted", "code"), [(["lh_c"], "FEA-201"), (["zz*"], "FEA-201"), (["Age"], "FEA-202")]
)
def test_what_is_not_there_or_has_another_role_is_refused(wanted, code):
    with pytest.raises(FeatureError) as caught:
        choose_columns(wanted, KNOWN, ["ID", "Age", "dx"], "t.csv")
    assert caught.value.code == code


def test_a_near_miss_is_suggested():
    with pytest.raises(FeatureError) as caught:
        choose_columns(["lh_bb"], KNOWN, [], "t.csv")
    assert "lh_b" in caught.value.advice


def test_text_in_a_cell_costs_that_person_only():
    text = pd.DataFrame({"a": ["1.5", "oops", "3"], "b": ["n/a", "2", "1"]}, index=["p", "q", "r"])
    values, failures = read_columns(text, "t.csv")
    assert list(failures) == ["q"]
    assert failures["q"].code == "FEA-203"
    assert "oops" in failures["q"].seen
    assert np.isnan(values.loc["p", "b"])
    assert values.loc["r"].tolist() == [3.0, 1.0]


def test_an_age_with_its_unit_is_a_number():
    text = pd.DataFrame({"age_at_onset": ["600 months", "30"], "b": ["600 months", "30"]}, index=["p", "q"])
    values, failures = read_columns(text, "t.csv")
    assert values["age_at_onset"].tolist() == [50.0, 30.0]
    assert list(failures) == ["p"]


def table(people, **columns):
    return pd.DataFrame(columns, index=[f"s{number}" for number in range(people)], dtype=float)


def test_a_column_that_most_lack_goes_and_a_gap_costs_a_person():
    values = table(12, a=range(12), b=[np.nan] * 7 + [1.0] * 5, c=[2.0] * 11 + [np.nan])
    values["c"] = values["c"] + values["a"]
    with pytest.warns(NormwiseWarning, match="FEA-901  b in t.csv"):
        kept, failures = drop_incomplete(values, {}, "t.csv")
    assert list(kept.columns) == ["a", "c"]
    assert list(failures) == ["s11"]
    assert failures["s11"].code == "FEA-204"
    assert kept.notna().all(axis=None)


def test_among_few_people_only_an_empty_column_goes():
    values = table(3, a=[1, 2, 3], b=[np.nan, np.nan, 1.0], c=[np.nan] * 3)
    with pytest.warns(NormwiseWarning, match="FEA-901  c in t.csv"):
        kept, failures = drop_incomplete(values, {}, "t.csv")
    assert list(kept.index) == ["s2"]
    assert {error.code for error in failures.values()} == {"FEA-204"}


def test_who_failed_already_has_no_say():
    values = table(3, a=[1, np.nan, 3])
    earlier = {"s1": FeatureError("FEA-203", "a is not a number.", subject="s1")}
    kept, failures = drop_incomplete(values, earlier, "t.csv")
    assert failures == earlier
    assert list(kept.index) == ["s0", "s2"]


def test_what_a_model_needs_is_never_dropped():
    values = table(1, a=[np.nan], b=[1.0], c=[2.0])
    kept, failures = drop_incomplete(values, {}, "t.csv", ["b", "a"])
    assert failures["s0"].code == "FEA-204"
    kept, failures = drop_incomplete(values, {}, "t.csv", ["c", "b"])
    assert kept.to_dict("index") == {"s0": {"c": 2.0, "b": 1.0}}
    assert failures == {}


def test_nothing_left_is_an_error():
    with pytest.warns(NormwiseWarning, match="FEA-901"), pytest.raises(FeatureError) as caught:
        drop_incomplete(table(3, a=[np.nan] * 3), {}, "t.csv")
    assert caught.value.code == "FEA-205"


def test_a_value_beyond_all_measure_costs_that_person_only():
    values = table(4, a=[1, 1e300, 3, 4], b=[5, 6, -np.inf, 8])
    kept, failures = drop_incomplete(values, {}, "t.csv")
    assert list(kept.index) == ["s0", "s3"]
    assert {scan: error.code for scan, error in failures.items()} == {"s1": "FEA-216", "s2": "FEA-216"}
    assert failures["s1"].problem.startswith("a is larger")
    assert failures["s1"].seen == "1e+300"
    kept, failures = drop_incomplete(values, {}, "t.csv", ["b"])
    assert list(failures) == ["s2"]


def test_an_absent_region_counts_among_any_number_of_people_and_is_named():
    values = table(3, **{"a_left.mean": [1, np.nan, 3], "b.mean": [np.nan, np.nan, 1], "c": [1, 2, np.nan]})
    absent = values.isna() & [True, True, False]
    with pytest.warns(NormwiseWarning, match=r"FEA-901  b\.mean in maps"):
        kept, failures = drop_incomplete(values, {}, "maps", absent=absent)
    assert list(kept.columns) == ["a_left.mean", "c"]
    assert {scan: error.code for scan, error in failures.items()} == {"s1": "FEA-204", "s2": "FEA-204"}
    assert failures["s1"].problem == "a_left is absent."
    assert failures["s2"].seen == "c"
