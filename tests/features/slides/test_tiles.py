"""The grid of tiles: every place once, tiles from a least share of tissue, and levels read as they are."""

from pathlib import Path

import numpy as np
import pytest

from normwise.features.slides.tiles import HALO_UM, LEAST_TISSUE, SlideSettings, plan_tiles
from normwise.features.slides.tissue import TISSUE, TissueMap
from normwise.images import Slide


class Level:
    def __init__(self, width, height, downsample):
        self.width, self.height, self.downsample = width, height, downsample


class Ramp:
    """Pixels whose red and green are their place at level 0, as far as 8 bits go."""

    mpp = None

    def __init__(self, *levels):
        self.levels = levels

    def read(self, x, y, width, height, level):
        rgb = np.zeros((height, width, 3), np.uint8)
        rgb[..., 0] = np.clip(x + np.arange(width), 0, 255)
        rgb[..., 1] = np.clip(y + np.arange(height), 0, 255)[:, None]
        return rgb


def slide(size=1024, mpp=0.5):
    return Slide(Path("a.tif"), Ramp(Level(size, size, 1.0)), (mpp, mpp))


def tissue(mask, mpp=4.0):
    return TissueMap(np.where(mask, TISSUE, 0).astype(np.uint8), mpp, (255.0, 255.0, 255.0))


def test_tiles_lie_side_by_side_row_by_row():
    plan = plan_tiles(slide(), tissue(np.ones((128, 128), bool)), SlideSettings(tile_um=128.0))
    assert (plan.mpp, plan.side, plan.halo) == (0.5, 256, round(HALO_UM / 0.5))
    assert plan.corners.tolist() == [[x, y] for y in range(0, 1024, 256) for x in range(0, 1024, 256)]
    assert np.allclose(plan.places, plan.corners * 0.5)
    assert (plan.share == 1.0).all()


@pytest.mark.parametrize(("pixels", "tiles"), [(20, 0), (21, 1)])
def test_a_tile_is_kept_from_the_least_share_of_tissue(pixels, tiles):
    """A tile covers 32 × 32 px of the map: 20 px are 0.0195 of it, 21 px 0.0205."""
    mask = np.zeros((128, 128), bool)
    mask[40].flat[40 : 40 + pixels] = True
    plan = plan_tiles(slide(), tissue(mask), SlideSettings(tile_um=128.0))
    assert len(plan.corners) == tiles
    assert LEAST_TISSUE == 0.02
    if tiles:
        assert plan.corners.tolist() == [[256, 256]]


@pytest.mark.parametrize(("mpp", "read"), [(0.509, 0.509), (0.52, 0.5), (0.491, 0.491), (0.48, 0.5)])
def test_a_level_near_enough_is_measured_at_its_own_resolution(mpp, read):
    plan = plan_tiles(slide(mpp=mpp), tissue(np.ones((8, 8), bool), 64.0), SlideSettings(tile_um=64.0))
    assert plan.mpp == pytest.approx(read)


def test_a_tile_is_read_with_its_halo():
    plan = plan_tiles(slide(256), tissue(np.ones((32, 32), bool)), SlideSettings(tile_um=64.0))
    rgb = plan.read(slide(256), 1)
    assert rgb.shape == (128 + 2 * plan.halo,) * 2 + (3,)
    assert rgb[plan.halo, plan.halo, :2].tolist() == [128, 0], "the core begins at its corner"
    assert rgb[plan.halo, 0, 0] == 128 - plan.halo


def test_settings_are_those_of_the_study():
    settings = SlideSettings(mpp=0.25, stains="macenko")
    assert SlideSettings(**settings.as_json()) == settings
