"""Roles that no study names are taken where only one column or value can be meant, and that is said."""

from __future__ import annotations

import json
import warnings

import pytest

from normwise.cohort import likely_id, read_cohort, read_study
from normwise.errors import CohortError, StudyError

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")

AGES = (61, 64, 67, 70, 73, 76, 79, 82, 85, 88, 63, 66)


def table_of(folder, columns, levels=None):
    """Write a table of twelve people; of shorter columns the cells are repeated."""
    columns = {"participant_id": [f"p{row:02d}" for row in range(12)], **columns}
    rows = [[str(cells[row % len(cells)]) for cells in columns.values()] for row in range(12)]
    file = folder / "people.tsv"
    file.write_text("\n".join("\t".join(row) for row in [list(columns), *rows]) + "\n")
    if levels:
        (folder / "people.json").write_text(
            json.dumps({name: {"Levels": each} for name, each in levels.items()})
        )
    return file


def taken(file, **flags):
    """Return the study's roles, and what was said of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(file, {key.replace("_", ".", 1): value for key, value in flags.items()})
    said = " ".join(str(each.message) for each in caught)
    return study.cohort, said


@pytest.mark.parametrize(
    ("columns", "label", "normal"),
    [
        ({"dx": ["HC", "MCI"]}, "dx", "HC"),
        ({"DX_GROUP": ["Autism", "Control"], "SITE_ID": ["a", "b"]}, "DX_GROUP", "Control"),
        ({"type": ["CN", "AD", "MCI"]}, "type", "CN"),
        (
            {"group": ["patient", "Healthy control"], "status": ["married", "single"]},
            "group",
            "Healthy control",
        ),
        ({"age_group": ["old", "young"], "Group": ["NC", "PD"]}, "Group", "NC"),
        ({"clinicalStatus": ["yes", "no"]}, "clinicalStatus", "no"),
        ({"Diagnosis": ["TD", "ADHD"], "group": ["TD", "ADHD"]}, "Diagnosis", "TD"),
    ],
)
def test_the_diagnosis_and_its_normal_class(tmp_path, columns, label, normal):
    section, said = taken(table_of(tmp_path, {"age": AGES, **columns}))
    assert (section.label, section.normal) == (label, normal)
    assert f"label {label!r}" in said
    assert f"normal {normal!r}" in said


@pytest.mark.parametrize(
    "columns",
    [
        {"group": ["a", "b"], "condition": ["c", "d"]},  # two that may be it
        {"group_id": ["a", "b"]},
        {"score": range(12)},
        {"group": [f"g{row}" for row in range(12)]},  # everybody has their own
        {"hearing": ["normal", "impaired"]},
    ],
)
def test_what_may_be_another_column_is_not_taken_but_listed(tmp_path, columns):
    file = table_of(tmp_path, {"age": AGES, "arm": ["x", "y"], **columns})
    section, said = taken(file)
    assert section.label == "diagnosis"
    assert "label" not in said
    with pytest.raises(CohortError) as caught:
        read_cohort(read_study(file))
    assert caught.value.code == "COH-107"
    assert "--label" in caught.value.advice
    assert "arm (x, y)" in caught.value.advice


def test_a_normal_class_that_is_not_clear_is_asked_for(tmp_path):
    for values in (["1", "2"], ["HC", "CN", "AD"]):
        section, said = taken(file := table_of(tmp_path, {"age": AGES, "dx": values}))
        assert (section.label, section.normal) == ("dx", "normal")
        assert "normal '" not in said
        with pytest.raises(StudyError) as caught:
            read_cohort(read_study(file))
        assert caught.value.code == "STU-105"
        assert "--normal" in caught.value.advice


def test_codes_become_classes_by_the_words_of_the_dictionary(tmp_path):
    levels = {"dx": {"1": "autism", "2": "control"}}
    file = table_of(tmp_path, {"age": AGES, "dx": [1, 2]}, levels)
    section, said = taken(file)
    assert section.classes == {"autism": ["1"], "control": ["2"]}
    assert section.normal == "control"
    assert "1 is autism, 2 is control" in said
    by_code, _ = taken(file, cohort_normal="2")
    assert (by_code.classes, by_code.normal) == ({}, "2")
    by_word, _ = taken(file, cohort_normal="autism")
    assert (by_word.classes, by_word.normal) == (section.classes, "autism")
    partly = table_of(tmp_path, {"age": AGES, "dx": [1, 2, 3]}, levels)
    assert taken(partly)[0].classes == {}


@pytest.mark.parametrize(
    ("columns", "demographics"),
    [
        ({"age": AGES, "sex": ["F", "M"]}, ["age", "sex"]),
        ({"Age": AGES, "M/F": ["F", "M"], "age_at_onset": AGES}, ["Age", "M/F"]),
        ({"age_at_scan": AGES, "age_at_death": AGES}, ["age_at_scan"]),
        ({"age_months": AGES, "gender": ["F", "M"]}, ["age_months", "gender"]),
        ({"age": ["n/a"], "sex": ["F", "M"]}, ["sex"]),
    ],
)
def test_age_and_sex(tmp_path, columns, demographics):
    section, said = taken(table_of(tmp_path, {"dx": ["HC", "AD"], **columns}))
    assert section.demographics == demographics
    assert f"demographics {', '.join(demographics)}" in said


def test_two_ages_are_a_question(tmp_path):
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "age_at_scan": AGES, "age_at_visit": AGES})
    with pytest.raises(StudyError) as caught:
        read_study(file)
    assert caught.value.code == "STU-122"
    assert "age_at_scan (61, 64, 67, 70" in caught.value.seen
    assert taken(file, cohort_demographics=["age_at_visit"])[0].demographics == ["age_at_visit"]


def test_without_age_and_sex_it_is_said_that_nothing_is_corrected(tmp_path):
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "educ": AGES})
    section, said = taken(file)
    assert section.demographics == []
    assert "COH-311" in said
    assert "educ" in said
    assert "COH-311" not in taken(file, cohort_demographics=[])[1]


def test_flags_win_and_a_number_to_predict_is_no_demographic(tmp_path):
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "age": AGES, "sex": ["F", "M"], "arm": ["x", "y"]})
    section, said = taken(file, cohort_label="arm", cohort_normal="x", cohort_demographics=[])
    assert (section.label, section.normal, section.demographics) == ("arm", "x", [])
    assert "COH-310" not in said
    section, _ = taken(file, cohort_target="age")
    assert (section.label, section.demographics) == ("diagnosis", ["sex"])


def test_a_column_of_visits_tells_rows_apart(tmp_path):
    ids = [f"p{row // 2}" for row in range(12)]
    file = table_of(
        tmp_path, {"participant_id": ids, "dx": ["HC", "HC", "AD", "AD"], "age": AGES, "visit": [1, 2]}
    )
    section, said = taken(file)
    assert section.session == "visit"
    assert "session 'visit'" in said
    again = table_of(tmp_path, {"participant_id": ids, "dx": ["HC", "AD"], "age": AGES, "visit": [1, 1]})
    assert taken(again)[0].session is None


def test_columns_of_numbers_are_the_features_where_there_are_no_images(tmp_path):
    columns = {"dx": ["HC", "AD"], "age": AGES, "gm": AGES, "wm": [f"{age}.5" for age in AGES], "site": ["a"]}
    file = table_of(tmp_path, {**columns, "codes": [1, 2, 3]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(file)
    assert study.features.columns == ["gm", "wm"]
    assert any("COH-312" in str(each.message) and "gm, wm" in str(each.message) for each in caught)
    named, said = taken(table_of(tmp_path, {**columns, "MMSE": AGES}))
    # What the diagnosis was made from is no feature that is taken unasked.
    assert "none were taken, since MMSE may be what" in said
    assert "--columns gm wm." in said
    assert named.label == "dx"
    assert "columns" not in read_study(file, {"features.also": ["gm", "wm"]}).features.model_fields_set


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "...1", "X", "order", "nr"])
@pytest.mark.parametrize("order", [range(12), range(12, 0, -1), [5, 3, 1, 0, 2, 4, 11, 9, 7, 6, 8, 10]])
def test_a_count_of_rows_is_no_feature(tmp_path, name, order):
    file = table_of(tmp_path, {name: list(order), "dx": ["HC", "AD"], "age": AGES, "gm": AGES})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(file)
    assert study.features.columns == ["gm"]
    assert any(
        f"not {name or 'column 2'}: without a name of its own, or a count of rows" in str(each.message)
        for each in caught
    )


def test_an_index_of_chosen_rows_is_known_by_its_name_and_whole_numbers_may_be_measured(tmp_path):
    gaps = [3, 4, 7, 11, 12, 19, 23, 24, 25, 31, 40, 44]
    shuffled = [21, 12, 20, 13, 19, 14, 18, 15, 17, 16, 22, 23]
    columns = {"X": gaps, "Unnamed: 0": gaps, "dx": ["HC", "AD"], "age": AGES, "volume": gaps}
    columns |= {"size": shuffled, "body_mass_index": shuffled, "serial": shuffled}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(table_of(tmp_path, columns))
    assert study.features.columns == ["volume", "size", "body_mass_index"]
    [said] = [str(each.message) for each in caught if "COH-312" in str(each.message)]
    assert "look at volume: it never falls" in said


def test_the_words_of_cells_are_not_repeated(tmp_path):
    notes = ["Mrs Smith of 5 High St"] * 3 + [f"{age}.5" for age in AGES[3:]]
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "age": AGES, "gm": AGES, "notes": notes})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_study(file)
    assert not any("Smith" in str(each.message) for each in caught)


def test_a_score_alone_is_named(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_study(table_of(tmp_path, {"dx": ["HC", "AD"], "age": AGES, "MMSE": AGES}))
    assert any("MMSE may be what the diagnosis was made from" in str(each.message) for each in caught)


@pytest.mark.parametrize(("bad", "taken_too"), [(1, True), (2, False), (8, False)])
def test_a_column_of_numbers_with_much_text_is_named(tmp_path, bad, taken_too):
    cells = ["#DIV/0!"] * bad + [f"{age}.5" for age in AGES[bad:]]
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "age": AGES, "gm": AGES, "wm": cells})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = read_study(file)
    assert study.features.columns == (["gm", "wm"] if taken_too else ["gm"])
    named = any(f"not wm ({bad} of 12 cells), where" in str(each.message) for each in caught)
    assert named == (bad == 2)  # what is text for the most part is no measurement


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (["left", "participant_id", "ID"], "participant_id"),
        (["left", "right", "ID"], "ID"),
        (["age", "SubjectID"], "SubjectID"),
        (["scan_id", "subject"], "scan_id"),
        (["site_id", "family_id", "ID"], "ID"),
        (["scan", "left"], "scan"),
    ],
)
def test_the_column_that_names_people(columns, name):
    assert likely_id(columns) == name


@pytest.mark.parametrize("name", ["Subject ID", "#participant_id", "participant_id"])
def test_people_of_a_participants_table_may_be_named_in_another_column(tmp_path, name):
    file = table_of(tmp_path, {"dx": ["HC", "AD"], "age": AGES, "gm": AGES})
    text = file.read_text().replace("participant_id", name, 1)
    (tmp_path / "participants.tsv").write_text(text)
    file.unlink()
    assert taken(tmp_path)[0].id == name
