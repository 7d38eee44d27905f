from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import FeatureError, ImageError, NormwiseWarning
from normwise.features.atlases.atlas import load_atlas
from normwise.features.atlases.placement import pack_atlas, place_atlas, place_labels
from normwise.features.regions import measure
from normwise.features.regions.measure import measure_regions, measure_volume
from normwise.features.regions.statistics import STATISTICS
from normwise.images import LabelVolume, Volume
from phantoms import ORIENTATIONS, brain, labels_on, save

SHARES = ["csf_share", "gm_share", "wm_share"]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return pack_atlas(load_atlas("aal"), tmp_path_factory.mktemp("shared"))


def row_of(found, name):
    atlas = load_atlas("aal")
    label = next(label for label, region in atlas.names.items() if region == name)
    return list(found["labels"]).index(label)


def test_every_statistic_of_every_region_comes_back(tmp_path, packed):
    path = save(brain().voxels, brain().affine, tmp_path / "t1.nii.gz")
    found = measure_regions(str(path), list(STATISTICS), atlas=str(packed))
    assert list(found) == ["labels", *STATISTICS]
    assert len(found["labels"]) == 120
    shares = sum(found[name] for name in SHARES)
    assert shares == pytest.approx(1.0)
    assert found["volume_mm3"].sum() == pytest.approx(1.48e6, rel=0.02), "AAL covers 1.48 litres"
    assert (found["p5"] <= found["median"]).all()
    assert (found["median"] <= found["p95"]).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_left_is_left_in_every_orientation(tmp_path, packed, orientation):
    image = brain()
    x = image.world(np.stack(np.indices(image.shape), axis=-1))[..., 0]
    asymmetric = np.where(x < 0, image.voxels, 0.8 * image.voxels).astype(np.float32)
    path = save(asymmetric, image.affine, tmp_path / "t1.nii.gz", orientation)
    found = measure_regions(str(path), ["mean", "p95"], atlas=str(packed))
    straight = measure_volume(Volume(asymmetric, image.affine), place_atlas(packed, image), ["mean", "p95"])
    for name in ("mean", "p95"):
        assert found[name] == pytest.approx(straight[name], rel=1e-6)
    left, right = (found["mean"][row_of(found, f"precentral_{side}")] for side in ("left", "right"))
    assert right / left < 0.85


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_planted_atrophy_is_found_where_it_was_planted(tmp_path, packed, orientation):
    image = brain()
    labels = labels_on(image, load_atlas("aal").labels)
    inside = np.flatnonzero(labels.ravel() == 4101)  # the left hippocampus
    lost = np.random.default_rng(0).choice(inside, inside.size // 2, replace=False)
    shrunken = image.voxels.copy()
    shrunken.ravel()[lost] = 0.16 * np.percentile(image.voxels[labels > 0], 95)
    before, after = (
        measure_regions(
            str(save(voxels, image.affine, tmp_path / f"{name}.nii.gz", orientation)),
            SHARES,
            atlas=str(packed),
        )
        for name, voxels in (("before", image.voxels), ("after", shrunken))
    )
    change = after["csf_share"] - before["csf_share"]
    row = row_of(after, "hippocampus_left")
    assert change.argmax() == row
    assert change[row] == pytest.approx(0.5, abs=0.12)
    assert np.abs(np.delete(change, row)).max() < 0.03


def test_shares_do_not_depend_on_the_unit_of_intensity(packed):
    image = brain()
    placed = place_atlas(packed, image)
    plain = measure_volume(image, placed, SHARES)
    scaled = measure_volume(Volume(image.voxels * 11.7, image.affine), placed, SHARES)
    assert all(np.abs(scaled[name] - plain[name]).max() < 0.01 for name in SHARES)


def test_shading_hardly_changes_the_shares(tmp_path, monkeypatch):
    image = brain()
    placed = place_atlas(pack_atlas(load_atlas("neuromorphometrics"), tmp_path), image)
    y = image.world(np.stack(np.indices(image.shape), axis=-1))[..., 1]
    shaded = Volume((image.voxels * np.exp(0.08 * y / 60)).astype(np.float32), image.affine)

    def change():
        plain, other = (measure_volume(each, placed, ["gm_share"])["gm_share"] for each in (image, shaded))
        return np.abs(plain - other)

    corrected = change()
    monkeypatch.setattr(
        measure, "bias_field", lambda relative, places, model: np.ones(len(relative), np.float32)
    )
    assert np.median(corrected) < 0.02
    assert np.median(corrected) < 0.3 * np.median(change())


def test_a_label_map_of_ones_own_lies_on_the_image(tmp_path):
    image = brain()
    labels = np.zeros(image.shape, np.uint8)
    labels[10:20, 10:20, 10:20] = 4
    labels[25:30, 20:30, 20:30] = 8
    path = save(image.voxels, image.affine, tmp_path / "t1.nii.gz", "LPI")
    own = save(labels, image.affine, tmp_path / "labels.nii.gz", "ASL")
    found = measure_regions(str(path), ["volume_mm3", "mean"], labels=str(own))
    assert found["labels"].tolist() == [4, 8]
    assert found["volume_mm3"] == pytest.approx([64000.0, 32000.0])
    assert found["mean"][0] == pytest.approx(image.voxels[labels == 4].mean(), rel=1e-6)
    moved = image.affine.copy()
    moved[0, 3] += 0.8
    nib.save(nib.Nifti1Image(labels, moved), own)
    with pytest.raises(ImageError) as caught:
        measure_regions(str(path), ["mean"], labels=str(own))
    assert caught.value.code == "IMG-104"


def test_a_head_elsewhere_is_refused_for_shares_and_flagged_for_the_rest(packed):
    image = brain()
    moved = Volume(np.roll(image.voxels, 6, axis=1), image.affine)
    placed = place_atlas(packed, image)
    with pytest.raises(FeatureError) as caught:
        measure_volume(moved, placed, ["csf_share"])
    assert caught.value.code == "FEA-302"
    with pytest.warns(NormwiseWarning, match="FEA-902"):
        assert np.isfinite(measure_volume(moved, placed, ["mean"])["mean"]).all()


def test_tissue_is_not_asked_of_a_map_without_any(packed):
    image = brain()
    labels = np.zeros(image.shape, np.int32)
    labels[5:, 5:, 5:] = 1
    with pytest.raises(FeatureError) as caught:
        measure_volume(
            Volume(-np.abs(image.voxels), image.affine),
            place_labels(LabelVolume(labels, image.affine)),
            SHARES,
        )
    assert caught.value.code == "FEA-303"
