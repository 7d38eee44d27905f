"""New people: loose images with their demographics, or a table of them."""

from dataclasses import replace

import numpy as np
import pytest

from normwise.cli.new_subjects import (
    feature_frame,
    features_in,
    from_images,
    from_table,
    read_settings,
)
from normwise.errors import CohortError, CommandError


@pytest.fixture
def image_model(table_model):
    """The same model, as if it measured images."""
    features = table_model.study.features.model_copy(update={"extractor": "regions"})
    cohort = table_model.study.cohort.model_copy(update={"images": "scans/{id}.nii.gz"})
    study = table_model.study.model_copy(update={"features": features, "cohort": cohort})
    return replace(table_model, study=study)


@pytest.mark.parametrize("texts", [["Age"], ["=71"], ["Age="], ["Age=71", "Age=72"]])
def test_settings_not_of_the_form_are_refused(texts):
    with pytest.raises(CommandError) as caught:
        read_settings(texts)
    assert caught.value.code == "CLI-105"


def test_a_value_may_hold_an_equals_sign():
    assert read_settings(["note=a=b"]) == {"note": "a=b"}


def test_images_of_one_person_share_its_demographics(image_model, tmp_path):
    paths = [tmp_path / name for name in ("one.nii.gz", "two.nii")]
    for path in paths:
        path.touch()
    cohort = from_images(paths, {"age": "071Y", "sex": "female"}, image_model)
    assert cohort.frame.to_dict("index") == {
        "one": {"age": 71.0, "sex": "F"},
        "two": {"age": 71.0, "sex": "F"},
    }
    assert cohort.images.to_list() == [str(path) for path in paths]
    assert cohort.labels is None


def test_two_images_of_one_name_are_told_apart_by_their_paths(image_model, tmp_path):
    paths = [tmp_path / name / "T1.nii.gz" for name in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    cohort = from_images(paths, {"age": "71", "sex": "F"}, image_model)
    assert list(cohort.frame.index) == [str(path) for path in paths]


def test_an_image_that_is_absent_or_given_twice_is_refused(image_model, tmp_path):
    present = tmp_path / "one.nii.gz"
    present.touch()
    for images in ([tmp_path / "absent.nii.gz"], [present, present]):
        with pytest.raises(CommandError) as caught:
            from_images(images, {"age": "71", "sex": "F"}, image_model)
        assert caught.value.code == "CLI-106"


def test_a_missing_demographic_is_refused(image_model, tmp_path):
    (tmp_path / "one.nii.gz").touch()
    with pytest.raises(CohortError) as caught:
        from_images([tmp_path / "one.nii.gz"], {"age": "71"}, image_model)
    assert "--set sex=" in caught.value.advice


def test_a_model_of_measurements_takes_no_image(table_model, tmp_path):
    (tmp_path / "one.nii.gz").touch()
    with pytest.raises(CommandError) as caught:
        from_images([tmp_path / "one.nii.gz"], {"age": "71", "sex": "F"}, table_model)
    assert caught.value.code == "CLI-107"


def test_a_table_is_read_without_labels_and_conditions(table_model, tmp_path):
    # 50 would be left out by the training's condition: the model decides about everybody who is asked about.
    table = tmp_path / "new.csv"
    table.write_text(
        "id,age,sex,volume,thickness\nnew1,50,F,2000,2.5\nnew2,70,m,n/a,2.4\nnew3,old,F,2000,2.4\n"
    )
    cohort = from_table(table, table_model)
    assert list(cohort.frame.index) == ["new1", "new2"]
    assert cohort.ledger["code"].to_list()[2].startswith("COH-")
    assert features_in(list(cohort.raw.columns), table_model)
    frame = feature_frame(cohort, table_model)
    assert frame.loc["new1", "volume"] == 2000.0
    assert np.isnan(frame.loc["new2", "volume"])


def test_images_of_a_table_are_named_or_found_as_the_study_finds_them(image_model, tmp_path):
    for name in ("named.nii.gz", "scans/new1.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "named.csv").write_text("id,age,sex,image\nnew1,70,F,named.nii.gz\n")
    (tmp_path / "found.csv").write_text("id,age,sex\nnew1,70,F\n")
    assert from_table(tmp_path / "named.csv", image_model).images.to_list() == [
        str(tmp_path / "named.nii.gz")
    ]
    assert from_table(tmp_path / "found.csv", image_model).images.to_list() == [
        str(tmp_path / "scans/new1.nii.gz")
    ]
