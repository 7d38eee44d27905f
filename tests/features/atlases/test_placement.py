from __future__ import annotations

import numpy as np
import pytest

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.atlases.atlas import Atlas, load_atlas
from normwise.features.atlases.placement import pack_atlas, place_atlas, place_labels
from normwise.images import LabelVolume, Volume
from phantoms import brain


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return pack_atlas(load_atlas("aal"), tmp_path_factory.mktemp("shared"))


def test_an_atlas_is_packed_once_and_named_by_its_content(packed):
    before = packed.stat().st_mtime_ns
    assert pack_atlas(load_atlas("aal"), packed.parent) == packed
    assert packed.stat().st_mtime_ns == before
    assert pack_atlas(load_atlas("desikan_killiany"), packed.parent) != packed


def test_every_voxel_gets_the_nearest_label_in_mm(packed):
    image = brain()
    placed = place_atlas(packed, image)
    atlas = load_atlas("aal")
    places = placed.places(image).astype(float)
    back = np.linalg.inv(atlas.labels.affine)
    nearest = np.rint(places @ back[:3, :3].T + back[:3, 3]).astype(int)
    # The template's grid has odd, the atlas's even millimetres: a voxel in the middle may go either way.
    same = placed.labels[placed.regions] == atlas.labels.voxels[tuple(nearest.T)]
    assert same.mean() > 0.8
    centred = Volume(np.zeros((75, 92, 75), np.float32), np.array(_affine(2, (-74, -108, -64))))
    placed = place_atlas(packed, centred)
    nearest = np.rint(placed.places(centred) @ back[:3, :3].T + back[:3, 3]).astype(int)
    assert (placed.labels[placed.regions] == atlas.labels.voxels[tuple(nearest.T)]).all()


def _affine(edge, start):
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = start
    return affine


def test_a_grid_is_worked_out_once(packed):
    image = brain()
    first = place_atlas(packed, image)
    files = sorted(packed.parent.glob(f"{packed.stem}-on-*.stored"))
    times = [path.stat().st_mtime_ns for path in files]
    second = place_atlas(packed, image)
    assert [path.stat().st_mtime_ns for path in files] == times
    for name in ("where", "regions", "labels"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert first.landmarks is not None
    assert all(map(np.array_equal, first.landmarks, second.landmarks))


def test_damaged_files_are_made_again(packed, tmp_path):
    image = brain()
    whole = place_atlas(packed, image)
    other = tmp_path / packed.name
    other.write_bytes(packed.read_bytes())
    place_atlas(other, image)
    [placed] = tmp_path.glob("*-on-*")
    for path, again in ((placed, lambda: place_atlas(other, image)), (other, _pack_again(tmp_path))):
        before = bytearray(path.read_bytes())
        flipped = before.copy()
        flipped[len(before) // 2] ^= 16
        path.write_bytes(flipped)
        with pytest.warns(NormwiseWarning, match=f"ENG-302  {path.name}"):
            again()
        assert path.read_bytes() == before
    assert np.array_equal(place_atlas(other, image).where, whole.where)


def _pack_again(folder):
    return lambda: pack_atlas(load_atlas("aal"), folder)


def test_values_are_those_of_the_places(packed):
    image = brain()
    x = image.world(np.stack(np.indices(image.shape), axis=-1))[..., 0]
    placed = place_atlas(packed, image)
    values = placed.values(Volume(x.astype(np.float32), image.affine))
    assert values == pytest.approx(placed.places(image)[:, 0], abs=1e-4)


def test_a_field_of_view_that_cuts_the_brain_is_refused(packed):
    image = brain()
    cut = Volume(image.voxels[:, :, : image.shape[2] // 2], image.affine)
    with pytest.raises(FeatureError) as caught:
        place_atlas(packed, cut)
    assert caught.value.code == "FEA-301"


@pytest.mark.parametrize(("width", "refused"), [(95, False), (94, True)])
def test_a_field_of_view_may_cut_a_twentieth_of_the_atlas(tmp_path, width, refused):
    labels = LabelVolume(np.ones((100, 4, 4), np.int32), np.eye(4))
    packed = pack_atlas(Atlas(labels, {1: "all"}, "own"), tmp_path)
    grid = LabelVolume(np.zeros((width, 4, 4), np.int32), np.eye(4))
    if refused:
        with pytest.raises(FeatureError) as caught:
            place_atlas(packed, grid)
        assert caught.value.code == "FEA-301"
    else:
        assert len(place_atlas(packed, grid).where) == width * 16


def test_labels_without_a_name_are_background(tmp_path):
    labels = LabelVolume(np.array([[[1, 2], [3, 0]]]), np.diag([10.0, 10.0, 10.0, 1.0]))
    packed = pack_atlas(Atlas(labels, {1: "a", 3: "b"}, "own"), tmp_path)
    placed = place_atlas(packed, labels)
    assert placed.labels.tolist() == [1, 3]
    assert placed.landmarks is None


def test_labels_are_listed_in_the_memory_order_of_volumes():
    labels = np.zeros((3, 4, 2), np.int32)
    labels[2, 1, 1], labels[0, 3, 0] = 7, 5
    placed = place_labels(LabelVolume(labels, np.eye(4)))
    values = placed.values(Volume(labels.astype(np.float32) * 10, np.eye(4)))
    assert values.tolist() == (placed.labels[placed.regions] * 10).tolist()
    assert placed.landmarks is None


@pytest.mark.parametrize("turn", ["none", "flipped", "axes", "oblique"])
def test_voxels_lie_where_the_grid_says(turn):
    linear = {
        "none": np.diag([2.0, 1.5, 0.7]),
        "flipped": np.diag([-2.0, 1.5, -0.7]),
        "axes": np.array([[0, 0, 2.0], [-1.5, 0, 0], [0, 0.7, 0]]),
        "oblique": np.array([[1.9, 0.3, -0.1], [-0.2, 1.4, 0.2], [0.1, -0.3, 0.7]]),
    }[turn]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, (-31.3, 17.7, -4.1)
    labels = np.random.default_rng(0).integers(0, 3, (7, 8, 9)).astype(np.int32)
    placed = place_labels(LabelVolume(labels, affine))
    grid = Volume(np.zeros(labels.shape, np.float32), affine)
    indices = np.argwhere(labels.transpose(2, 1, 0) > 0)[:, ::-1]
    wanted = grid.world(indices).astype(np.float32)
    found = placed.places(grid)
    assert found.dtype == np.float32
    if turn == "oblique":
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, wanted)
