from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from normwise.cohort import read_cohort, read_demographics, read_study
from normwise.cohort.demographics import is_category
from normwise.cohort.values import names_an_age, read_ages, read_sexes
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import Roles

ROLES = Roles(
    "dx", ("normal", "AD"), "normal", ("normal", "AD"), ("Age", "Sex", "Educ", "site"), ("Sex", "site")
)


def column(*cells):
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    ("cell", "years"),
    [
        ("42", 42.0), ("042Y", 42.0), ("018M", 1.5), ("006W", 6 * 7 / 365.25), ("010D", 10 / 365.25),
        ("42 years", 42.0), ("18 months", 1.5), ("0", 0.0), ("71.5", 71.5), ("0.5y", 0.5),
    ],
)  # fmt: skip
def test_ages_in_years(cell, years):
    reading = read_ages("age", column(cell))
    assert reading.values[0] == pytest.approx(years, rel=1e-12)
    assert not reading.problems


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("89+", "censored"), (">89", "censored"), ("≥ 90", "censored"), ("90+ years", "censored"),
        ("35-40", "range"), ("35 to 40", "range"), ("0Y", "zero"), ("000D", "zero"),
        ("-1", "no age in years"), ("-9999", "no age in years"), ("131", "no age in years"), ("999Y", ""),
        ("old", "no age"), ("NA", "no age"),
    ],
)  # fmt: skip
def test_what_is_no_single_age_costs_its_row(cell, what):
    reading = read_ages("age", column("71", cell))
    assert list(reading.problems) == [1]
    problem = reading.problems[1]
    assert problem.code == "COH-207"
    assert what in problem.text
    assert cell in problem.text
    assert problem.advice
    assert np.isnan(reading.values[1])
    assert reading.values[0] == 71


def test_ages_with_decimal_comma_and_one_example_a_unit():
    reading = read_ages("Age", column("71,5", "68", "042Y", "043Y", "018M", "n/a"))
    assert reading.values[:5].tolist() == [71.5, 68.0, 42.0, 43.0, 1.5]
    assert reading.readings == [
        "Age: decimal comma, as '71,5'",
        "Age: '042Y' read as 42 years, '018M' as 1.5 years",
    ]


def test_a_column_of_another_unit_is_a_plain_number():
    assert not names_an_age("age_months")
    assert not names_an_age("AgeGroup")
    assert names_an_age("age_at_scan_years")


def test_sexes_in_words():
    reading = read_sexes("sex", column("F", "f", "Female", "female", "M", "MALE", "D", "n/a"))
    assert reading.values.tolist() == ["F", "F", "F", "F", "M", "M", "D", None]
    assert reading.readings == [
        "sex: 'f', 'Female', 'female' read as F; 'MALE' read as M; 'D' kept as a category"
    ]
    assert read_sexes("sex", column("F", "M")).readings == []


@pytest.mark.parametrize(
    ("cells", "kept"), [(("0", "1"), ["0", "1"]), (("1", "2.0"), ["1", "2"]), (("1", "1"), ["1", "1"])]
)
def test_sexes_in_codes_stay_codes(cells, kept):
    reading = read_sexes("SEX", column(*cells))
    assert reading.values.tolist() == kept
    assert "kept as categories" in reading.readings[0]


@pytest.mark.parametrize("cells", [("F", "1"), ("0", "2"), ("1", "2", "9"), ("1", "2", "D"), ("female", "0")])
def test_mixed_schemes_are_refused(cells):
    with pytest.raises(CohortError) as caught:
        read_sexes("sex", column(*cells))
    assert caught.value.code == "COH-109"
    assert all(repr(cell) in caught.value.seen for cell in cells)


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("site", ("A", "B", "NA"), True),
        ("Educ", ("12", "16", "16+"), False),
        ("Educ", ("12", "high", "low"), True),
        ("M/F", ("1", "2"), True),
        ("gender", ("0", "1"), True),
        ("group", ("1", "2"), False),
        ("age", ("35-40", "40-45"), False),
        ("age", ("young", "old"), True),
        ("AgeGroup", ("35-40", "40-45"), True),
        ("x", ("", "n/a"), False),
    ],
)
def test_what_is_a_category(name, cells, expected):
    assert is_category(name, column(*cells)) is expected


def test_a_new_person_is_read_as_the_cohort_was():
    frame, readings = read_demographics({"Age": "71,5", "Sex": "female", "Educ": 12, "site": "NA"}, ROLES)
    assert frame.iloc[0].to_dict() == {"Age": 71.5, "Sex": "F", "Educ": 12.0, "site": "NA"}
    assert frame.dtypes.to_dict() == {"Age": np.float64, "Sex": object, "Educ": np.float64, "site": object}
    assert "Age: decimal comma, as '71,5'" in readings


