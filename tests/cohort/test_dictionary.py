"""What a data dictionary says of codes and units, and codes that differ between a model and new people."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pandas as pd
import pytest

from normwise.cohort import describe_table, read_cohort, read_demographics, read_study, read_table
from normwise.cohort.values import spell_out
from normwise.errors import CohortError, NormwiseWarning
from normwise.schema import Roles

HEAD = "participant_id\tage\tsex\thand\tdx\n"


def cohort_of(folder: Path, rows: list[tuple], *, dictionary=None, roles=None, name="participants", **keys):
    folder.mkdir(exist_ok=True)
    lines = ["\t".join([f"p{place}", *map(str, row)]) for place, row in enumerate(rows)]
    (folder / f"{name}.tsv").write_text(HEAD + "\n".join(lines) + "\n")
    if dictionary is not None:
        text = dictionary if isinstance(dictionary, str) else json.dumps(dictionary)
        (folder / f"{name}.json").write_text(text)
    (folder / "study.toml").write_text("[cohort]\n")
    overrides = {"cohort.table": f"{name}.tsv", "cohort.label": "dx", "cohort.demographics": ["age", "sex"]}
    return read_cohort(read_study(folder / "study.toml", {**overrides, **keys}), roles=roles)


def people(*sexes: str, hand: str = "1"):
    return [(60 + place, sex, hand, "AD" if place % 2 else "normal") for place, sex in enumerate(sexes)]


WORDS = {"sex": {"Levels": {"1": "male", "2": {"Description": "Female participant"}}}}


@pytest.mark.parametrize("name", ["participants", "people"])
def test_codes_become_the_words_that_the_dictionary_has(tmp_path, name):
    cohort = cohort_of(tmp_path, people("1", "2", "1.0"), dictionary=WORDS, name=name)
    assert cohort.frame["sex"].tolist() == ["M", "F", "M"]
    assert cohort.roles.levels == {"sex": ("F", "M")}
    said = "sex: '1' stands for M, '1.0' for M, '2' for F, as the data dictionary says"
    assert said in cohort.readings


def test_words_beside_codes_are_no_mixture_where_the_codes_have_words(tmp_path):
    cohort = cohort_of(tmp_path, people("1", "F", "2"), dictionary=WORDS)
    assert cohort.frame["sex"].tolist() == ["M", "F", "F"]
    with pytest.raises(CohortError) as caught:
        cohort_of(tmp_path / "without", people("1", "F", "2"))
    assert caught.value.code == "COH-109"


@pytest.mark.parametrize(
    ("words", "why"),
    [({"1": "male"}, "no word for '2'"), ({"1": "male", "2": "man"}, "one word for two codes")],
)
def test_half_a_dictionary_changes_nothing(words, why):
    text, readings = spell_out("sex", pd.Series(["1", "2"], dtype=object), words)
    assert text.tolist() == ["1", "2"]
    assert why in readings[0]


def test_another_categorys_codes_take_the_text_as_it_stands(tmp_path):
    rows = [(60, "F", "1", "normal"), (61, "M", "2", "AD")]
    keys = {"cohort.demographics": ["age", "hand"], "cohort.categorical": ["hand"]}
    levels = {"hand": {"Levels": {"1": "right  handed", "2": "left handed"}}}
    cohort = cohort_of(tmp_path, rows, dictionary=levels, **keys)
    assert cohort.frame["hand"].tolist() == ["right handed", "left handed"]


@pytest.mark.parametrize(
    ("unit", "years"),
    [
        ("months", 2.5),
        ("Days", 30 / 365.25),
        ("years", 30.0),
        ("mo", 2.5),
        ("month(s)", 2.5),
        ("age in wks", 30 * 7 / 365.25),
        ("a", 30.0),
        ("Years (decimal)", 30.0),
        ("days since birth", 30 / 365.25),
        ("[months]", 2.5),
        ("completed months", 2.5),
        ("mon", 2.5),
        ("a number of months", 2.5),
        ("months (0-216)", 2.5),
        ("months, with 1 decimal", 2.5),
        ("months at enrolment", 2.5),
        ("", 30.0),
    ],
)
def test_ages_have_the_unit_of_the_dictionary(tmp_path, unit, years):
    rows = [(30, "F", "1", "normal"), (30, "M", "1", "AD")]
    cohort = cohort_of(tmp_path, rows, dictionary={"age": {"Units": unit}})
    assert cohort.frame["age"].tolist() == pytest.approx([years, years], rel=1e-12)


@pytest.mark.parametrize(
    ("entry", "warned"),
    [
        ({"Units": "decades"}, True),
        ({"Units": "gestational weeks"}, True),
        ({"Units": "days since birth / 365.25"}, True),
        ({"Units": "days (365.25 to one)"}, True),
        ({"Units": "months or years"}, True),
        ({"Units": "days (converted to years)"}, True),
        ({"Units": "a decade"}, True),
        ({"Units": "years / 10"}, True),
        ({"Units": "10 years"}, True),
        ({"Units": "log years"}, True),
        ({"Units": "weeks of gestation"}, True),
        ({"Units": "days since scan"}, True),
        ({"Units": "lunar months"}, True),
        ({"Units": "months, 12 to a year"}, True),
        *(
            ({"Units": unit}, False)
            for unit in (
                *(
                    "decimal years",
                    "years-old",
                    "[years]",
                    "(years)",
                    "completed years",
                    "years, decimal",
                    "y.o.",
                ),
                *("y/o", "year/s", "year(s)", "none", "null", "integer", "Y"),
            )
        ),
        ({"Description": "Age in months"}, True),
        ({"Description": "Age (Months) at the first-year visit"}, True),
        ({"Description": "Age, from scans within 30 days of the interview"}, False),
        ({"Description": "Age in months", "Units": "years"}, False),
        ({"Description": "Age in years, of months a fraction"}, False),
        ({"Description": "Age of the participant"}, False),
        ({"Units": "n/a"}, False),
        ({"Units": ["months"]}, False),
    ],
)
def test_a_unit_of_ages_that_is_not_clear_is_said(tmp_path, entry, warned):
    rows = [(30, "F", "1", "normal"), (30, "M", "1", "AD")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cohort = cohort_of(tmp_path, rows, dictionary={"age": entry})
    assert cohort.frame["age"].tolist() == [30.0, 30.0]
    assert any("COH-313" in str(each.message) for each in caught) == warned


def test_a_units_column_that_is_not_clear_is_said(tmp_path, recwarn):
    head = "participant_id\tage\tage_unit\tdx\n"
    rows = ["p0\t30\tMonate\tAD", "p1\t30\tmonths\tAD", "p2\t30\t\tnormal", "p3\t\tWochen\tnormal"]
    (tmp_path / "participants.tsv").write_text(head + "\n".join(rows) + "\n")
    (tmp_path / "participants.json").write_text('{"age": {"Description": "Age at the scan"}}')
    (tmp_path / "study.toml").write_text("[cohort]\n")
    keys = {"cohort.label": "dx", "cohort.normal": "normal", "cohort.demographics": ["age"]}
    cohort = read_cohort(read_study(tmp_path / "study.toml", keys))
    assert cohort.raw["age"].tolist()[:3] == ["30", "30 months", "30"]
    said = [str(each.message) for each in recwarn if "COH-313" in str(each.message)]
    assert len(said) == 1
    assert "'Monate' is not clear in age_unit" in said[0]


def test_the_tables_own_dictionary_comes_before_that_above(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tage\np0\t30\n")
    (tmp_path / "a.json").write_text('{"age": {"Units": "years"}}')
    (tmp_path / "sessions.json").write_text('{"age": {"Units": "months"}}')
    table = describe_table(read_table(tmp_path / "a.tsv"), tmp_path / "sessions.json")
    assert table.frame["age"].tolist() == ["30"]


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, '{"sex": 3}', '{"sex": {"Levels": ["M"]}}'])
def test_a_dictionary_that_says_nothing_leaves_the_codes(tmp_path, text, recwarn):
    cohort = cohort_of(tmp_path, people("1", "2"), dictionary=text)
    assert cohort.frame["sex"].tolist() == ["1", "2"]
    codes = [warning.message.code for warning in recwarn if isinstance(warning.message, NormwiseWarning)]
    assert codes == ([] if text.startswith('{"') else ["COH-302"])


def roles_of(tmp_path, *sexes, dictionary=None):
    return cohort_of(tmp_path / "train", people(*sexes), dictionary=dictionary).roles


@pytest.mark.parametrize(
    ("trained", "new"),
    [(("0", "1"), ("1", "2")), (("1", "2"), ("0", "1")), (("F", "M"), ("1", "2")), (("0", "1"), ("F", "M"))],
)
def test_another_coding_than_the_models_is_refused(tmp_path, trained, new):
    roles = roles_of(tmp_path, *trained)
    with pytest.raises(CohortError) as caught:
        cohort_of(tmp_path / "new", people(*new), roles=roles)
    assert (caught.value.code, caught.value.subject) == ("COH-115", "sex")
    assert caught.value.seen == f"levels {', '.join(sorted(new))}"
    other = next(level for level in new if level not in trained)
    with pytest.raises(CohortError) as caught:
        read_demographics({"age": "61", "sex": other}, roles)
    assert caught.value.code == "COH-115"


def test_a_dictionary_on_both_sides_maps_one_coding_onto_the_other(tmp_path):
    roles = roles_of(tmp_path, "0", "1", dictionary={"sex": {"Levels": {"0": "female", "1": "male"}}})
    cohort = cohort_of(tmp_path / "new", people("1", "2"), dictionary=WORDS, roles=roles)
    assert cohort.frame["sex"].tolist() == ["M", "F"]
    words = cohort_of(tmp_path / "words", people("female", "Male"), roles=roles)
    assert words.frame["sex"].tolist() == ["F", "M"]


def test_equal_codes_without_words_are_taken_and_said(tmp_path):
    roles = roles_of(tmp_path, "1", "2")
    with pytest.warns(NormwiseWarning, match="COH-303") as caught:
        cohort = cohort_of(tmp_path / "new", people("1", "1"), roles=roles)
    assert cohort.frame["sex"].tolist() == ["1", "1"]
    assert caught[0].message.subject == "sex"


def test_a_word_that_the_model_does_not_know_costs_its_row_alone(tmp_path):
    roles = roles_of(tmp_path, "F", "M")
    cohort = cohort_of(tmp_path / "new", people("F", "O", "M"), roles=roles)
    assert cohort.frame["sex"].tolist() == ["F", "O", "M"]


@pytest.mark.parametrize(
    ("trained", "new", "read"),
    [
        (("left", "right"), ("Left", "RIGHT"), ["left", "right"]),
        (("1", "2"), ("1.0", "2,0"), ["1", "2"]),
        (("1.0", "2.0"), ("1", "2"), ["1.0", "2.0"]),
        # Nothing tells which of two known levels is meant.
        (("left", "Left"), ("LEFT", "left"), ["LEFT", "left"]),
    ],
)
def test_a_level_that_is_written_otherwise_is_the_models(tmp_path, trained, new, read):
    keys = {"cohort.demographics": ["hand"], "cohort.categorical": ["hand"]}

    def rows(levels):
        return [
            (60 + n, "F", hand, dx) for n, (hand, dx) in enumerate(zip(levels, ("normal", "AD"), strict=True))
        ]

    roles = cohort_of(tmp_path / "train", rows(trained), **keys).roles
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # COH-303, of codes
        cohort = cohort_of(tmp_path / "new", rows(new), roles=roles, **keys)
        one, _ = read_demographics({"hand": new[0]}, roles)
    assert cohort.frame["hand"].tolist() == read
    assert one["hand"].tolist() == read[:1]
    said = [line for line in cohort.readings if "as the model has it" in line]
    assert len(said) == sum(a != b for a, b in zip(new, read, strict=True))


def test_codes_of_one_table_with_and_without_decimals_are_one(tmp_path):
    keys = {"cohort.demographics": ["hand"], "cohort.categorical": ["hand"]}
    cells = ["1", "1.0", "2", "n/a"]
    rows = [(60, "F", hand, dx) for hand, dx in zip(cells, ["normal", "AD", "AD", "AD"], strict=True)]
    cohort = cohort_of(tmp_path, rows, **keys)
    assert cohort.frame["hand"].tolist() == ["1", "1", "2"]
    assert "hand: '1.0' as '1'" in cohort.readings
    whole = [(60, "F", hand, dx) for hand, dx in zip(["1.0", "1.5"], ["normal", "AD"], strict=True)]
    assert cohort_of(tmp_path / "b", whole, **keys).frame["hand"].tolist() == ["1.0", "1.5"]


@pytest.mark.parametrize(("new", "refused"), [(("1", "2"), True), (("0", "0"), False)])
def test_a_number_of_two_values_is_a_code_too(tmp_path, new, refused):
    keys = {"cohort.demographics": ["age", "hand"]}
    rows = [(60, "F", "0", "normal"), (61, "M", "1", "AD")]
    roles = cohort_of(tmp_path / "train", rows, **keys).roles
    assert (roles.categorical, roles.levels) == ((), {"hand": ("0", "1")})
    rows = [(60, "F", new[0], "normal"), (61, "M", new[1], "AD")]
    if refused:
        with pytest.raises(CohortError) as caught:
            cohort_of(tmp_path / "new", rows, roles=roles, **keys)
        assert caught.value.code == "COH-115"
    else:
        with pytest.warns(NormwiseWarning, match="COH-303"):
            cohort_of(tmp_path / "new", rows, roles=roles, **keys)


def test_roles_without_levels_compare_nothing():
    roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("sex",), ("sex",))
    assert read_demographics({"sex": "2"}, roles)[0]["sex"].tolist() == ["2"]
