"""The real cohorts, whose counts are known."""

from __future__ import annotations

import pytest

from normwise.cohort import read_cohort
from normwise.schema import Study

pytestmark = pytest.mark.realdata


def read(root, **section):
    return read_cohort(Study.model_validate({"cohort": {"root": root, **section}}))


def left_out(cohort):
    return cohort.ledger.loc[cohort.ledger["status"] == "excluded", "code"].value_counts().to_dict()


OASIS = {
    "table": "oasis_cross-sectional.csv",
    "id": "ID",
    "group_pattern": r"^(OAS1_\d+)_",
    "images": "volumes/{ID}.nii.gz",
    "label": "CDR",
    "classes": {"normal": ["0"], "dementia": ["0.5", "1", "2"]},
    "demographics": ["Age", "M/F"],
}


def test_oasis_of_60_and_older(real_data):
    cohort = read(real_data / "oasis1", **OASIS, include=["Age >= 60"])
    assert len(cohort.ledger) == 306
    assert cohort.labels.value_counts().to_dict() == {"dementia": 70, "normal": 69}
    assert cohort.groups.nunique() == 139
    assert left_out(cohort) == {"COH-209": 167}
    assert cohort.roles.categorical == ("M/F",)


def test_oasis_sessions(real_data):
    everybody = read(real_data / "oasis1", **OASIS, sessions="all")
    assert (len(everybody.frame), everybody.groups.nunique()) == (306, 292)
    first = read(real_data / "oasis1", **OASIS)
    assert len(first.frame) == 292
    assert not first.frame.index.str.endswith("MR2").any()
    repeats = read(real_data / "oasis1", **OASIS, include=["Delay != n/a"])
    assert len(repeats.frame) == 14


def test_several_sites_with_repeated_ids(real_data):
    section = {
        "table": "brain_volumes.csv", "session": "session", "site": "site", "label": "group",
        "normal": "Control", "demographics": ["age", "sex"],
    }  # fmt: skip
    every = read(real_data / "multisite_volumes", **section, sessions="all")
    assert len(every.ledger) == 808
    assert every.labels.value_counts().to_dict() == {"Patient": 489, "Control": 277}
    assert left_out(every) == {"COH-202": 42}
    assert every.sites.nunique() == 7
    first = read(real_data / "multisite_volumes", **section)
    assert len(first.frame) == first.groups.nunique() == 293


def test_abide(real_data):
    cohort = read(
        real_data / "abide", table="Phenotypic_V1_0b_preprocessed1.csv", id="SUB_ID", site="SITE_ID",
        label="DX_GROUP", classes={"autism": ["1"], "control": ["2"]}, normal="control",
        demographics=["AGE_AT_SCAN", "SEX"], include=["FILE_ID != no_filename"],
    )  # fmt: skip
    assert len(cohort.ledger) == 1112
    assert cohort.labels.value_counts().to_dict() == {"control": 530, "autism": 505}
    assert left_out(cohort) == {"COH-209": 77}
    assert cohort.sites.nunique() == 20
    assert cohort.roles.categorical == ("SEX",)
    assert set(cohort.frame["SEX"]) == {"1", "2"}
    assert cohort.frame["AGE_AT_SCAN"].between(6, 65).all()
