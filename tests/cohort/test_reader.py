from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.cohort import read_cohort
from normwise.errors import CohortError, StudyError
from normwise.schema import Roles, Study

LONGITUDINAL = """ID,visit,Age,Sex,site,dx
007,v2,70,F,A,normal
007,v1,69,F,A,normal
007,v10,75,F,A,normal
008,v1,80,M,B,AD
"""


def codes(cohort):
    return dict(zip(cohort.ledger["id"], cohort.ledger["code"], strict=True))


def test_the_plainest_cohort(people):
    cohort = people("ID,Age,Sex,dx\n007,71,F,AD\n8,68,M,normal\n", demographics=["Age", "Sex"])
    assert cohort.frame.index.tolist() == ["007", "8"]
    assert cohort.frame.index.name == "id"
    assert cohort.frame.dtypes.to_dict() == {"Age": np.float64, "Sex": object}
    assert cohort.labels.to_dict() == {"007": "AD", "8": "normal"}
    assert cohort.groups.tolist() == ["007", "8"]
    assert cohort.sites is None
    assert cohort.images is None
    assert cohort.raw.loc["007"].to_dict() == {"ID": "007", "Age": "71", "Sex": "F", "dx": "AD"}
    assert cohort.roles == Roles(
        label="dx", classes=("normal", "AD"), normal="normal", targets=("normal", "AD"),
        demographics=("Age", "Sex"), categorical=("Sex",), group="ID", levels={"Sex": ("F", "M")},
    )  # fmt: skip


def test_each_bad_row_costs_one_row_and_says_why(people):
    table = (
        "ID,Age,Sex,Educ,site,dx\n"
        "ok1,71,F,12,A,normal\n"
        ",72,F,12,A,normal\n"
        "nolabel,71,F,12,A,\n"
        "noclass,71,F,12,A,3\n"
        "noage,n/a,F,12,A,normal\n"
        "range,70-75,F,12,A,normal\n"
        "text,71,F,much,A,normal\n"
        "nosite,71,F,12,,AD\n"
        "young,40,F,12,A,AD\n"
        "twice,71,F,12,A,AD\n"
        "twice,72,F,12,A,AD\n"
        "ok2,88,M,9,B,AD\n"
    )
    cohort = people(
        table, demographics=["Age", "Sex", "Educ"], site="site", include=["Age > 60"],
        classes={"normal": ["normal"], "AD": ["AD"]},
    )  # fmt: skip
    assert cohort.frame.index.tolist() == ["ok1", "ok2"]
    assert cohort.sites.tolist() == ["A", "B"]
    assert len(cohort.ledger) == 12
    assert codes(cohort) == {
        "ok1": "", "line 3": "COH-201", "nolabel": "COH-202", "noclass": "COH-203", "noage": "COH-204",
        "range": "COH-207", "text": "COH-206", "nosite": "COH-208", "young": "COH-209", "twice": "COH-210",
        "ok2": "",
    }  # fmt: skip
    out = cohort.ledger[cohort.ledger["status"] == "excluded"]
    assert (out["reason"] != "").all()
    assert cohort.ledger["reason"].str.contains("lines 11, 12").sum() == 2
    without = people(table, demographics=["Age"])
    assert codes(without)["noage"] == "COH-205"


def test_an_include_may_settle_a_duplicate(people):
    cohort = people("ID,wave,dx\n1,bl,normal\n1,m12,normal\n2,bl,AD\n", include=["wave == bl"])
    assert cohort.frame.index.tolist() == ["1", "2"]
    assert cohort.ledger["code"].tolist() == ["", "COH-209", ""]


def test_repeated_ids_are_named_with_their_session_and_the_first_is_used(people):
    cohort = people(LONGITUDINAL, session="visit", demographics=["Age"])
    assert cohort.frame["Age"].to_dict() == {"007_v1": 69.0, "008_v1": 80.0}
    assert codes(cohort) == {"007_v2": "COH-211", "007_v1": "", "007_v10": "COH-211", "008_v1": ""}
    assert cohort.ledger["reason"][2] == "a later session of the same person: v10, used is v1"
    assert cohort.ledger["group"].tolist() == ["007", "007", "007", "008"]


def test_all_sessions_are_kept_with_their_person(people):
    cohort = people(LONGITUDINAL, session="visit", sessions="all")
    assert cohort.groups.to_dict() == {"007_v2": "007", "007_v1": "007", "007_v10": "007", "008_v1": "008"}


