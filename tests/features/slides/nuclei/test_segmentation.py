"""Known nuclei are found; nothing is found where there is nothing; every limit has a test on both sides."""

import cv2
import numpy as np
import pytest

from normwise import segment_nuclei
from normwise.errors import FeatureError
from normwise.features.slides.nuclei import label_nuclei
from simulated_tiles import TissueLook, draw_stain, draw_tile


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


@pytest.mark.parametrize("mpp", [0.25, 0.5])
@pytest.mark.parametrize(
    ("look", "least", "fewest"),
    [
        (
            TissueLook(per_mm2=9000, touching=0.85),
            0.80,
            -0.15,
        ),  # one threshold: F1 .79 and .73, −19 and −24 %
        (TissueLook(faint=0.5), 0.86, -0.08),  # one threshold: .78 and .80, −14 and −17 %
    ],
)
def test_crowded_and_faint_nuclei_are_found(look, least, fewest, mpp):
    scores = []
    for seed in (2001, 2002, 2003):
        rng = np.random.default_rng(seed)
        rgb, truth = draw_tile(rng, round(128 / mpp), mpp, look=look, stain=draw_stain(rng))
        scores.append(matched(segment_nuclei(rgb, mpp), truth))
    f1, count, _ = np.mean(scores, axis=0)
    assert f1 >= least
    assert fewest <= count <= 0.05


def test_a_faint_nucleus_beside_dark_ones_is_found_and_one_that_hardly_differs_is_not():
    haematoxylin = np.full((200, 200), 0.1, np.float32)
    for x in range(20, 200, 40):
        cv2.circle(haematoxylin, (x, 50), 8, 0.8, -1)
    cv2.circle(haematoxylin, (60, 130), 8, 0.30, -1)
    cv2.circle(haematoxylin, (140, 130), 8, 0.21, -1)
    labels = label_nuclei(haematoxylin, np.full(haematoxylin.shape, 255, np.uint8), 0.5)
    assert (int(labels.max()), labels[130, 60] > 0, labels[130, 140]) == (6, True, 0)
    area = np.bincount(labels.ravel())
    assert area[labels[130, 60]] == pytest.approx(area[labels[50, 60]], rel=0.2)


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01e15, 1e300])
def test_one_pixel_that_is_no_number_is_named(value):
    grey = np.random.default_rng(0).normal(10, 1, (80, 90))
    grey[20:40, 20:40] += 100
    assert segment_nuclei(grey, 0.5).max() == 1
    grey[3, 7] = value
    with pytest.raises(FeatureError) as caught:
        segment_nuclei(grey, 0.5)
    assert caught.value.code == "FEA-601"
    assert caught.value.seen.startswith("1 of 7200")
    assert "(7, 3) px" in caught.value.seen


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**-40, 2.0**40])
def test_the_scale_of_a_grey_picture_does_not_matter(scale):
    grey = np.zeros((80, 90))
    grey[20:40, 20:40] = 100
    grey += np.random.default_rng(0).normal(10, 1, grey.shape)
    assert np.array_equal(segment_nuclei(grey * scale, 0.5), segment_nuclei(grey, 0.5))


def disks(density, ground, count=9):
    """Return haematoxylin with round nuclei of 12 px, and the mask of the tissue."""
    haematoxylin = np.full((200, 200), ground, np.float32)
    y, x = np.mgrid[:200, :200]
    for row in range(3):
        for place in range(count // 3):
            inside = (x - 40 - 60 * place) ** 2 + (y - 40 - 60 * row) ** 2 <= 12**2
            haematoxylin[inside] = density
    return haematoxylin, np.full((200, 200), 255, np.uint8)


@pytest.mark.parametrize(("density", "found"), [(0.21, 0), (0.26, 9)])
def test_nothing_below_the_least_density_is_a_nucleus(density, found):
    assert label_nuclei(*disks(density, 0.02), 0.5).max() == found


@pytest.mark.parametrize(("ground", "found"), [(0.36, 0), (0.30, 9)])
def test_nuclei_differ_from_their_ground_by_a_least_contrast(ground, found):
    """A difference of 0.14 lies below the limit of 0.15; one of 0.2, blurred at the rims, above."""
    assert label_nuclei(*disks(0.5, ground), 0.5).max() == found


@pytest.mark.parametrize(("mpp", "refused"), [(0.09, True), (0.1, False), (1.5, False), (1.51, True)])
def test_resolutions_have_limits(mpp, refused):
    picture = np.full((64, 64, 3), 240, np.uint8)
    if refused:
        with pytest.raises(FeatureError) as caught:
            segment_nuclei(picture, mpp)
        assert caught.value.code == "FEA-601"
    else:
        assert segment_nuclei(picture, mpp).max() == 0
