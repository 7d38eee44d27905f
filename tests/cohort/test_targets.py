import warnings

import pandas as pd
import pytest

from normwise.cohort import read_cohort, read_study
from normwise.errors import ClassifierError, NormwiseWarning, StudyError
from normwise.schema import CohortSection, Study

ROWS = [("a", "29", "0", "70"), ("b", "21.5", "1", "75"), ("c", "", "0", "71"), ("d", "27", "", "69"),
        ("e", "low", "0", "66"), ("f", "30", "0", "64")]  # fmt: skip


def study_of(folder, **cohort):
    pd.DataFrame(ROWS, columns=["ID", "MMSE", "CDR", "Age"]).to_csv(folder / "people.csv", index=False)
    section = {"root": folder, "table": "people.csv", "id": "ID", "demographics": ["Age"], "target": "MMSE"}
    return Study.model_validate({"cohort": section | cohort})


def test_numbers_are_read_and_a_condition_says_who_is_normal(tmp_path):
    cohort = read_cohort(study_of(tmp_path, normal="CDR == 0"))
    assert cohort.target.to_dict() == {"a": 29.0, "b": 21.5, "d": 27.0, "f": 30.0}
    assert cohort.labels.to_dict() == {"a": "normal", "b": "others", "d": "others", "f": "normal"}
    assert cohort.roles.target == "MMSE"
    assert cohort.roles.classes == ("normal", "others")
    assert dict(zip(cohort.ledger["id"], cohort.ledger["code"], strict=True)) | {} == {
        "a": "", "b": "", "c": "COH-219", "d": "", "e": "COH-206", "f": "",
    }  # fmt: skip
    assert any("can't be judged of 1 rows" in reading for reading in cohort.readings)
    assert cohort.keep(["a", "b"]).target.to_list() == [29.0, 21.5]


@pytest.mark.parametrize(("normal", "said"), [("MMSE >= 28", True), ("CDR == 0", False)])
def test_a_normal_group_cut_from_the_target_itself_is_said(tmp_path, normal, said):
    readings = read_cohort(study_of(tmp_path, normal=normal)).readings
    assert any("a condition on the target" in reading for reading in readings) == said


