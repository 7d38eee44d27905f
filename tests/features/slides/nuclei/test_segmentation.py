"""Known nuclei are found, parted and measured; nothing is found where there is nothing."""

import numpy as np
import pytest

from normwise import segment_nuclei
from normwise.errors import FeatureError
from normwise.features.slides.nuclei.watershed import split_nuclei
from normwise.features.slides.stain import RUIFROK_JOHNSTON, StainModel, estimate_stains
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS, measure_nuclei, measure_tile
from normwise.samples import TissueLook, draw_stain, draw_tile


def matched(found, truth):
    """Return F1 at an intersection over union of one half, and the relative errors of count and mean area."""
    n, m = int(found.max()), int(truth.max())
    both = np.zeros((m + 1, n + 1))
    np.add.at(both, (truth.ravel(), found.ravel()), 1)
    union = both.sum(1)[1:, None] + both.sum(0)[None, 1:] - both[1:, 1:]
    hits = (both[1:, 1:] > 0.5 * union).sum()
    area = (both.sum(0)[1:].mean() / both.sum(1)[1:].mean()) - 1
    return 2 * hits / (n + m), n / m - 1, area


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_nuclei_of_drawn_tissue_are_found(mpp):
    scores = []
    for seed in (2001, 2002, 2003):
        rng = np.random.default_rng(seed)
        rgb, truth = draw_tile(rng, round(192 / mpp), mpp, stain=draw_stain(rng))
        found = segment_nuclei(rgb, mpp)
        assert found.dtype == np.int32
        assert set(np.unique(found)) == set(range(found.max() + 1))
        scores.append(matched(found, truth))
    f1, count, area = np.mean(scores, axis=0)
    assert f1 >= 0.85
    assert abs(count) <= 0.05
    assert abs(area) <= 0.05


@pytest.mark.realdata
def test_fluorescent_nuclei_are_found(real_data):
    import tifffile

    picture = tifffile.imread(real_data / "nuclei" / "img2d.tif")
    _, truth = np.unique(tifffile.imread(real_data / "nuclei" / "mask2d.tif"), return_inverse=True)
    f1, count, area = matched(segment_nuclei(picture, 0.5), truth.reshape(picture.shape))
    assert f1 >= 0.85
    assert abs(count) <= 0.05
    assert abs(area) <= 0.05


@pytest.mark.parametrize("level", [255, 240, 200])
def test_glass_holds_none(level):
    noise = np.random.default_rng(0).normal(level, 3, (256, 256, 3))
    assert segment_nuclei(np.clip(noise, 0, 255).astype(np.uint8), 0.5).max() == 0


def test_stroma_without_nuclei_holds_none():
    rgb, truth = draw_tile(np.random.default_rng(0), 512, 0.5, look=TissueLook(per_mm2=0.0))
    assert truth.max() == 0
    assert segment_nuclei(rgb, 0.5).max() == 0


def test_noise_and_a_flat_picture_in_grey_hold_none():
    assert segment_nuclei(np.random.default_rng(0).poisson(30, (256, 256)).astype(np.uint16), 0.5).max() == 0
    assert segment_nuclei(np.full((64, 64), 7.0), 0.5).max() == 0


@pytest.mark.parametrize(
    ("picture", "mpp"),
    [
        (np.zeros((5, 5, 4), np.uint8), 0.5),
        (np.zeros((5, 5, 3)), 0.5),
        (np.zeros((0, 5, 3), np.uint8), 0.5),
        (np.zeros((5, 5, 3), np.uint8), 5.0),
        (np.zeros((5, 5, 3), np.uint8), float("nan")),
    ],
)
def test_other_pictures_are_refused(picture, mpp):
    with pytest.raises(FeatureError) as caught:
        segment_nuclei(picture, mpp)
    assert caught.value.code == "FEA-601"


def test_flooding_side_by_side_is_flooding_in_place():
    import cv2
    from skimage.segmentation import watershed

    mask = np.zeros((300, 400), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        cv2.circle(mask, (int(rng.integers(400)), int(rng.integers(300))), int(rng.integers(7, 14)), 255, -1)
    found = split_nuclei(mask.copy(), 0.5)
    # The same steps on the whole picture at once.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    clean = (found > 0).astype(np.uint8) * 255
    assert (clean <= cv2.dilate(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.ones((31, 31)))).all()
    distance = cv2.GaussianBlur(cv2.distanceTransform(clean, cv2.DIST_L2, 5), (0, 0), 1.0)
    peaks = (distance == cv2.dilate(distance, np.ones((9, 9), np.uint8))) & (clean > 0)
    _, markers = cv2.connectedComponents(peaks.astype(np.uint8), connectivity=8)
    whole = watershed(-distance.astype(np.float64), markers, mask=clean > 0)
    pairs = np.unique(np.column_stack([found.ravel(), whole.ravel()]), axis=0)
    assert len(pairs) == found.max() + 1 == whole.max() + 1


def test_an_ellipse_has_its_area_and_axes():
    import cv2

    labels = cv2.ellipse(np.zeros((120, 120), np.int32), (60, 60), (40, 20), 30, 0, 360, 1, -1)
    flat = np.full(labels.shape, 0.4, np.float32)
    [row], kept = measure_nuclei(labels, flat, 2 * flat, 0.25, solidity=True)
    found = dict(zip(NUCLEUS_COLUMNS, row.tolist(), strict=True))
    assert found["x_um"] == pytest.approx(60.5 * 0.25, abs=0.1)
    assert found["area_um2"] == pytest.approx(np.pi * 40 * 20 / 16, rel=0.05)
    assert found["major_um"] == pytest.approx(20, rel=0.03)
    assert found["minor_um"] == pytest.approx(10, rel=0.03)
    assert found["eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)
    assert (found["h_od"], found["e_od"], found["h_od_sd"]) == pytest.approx((0.4, 0.8, 0.0), abs=1e-4)
    assert found["solidity"] > 0.97
    assert np.array_equal(kept, labels)


def test_every_nucleus_is_counted_by_one_tile():
    rgb, _ = draw_tile(np.random.default_rng(5), 640, 0.5)
    whole, _, _ = measure_tile(rgb, 0.5, 32, StainModel())
    halo, side, count = 32, 144, 0
    for top in range(0, 576, side):
        for left in range(0, 576, side):
            tile = rgb[top : top + side + 2 * halo, left : left + side + 2 * halo]
            rows, _, labels = measure_tile(tile, 0.5, halo, StainModel())
            assert labels.max() == len(rows)
            assert ((rows[:, :2] >= -0.26) & (rows[:, :2] < 144 * 0.5 + 0.26)).all()
            count += len(rows)
    assert count == pytest.approx(len(whole), rel=0.01)


@pytest.mark.parametrize("method", ["macenko", "vahadane"])
def test_a_slides_own_dyes_are_learnt(method):
    rng = np.random.default_rng(0)
    stain = draw_stain(rng)
    rgb, _ = draw_tile(rng, 512, 0.5, stain=stain, look=TissueLook(per_mm2=5000.0))
    found = estimate_stains(rgb, method, tuple(stain.white))
    cosine = (found * np.array([stain.haematoxylin, stain.eosin])).sum(axis=1)
    assert (cosine > 0.97).all()


def test_dyes_of_an_empty_slide_are_the_published_ones():
    white = np.full((64, 64, 3), 250, np.uint8)
    assert estimate_stains(white, "macenko") is RUIFROK_JOHNSTON
