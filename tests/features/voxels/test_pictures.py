"""Whole pictures of two axes as features of a network."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from cohorts import cohort_of
from normwise.errors import FeatureError, NormwiseWarning
from normwise.features import extract_features
from normwise.features.voxels import pictures
from normwise.networks.images.inputs import image_layout

PEOPLE = "ID,Age,Sex,dx\n01,70,F,normal\n02,71,M,AD\n03,72,M,AD\n04,73,F,normal\n"


def drawn(shape=(6, 9), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def measured(folder, images, **features):
    cohort, study = cohort_of(folder, PEOPLE, {"extractor": "images", **features}, images=images)
    return extract_features(cohort, study, cache_dir=folder / "cache")


@pytest.mark.parametrize("extractor", ["images", "trunk", "autoencoder"])
def test_pictures_keep_their_pixels_and_are_held_against_no_brain(tmp_path, extractor):
    for seed, person in enumerate(("01", "02", "03", "04")):
        Image.fromarray(drawn(seed=seed)).save(tmp_path / f"{person}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = measured(tmp_path, "{ID}.png", extractor=extractor)
    assert table.failures == {}
    shape, _ = image_layout(list(table.values.columns))
    assert shape == (6, 9)
    assert np.array_equal(table.values.loc["03"].to_numpy().reshape(shape), drawn(seed=2))


def test_slices_and_pictures_are_alike(tmp_path):
    for seed, person in enumerate(("01", "02", "03")):
        voxels = np.expand_dims(drawn(seed=seed)[::-1].T, 2)
        nib.save(nib.Nifti1Image(voxels, np.diag([0.5, 0.5, 3, 1])), tmp_path / f"{person}.nii.gz")
    nib.save(nib.Nifti1Image(drawn((9, 6, 2)), np.eye(4)), tmp_path / "04.nii.gz")
    table = measured(tmp_path, "{ID}.nii.gz")
    assert np.array_equal(table.values.loc["02"].to_numpy().reshape(6, 9), drawn(seed=1))
    assert {scan: error.code for scan, error in table.failures.items()} == {"04": "IMG-107"}


def test_a_damaged_picture_and_one_of_another_size_cost_their_people(tmp_path):
    (tmp_path / "01.png").write_bytes(b"nothing of the kind")
    Image.fromarray(drawn()).save(tmp_path / "02.png")
    Image.fromarray(drawn((9, 6))).save(tmp_path / "03.png")
    Image.fromarray(drawn()).save(tmp_path / "04.png")
    with pytest.warns(NormwiseWarning, match="FEA-907"):
        table = measured(tmp_path, "{ID}.png", mask="mask.nii.gz")
    assert {scan: error.code for scan, error in table.failures.items()} == {"01": "IMG-801", "03": "FEA-308"}
    assert list(table.values.index) == ["02", "04"]


def test_what_no_picture_can_be_measured_for(tmp_path, monkeypatch):
    for person in ("01", "02", "03", "04"):
        Image.fromarray(drawn()).save(tmp_path / f"{person}.png")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 54)
    assert measured(tmp_path, "{ID}.png").failures == {}
    monkeypatch.setattr(pictures, "MOST_PIXELS", 53)
    with pytest.raises(FeatureError) as caught:
        measured(tmp_path, "{ID}.png")
    assert caught.value.code == "FEA-309"
    for person in ("01", "02", "03", "04"):
        (tmp_path / f"{person}.png").write_bytes(b"none")
    with pytest.raises(FeatureError) as caught:
        measured(tmp_path, "{ID}.png")
    assert caught.value.code == "FEA-306"
