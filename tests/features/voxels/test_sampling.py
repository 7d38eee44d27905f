from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.voxels.sampling import (
    Sampling,
    make_sampling,
    pack_sampling,
    resample_image,
    sample_voxels,
)
from normwise.images import Volume
from phantoms import ORIENTATIONS, brain, save


@pytest.fixture
def ball(tmp_path):
    """A mask of a ball of 30 mm around (10, -20, 5)."""
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = (-60, -80, -50)
    grid = np.stack(np.indices((50, 50, 50)), axis=-1) * 3.0 + affine[:3, 3]
    inside = np.linalg.norm(grid - (10, -20, 5), axis=-1) < 30
    path = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(inside.astype(np.uint8), affine), path)
    return path


def test_places_lie_on_multiples_of_the_voxel_size_inside_the_mask(ball):
    sampling = make_sampling(ball, 6.0, 8.0, None)
    assert np.allclose(sampling.points % 6.0, 0.0)
    assert np.linalg.norm(sampling.points - (10, -20, 5), axis=1).max() < 33
    assert len(sampling.points) == pytest.approx(4 / 3 * np.pi * 30**3 / 6**3, rel=0.1)
    assert sampling.fwhm_mm == 8.0
    assert make_sampling(ball, 12.0, 8.0, None).fwhm_mm == 12.0
    assert "voxel_12_-18_6" in sampling.names()
    assert len(set(sampling.names())) == len(sampling.names())


def test_zero_keeps_the_images_grid(ball):
    image = brain()
    sampling = make_sampling(ball, 0.0, 0.0, image)
    back = np.linalg.inv(image.affine)
    indices = sampling.points @ back[:3, :3].T + back[:3, 3]
    assert np.allclose(indices, np.rint(indices), atol=1e-4)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_ramp_keeps_its_place_in_every_orientation(tmp_path, ball, orientation):
    image = brain()
    world = image.world(np.stack(np.indices(image.shape), axis=-1))
    ramp = world @ np.array([1.0, 0.3, -0.2])
    path = save(ramp.astype(np.float32), image.affine, tmp_path / "ramp.nii.gz", orientation)
    sampling = make_sampling(ball, 6.0, 6.0, None)
    packed = pack_sampling(sampling, tmp_path)
    found = sample_voxels(str(path), str(packed))["voxels"]
    assert found.dtype == np.float32
    # Smoothing leaves a ramp as it is, away from the edge of the volume.
    assert found == pytest.approx(sampling.points @ np.array([1.0, 0.3, -0.2]), abs=0.02)


def test_smoothing_is_as_wide_as_it_says(tmp_path, ball):
    image = brain()
    point = np.zeros(image.shape, np.float32)
    centre = np.rint(np.linalg.inv(image.affine) @ [10, -20, 5, 1])[:3].astype(int)
    point[tuple(centre)] = 1000.0
    path = save(point, image.affine, tmp_path / "point.nii.gz")
    sampling = make_sampling(ball, 0.0, 16.0, Volume(point, image.affine))
    found = sample_voxels(str(path), str(pack_sampling(sampling, tmp_path)))["voxels"]
    distance = np.linalg.norm(sampling.points - image.world(centre), axis=1)
    half = found[np.isclose(distance, 8.0)] / found.max()
    assert half == pytest.approx(0.5, abs=0.02)


def points_outside(share, tmp_path):
    """Pack 1000 points, of which a share lies beyond an image of 20 mm around 0; return both files."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-9, 9, (1000, 3)).astype(np.float32)
    points[: round(1000 * share), 0] += 60
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = -10
    image = save(rng.random((21, 21, 21)).astype(np.float32), affine, tmp_path / "image.nii.gz")
    return str(image), str(pack_sampling(Sampling(points, 2.0, mni=False), tmp_path))


@pytest.mark.parametrize(
    ("measure", "share", "code"),
    [
        (sample_voxels, 0.049, None),
        (sample_voxels, 0.051, "FEA-305"),
        (resample_image, 0.499, None),
        (resample_image, 0.501, "FEA-503"),
    ],
)
def test_a_share_of_the_points_may_lie_outside_the_image(tmp_path, measure, share, code):
    image, sampling = points_outside(share, tmp_path)
    if code is None:
        assert measure(image, sampling)["voxels"].shape == (1000,)
    else:
        with pytest.raises(FeatureError) as caught:
            measure(image, sampling)
        assert caught.value.code == code
        assert caught.value.expected in {"at most 5%", "at most 50%"}


def test_an_image_beside_the_mask_is_refused(tmp_path, ball):
    sampling = pack_sampling(make_sampling(ball, 6.0, 6.0, None), tmp_path)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    path = save(
        np.random.default_rng(0).random((9, 9, 9)).astype(np.float32), affine, tmp_path / "small.nii.gz"
    )
    with pytest.raises(FeatureError) as caught:
        sample_voxels(str(path), str(sampling))
    assert caught.value.code == "FEA-305"


def test_a_grid_that_misses_the_mask_is_named(tmp_path):
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (40, 40, 40)
    path = tmp_path / "speck.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), affine), path)
    with pytest.raises((FeatureError, Exception)) as caught:
        make_sampling(path, 30.0, 8.0, None)
    assert getattr(caught.value, "code", "") in {"FEA-307", "IMG-105"}


def test_the_default_mask_is_the_mni_brain(tmp_path):
    sampling = make_sampling(None, 8.0, 8.0, None)
    assert len(sampling.points) * 8**3 / 1e6 == pytest.approx(1.9, abs=0.15), "litres"
    packed = pack_sampling(sampling, tmp_path)
    image = brain()
    sample_voxels(str(save(image.voxels, image.affine, tmp_path / "t1.nii.gz")), str(packed))
    moved = save(np.roll(image.voxels, 8, axis=1), image.affine, tmp_path / "moved.nii.gz")
    with pytest.warns(NormwiseWarning, match="FEA-902"):
        sample_voxels(str(moved), str(packed))