def test_the_first_session_is_the_first_that_can_be_used(people):
    cohort = people(LONGITUDINAL.replace("007,v1,69", "007,v1,n/a"), session="visit", demographics=["Age"])
    assert codes(cohort) == {"007_v2": "", "007_v1": "COH-205", "007_v10": "COH-211", "008_v1": ""}


@pytest.mark.parametrize(
    ("sessions", "first"),
    [
        (("2", "10", "1.5"), 2),
        (("2026-02-01", "2025-12-31", "2026-01-01"), 1),
        (("ses-10", "ses-9", "ses-11"), 1),
    ],
)
def test_order_of_sessions(people, sessions, first):
    table = "ID,visit,dx\n" + "".join(f"1,{visit},normal\n" for visit in sessions) + "2,1,AD\n"
    assert people(table, session="visit").frame.index.tolist() == [f"1_{sessions[first]}", "2_1"]


def test_sessions_without_order(people):
    with pytest.raises(CohortError) as caught:
        people("ID,visit,dx\n1,01/12/2025,normal\n1,02/01/2026,normal\n2,x,AD\n", session="visit")
    assert caught.value.code == "COH-111"
    cohort = people("ID,visit,dx\n1,,normal\n1,v2,normal\n2,,AD\n", session="visit")
    assert codes(cohort) == {"1": "COH-213", "1_v2": "", "2": ""}


def test_a_pattern_takes_the_person_out_of_the_id(people):
    cohort = people(
        "ID,dx\nOAS1_0061_MR2,normal\nOAS1_0061_MR1,normal\nOAS1_0002_MR1,AD\nphantom,AD\n",
        group_pattern=r"^(OAS1_\d+)_",
    )
    assert cohort.groups.to_dict() == {"OAS1_0061_MR1": "OAS1_0061", "OAS1_0002_MR1": "OAS1_0002"}
    assert codes(cohort)["phantom"] == "COH-212"
    assert codes(cohort)["OAS1_0061_MR2"] == "COH-211"


def test_no_reading_names_a_person(people):
    cohort = people(
        LONGITUDINAL.replace("007", "Meier_7"), session="visit", demographics=["Age"], group_pattern="^(.+)$"
    )
    assert not any("Meier" in reading for reading in cohort.readings)


def test_a_group_column(people):
    cohort = people("ID,person,dx\na,1,normal\nb,1,normal\nc,2,AD\nd,,AD\n", group="person", sessions="all")
    assert cohort.groups.to_dict() == {"a": "1", "b": "1", "c": "2"}
    assert codes(cohort)["d"] == "COH-212"


def test_classes(people):
    table = "ID,CDR\n1,0.0\n2,0.5\n3,1\n4,2\n5,x\n"
    classes = {"normal": ["0"], "mci": ["0.5"], "dementia": ["1", "2"]}
    cohort = people(table, label="CDR", classes=classes, targets=["mci", "dementia"])
    assert cohort.labels.to_dict() == {"1": "normal", "2": "mci", "3": "dementia", "4": "dementia"}
    assert cohort.roles.classes == ("normal", "mci", "dementia")
    assert cohort.roles.targets == ("mci", "dementia")
    assert cohort.roles.negative == "mci"
    assert "CDR: '0.0' read as '0'" in cohort.readings
    assert codes(cohort)["5"] == "COH-203"


def test_the_normal_class_must_be_a_value(people):
    with pytest.raises(StudyError) as caught:
        people("ID,dx\n1,Control\n2,Patient\n", normal="control")
    assert caught.value.code == "STU-105"
    assert "did you mean 'Control'?" in caught.value.advice
    with pytest.raises(StudyError) as target:
        people("ID,dx\n1,normal\n2,AD\n", targets=["normal", "ad"])
    assert target.value.code == "STU-106"


def test_without_labels(people):
    cohort = people("ID,Age\n1,71\n2,n/a\n", labelled=False, demographics=["Age"])
    assert cohort.labels is None
    assert cohort.frame.index.tolist() == ["1"]
    assert set(cohort.ledger["label"]) == {""}
    named = people("ID,Age,dx\n1,71,nonsense\n", labelled=False, classes={"normal": ["0"], "AD": ["1"]})
    assert named.roles.classes == ("normal", "AD")
    with pytest.raises(CohortError) as caught:
        people("ID,Age\n1,71\n")
    assert caught.value.code == "COH-107"


