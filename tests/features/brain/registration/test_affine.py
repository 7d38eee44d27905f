"""The affine is found again from far away, and by the head's own place in the world."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from normwise.errors import FeatureError
from normwise.features.brain.registration.affine import align, fit_affine, measure_pose
from normwise.features.brain.registration.reference import load_reference, moved
from normwise.features.brain.settings import ChainSettings


def made(truth: np.ndarray, spacing: float, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The template's brain, carried by an affine onto a grid of its own."""
    reference = load_reference()
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = (-110, -140, -100)
    shape = (round(220 / spacing), round(260 / spacing), round(230 / spacing))
    points = moved(
        np.linalg.inv(reference.affine) @ np.linalg.inv(truth) @ affine, np.indices(shape, dtype=np.float32)
    )
    return gain * map_coordinates(reference.t1 * reference.mask, points, order=1), affine


@pytest.mark.parametrize(
    ("angles", "scales"),
    [((0, 0, 0), (1, 1, 1)), ((20, -6, 12), (0.9, 0.95, 1.0)), ((-18, 8, -20), (1.1, 1.0, 1.05))],
)
def test_an_affine_is_found_to_a_fraction_of_a_voxel(angles, scales) -> None:
    truth = np.eye(4)
    truth[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(scales)
    truth[:3, 3] = (5, -12, 9)
    brain, affine = made(truth, spacing=3.0, gain=700.0)
    found = fit_affine(load_reference(), brain.astype(np.float32), affine)
    reference = load_reference()
    inside = np.argwhere(reference.mask)[::997].T.astype(np.float32)
    places = moved(reference.affine, inside)
    apart = np.linalg.norm(moved(found, places) - moved(truth, places), axis=0)
    assert apart.max() < 1.0  # a third of a voxel


def test_the_scale_of_brightness_changes_nothing() -> None:
    brain, affine = made(np.eye(4), spacing=4.0)
    one = fit_affine(load_reference(), brain.astype(np.float32), affine)
    many = fit_affine(load_reference(), (1024 * brain).astype(np.float32), affine)
    np.testing.assert_allclose(one, many, atol=1e-4)


UPSIDE_DOWN, BACK_TO_FRONT = np.diag([-1.0, 1, -1, 1]), np.diag([-1.0, -1, 1, 1])
TURNED = {None: np.eye(4), 0: np.diag([1.0, -1, -1, 1]), 1: UPSIDE_DOWN, 2: BACK_TO_FRONT}


@pytest.mark.parametrize("axis", TURNED)
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_head_that_lies_wrong_is_told_by_the_turn_that_mends_it(axis, mirror) -> None:
    brain, affine = made(TURNED[axis] @ np.diag([mirror, 1, 1, 1]), spacing=4.0)
    brain = brain.astype(np.float32)
    pose = measure_pose(load_reference(), brain, affine, fit_affine(load_reference(), brain, affine))
    if axis is None:
        assert pose["flip_misfits"].max() < 0.6
        assert pose["affine_fit"][0] > 0.98
    else:
        assert pose["flip_misfits"].argmax() == axis
        assert pose["flip_misfits"][axis] > 1.4
        assert pose["affine_fit"][0] < 0.97


@pytest.mark.parametrize("value", [-3.0, 0.0, np.nan])
def test_a_brain_that_cannot_be_placed_is_named(value) -> None:
    mask = np.zeros((24, 24, 24), np.uint8)
    mask[4:20, 4:20, 4:20] = 1
    arrays = {
        "corrected": np.full(mask.shape, value, np.float32),
        "mask": mask,
        "box": np.array([[0, 0, 0], mask.shape]),
        "head_affine": np.diag([8.0, 8, 8, 1]),
    }
    with pytest.raises(FeatureError) as caught:
        align(arrays, ChainSettings())
    assert caught.value.code == "FEA-517"


@pytest.mark.parametrize("values", [(5.0, 5.0), (0.0, 0.0)])
def test_a_head_of_one_brightness_is_named_where_its_brain_is_looked_for(values) -> None:
    head = np.zeros((24, 24, 24), np.float32)
    head[:12], head[12:] = values
    with pytest.raises(FeatureError) as caught:
        fit_affine(load_reference(), head, np.diag([8.0, 8, 8, 1]), where=head > 1)
    assert caught.value.code == "FEA-517"
