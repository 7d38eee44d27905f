"""Pictures of a slide: classes are outlined, density is drawn on tissue alone, six tiles are shown."""

import cv2
import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.features.slides.drawings import CAPTIONS, draw_slide
from normwise.features.slides.slide_features import TILE_NAMES
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS
from normwise.features.slides.tile_table import TileTable
from normwise.features.slides.tissue import PEN, TISSUE, TissueMap


class Slide:
    mpp = (0.5, 0.5)

    def read_at(self, x, y, width, height, mpp):
        if x == 0:
            raise ImageError("IMG-805", "damaged")
        return np.full((height, width, 3), (x % 200, 10, 10), np.uint8)


@pytest.fixture(scope="module")
def drawn():
    classes = np.zeros((100, 150), np.uint8)
    classes[20:80, 20:100] = TISSUE
    classes[40:60, 120:140] = PEN
    rng = np.random.default_rng(0)
    nuclei = np.zeros((400, len(NUCLEUS_COLUMNS)), np.float32)
    nuclei[:, 0], nuclei[:, 1] = rng.uniform(160, 800, 400), rng.uniform(160, 640, 400)
    nuclei[:, NUCLEUS_COLUMNS.index("area_um2")] = 30
    vectors = rng.uniform(1, 2, (8, len(TILE_NAMES))).astype(np.float32)
    corners = np.array([[10 * row, 0] for row in range(8)], np.int32)
    thumbnail = np.full((100, 150, 3), 230, np.uint8)
    tissue = TissueMap(classes, 8.0, (255.0, 255.0, 255.0))
    pictures = draw_slide(thumbnail, tissue, Slide(), TileTable(TILE_NAMES, vectors, corners, 256), nuclei)
    return {
        name: cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) for name, png in pictures.items()
    }


def test_there_is_a_picture_for_every_caption(drawn):
    assert list(drawn) == list(CAPTIONS)
    assert all(picture.shape[1] == 900 for picture in drawn.values())
    assert drawn["tissue"].shape == (600, 900, 3)


def test_classes_are_outlined_in_their_colours(drawn):
    bgr = drawn["tissue"].reshape(-1, 3)
    for rgb in ((20, 90, 220), (240, 140, 0)):
        assert (bgr == rgb[::-1]).all(axis=1).any()


@pytest.mark.parametrize("name", ["density", "size"])
def test_heat_lies_on_tissue_alone(drawn, name):
    assert (drawn[name][:100] == 230).all()
    assert (drawn[name][200:400, 200:500] != 230).any(axis=-1).mean() > 0.9


def test_a_tile_that_can_not_be_read_stays_white(drawn):
    middles = [drawn["tiles"][150 + 300 * row, 150 + 300 * column] for row in (0, 1) for column in range(3)]
    assert 5 <= sum((middle != 255).any() for middle in middles) <= 6
