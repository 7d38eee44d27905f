"""An atlas averaged with its mirror image has no side of its own, and keeps its regions' volumes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from normwise.features.atlases import atlas_files, load_atlas, make_symmetric, pack_atlas, place_atlas
from normwise.features.atlases.symmetry import lies_on_template, twins_of
from normwise.images import LabelVolume, read_labels
from phantoms import brain


def two_boxes(ahead=2, first=-20.0, spacing=1.0, left=1, right=2):
    """A box on each side, 11 mm from the middle, the right one further forward, and a bar across."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = (first, -20, -20)
    shape = tuple(np.ceil(-2 * np.array([first, -20, -20]) / spacing).astype(int) + 1)
    x, y, z = (affine[k, 3] + spacing * np.arange(shape[k]) for k in range(3))
    x, y, z = np.meshgrid(x, y, z, indexing="ij")
    voxels = np.zeros(shape, int)
    beside = (abs(abs(x) - 11) <= 4) & (abs(z) <= 4)
    voxels[beside & (x < 0) & (abs(y) <= 6)] = left
    voxels[beside & (x > 0) & (abs(y - ahead) <= 6)] = right
    voxels[(abs(x - 1) <= 3) & (abs(y) <= 3) & (abs(z) <= 3)] = 9
    return LabelVolume(voxels, affine)


NAMES = {1: "Box_L", 2: "Box_R", 9: "bar"}


def places(labels, label):
    return labels.world(np.argwhere(labels.voxels == label))


def unequal(labels, twins):
    """Count the voxels off the middle plane whose mirror image is not their twin's."""
    swap = np.arange(labels.voxels.max() + 1)
    for one, other in twins.items():
        swap[one] = other
    index = np.argwhere(labels.voxels > 0)
    at = labels.world(index) * (-1, 1, 1)
    back = np.linalg.inv(labels.affine)
    across = np.rint(at @ back[:3, :3].T + back[:3, 3]).astype(int)
    off = abs(at[:, 0]) > 0.5
    found = labels.voxels[tuple(across.T)]
    return int((found != swap[labels.voxels[tuple(index.T)]])[off].sum())


def test_both_sides_meet_half_way_and_keep_their_volume():
    drawn = two_boxes(ahead=2)
    found = make_symmetric(drawn, NAMES)
    assert unequal(found, {1: 2, 2: 1}) == 0
    assert places(found, 1)[:, 1].mean() == pytest.approx(1.0, abs=0.1)
    assert places(found, 2)[:, 1].mean() == pytest.approx(1.0, abs=0.1)
    for label in (1, 2):
        assert (found.voxels == label).sum() == pytest.approx((drawn.voxels == label).sum(), rel=0.05)
    assert places(found, 9)[:, 0].mean() == pytest.approx(0, abs=0.1)  # it lay a millimetre to the right


@pytest.mark.parametrize(("first", "spacing"), [(-20.5, 1.0), (-20.0, 2.0), (-20.3, 1.5), (-19.0, 1.0)])
def test_any_grid_may_hold_the_map(first, spacing):
    found = make_symmetric(two_boxes(first=first, spacing=spacing), NAMES)
    assert places(found, 1)[:, 0].mean() == pytest.approx(-places(found, 2)[:, 0].mean(), abs=0.2)
    assert places(found, 1)[:, 1].mean() == pytest.approx(places(found, 2)[:, 1].mean(), abs=0.2)


def test_a_region_across_the_middle_is_shared_by_turns():
    voxels = np.zeros((21, 32, 32), int)
    voxels[8:10], voxels[10:13] = 1, 2  # a voxel at 0 that the right side has
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = -10
    found = make_symmetric(LabelVolume(voxels, affine), {1: "Half_L", 2: "Half_R"})
    middle = found.voxels[np.rint(-found.affine[0, 3]).astype(int)]
    for step in (1, 2, 4):  # a coarser grid finds them as even
        some = middle[2:30:step, 2:30:step]
        assert (some > 0).sum() > 20
        assert (some == 1).mean() == pytest.approx((some == 2).mean(), abs=0.05)


def test_thin_and_small_regions_do_not_vanish():
    drawn = two_boxes()
    voxels = drawn.voxels.copy()
    voxels[9:10, 10:30, 18:23], voxels[31:32, 12:32, 18:23] = 5, 6  # plates of a millimetre within the boxes
    found = make_symmetric(LabelVolume(voxels, drawn.affine), NAMES | {5: "Plate_L", 6: "Plate_R"})
    for label in (5, 6):
        assert (found.voxels == label).sum() == pytest.approx((voxels == label).sum(), rel=0.3)


