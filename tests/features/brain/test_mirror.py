"""A chain without sides: a head's asymmetry and its mirror image's are opposite, whatever the atlas."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from normwise.features.atlases import atlas_files
from normwise.features.brain.measures import measure_volumes
from normwise.features.brain.registration.reference import load_reference
from normwise.features.brain.segmentation import labels as module
from normwise.features.brain.segmentation.labels import propagate, refine
from normwise.features.brain.segmentation.tissue import classify_tissue
from normwise.features.brain.settings import ChainSettings
from normwise.images import read_labels

DEEP = ("hippocampus", "amygdala", "caudate", "putamen", "pallidum", "thalamus", "lateral_ventricle")


def head(*, flipped):
    """The template's brain as a head, fluid beside its left ventricle, and an exact registration."""
    brain = load_reference().coarser(2)
    total = np.maximum(brain.grey + brain.white, 1)
    grey, white = brain.grey / total, brain.white / total
    shares = np.stack([1 - grey - white, grey, white]) ** 4
    image = np.tensordot((300.0, 700.0, 1000.0), shares / shares.sum(axis=0) * brain.mask, axes=1)
    world = np.indices(image.shape).reshape(3, -1).T @ brain.affine[:3, :3].T + brain.affine[:3, 3]
    beside = np.linalg.norm(world - (-14, -14, 20), axis=1).reshape(image.shape) < 9
    image = np.where(beside, 300.0, image).astype(np.float32)
    mask, affine = brain.mask.astype(np.uint8), brain.affine.copy()
    if flipped:
        image, mask = np.ascontiguousarray(image[::-1]), np.ascontiguousarray(mask[::-1])
        affine[0, 3] = -(affine[0, 3] + affine[0, 0] * (len(mask) - 1))
    wide = np.diag([100.0, 100.0, 100.0, 1.0])
    wide[:3, 3] = -150
    return {
        "corrected": image,
        "mask": mask,
        "box": np.array([[0, 0, 0], mask.shape]),
        "head_affine": affine,
        "template_to_head": np.eye(4),
        "backward": np.zeros((4, 4, 4, 3), np.float32),
        "warp_affine": wide,
    }


@pytest.fixture(scope="module")
def tissue():
    """Both heads with their tissue, which no atlas changes."""
    heads = [head(flipped=flipped) for flipped in (False, True)]
    return [each | classify_tissue(each, ChainSettings()) for each in heads]


def asymmetries(arrays, settings):
    arrays = arrays | {"thickness": np.zeros_like(arrays["grey"])}
    for stage in (propagate, refine, measure_volumes):
        arrays = arrays | stage(arrays, settings)
    names, values = arrays["feature_names"].tolist(), arrays["feature_values"].tolist()
    return {name: value for name, value in zip(names, values, strict=True) if name.endswith(".asymmetry")}


def mirror_bias(tissue, settings):
    """Return half the sum of both asymmetries of every region, in points."""
    own, other = (asymmetries(arrays, settings) for arrays in tissue)
    return {name.removesuffix(".asymmetry"): 50 * (own[name] + other[name]) for name in own}, own


@pytest.mark.parametrize("where", ["installed", "in a file of one's own"])
def test_no_region_has_a_side(tissue, tmp_path, where):
    settings = ChainSettings()
    if where != "installed":
        path, table = atlas_files("desikan_killiany")
        drawn = read_labels(path)
        nib.save(nib.Nifti1Image(drawn.voxels, drawn.affine), tmp_path / "mine.nii.gz")
        settings = ChainSettings(atlas=str(tmp_path / "mine.nii.gz"), lut=table)
    bias, own = mirror_bias(tissue, settings)
    deep = [abs(value) for name, value in bias.items() if name.removesuffix("_proper") in DEEP]
    assert len(deep) == len(DEEP)
    assert np.mean(deep) < 0.5
    assert max(deep) < 1.5
    cortex = [abs(value) for name, value in bias.items() if name.startswith("ctx_")]
    assert np.mean(cortex) < 1.0
    assert own["lateral_ventricle.asymmetry"] > 0.1  # what is the person's own stays


def test_an_atlas_as_it_was_drawn_has_one(tissue, monkeypatch):
    """So the measure can tell: by several points in the nuclei, and more in the cortex."""
    monkeypatch.setattr(module, "load_labels", lambda settings: read_labels(atlas_files(settings.atlas)[0]))
    bias, _ = mirror_bias(tissue, ChainSettings())
    deep = [abs(value) for name, value in bias.items() if name.removesuffix("_proper") in DEEP]
    assert np.mean(deep) > 2.0
    assert np.mean([abs(value) for name, value in bias.items() if name.startswith("ctx_")]) > 5.0


def test_a_template_of_ones_own_keeps_its_atlas(tmp_path):
    path, _ = atlas_files("aal")
    settings = ChainSettings(atlas="aal", template=tmp_path / "mine.nii.gz")
    drawn = read_labels(path).voxels
    np.testing.assert_array_equal(module.load_labels(settings).voxels, drawn)
    assert not np.array_equal(module.load_labels(replace(settings, template=None)).voxels, drawn)


def test_a_region_that_is_lost_has_neither_size_nor_brightness(tissue):
    arrays = tissue[0] | {"thickness": np.zeros_like(tissue[0]["grey"])}
    for stage in (propagate, refine):
        arrays = arrays | stage(arrays, ChainSettings())
    whole = measure_volumes(arrays, ChainSettings())
    for name in ("labels", "grey_territory"):
        arrays[name] = np.where(np.isin(arrays[name], (26, 1026)), 0, arrays[name])
    lost = measure_volumes(arrays, ChainSettings())
    names = whole["feature_names"].tolist()
    assert lost["feature_names"].tolist() == names
    gone = {
        name
        for name, before, after in zip(names, whole["feature_values"], lost["feature_values"], strict=True)
        if np.isfinite(before) and not np.isfinite(after)
    }
    sizes = ("volume_mm3", "voxel_volume_mm3", "icv_share", "intensity_mean", "intensity_sd")
    assert gone >= {f"accumbens_area_left.{each}" for each in sizes} | {"accumbens_area.asymmetry"}
    assert not (lost["feature_values"][[name.endswith("volume_mm3") for name in names]] == 0).any()
