"""The whole chain on a phantom: left is left however the file is stored."""

from __future__ import annotations

import numpy as np
import pytest

from normwise import parcellate
from normwise.errors import FeatureError
from normwise.features.brain import STAGES, ChainSettings, stage_key
from normwise.features.brain.registration import warp
from normwise.features.brain.registration.reference import load_reference
from normwise.images import read_head
from phantoms import save


def asymmetric_brain() -> tuple[np.ndarray, np.ndarray]:
    """The template with fluid beside its left ventricle."""
    brain = load_reference().coarser(3)
    voxels = brain.t1 * brain.mask
    world = np.indices(voxels.shape).reshape(3, -1).T @ brain.affine[:3, :3].T + brain.affine[:3, 3]
    beside = np.linalg.norm(world - (-14, -14, 20), axis=1).reshape(voxels.shape) < 11
    fluid = np.median(voxels[brain.mask & (brain.grey + brain.white < 0.1)])
    voxels[beside] = fluid
    rng = np.random.default_rng(0)
    noisy = voxels + 0.01 * voxels.max() * rng.standard_normal(voxels.shape)
    return np.where(brain.mask, np.maximum(900 * noisy, 1), 0).astype(np.float32), brain.affine


@pytest.mark.slow
def test_left_is_left_in_three_orientations(tmp_path, monkeypatch) -> None:
    pytest.importorskip("ants")
    pytest.importorskip("dipy")
    monkeypatch.setitem(warp._STEPS, "fast", [20, 0, 0])  # the template need hardly be warped onto itself
    voxels, affine = asymmetric_brain()
    for orientation in ("RAS", "LPI", "PIR"):
        # The chain sees no more of a file than this, so that one orientation shows it all.
        path = save(voxels, affine, tmp_path / f"{orientation}.nii.gz", orientation)
        head = read_head(path)
        np.testing.assert_array_equal(head.voxels, voxels)
        np.testing.assert_allclose(head.affine, affine, atol=1e-5)
    found = parcellate(path, quality="fast", already_stripped=True, masker="template")
    sizes = found.features
    left, right = (sizes[f"lateral_ventricle_{side}.volume_mm3"] for side in ("left", "right"))
    # The fluid beside it lies partly outside the label, which has no side of its own.
    assert left > 1.25 * right
    places = found.labels.world(np.argwhere(found.labels.voxels == 4))
    assert places[:, 0].mean() < -5
    assert found.names[17] == "hippocampus_left"
    assert found.mask.voxels.sum() == (voxels > 0).sum()
    assert found.quality


def test_an_unknown_quality_is_refused(tmp_path) -> None:
    with pytest.raises(FeatureError) as caught:
        parcellate(tmp_path / "none.nii", quality="best")
    assert caught.value.code == "FEA-510"


def test_every_stage_reads_what_earlier_ones_gave() -> None:
    before = {"image"}
    for stage in STAGES:
        assert set(stage.parents) <= before
        before.add(stage.name)


def test_a_key_changes_with_what_its_stage_reads_and_with_nothing_else() -> None:
    stages = {stage.name: stage for stage in STAGES}

    def keys(settings: ChainSettings) -> dict[str, str]:
        found = {"image": "a head"}
        for stage in STAGES:
            found[stage.name] = stage_key(stage, settings, found)
        return found

    plain, other = keys(ChainSettings()), keys(ChainSettings(atlas="aal"))
    changed = {name for name in stages if plain[name] != other[name]}
    assert changed == {"propagate", "refine", "thickness", "volumes"}
    assert keys(ChainSettings(threads=4)) == plain