def test_names_tell_twins_and_else_the_overlap_does():
    drawn = two_boxes(left=7, right=1_000_000_007)  # a large number costs nothing
    found = make_symmetric(drawn, {})
    assert set(np.unique(found.voxels)) == {0, 7, 9, 1_000_000_007}
    assert places(found, 7)[:, 1].mean() == pytest.approx(1.0, abs=0.1)
    own = np.array([5, 5, 0, 6, 6], np.int32).reshape(5, 1, 1)
    assert twins_of(own, own[::-1], {5: "Box_L", 6: "Box_L_2"}) == {5: 6, 6: 5}
    assert twins_of(own, 0 * own, {5: "Box_L", 6: "Ball_R"}) == {}


def test_a_region_without_a_twin_stays_where_it_is():
    drawn = two_boxes()
    alone = LabelVolume(np.where(drawn.voxels == 2, 0, drawn.voxels), drawn.affine)
    found = make_symmetric(alone, NAMES)
    assert places(found, 1).mean(axis=0) == pytest.approx(places(drawn, 1).mean(axis=0), abs=0.2)
    assert (places(found, 1)[:, 0] < 0).all()


def test_nothing_labelled_is_left_alone():
    nothing = LabelVolume(np.zeros((3, 3, 3)), np.eye(4))
    assert make_symmetric(nothing, {}) is nothing


@pytest.mark.parametrize("name", ["aal", "neuromorphometrics"])
def test_an_installed_atlas_has_no_side(name):
    atlas = load_atlas(name)
    twins = {
        label: other
        for label, region in atlas.names.items()
        for other, twin in atlas.names.items()
        if {region, twin} == {region.replace("_right", "_left"), region.replace("_left", "_right")}
    }
    assert len(twins) > 100
    assert atlas.symmetric
    assert unequal(atlas.labels, twins) < 1e-4 * (atlas.labels.voxels > 0).sum()
    drawn = read_labels(atlas_files(name)[0])
    for label, other in twins.items():
        before = np.isin(drawn.voxels, [label, other]).sum() * drawn.voxel_mm3
        after = np.isin(atlas.labels.voxels, [label, other]).sum() * atlas.labels.voxel_mm3
        assert after == pytest.approx(before, rel=0.12 if before > 500 else 0.4), atlas.names[label]


def test_a_copy_in_ones_own_file_is_the_same_and_a_map_elsewhere_is_left_alone(tmp_path):
    path, table = atlas_files("aal")
    drawn = read_labels(path)
    lut = tmp_path / "aal.csv"
    lut.write_bytes(table.read_bytes())
    nib.save(nib.Nifti1Image(drawn.voxels, drawn.affine), tmp_path / "mine.nii.gz")
    mine = load_atlas(tmp_path / "mine.nii.gz", lut)
    assert mine.symmetric
    np.testing.assert_array_equal(mine.labels.voxels, load_atlas("aal").labels.voxels)
    moved = drawn.affine.copy()
    moved[0, 3] += 8
    nib.save(nib.Nifti1Image(drawn.voxels, moved), tmp_path / "elsewhere.nii.gz")
    elsewhere = load_atlas(tmp_path / "elsewhere.nii.gz", lut)
    assert not elsewhere.symmetric
    np.testing.assert_array_equal(elsewhere.labels.voxels, drawn.voxels)


@pytest.mark.parametrize(("shift", "there"), [(0.5, True), (4.0, False)])
def test_a_map_off_the_middle_does_not_lie_on_the_template(shift, there):
    inner = np.abs(np.indices((41, 41, 41)) - 20).max(axis=0) < 12
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-40 + shift, -60, -30)
    assert lies_on_template(LabelVolume(inner.astype(int), affine)) is there


def test_a_map_that_leaves_the_brain_does_not_lie_on_the_template():
    inner = np.abs(np.indices((41, 41, 41)) - 20).max(axis=0) < 12
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-40, -60, 30)
    assert not lies_on_template(LabelVolume(inner.astype(int), affine))


def test_a_grid_between_the_atlas_voxels_gets_no_side_either(tmp_path):
    packed = pack_atlas(load_atlas("aal"), tmp_path)
    image = brain()
    odd = image.affine.copy()
    odd[:3, :3] = np.eye(3)
    odd[:3, 3] = (-75, -110, -68)  # every second voxel lies half way between two of the atlas's
    grid = LabelVolume(np.zeros((151, 190, 157), np.int32), odd)
    placed = place_atlas(packed, grid)
    side = placed.places(grid)[:, 0]
    assert (side < 0).sum() == pytest.approx((side > 0).sum(), rel=1e-3)
    assert abs(side.mean()) < 0.02
