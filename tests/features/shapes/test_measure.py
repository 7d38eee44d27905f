"""Shapes with known measures; what must not change when a region is moved, turned or sliced finer."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.features import choose_columns
from normwise.features.shapes import MEASURES, measure_shape
from normwise.features.shapes.measure import measure_map_shapes
from normwise.features.shapes.names import DEFAULT_COLUMNS
from normwise.images import LabelVolume, write_volume
from simulated_shapes import draw_gland

SIZES = ("volume_mm3", "voxel_volume_mm3", "area_mm2")


def grid(half: int, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> list[np.ndarray]:
    steps = [np.arange(-round(half / edge), round(half / edge) + 1) * edge for edge in spacing]
    return np.meshgrid(*steps, indexing="ij")


def test_a_ball_has_the_measures_of_a_ball() -> None:
    x, y, z = grid(14)
    found = measure_shape(x**2 + y**2 + z**2 <= 12**2, np.eye(4))
    assert found["volume_mm3"] == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.02)
    assert found["diameter_mm"] == pytest.approx(25, abs=0.5)
    assert found["elongation"] == pytest.approx(1)
    assert found["integral_mean_curvature_mm"] == pytest.approx(4 * np.pi * 12, rel=0.04)
    assert found["mean_curvature_mean_per_mm"] == pytest.approx(1 / 12, rel=0.1)
    assert found["gaussian_curvature_mean_per_mm2"] == pytest.approx(1 / 144, rel=0.1)
    assert found["thickness_p50_mm"] == pytest.approx(24, abs=0.7)
    assert found["depth_max_mm"] == pytest.approx(12, abs=0.6)
    assert found["inscribed_sphere_share"] == pytest.approx(1, abs=0.1)
    assert found["skewness"] == pytest.approx(0, abs=1e-9)
    assert found["kurtosis"] == pytest.approx(75 / 7, rel=0.01)  # ⟨r⁴⟩ is 3/7, σ² is 1/5
    assert found["radial_sd"] < 0.02
    assert found["euler_number"] == 1


def test_a_plate_is_as_thick_as_its_voxels_say() -> None:
    for number in (3, 4, 6):
        plate = np.zeros((30, 30, 9), dtype=bool)
        plate[2:28, 2:28, 1 : 1 + number] = True
        found = measure_shape(plate, np.diag([1.0, 1.0, 1.5, 1.0]))
        assert found["thickness_p50_mm"] == pytest.approx(1.5 * number, abs=0.2)
        assert found["medial_thickness_p50_mm"] == pytest.approx(1.5 * number, abs=1)
        assert found["saddle_share"] < 0.5
        assert found["skeleton_branchings"] == 0 or number > 3


def test_a_ring_has_a_tunnel_and_two_balls_are_two_bodies() -> None:
    x, y, z = grid(12)
    ring = (np.hypot(x, y) - 8) ** 2 + z**2 <= 9
    found = measure_shape(ring, np.eye(4))
    assert found["euler_number"] == 0
    assert found["volume_density_hull"] < 0.75
    assert found["saddle_share"] == pytest.approx(0.4, abs=0.12)  # the inner side
    balls = (abs(x) - 7) ** 2 + y**2 + z**2 <= 16
    balls[0, 0, 0] = True
    found = measure_shape(balls, np.eye(4))
    assert found["components"] == 3
    assert found["euler_number"] == 3
    assert found["largest_component_share"] == pytest.approx(0.5, abs=0.01)
    assert np.isfinite(list(found.values())).all()


def test_three_limbs_have_a_skeleton_of_three_ends() -> None:
    limbs = np.zeros((40, 40, 7), dtype=bool)
    limbs[5:35, 18:21, 2:5] = limbs[18:21, 18:36, 2:5] = True
    found = measure_shape(limbs, np.eye(4))
    assert found["skeleton_ends"] == 3
    assert found["skeleton_branchings"] >= 1
    assert found["skeleton_longest_mm"] == pytest.approx(28, abs=3)
    assert found["skeleton_length_mm"] == pytest.approx(28 + 15, abs=4)


@pytest.fixture(scope="module")
def gland() -> np.ndarray:
    return draw_gland(np.random.default_rng(3), "nodule")


def test_a_region_that_is_moved_turned_or_mirrored_keeps_its_shape(gland: np.ndarray) -> None:
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    own = measure_shape(gland, affine)
    shifted = affine.copy()
    shifted[:3, 3] = 1e5
    angle = 0.4
    turned = affine.copy()
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for name, other in {
        "moved": measure_shape(np.pad(gland, ((0, 9), (4, 0), (0, 0))), shifted),
        "lying obliquely in the scanner": measure_shape(gland, turned),
    }.items():
        for measure, value in own.items():
            assert other[measure] == pytest.approx(value, rel=1e-6, abs=1e-6), f"{name}: {measure}"
    for name, other in {
        "turned by a quarter": measure_shape(gland.transpose(1, 0, 2)[::-1], affine),
        "mirrored": measure_shape(gland[::-1], affine),
    }.items():
        for measure in choose_columns(DEFAULT_COLUMNS, [f"mask.{each}" for each in MEASURES], (), "shapes"):
            measure = measure.removeprefix("mask.")  # noqa: PLW2901
            # Marching cubes divides a doubtful square by its place in the grid.
            near = pytest.approx(own[measure], rel=0.1 if "curv" in measure else 0.05, abs=0.02)
            assert other[measure] == near, f"{name}: {measure}"


def test_thick_slices_give_nearly_the_same() -> None:
    fine = measure_shape(sum(each**2 for each in grid(16)) <= 15**2, np.eye(4))
    spacing = (1.0, 1.0, 2.5)
    thick = measure_shape(sum(each**2 for each in grid(16, spacing)) <= 15**2, np.diag([*spacing, 1.0]))
    for measure in ("volume_mm3", "area_mm2", "diameter_mm", "major_axis_mm", "thickness_p50_mm"):
        assert thick[measure] == pytest.approx(fine[measure], rel=0.06), measure


def test_a_region_at_the_border_is_closed_there(gland: np.ndarray) -> None:
    rows = np.flatnonzero(gland.any(axis=(1, 2)))
    cut = gland[rows[len(rows) // 2] :]
    found = measure_shape(cut, np.eye(4))
    assert found == measure_shape(np.pad(cut, 3), np.eye(4))
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 5), (4, 6, 1), (1, 3, 3)])
def test_what_lies_in_one_plane_has_sizes_and_no_shape(shape: tuple[int, int, int]) -> None:
    found = measure_shape(np.ones(shape, dtype=bool), np.diag([1.0, 2.0, 3.0, 1.0]))
    assert found["voxel_volume_mm3"] == np.prod(shape) * 6
    assert {name for name, value in found.items() if np.isfinite(value)} == {
        name for name in MEASURES if name in SIZES or "pact" in name or "spher" in name or "to_volume" in name
    } - {"mean_curvature_of_sphere", "inscribed_sphere_share"}


def test_the_least_region_with_a_shape_has_every_measure() -> None:
    for shape in ((2, 2, 2), (2, 3, 2)):
        found = measure_shape(np.ones(shape, dtype=bool), np.eye(4))
        assert np.isfinite(list(found.values())).all()
    corner = np.zeros((2, 2, 2), dtype=bool)
    corner[0, 0, 0] = corner[1, 0, 0] = corner[0, 1, 0] = corner[0, 0, 1] = True
    assert np.isfinite(list(measure_shape(corner, np.eye(4)).values())).all()


def test_each_region_of_a_map_is_measured_as_if_alone(tmp_path) -> None:
    labels = np.zeros((20, 20, 20), dtype=np.int32)
    labels[2:7, 3:9, 4:8] = 2_000_000_000
    labels[7:12, 3:9, 4:12] = 7
    labels[7:12, 3:9, 13:14] = 3
    affine = np.diag([2.0, 1.0, 1.0, 1.0])
    write_volume(LabelVolume(labels, affine), tmp_path / "map.nii.gz")
    found = measure_map_shapes(str(tmp_path / "map.nii.gz"))
    assert found["labels"].tolist() == [3, 7, 2_000_000_000]
    assert found["voxels"].tolist() == [30, 240, 120]
    for label, row in zip(found["labels"], found["values"], strict=True):
        alone = list(measure_shape(labels == label, affine).values())
        np.testing.assert_array_equal(row, alone)


def test_an_empty_mask_is_refused(tmp_path) -> None:
    write_volume(LabelVolume(np.zeros((4, 5, 6)), np.eye(4)), tmp_path / "mask.nii.gz")
    with pytest.raises(ImageError) as caught:
        measure_map_shapes(str(tmp_path / "mask.nii.gz"))
    assert caught.value.code == "IMG-505"
