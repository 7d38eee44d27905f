"""Tissue at low magnification: a test on both sides of every limit that decides what a pixel is."""

import numpy as np
import pytest

from normwise.features.slides.tissue import DARK, FOLD, GLASS, GREY, PEN, TISSUE, find_tissue

MPP = 8.0
WHITE = 243
PROFILE = np.array([0.75, 1.5, 0.75])  # of optical density: what both dyes absorb most is green


def glass(height=160, width=200):
    return np.full((height, width, 3), WHITE, np.uint8)


def stained(density):
    """Return a colour of a mean optical density over red, green and blue."""
    return np.rint(WHITE * 10 ** (-density * PROFILE)).astype(np.uint8)


def saturated(saturation):
    """Return a pale violet of a saturation out of 255."""
    return np.array([240, round(240 * (1 - saturation / 255)), 240], np.uint8)


@pytest.mark.parametrize(("saturation", "kind"), [(16, GLASS), (21, TISSUE)])
def test_tissue_begins_at_the_least_saturation(saturation, kind):
    rgb = glass()
    rgb[40:120, 40:120] = saturated(saturation)
    assert find_tissue(rgb, MPP).classes[80, 80] == kind


@pytest.mark.parametrize(("pale", "kept"), [(45, False), (56, True)])
def test_strong_tissue_does_not_hide_pale_tissue(pale, kept):
    rgb = glass()
    rgb[20:140, 20:80] = saturated(pale)
    rgb[20:140, 80:180] = saturated(140)
    found = find_tissue(rgb, MPP)
    assert (found.classes[80, 50] == TISSUE) == kept
    assert found.classes[80, 130] == TISSUE


@pytest.mark.parametrize(
    ("density", "times", "kind"),
    [(0.25, 2.3, TISSUE), (0.25, 2.75, FOLD), (0.18, 2.85, TISSUE), (0.18, 3.4, FOLD)],
    ids=["not dense enough for its surroundings", "dense", "not dense enough by itself", "dense enough"],
)
def test_a_fold_is_far_denser_than_the_tissue_around_and_dense_by_itself(density, times, kind):
    rgb = glass()
    rgb[20:140, 20:180] = stained(density)
    rgb[70:90, 60:140] = stained(density * times)
    found = find_tissue(rgb, MPP)
    assert found.classes[40, 40] == TISSUE
    assert found.classes[80, 100] == kind


@pytest.mark.parametrize(("ink", "kind"), [((30, 60, 190), PEN), ((30, 140, 60), PEN), ((25, 25, 28), PEN)])
def test_pens_are_no_tissue(ink, kind):
    rgb = glass()
    rgb[30:100, 20:80] = (205, 130, 185)
    rgb[20:110, 100:110] = ink
    found = find_tissue(rgb, MPP)
    assert found.area_mm2() == pytest.approx(70 * 60 * 64 / 1e6, rel=0.1)
    assert (found.classes[60, 103:107] == kind).all()
    assert (found.classes[:15] == GLASS).all()
    assert found.white == (243.0, 243.0, 243.0)
    assert found.fraction(PEN) == pytest.approx(90 * 10 / (160 * 200), rel=0.5)


@pytest.mark.parametrize(("side", "kind"), [(10, GLASS), (16, TISSUE)])
def test_crumbs_are_dropped(side, kind):
    """A crumb of 10 px has 0.0064 mm², one of 16 px 0.0164 mm²; the limit is 0.01 mm²."""
    rgb = glass()
    rgb[20:100, 20:100] = stained(0.3)
    rgb[130 : 130 + side, 150 : 150 + side] = stained(0.3)
    found = find_tissue(rgb, MPP).classes[130 + side // 2, 150 + side // 2]
    assert (found == TISSUE) == (kind == TISSUE)


@pytest.mark.parametrize(("side", "filled"), [(12, True), (26, False)])
def test_small_holes_are_filled(side, filled):
    """The limit is 0.02 mm², 17.7 px a side; closing and smoothing shrink a hole by a few px."""
    rgb = glass()
    rgb[20:140, 20:140] = stained(0.3)
    rgb[70 : 70 + side, 70 : 70 + side] = WHITE
    assert (find_tissue(rgb, MPP).classes[70 + side // 2, 70 + side // 2] == TISSUE) == filled


def test_what_is_dark_without_a_colour_is_grey_and_no_tissue():
    rgb = glass()
    rgb[20:100, 20:100] = stained(0.3)
    rgb[120:150, 120:190] = 150
    found = find_tissue(rgb, MPP)
    assert found.classes[135, 150] == GREY
    assert found.classes[135, 60] == GLASS


def test_glass_alone_holds_nothing():
    noise = np.clip(np.random.default_rng(0).normal(240, 3, (100, 100, 3)), 0, 255).astype(np.uint8)
    assert find_tissue(noise, MPP).area_mm2() == 0.0


def padded(rgb, brightest=0, margin=20):
    return np.pad(rgb, [(margin, margin), (margin, margin), (0, 0)], constant_values=brightest)


@pytest.mark.parametrize(("brightest", "dark"), [(0, True), (25, True), (26, False)])
def test_black_around_a_slide_is_no_tissue_and_changes_nothing_of_it(brightest, dark):
    rgb = glass()
    rgb[40:120, 40:120] = stained(0.25)
    alone, found = find_tissue(rgb, MPP), find_tissue(padded(rgb, brightest), MPP)
    assert (found.classes[5, 5] == DARK) == dark
    assert found.classes[5, 5] != TISSUE
    if dark:
        assert found.area_mm2() == alone.area_mm2()
        assert found.white == alone.white
        assert found.area_mm2(DARK) == pytest.approx((200 * 240 - 160 * 200) * MPP**2 / 1e6)


def test_black_with_the_noise_of_a_camera_is_no_tissue():
    """At 0 to 12 of 255, hues are strong and mean nothing."""
    rgb = np.random.default_rng(0).integers(0, 13, (160, 200, 3), np.uint8)
    rgb[40:120, 40:120] = stained(0.25)
    found = find_tissue(rgb, MPP)
    assert found.area_mm2() == pytest.approx(80 * 80 * MPP**2 / 1e6, rel=0.05)


@pytest.mark.parametrize(("side", "kind"), [(18, DARK), (17, PEN)])
def test_black_is_ground_from_a_hundredth_of_the_picture_on(side, kind):
    rgb = glass(180, 180)
    rgb[:side, :18] = 0
    assert find_tissue(rgb, MPP).classes[5, 5] == kind


def test_black_inside_a_slide_is_ink_as_ever():
    rgb = glass()
    rgb[60:100, 60:100] = 0
    assert find_tissue(rgb, MPP).classes[80, 80] == PEN


def test_a_region_is_white_where_the_slide_is_dark_and_nowhere_else():
    rgb = padded(glass())
    found = find_tissue(rgb, MPP)
    region = np.full((400, 400, 3), (90, 60, 140), np.uint8)
    region[:, :150] = 0  # the true edge lies 10 px, 5 µm, from where low power has it
    region[300:, 300:] = 0
    whitened = found.whiten(region, np.array([80.0, 400.0]), 0.5)
    assert (whitened[:, :150] == 255).all()
    assert np.array_equal(whitened[:, 150:], region[:, 150:])
    assert find_tissue(glass(), MPP).whiten(region, np.zeros(2), 0.5) is region
