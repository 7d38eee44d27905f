"""Heat maps: each tile's colour lies where the tile lies."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from normwise.serve import HeatMap, draw_heat, heat_maps


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_tile_is_a_square_at_its_place_and_the_rest_is_transparent() -> None:
    heat = HeatMap("density", np.array([0.0, 1.0, np.nan]), 0.0, 1.0)
    drawn = pixels(draw_heat(heat, np.array([[0, 0], [200, 100], [100, 0]]), 100, (250, 150)))
    assert drawn.shape == (2 * 16, 3 * 16, 4)  # a started tile counts
    assert (drawn[:16, :16] == [68, 1, 84, 255]).all()  # viridis' dark end
    assert (drawn[16:, 32:] == [253, 231, 36, 255]).all()  # and its light one
    assert (drawn[:16, 16:32, 3] == 0).all()


def test_a_huge_slide_has_a_picture_of_bounded_size() -> None:
    heat = HeatMap("density", np.array([0.5]), 0.0, 1.0)
    drawn = pixels(draw_heat(heat, np.array([[999_900, 0]]), 100, (1_000_000, 100)))
    assert max(drawn.shape) <= 4096
    assert drawn[0, -1, 3] == 255


def test_colours_span_the_middle_96_percent_and_a_constant_has_no_map() -> None:
    columns = {"a": np.arange(101.0), "same": np.ones(5), "mostly": np.array([0.0] * 99 + [7.0])}
    assert [(each.name, each.low, each.high) for each in heat_maps(columns)] == [
        ("a", 2.0, 98.0),
        ("mostly", 0.0, 7.0),
    ]