def test_a_model_decides_what_is_a_category(people, tmp_path):
    people("ID,dx,site,Educ\n1,normal,A,3\n2,AD,B,4\n")
    (tmp_path / "people.csv").write_text("ID,dx,site,Educ\n1,normal,1,high\n2,AD,2,low\n")
    section = {
        "root": tmp_path,
        "table": "people.csv",
        "id": "ID",
        "label": "dx",
        "demographics": ["site", "Educ"],
    }
    study = Study.model_validate({"cohort": section})
    assert read_cohort(study).roles.categorical == ("Educ",)
    roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("site", "Educ"), ("site",))
    cohort = read_cohort(study, roles=roles)
    assert cohort.roles.categorical == ("site",)
    assert cohort.ledger["code"].tolist() == ["COH-206", "COH-206"]


def test_codes_become_categories_where_the_study_says_so(people):
    table = "ID,scanner,dx\n1,1,normal\n2,2,AD\n"
    assert people(table, demographics=["scanner"]).frame["scanner"].tolist() == [1.0, 2.0]
    forced = people(table, demographics=["scanner"], categorical=["scanner"])
    assert forced.frame["scanner"].tolist() == ["1", "2"]
    assert forced.roles.categorical == ("scanner",)


def test_images_by_pattern(people, tmp_path):
    for name in ("F/007.nii.gz", "M/008.nii.gz"):
        (tmp_path / "volumes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "volumes" / name).touch()
    (tmp_path / "volumes/F/010.nii.gz").symlink_to("nowhere")
    cohort = people(
        "ID,M/F,dx\n007,F,normal\n008,M,AD\n009,M,AD\n010,F,AD\n011,,AD\n", images="volumes/{M/F}/{ID}.nii.gz"
    )
    assert cohort.images.to_dict() == {
        "007": str(tmp_path / "volumes/F/007.nii.gz"),
        "008": str(tmp_path / "volumes/M/008.nii.gz"),
    }
    assert codes(cohort) == {"007": "", "008": "", "009": "COH-214", "010": "COH-214", "011": "COH-214"}
    reasons = cohort.ledger["reason"]
    assert reasons[2].startswith("the image is not there: ")
    assert reasons[3].startswith("the image is a link to nothing: ")
    assert reasons[4].startswith("no image is named: M/F is missing")


@pytest.mark.parametrize(
    "keys",
    [
        {"id": "Id"}, {"label": "Dx"}, {"demographics": ["age"]}, {"include": ["age > 3"]}, {"site": "Site"},
        {"group": "person"}, {"session": "visit"}, {"images": "{Id}.nii"},
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_refuses_the_table(people, keys):
    with pytest.raises(CohortError) as caught:
        people("ID,Age,dx,site_name\n1,71,normal,A\n", **keys)
    assert caught.value.code == "COH-107"
    assert next(iter(keys)) in caught.value.problem
    assert caught.value.advice


def test_sex_codes_outside_a_scheme_can_be_left_out_by_a_condition(people):
    table = "ID,sex,dx\n1,1,normal\n2,2,AD\n3,9,AD\n"
    with pytest.raises(CohortError, match="several ways"):
        people(table, demographics=["sex"])
    assert people(table, demographics=["sex"], include=["sex in 1, 2"]).frame["sex"].tolist() == ["1", "2"]


def test_nobody_left_is_still_a_cohort(people):
    cohort = people("ID,Age,dx\n1,71,normal\n", demographics=["Age"], include=["Age > 80"])
    assert cohort.frame.shape == (0, 1)
    assert cohort.roles.classes == ("normal",)
    assert cohort.frame.dtypes["Age"] == np.float64
    assert isinstance(cohort.raw, pd.DataFrame)


def test_a_hundred_thousand_people(people):
    rows = "".join(f"{number:06d};{60 + number % 30},5;{'Ff'[number % 2]};x\n" for number in range(100_000))
    cohort = people(f"ID;Age;Sex;dx\n{rows}", demographics=["Age", "Sex"], normal="x", include=["Age >= 70"])
    assert len(cohort.ledger) == 100_000
    assert len(cohort.frame) == sum(60 + number % 30 >= 70 for number in range(100_000))


def test_an_image_of_two_files_needs_both(people, tmp_path):
    for name in ("007.img", "007.hdr", "008.img", "009.img", "009.hdr.gz"):
        (tmp_path / name).touch()
    cohort = people("ID,dx\n007,normal\n008,AD\n009,AD\n", images="{ID}.img")
    assert codes(cohort) == {"007": "", "008": "COH-214", "009": ""}
    assert "008.hdr" in cohort.ledger["reason"][1]