def test_a_table_of_new_people_keeps_its_index():
    table = pd.DataFrame(
        {"Age": ["71", "042Y"], "Sex": ["F", "m"], "Educ": ["1", "2"], "site": ["A", "B"], "other": ["", ""]},
        index=["x", "y"],
        dtype=object,
    )
    frame, _ = read_demographics(table, ROLES)
    assert list(frame.columns) == ["Age", "Sex", "Educ", "site"]
    assert frame.loc["y"].to_list() == [42.0, "M", 2.0, "B"]
    table.loc["y", "Age"] = "89+"
    with pytest.raises(CohortError) as caught:
        read_demographics(table, ROLES)
    assert (caught.value.code, caught.value.subject) == ("COH-207", "y")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Age": "n/a"}, "COH-205"),
        ({"Educ": "much"}, "COH-206"),
        ({"Age": "89+"}, "COH-207"),
        ({"Sexx": "F"}, "COH-107"),
    ],
)
def test_a_new_person_who_can_not_be_read(change, code):
    person = {"Age": "71", "Sex": "F", "Educ": "12", "site": "A", **change}
    with pytest.raises(CohortError) as caught:
        read_demographics(person, ROLES)
    assert caught.value.code == code


def test_a_missing_demographic_says_how_to_give_it():
    with pytest.raises(CohortError) as caught:
        read_demographics({"Age": "71"}, ROLES)
    assert caught.value.code == "COH-107"
    assert "--set Sex=" in caught.value.advice


def test_placeholders_are_warned_of(people):
    table = "ID,dx,score\n1,normal,3\n2,normal,-9999\n3,AD,4\n"
    with pytest.warns(NormwiseWarning, match=r"^COH-301  score holds -9999 \(rows: 1\)"):
        cohort = people(table, demographics=["score"])
    assert len(cohort.frame) == 3
    assert len(people(table, demographics=["score"], include=["score != -9999"]).frame) == 2


@pytest.mark.parametrize(
    ("word", "said"), [("nan", True), ("None", True), ("?", True), ("<NA>", True), ("D", False), ("", False)]
)
def test_words_for_a_missing_category_are_warned_of(people, word, said):
    table = f"ID,dx,sex\n1,normal,F\n2,normal,{word}\n3,AD,M\n4,AD,F\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        people(table, demographics=["sex"])
    texts = [each.message.text for each in caught if each.message.code == "COH-301"]
    assert [text.startswith(f"sex holds {word} (rows: 1), used as a category") for text in texts] == [
        True
    ] * said
    if said:
        condition = texts[0].split('"')[1]
        assert len(people(table, demographics=["sex"], include=[condition]).frame) == 3


@pytest.mark.parametrize("date", ["1950-03-02", "3.2.1950", "02/03/50", "1950/3/2", "1950-03-02T00:00:00"])
def test_a_date_is_no_age_and_no_category(people, date):
    cohort = people(f"ID,dx,age\n1,normal,61\n2,normal,{date}\n3,AD,70\n", demographics=["age"])
    assert cohort.roles.categorical == ()
    assert cohort.ledger["code"].tolist() == ["", "COH-207", ""]
    assert "age is a date" in cohort.ledger.loc[1, "reason"]
    assert is_category("age", pd.Series([date, date])) is False


@pytest.mark.parametrize(("level", "warned"), [("NaN", True), ("?", True), ("MCI", False)])
def test_a_diagnosis_that_may_be_a_missing_one_is_said(tmp_path, level, warned):
    rows = "".join(f"{row},{'HC' if row % 2 else level},7{row}\n" for row in range(6))
    (tmp_path / "people.csv").write_text(f"ID,dx,age\n{rows}")
    keys = {"cohort.label": "dx", "cohort.normal": "HC", "cohort.demographics": ["age"]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cohort = read_cohort(read_study(tmp_path / "people.csv", keys))
    assert len(cohort.frame) == 6
    said = [str(each.message) for each in caught if getattr(each.message, "code", "") == "COH-301"]
    assert len(said) == warned
    assert not said or f"dx holds {level} (rows: 3), used as a class" in said[0]


@pytest.mark.parametrize(("targets", "warned"), [(["AD", "MCI"], False), (["AD", "NaN"], True), ([], True)])
def test_a_diagnosis_that_is_no_target_is_no_class(tmp_path, targets, warned):
    rows = "".join(f"{row},{('HC', 'AD', 'NaN', 'MCI')[row % 4]},7{row}\n" for row in range(8))
    (tmp_path / "people.csv").write_text(f"ID,dx,age\n{rows}")
    keys = {
        "cohort.label": "dx",
        "cohort.normal": "HC",
        "cohort.demographics": ["age"],
        "cohort.targets": targets,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cohort = read_cohort(read_study(tmp_path / "people.csv", keys))
    assert len(cohort.frame) == 8
    assert any("COH-301" in str(each.message) for each in caught) == warned
