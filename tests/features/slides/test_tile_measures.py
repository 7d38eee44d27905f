"""One tile: nuclei counted once and measured in µm, texture and sharpness against what is known of them."""

import cv2
import numpy as np
import pytest

from normwise.features.slides.stain import StainModel
from normwise.features.slides.tile_measures import (
    NUCLEUS_COLUMNS,
    TEXTURE_NAMES,
    measure_nuclei,
    measure_tile,
    sharpness,
    texture,
)
from simulated_tiles import draw_tile


def one_row(labels, haematoxylin, eosin, mpp, **options):
    [row], labels = measure_nuclei(labels, haematoxylin, eosin, mpp, **options)
    return dict(zip(NUCLEUS_COLUMNS, row.tolist(), strict=True)), labels


def test_an_ellipse_has_its_area_and_axes():
    labels = cv2.ellipse(np.zeros((120, 120), np.int32), (60, 60), (40, 20), 30, 0, 360, 1, -1)
    flat = np.full(labels.shape, 0.4, np.float32)
    found, again = one_row(labels, flat, 2 * flat, 0.25, solidity=True)
    assert found["x_um"] == pytest.approx(60.5 * 0.25, abs=0.1)
    assert found["area_um2"] == pytest.approx(np.pi * 40 * 20 / 16, rel=0.05)
    assert found["major_um"] == pytest.approx(20, rel=0.03)
    assert found["minor_um"] == pytest.approx(10, rel=0.03)
    assert found["eccentricity"] == pytest.approx(np.sqrt(0.75), abs=0.01)
    assert (found["h_od"], found["e_od"], found["h_od_sd"]) == pytest.approx((0.4, 0.8, 0.0), abs=1e-4)
    assert found["solidity"] > 0.97
    assert np.array_equal(again, labels)


def test_a_square_has_the_second_moment_of_a_square():
    """The axes of the ellipse with a square's second moments are 4 · side / √12."""
    labels = np.zeros((40, 40), np.int32)
    labels[10:30, 5:25] = 1
    found, _ = one_row(labels, np.zeros((40, 40), np.float32), np.zeros((40, 40), np.float32), 1.0)
    assert found["major_um"] == pytest.approx(4 * 20 / np.sqrt(12), rel=1e-6)
    assert (found["x_um"], found["y_um"], found["area_um2"]) == (15.0, 20.0, 400.0)


def test_coarse_chromatin_is_the_standard_deviation_inside():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 1
    dye = np.zeros((20, 20), np.float32)
    dye[5:15, 5:10], dye[5:15, 10:15] = 0.2, 0.6
    found, _ = one_row(labels, dye, dye, 0.5)
    assert (found["h_od"], found["h_od_sd"]) == pytest.approx((0.4, 0.2), abs=1e-6)


def test_a_notch_lowers_the_solidity():
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:50] = 1
    labels[10:30, 20:40] = 0
    flat = np.zeros((60, 60), np.float32)
    found, _ = one_row(labels, flat, flat, 0.5, solidity=True)
    assert found["solidity"] == pytest.approx(1 - 20 * 20 / 40**2, abs=0.03)


@pytest.mark.parametrize(("centre", "counted"), [(7, 0), (8, 1), (31, 1), (32, 0)])
def test_a_nucleus_is_counted_by_the_tile_whose_core_holds_its_centre(centre, counted):
    """With a halo of 8 px a core of 24 px holds the pixels 8 to 31."""
    labels = np.zeros((40, 40), np.int32)
    labels[centre - 1 : centre + 2, 19:22] = 1
    flat = np.zeros((40, 40), np.float32)
    nuclei, again = measure_nuclei(labels, flat, flat, 0.5, 8)
    assert (len(nuclei), int(again.max())) == (counted, counted)
    if counted:
        assert nuclei[0, 1] == pytest.approx((centre + 0.5 - 8) * 0.5)


def test_a_tile_without_nuclei_gives_no_row():
    flat = np.zeros((16, 16), np.float32)
    nuclei, labels = measure_nuclei(np.zeros((16, 16), np.int32), flat, flat, 0.5)
    assert nuclei.shape == (0, len(NUCLEUS_COLUMNS))
    assert labels.max() == 0


def haralick(levels):
    """The four statistics written down pair by pair."""
    pairs = [(a, b) for a, b in zip(levels[:, :-1].ravel(), levels[:, 1:].ravel(), strict=True)]
    pairs += [(a, b) for a, b in zip(levels[:-1].ravel(), levels[1:].ravel(), strict=True)]
    one = np.array(pairs + [(b, a) for a, b in pairs], float)
    squares = (one[:, 0] - one[:, 1]) ** 2
    _, counts = np.unique(one, axis=0, return_counts=True)
    share = counts / counts.sum()
    return [
        squares.mean(),
        (1 / (1 + squares)).mean(),
        -(share * np.log2(share)).sum(),
        np.corrcoef(one.T)[0, 1],
    ]


def test_texture_is_haralicks():
    grey = np.random.default_rng(0).integers(0, 256, (24, 24)).astype(np.uint8)
    found = texture(grey, np.ones(grey.shape, bool), 1.0)
    assert found[:4] == pytest.approx(haralick(grey // 16))
    assert len(found) == len(TEXTURE_NAMES) == 8


def test_pairs_outside_the_tissue_do_not_count():
    grey = np.random.default_rng(0).integers(0, 256, (24, 24)).astype(np.uint8)
    inside = np.zeros(grey.shape, bool)
    inside[4:20, 4:20] = True
    found = texture(grey, inside, 1.0)
    assert found[:4] == pytest.approx(haralick(grey[4:20, 4:20] // 16))
    assert (texture(grey, np.zeros(grey.shape, bool), 1.0) == 0).all()


def test_a_flat_picture_has_no_sharpness():
    assert sharpness(np.full((20, 20), 90, np.uint8)) == 0.0
    step = np.zeros((20, 20), np.uint8)
    step[:, 10:] = 200
    assert sharpness(step) == pytest.approx(sharpness(step // 2 + 20), rel=0.01), "contrast is divided out"


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
