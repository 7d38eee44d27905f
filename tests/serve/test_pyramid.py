"""Tiles of a deep zoom: every pixel of the slide is in one tile of every level."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from normwise.serve.pyramid import TILE, Pyramid

SIDES = st.integers(1, 5000)


@given(width=SIDES, height=SIDES, data=st.data())
def test_tiles_cover_every_level_once(width: int, height: int, data: st.DataObject) -> None:
    pyramid = Pyramid(width, height)
    level = data.draw(st.integers(0, pyramid.last))
    across, down = pyramid.tiles(level)
    places = [pyramid.place(level, column, row) for column in range(across) for row in range(down)]
    assert all(
        place is not None and 1 <= place.columns <= TILE and 1 <= place.rows <= TILE for place in places
    )
    assert sum(place.width * place.height for place in places if place is not None) == width * height


@given(width=SIDES, height=SIDES)
def test_the_first_level_is_one_pixel_and_the_last_the_slide(width: int, height: int) -> None:
    pyramid = Pyramid(width, height)
    first, last = pyramid.place(0, 0, 0), pyramid.place(pyramid.last, 0, 0)
    assert first is not None
    assert last is not None
    assert (first.columns, first.rows) == (1, 1)
    assert (last.columns, last.rows) == (min(width, TILE), min(height, TILE))


def test_there_are_no_tiles_outside() -> None:
    pyramid = Pyramid(1000, 600)
    assert [
        pyramid.place(*wrong) for wrong in ((11, 0, 0), (-1, 0, 0), (10, 4, 0), (10, 0, 3), (10, -1, 0))
    ] == [None] * 5
