"""Stains: the separation undoes the mixing, and a slide's own dyes are learnt from stained pixels alone."""

import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.slides.nuclei import stained_mask
from normwise.features.slides.stain import RUIFROK_JOHNSTON, StainModel, estimate_stains, optical_density

DYES = RUIFROK_JOHNSTON / np.linalg.norm(RUIFROK_JOHNSTON, axis=1, keepdims=True)
WHITE = (240.0, 235.0, 245.0)


def mixed(amounts, dyes=DYES, white=WHITE):
    """Return pixels of shape (n, 1, 3) that hold these amounts of two dyes (Beer and Lambert's law)."""
    light = np.asarray(white) * 10 ** -(np.asarray(amounts) @ dyes)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)[:, None, :]


def test_density_is_a_decimal_logarithm_and_0_beyond_the_glass():
    found = optical_density(np.array([[250.0, 25.0, 0.0]]), (250.0, 250.0, 250.0))
    assert found[0].tolist() == pytest.approx([0.0, 1.0, np.log10(250.0)])
    assert optical_density(np.array([[255.0]]), (200.0,))[0, 0] == 0.0


@pytest.mark.parametrize("amounts", [(0.6, 0.0), (0.0, 0.5), (0.4, 0.3)])
def test_separation_undoes_mixing(amounts):
    haematoxylin, eosin = StainModel(white=WHITE).separate(mixed([amounts]))
    assert float(haematoxylin[0, 0]) == pytest.approx(amounts[0], abs=0.02)
    assert float(eosin[0, 0]) == pytest.approx(amounts[1], abs=0.02)


@pytest.mark.parametrize(
    ("dyes", "white"),
    [
        ([[0.65, np.nan, 0.29], [0.07, 0.99, 0.11]], WHITE),
        ([[0.65, np.inf, 0.29], [0.07, 0.99, 0.11]], WHITE),
        ([[0.0, 0.0, 0.0], [0.07, 0.99, 0.11]], WHITE),
        ([[0.65, 0.70, 0.29], [1.3, 1.4, 0.58]], WHITE),
        ([[0.65, 0.70, 0.29]], WHITE),
        (DYES, (240.0, np.nan, 245.0)),
        (DYES, (240.0, 0.0, 245.0)),
        (DYES, (240.0, 256.0, 245.0)),
    ],
)
def test_what_separates_nothing_is_refused(dyes, white):
    with pytest.raises(FeatureError) as caught:
        StainModel(np.array(dyes), white)
    assert caught.value.code == "FEA-601"


def test_vectors_of_any_length_separate_alike():
    pixels = mixed([(0.4, 0.3)])
    one, other = StainModel(DYES).separate(pixels), StainModel(3.0 * DYES).separate(pixels)
    assert np.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(("sum_od", "stained"), [(0.078, 0), (0.082, 255)])
def test_a_pixel_is_stained_from_a_sum_of_both_dyes(sum_od, stained):
    half = np.full((2, 2), sum_od / 2, np.float32)
    assert (stained_mask(half, half) == stained).all()


def two_dyes(rng, count, least, most, dyes):
    amounts = rng.uniform(least, most, (count, 2))
    amounts[: count // 2, 1] *= 0.05
    amounts[count // 2 :, 0] *= 0.05
    return mixed(amounts, dyes)


@pytest.mark.parametrize("method", ["macenko", "vahadane"])
def test_a_slides_own_dyes_are_learnt_haematoxylin_first(method):
    dyes = np.array([[0.55, 0.75, 0.37], [0.20, 0.93, 0.30]])
    dyes /= np.linalg.norm(dyes, axis=1, keepdims=True)
    pixels = two_dyes(np.random.default_rng(0), 6000, 0.4, 1.2, dyes)
    found = estimate_stains(pixels, method, WHITE)
    assert ((found * dyes).sum(axis=1) > 0.98).all()
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(("density", "learnt"), [(0.135, False), (0.165, True)])
def test_pixels_below_the_least_density_teach_nothing(density, learnt):
    rng = np.random.default_rng(1)
    levels = density * rng.uniform(0.97, 1.03, (4000, 3)) * [1.0, 0.5, 0.2]
    levels[::2] = levels[::2][:, [1, 0, 2]]
    pixels = np.rint(255 * 10**-levels).astype(np.uint8)
    assert (estimate_stains(pixels, "macenko") is not RUIFROK_JOHNSTON) == learnt


@pytest.mark.parametrize(("count", "learnt"), [(999, False), (1001, True)])
def test_too_few_stained_pixels_teach_nothing(count, learnt):
    pixels = two_dyes(np.random.default_rng(0), count, 0.5, 1.0, DYES)
    assert (estimate_stains(pixels, "macenko", WHITE) is not RUIFROK_JOHNSTON) == learnt


def test_one_dye_alone_is_no_pair():
    pixels = mixed(np.column_stack([np.linspace(0.4, 1.2, 3000), np.zeros(3000)]))
    assert estimate_stains(pixels, "macenko", WHITE) is RUIFROK_JOHNSTON


def test_dyes_of_an_empty_slide_are_the_published_ones():
    white = np.full((64, 64, 3), 250, np.uint8)
    assert estimate_stains(white, "macenko") is RUIFROK_JOHNSTON
