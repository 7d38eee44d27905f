from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features, learnt_extractor
from normwise.features.voxels import batches
from phantoms import brain, save

PEOPLE = "ID,Age,Sex,dx\n01,70,F,normal\n02,71,M,AD\n03,72,M,AD\n04,73,F,normal\n"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    image = brain()
    for name, orientation in (("01", "RAS"), ("02", "LPI"), ("04", "LAS")):
        noisy = (image.voxels + rng.normal(0, 2, image.shape)).astype(np.float32)
        save(noisy, image.affine, tmp_path / f"{name}.nii.gz", orientation)
    (tmp_path / "03.nii.gz").write_bytes(b"nothing of the kind")
    return tmp_path


class Steps:
    def __init__(self):
        self.said = []

    def start(self, title, total):
        self.said.append(("start", total))

    def advance(self, title, subject="", state="done", code=""):
        self.said.append((state, subject))

    def finish(self, title):
        self.said.append(("finish",))

    def message(self, text):
        pass


def test_voxels_lie_in_a_map_on_disk(folder, monkeypatch):
    monkeypatch.setattr(batches, "_AT_ONCE", 2)
    features = {"extractor": "voxels", "voxel_size_mm": 12.0}
    cohort, study = cohort_of(folder, PEOPLE, features, images="{ID}.nii.gz")
    progress = Steps()
    table = extract_features(cohort, study, cache_dir=folder / "cache", progress=progress)
    assert list(table.values.index) == ["01", "02", "04"]
    assert list(table.failures) == ["03"]
    assert (table.values.dtypes == np.float32).all()
    [stored] = (folder / "cache" / "voxels").glob("*.npy")
    assert np.array_equal(np.load(stored), table.values.to_numpy())
    assert _rests_on_a_map(table.values.to_numpy())
    assert progress.said[0] == ("start", 4)
    assert progress.said.count(("finish",)) == 1
    assert len(progress.said) == 6
    in_memory = extract_features(cohort, study)
    assert in_memory.values.equals(table.values)
    assert in_memory.hash == table.hash


def _rests_on_a_map(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_a_template_voxel_is_where_its_name_says(folder):
    features = {"extractor": "voxels", "voxel_size_mm": 8.0, "smoothing_mm": 8.0}
    cohort, study = cohort_of(folder, PEOPLE, features, images="{ID}.nii.gz")
    values = extract_features(cohort, study).values
    # White matter is brighter than the ventricle, on both sides and in every orientation.
    assert (values["voxel_-24_-32_24"] > 1.3 * values["voxel_-8_8_16"]).all()
    assert (values["voxel_24_-32_24"] > 1.3 * values["voxel_8_8_16"]).all()


def test_components_are_learnt_later():
    from normwise.schema import Study

    study = Study.model_validate(
        {"cohort": {"demographics": ["Age"]}, "features": {"extractor": "voxels", "components": 7}}
    )
    step = learnt_extractor(study, seed=5)
    assert (step.n_components, step.demographics, step.random_state) == (7, ("Age",), 5)


def test_without_images_there_are_no_voxels(folder):
    cohort, study = cohort_of(folder, PEOPLE, {"extractor": "voxels"})
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-107"


def test_no_readable_image_leaves_no_grid_to_keep(tmp_path):
    for name in ("01", "02", "03", "04"):
        (tmp_path / f"{name}.nii.gz").write_bytes(b"nothing of the kind")
    features = {"extractor": "voxels", "voxel_size_mm": 0.0}
    cohort, study = cohort_of(tmp_path, PEOPLE, features, images="{ID}.nii.gz")
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-306"
