"""Bright nuclei: Otsu's threshold, the least difference from noise, and an edge at half maximum."""

import cv2
import numpy as np
import pytest

from normwise.features.slides.nuclei.fluorescence import label_bright, otsu


def test_otsu_has_the_largest_variance_between_its_sides():
    rng = np.random.default_rng(0)
    counts = np.bincount(np.r_[rng.normal(40, 6, 4000), rng.normal(90, 9, 2000)].astype(int), minlength=128)
    values = np.repeat(np.arange(128), counts)

    def between(level):
        below, above = values[values <= level], values[values > level]
        return len(below) * len(above) * (below.mean() - above.mean()) ** 2

    assert otsu(counts.astype(float)) == max(range(30, 110), key=between)


@pytest.mark.parametrize("counts", [np.zeros(8), np.eye(8)[3] * 5])
def test_without_two_values_there_is_no_threshold(counts):
    assert otsu(counts) is None


@pytest.mark.parametrize(("brightness", "found"), [(120.0, 0), (400.0, 1)])
def test_a_nucleus_differs_from_noise_by_a_multiple_of_it(brightness, found):
    grey = np.random.default_rng(0).normal(100, 100, (200, 200)).astype(np.float32)
    grey[80:120, 80:120] += brightness
    labels = label_bright(grey, 0.5)
    assert (labels[100, 100] > 0) == bool(found)


def test_the_edge_lies_at_half_maximum_for_dim_and_bright_nuclei():
    grey = np.zeros((240, 360), np.float32)
    for x, level in ((90, 900.0), (260, 250.0)):
        cv2.circle(grey, (x, 120), 22, level, -1)
    grey = cv2.GaussianBlur(grey, (0, 0), 3) + 50
    labels = label_bright(grey, 0.5)
    areas = np.bincount(labels.ravel())[1:]
    assert len(areas) == 2
    assert areas == pytest.approx([np.pi * 22.3**2] * 2, rel=0.06)
