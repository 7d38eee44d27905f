"""A study that names no extractor gets the one that suits what lies there, and is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cohorts import cohort_of
from normwise.cohort import read_study
from normwise.errors import FeatureError, ImageError, NormwiseWarning
from normwise.features import check_images, choose_extractor
from phantoms import brain, save

PEOPLE = "ID,Age,Sex,dx,a\n007,70,F,normal,1\n01,71,M,AD,2\n5,72,M,AD,3\n9,73,F,normal,4\n"


def heads(folder: Path, *scans: str, off_mm: float) -> None:
    """Write brains that lie so far from where the template has its own."""
    image = brain()
    affine = image.affine.copy()
    affine[:3, 3] += off_mm
    for scan in scans:
        save(image.voxels.astype(np.float32), affine, folder / f"{scan}.nii.gz")


def chosen(folder: Path, features: dict[str, Any]) -> str:
    cohort, study = cohort_of(folder, PEOPLE, features, images="{ID}.nii.gz")
    return choose_extractor(study, cohort).features.extractor


def test_brains_in_template_space_are_measured_where_they_lie(tmp_path: Path) -> None:
    heads(tmp_path, "007", "01", "5", "9", off_mm=0)
    assert chosen(tmp_path, {}) == "regions"


def test_heads_elsewhere_are_registered_first_and_that_is_said(tmp_path: Path) -> None:
    heads(tmp_path, "007", "01", "5", "9", off_mm=60)
    with pytest.warns(NormwiseWarning, match="FEA-906.*'brain' was chosen"):
        assert chosen(tmp_path, {"columns": ["hippocampus_*"]}) == "brain"


@pytest.mark.parametrize("label", [1, 17])
def test_masks_and_label_maps_are_measured_by_their_shapes(tmp_path: Path, label: int) -> None:
    image = brain()
    maps = (image.voxels > np.median(image.voxels)) * label
    maps[: maps.shape[0] // 2] *= 2
    for scan in ("007", "01", "5"):
        save(maps.astype(np.int16), image.affine, tmp_path / f"{scan}.nii.gz")
    with pytest.warns(NormwiseWarning, match="FEA-906.*'shapes' was chosen, since .* a mask or a label map"):
        assert chosen(tmp_path, {}) == "shapes"
    assert chosen(tmp_path, {"statistics": ["mean"]}) == "regions"


@pytest.mark.parametrize("background", [0, 1, -1024])
def test_whole_numbers_of_a_head_are_no_labels(tmp_path: Path, background: int) -> None:
    image = brain()
    noise = np.random.default_rng(0).normal(0, 3, image.voxels.shape)
    whole = np.where(image.voxels > 0, np.rint(image.voxels + noise), background).astype(np.int16)
    for scan in ("007", "01", "5"):
        save(whole, image.affine, tmp_path / f"{scan}.nii.gz")
    assert chosen(tmp_path, {}) == "regions"


def test_one_stray_head_or_damaged_file_decides_nothing(tmp_path: Path) -> None:
    heads(tmp_path, "01", "5", off_mm=0)
    heads(tmp_path, "9", off_mm=60)
    (tmp_path / "007.nii.gz").write_bytes(b"nothing of the kind")
    assert chosen(tmp_path, {}) == "regions"


@pytest.mark.parametrize(
    "features", [{"extractor": "regions"}, {"statistics": ["mean"]}, {"atlas": "{ID}_l.nii.gz"}]
)
def test_what_is_named_or_only_one_extractor_reads_stays(tmp_path: Path, features: dict[str, Any]) -> None:
    heads(tmp_path, "007", "01", "5", "9", off_mm=60)
    assert chosen(tmp_path, features) == "regions"


def test_without_images_the_features_stand_in_the_table(tmp_path: Path) -> None:
    cohort, study = cohort_of(tmp_path, PEOPLE, {"columns": ["a"]})
    with pytest.warns(NormwiseWarning, match="'table' was chosen"):
        assert choose_extractor(study, cohort).features.extractor == "table"


def test_slides_are_slides_where_all_images_are(tmp_path: Path) -> None:
    for scan in ("007", "01", "5", "9"):
        (tmp_path / f"{scan}.svs").touch()
        (tmp_path / f"{scan}.nii.gz").touch()
    cohort, study = cohort_of(tmp_path, PEOPLE, {}, images="{ID}.svs")
    with pytest.warns(NormwiseWarning, match="FEA-906.*'slides' was chosen"):
        assert choose_extractor(study, cohort).features.extractor == "slides"
    assert chosen(tmp_path, {}) == "regions"


def test_check_refuses_raw_heads_for_an_atlas_and_names_the_extractor(tmp_path: Path) -> None:
    heads(tmp_path, "007", "01", "5", "9", off_mm=60)
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions"}, images="{ID}.nii.gz")
    with pytest.raises(FeatureError) as caught:
        check_images(study, cohort)
    assert caught.value.code == "FEA-302"
    assert "--extractor brain" in str(caught.value.advice)


def test_check_looks_at_pictures_before_a_network_is_trained(tmp_path: Path) -> None:
    for person in ("007", "01", "5", "9"):
        (tmp_path / f"{person}.png").write_bytes(b"nothing of the kind")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "trunk"}, images="{ID}.png")
    with pytest.raises(ImageError) as caught:
        check_images(study, cohort)
    assert (caught.value.code, caught.value.subject) == ("IMG-801", "007")
    Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(tmp_path / "01.png")
    check_images(study, cohort)  # one that can be read is enough: the others cost their people
    Image.fromarray(np.arange(6, dtype=np.uint8).reshape(3, 2)).save(tmp_path / "007.png")
    with pytest.raises(FeatureError) as other:
        check_images(study, cohort)
    assert other.value.code == "FEA-308"


def test_check_names_images_that_can_not_be_read(tmp_path: Path) -> None:
    heads(tmp_path, "007", "01", "5", "9", off_mm=0)
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "regions"}, images="{ID}.nii.gz")
    check_images(study, cohort)
    (tmp_path / "01.nii.gz").write_bytes(b"nothing of the kind")
    with pytest.warns(NormwiseWarning, match=r"FEA-908.*1 of the 3 images .* can't be read: 01 \(IMG-"):
        check_images(study, cohort)
    for scan in ("007", "5", "9"):
        (tmp_path / f"{scan}.nii.gz").write_bytes(b"nothing of the kind")
    with pytest.raises(ImageError) as caught:
        check_images(study, cohort)
    assert caught.value.subject == "007"


def test_check_opens_slides(tmp_path: Path) -> None:
    for scan in ("007", "01", "5", "9"):
        (tmp_path / f"{scan}.svs").write_bytes(b"nothing of the kind")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "slides"}, images="{ID}.svs")
    with pytest.raises(ImageError) as caught:
        check_images(study, cohort)
    assert caught.value.subject == "007"


def test_a_dataset_without_images_is_read_from_what_freesurfer_has_measured(tmp_path: Path) -> None:
    (tmp_path / "participants.tsv").write_text("participant_id\tdiagnosis\nsub-01\tAD\n")
    stats = tmp_path / "derivatives" / "fs" / "sub-01" / "stats"
    stats.mkdir(parents=True)
    (stats / "aseg.stats").touch()
    with pytest.warns(NormwiseWarning, match="'freesurfer' was chosen"):
        study = read_study(tmp_path, {"cohort.demographics": []})
    assert study.features.extractor == "freesurfer"
    assert study.features.subjects_dir == "derivatives/fs"
    named = {"features.extractor": "regions", "cohort.demographics": []}
    assert read_study(tmp_path, named).features.extractor == "regions"
