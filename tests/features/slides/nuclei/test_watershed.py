"""Touching nuclei are separated, holes filled and debris dropped, each on both sides of its limit."""

import cv2
import numpy as np
import pytest

from normwise.features.slides.nuclei.watershed import SMALLEST_UM2, split_nuclei


def disk(mask, x, y, radius):
    cv2.circle(mask, (x, y), radius, 255, -1)
    return mask


def test_flooding_side_by_side_is_flooding_in_place():
    from skimage.segmentation import watershed

    mask = np.zeros((300, 400), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        cv2.circle(mask, (int(rng.integers(400)), int(rng.integers(300))), int(rng.integers(7, 14)), 255, -1)
    labels = split_nuclei(mask.copy(), 0.5)
    # The same steps on the whole picture at once.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    clean = (labels > 0).astype(np.uint8) * 255
    assert (clean <= cv2.dilate(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.ones((31, 31)))).all()
    distance = cv2.GaussianBlur(cv2.distanceTransform(clean, cv2.DIST_L2, 5), (0, 0), 1.0)
    peaks = (distance == cv2.dilate(distance, np.ones((9, 9), np.uint8))) & (clean > 0)
    _, markers = cv2.connectedComponents(peaks.astype(np.uint8), connectivity=8)
    whole = watershed(-distance.astype(np.float64), markers, mask=clean > 0)
    pairs = np.unique(np.column_stack([labels.ravel(), whole.ravel()]), axis=0)
    assert len(pairs) == labels.max() + 1 == whole.max() + 1


@pytest.mark.parametrize(("apart", "nuclei"), [(5, 1), (20, 2)])
def test_a_neck_separates_nuclei(apart, nuclei):
    mask = disk(disk(np.zeros((60, 100), np.uint8), 36, 30, 11), 36 + apart, 30, 11)
    assert split_nuclei(mask, 0.5).max() == nuclei


@pytest.mark.parametrize(("axes", "nuclei"), [((7, 5), 0), ((8, 5), 1)])
def test_debris_is_dropped(axes, nuclei):
    """After the opening an ellipse of 7 × 5 px of 0.25 µm has 7.6 µm², one of 8 × 5 px 8.06 µm²."""
    mask = cv2.ellipse(np.zeros((60, 60), np.uint8), (30, 30), axes, 0, 0, 360, 255, -1)
    assert split_nuclei(mask, 0.25).max() == nuclei
    assert SMALLEST_UM2 == 8.0


@pytest.mark.parametrize(("side", "filled"), [(14, True), (17, False)])
def test_holes_below_an_area_are_filled(side, filled):
    """14 × 14 px of 0.5 µm are 49 µm², 17 × 17 px 72 µm²; the limit is 60 µm²."""
    mask = disk(np.zeros((120, 120), np.uint8), 60, 60, 40)
    mask[60 - side // 2 : 60 - side // 2 + side, 60 - side // 2 : 60 - side // 2 + side] = 0
    assert (split_nuclei(mask, 0.5)[60, 60] > 0) == filled


def test_the_gap_between_nuclei_is_none_of_their_holes():
    """Four touching disks of 4 µm radius leave a gap of arcs of 8 µm²; a pale middle of 7 µm² is convex."""
    mask = np.zeros((120, 120), np.uint8)
    for x, y in ((45, 45), (75, 45), (45, 75), (75, 75)):
        disk(mask, x, y, 16)
    assert mask[60, 60] == 0
    labels = split_nuclei(mask, 0.25)
    assert labels.max() == 4
    assert labels[60, 60] == 0
    pale = disk(np.zeros((120, 120), np.uint8), 60, 60, 20)
    cv2.circle(pale, (60, 60), 6, 0, -1)
    assert split_nuclei(pale, 0.25)[60, 60] > 0


def test_an_empty_mask_holds_none():
    assert split_nuclei(np.zeros((30, 30), np.uint8), 0.5).max() == 0