def test_a_number_that_stands_for_a_missing_one_is_named(tmp_path):
    study = study_of(tmp_path)
    table = pd.read_csv(tmp_path / "people.csv", dtype=str)
    table.loc[[1, 3], "MMSE"] = "-9999"
    table.to_csv(tmp_path / "people.csv", index=False)
    with pytest.warns(NormwiseWarning, match="COH-301") as caught:
        read_cohort(study)
    (warning,) = [each.message for each in caught if each.message.code == "COH-301"]
    assert warning.subject == "MMSE"
    assert "-9999 (rows: 2)" in warning.text
    kept = study.cohort.model_copy(update={"include": ["MMSE != -9999"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", NormwiseWarning)
        read_cohort(study.model_copy(update={"cohort": kept}))


def test_a_column_called_as_the_default_label_may_be_a_demographic_beside_a_target(tmp_path):
    study = study_of(tmp_path, demographics=["diagnosis"])
    table = pd.read_csv(tmp_path / "people.csv", dtype=str).assign(diagnosis=list("ababab"))
    table.to_csv(tmp_path / "people.csv", index=False)
    assert read_cohort(study).roles.categorical == ("diagnosis",)


def test_the_table_of_a_folder_is_found_by_the_target(tmp_path):
    study_of(tmp_path)
    ids = [row[0] for row in ROWS]
    pd.DataFrame({"ID": ids, "f0": range(6)}).to_csv(tmp_path / "features.csv", index=False)
    with pytest.warns(NormwiseWarning):
        study = read_study(tmp_path, {"cohort.target": "MMSE", "cohort.id": "ID"})
    assert study.cohort.table == "people.csv"
    assert study.features.table == ["features.csv"]


def test_without_a_condition_everybody_is_normal(tmp_path):
    cohort = read_cohort(study_of(tmp_path))
    assert set(cohort.labels) == {"normal"}
    assert cohort.roles.classes == ("normal",)


def test_new_people_need_no_number(tmp_path):
    cohort = read_cohort(study_of(tmp_path), labelled=False)
    assert cohort.target is None
    assert len(cohort.frame) == 6


@pytest.mark.parametrize(
    ("cohort", "code"),
    [
        ({"normal": "CDR == 3"}, "STU-120"),
        ({"normal": "CDR = 0"}, "STU-108"),
        ({"target": "ID", "id": "Age", "demographics": []}, "STU-119"),
        ({"demographics": ["MMSE"]}, "STU-111"),
        ({"target": "ID"}, "STU-111"),
        ({"site": "MMSE"}, "STU-111"),
        ({"group": "MMSE"}, "STU-111"),
        ({"classes": {"normal": ["0"]}}, "STU-118"),
        ({"label": "CDR"}, "STU-118"),
        ({"targets": ["a", "b"]}, "STU-118"),
    ],
)
def test_what_a_study_of_a_number_cannot_mean_is_refused(tmp_path, cohort, code):
    with pytest.raises(StudyError) as caught:
        read_cohort(study_of(tmp_path, **cohort))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "section",
    [
        {"selection": {"name": "univariate"}},
        {"decision": {"sensitivity": 0.9}},
        {"decision": {"cost": {"missed": 2.0}}},
        {"decision": {"refer": 0.9}},
        {"evaluation": {"prevalence": 0.1}},
        {"evaluation": {"learning_curve": True}},
        {"evaluation": {"permutations": 9}},
    ],
)
def test_keys_of_classes_are_refused_by_name(tmp_path, section):
    content = study_of(tmp_path).model_dump() | section
    with pytest.raises(StudyError) as caught:
        read_cohort(Study.model_validate(content))
    assert caught.value.code == "STU-118"
    assert next(iter(section)) in caught.value.problem


def test_a_regressor_is_the_default_and_survives_the_run_s_own_study(tmp_path):
    study_of(tmp_path)
    file = tmp_path / "study.toml"
    file.write_text('[cohort]\ntable = "people.csv"\nid = "ID"\ntarget = "MMSE"\n', encoding="utf-8")
    assert read_study(file).classifier.name == "ridge"
    assert read_study(file, {"classifier.name": "svr"}).classifier.name == "svr"
    assert Study().classifier.name == "logistic"
    assert Study(cohort=CohortSection(target="MMSE")).classifier.name == "ridge"
    assert Study(cohort=CohortSection()).classifier.name == "logistic"


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ([str(20 + number % 11) for number in range(60)], True),  # 11 numbers are too many for classes
        ([str(20 + number % 10) for number in range(60)], False),
        ([str(number / 2) for number in range(6)], True),  # nearly everybody has another
        ([str(number / 2) for number in range(5)], False),
        ([f"grade {number}" for number in range(20)], False),
    ],
)
def test_a_number_named_as_label_says_so(tmp_path, values, refused):
    table = pd.DataFrame({"ID": [f"p{number}" for number in range(len(values))], "dx": values})
    table.to_csv(tmp_path / "people.csv", index=False)
    section = {"root": tmp_path, "table": "people.csv", "id": "ID", "label": "dx"}
    with pytest.raises(StudyError) as caught:
        read_cohort(Study.model_validate({"cohort": section | {"normal": "nobody's"}}))
    assert caught.value.code == ("STU-121" if refused else "STU-105")
    assert ("name it as target" in caught.value.advice) == refused
    read_cohort(Study.model_validate({"cohort": section | {"classes": {"normal": values[:2]}}}))


def test_a_classifier_of_classes_is_refused_beside_a_target(tmp_path):
    from normwise.procedure import candidates_of

    study = study_of(tmp_path)
    study = study.model_copy(update={"classifier": study.classifier.model_copy(update={"name": "logistic"})})
    with pytest.raises(ClassifierError, match="CLS-101"):
        candidates_of(study, 0, select=False)
