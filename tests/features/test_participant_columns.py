"""Columns of the participants table stand beside what an extractor measures, in new people as well."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cohorts import cohort_of
from normwise.errors import CommandError, FeatureError
from normwise.features import (
    EXTRACTORS,
    Extractor,
    FeatureTable,
    check_extractor,
    extract_features,
    read_features,
    write_features,
)
from normwise.features.feature_table import WIDE
from normwise.features.participant_columns import put_beside
from normwise.learnt import bag_column
from normwise.networks.images import image_frame
from normwise.normalize import FeatureNormalizer
from normwise.procedure import make_preprocessing
from normwise.results import FeatureNote
from normwise.runs import measurement_of, read_plan
from normwise.schema import EXTRACTOR_SECTIONS, Roles, Study, readers_of

PEOPLE = (
    "ID,Age,Sex,dx,nWBV,eTIV,clinic\n01,70,F,normal,0.75,1500,a\n02,71,M,AD,,1600,a\n"
    "03,72,M,AD,0.7l,1700,b\n04,73,F,normal,1e300,1800,b\n05,74,F,AD,0.71,1900,b\n"
)
TABLES = "ID\tinsula\tcuneus\n" + "".join(f"{i:02d}\t{i}\t{9 - i}\n" for i in range(1, 6))


def study_of(folder, also, **cohort):
    (folder / "measured.tsv").write_text(TABLES)
    return cohort_of(folder, PEOPLE, {"extractor": "table", "table": "measured.tsv", "also": also}, **cohort)


def refusal(folder, also, **cohort):
    people, study = study_of(folder, also, **cohort)
    with pytest.raises(FeatureError) as caught:
        extract_features(people, study)
    return caught.value


def test_the_columns_stand_behind_the_measured_ones(tmp_path):
    cohort, study = study_of(tmp_path, ["eTIV"])
    table = extract_features(cohort, study)
    assert list(table.values.columns) == ["insula", "cuneus", "eTIV"] == list(table.notes)
    assert table.values.loc["03"].tolist() == [3.0, 6.0, 1700.0]
    assert table.notes["eTIV"].description == "eTIV, as in the participants table"
    write_features(table, tmp_path / "run")
    assert read_features(tmp_path / "run").values.equals(table.values)
    without = extract_features(*study_of(tmp_path, []))
    assert without.values.equals(table.values[["insula", "cuneus"]])
    assert without.hash != table.hash


def test_who_lacks_a_number_fails_by_name_and_nobody_else(tmp_path):
    cohort, study = study_of(tmp_path, ["nWBV", "eTIV", "nWBV"])
    table = extract_features(cohort, study)
    assert list(table.values.index) == ["01", "05"]
    failed = {scan: error.code for scan, error in table.failures.items()}
    assert failed == {"02": "FEA-204", "03": "FEA-203", "04": "FEA-216"}
    assert table.failures["02"].problem == "1 of 2 features is missing."
    assert table.failures["02"].seen == "nWBV"
    alone = extract_features(*study_of(tmp_path, ["nWBV"]))
    assert alone.failures["02"].problem == "nWBV is missing."
    assert all("features.also" in error.advice for error in table.failures.values())


def test_a_plan_names_them_before_anybody_is_measured(tmp_path):
    study = study_of(tmp_path, ["nWBV"])[1]
    ledger = read_plan(study, purpose="extract")[1].ledger.set_index("id")
    assert ledger["status"].to_dict() == {
        "01": "included", "02": "failed", "03": "failed", "04": "failed", "05": "included"
    }  # fmt: skip
    with pytest.raises(FeatureError):
        read_plan(study_of(tmp_path, ["nWBW"])[1], purpose="extract")


@pytest.mark.parametrize("column", ["Age", "Sex", "dx", "ID", "clinic"])
def test_a_column_with_another_role_is_refused(tmp_path, column):
    error = refusal(tmp_path, ["eTIV", column], site="clinic")
    assert (error.code, error.subject) == ("FEA-202", "people.csv")
    assert "features.also" in error.advice
    with pytest.raises(FeatureError) as caught:
        check_extractor(*reversed(study_of(tmp_path, [column], site="clinic")))
    assert caught.value.code == "FEA-202"


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    error = refusal(tmp_path, ["etiv"])
    assert (error.code, error.advice) == ("FEA-201", "did you mean 'eTIV'?")


def test_a_column_that_is_measured_as_well_is_refused(tmp_path):
    cohort, study = study_of(tmp_path, ["eTIV"])
    (tmp_path / "measured.tsv").write_text(TABLES.replace("insula", "eTIV"))
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-217"


def measuring(monkeypatch, seen):
    """Put a stand-in for ``regions``, which notes whom and what it was asked for."""

    def extract(cohort, study, context):
        seen.append((list(cohort.frame.index), context.wanted))
        values = pd.DataFrame({"insula.mean": 1.0}, index=cohort.frame.index)
        return FeatureTable(values, {"insula.mean": FeatureNote("", "")}, hash="measured")

    monkeypatch.setitem(sys.modules, "stand_in", SimpleNamespace(extract=extract))
    monkeypatch.setitem(EXTRACTORS, "regions", Extractor("a stand-in", "stand_in"))


def test_only_who_has_the_columns_is_measured(tmp_path, monkeypatch):
    seen = []
    measuring(monkeypatch, seen)
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions", "also": ["nWBV"]})
    made = extract_features(cohort, study)
    new = extract_features(cohort.keep(["05"]), study, wanted=list(made.values.columns))
    assert seen == [(["01", "05"], None), (["05"], ["insula.mean"])]
    assert new.hash == made.hash
    assert new.values.equals(made.values.loc[["05"]])


def test_where_everybody_lacks_one_the_measurement_is_still_the_models(tmp_path, monkeypatch):
    measuring(monkeypatch, [])
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions", "also": ["nWBV"]})
    made = extract_features(cohort, study)
    nobody = extract_features(cohort.keep(["02"]), study, wanted=list(made.values.columns))
    assert (list(nobody.values.index), list(nobody.failures)) == ([], ["02"])
    assert nobody.hash == made.hash


def test_every_extractor_takes_them():
    assert set(readers_of("also")) == set(EXTRACTOR_SECTIONS)


def voxel_frame(rng):
    return image_frame(rng.normal(size=(48, 6, 6, 6)).astype(np.float32))


def tile_frame(rng):
    tiles = {
        bag_column(tile, name): rng.normal(size=48)
        for tile in range(3)
        for name in ("size", "shape", "present")
    }
    return pd.DataFrame(tiles | {bag_column(tile, "present"): np.ones(48) for tile in range(3)})


@pytest.mark.parametrize(
    ("name", "make", "settings"),
    [
        ("voxels", voxel_frame, {"components": 2}),
        ("autoencoder", voxel_frame, {"components": 2, "network": {"epochs": 1, "width": 2, "blocks": 1}}),
        ("trunk", voxel_frame, {"network": {"epochs": 1, "width": 2, "blocks": 1}}),
        ("attention", tile_frame, {"pooling": "mean"}),
    ],
)
def test_behind_a_learnt_extractor_they_are_features_as_they_are(name, make, settings):
    """Nothing is learnt from them; age is taken out of them as out of every feature."""
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    frame = make(rng).assign(age=np.linspace(50, 80, 48))
    frame["eTIV"] = 1500 + 3 * frame["age"] + rng.normal(0, 1, 48)
    labels = np.where(np.arange(48) % 2, "AD", "normal")
    keys = {
        "features": {"extractor": name, "also": ["eTIV"], **settings},
        "cohort": {"demographics": ["age"]},
    }
    roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("age",))
    pipeline = make_preprocessing(Study.model_validate(keys), roles, "normalized", 0).fit(frame, labels)
    learnt = pipeline.named_steps["extract"].transform(frame)
    assert np.array_equal(learnt["eTIV"], frame["eTIV"])
    assert [str(column) for column in pipeline.named_steps["normalize"].get_feature_names_out()][-1] == "eTIV"
    own = np.asarray(pipeline.transform(frame))[:, -1]
    assert abs(np.corrcoef(own[labels == "normal"], frame["age"][labels == "normal"])[0, 1]) < 0.05
    alone = FeatureNormalizer(demographics=("age",), normal="normal").fit(frame[["eTIV", "age"]], labels)
    assert np.allclose(own, np.asarray(alone.transform(frame[["eTIV", "age"]]))[:, 0])


def test_beside_voxels_they_are_saved_in_one_matrix(tmp_path):
    rows = pd.Index([f"s{place}" for place in range(3)], name="id")
    voxels = pd.DataFrame(np.zeros((3, WIDE), np.float32), rows, [f"voxel_{place}" for place in range(WIDE)])
    columns = FeatureTable(
        pd.DataFrame({"eTIV": [1500.5, 1600.25]}, rows[[0, 2]]), {"eTIV": FeatureNote("", "")}
    )
    both = put_beside(FeatureTable(voxels, {"voxel_*": FeatureNote("intensity", "")}), columns)
    assert list(both.values.index) == ["s0", "s2"]
    assert set(both.values.dtypes) == {np.dtype(np.float32)}
    write_features(both, tmp_path)
    assert read_features(tmp_path).values["eTIV"].tolist() == [1500.5, 1600.25]


def test_a_reference_names_them_only_where_there_are_some(tmp_path):
    table = FeatureTable(pd.DataFrame(), {})
    for also in ([], ["eTIV"]):
        study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions", "also": also})[1]
        assert measurement_of(study, table).settings.get("also", []) == also
        assert ("also" in measurement_of(study, table).settings) == bool(also)


def test_a_single_image_brings_them_as_settings(tmp_path):
    from normwise.cli.commands.predict import from_images

    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions", "also": ["nWBV"]})
    (tmp_path / "a.nii.gz").touch()
    known = SimpleNamespace(study=study, roles=cohort.roles, site=None, feature_names=("insula.mean", "nWBV"))
    settings = {"Age": "70", "Sex": "F", "nWBV": "0.8"}
    people = from_images([tmp_path / "a.nii.gz"], settings, known)
    assert people.raw.loc["a", "nWBV"] == "0.8"
    assert list(people.frame.columns) == ["Age", "Sex"]
    with pytest.raises(CommandError) as caught:
        from_images([tmp_path / "a.nii.gz"], {"Age": "70", "Sex": "F"}, known)
    assert caught.value.code == "CLI-105"
    assert "--set nWBV=" in caught.value.advice
