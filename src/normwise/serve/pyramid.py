"""A slide as square tiles at every power of two: the arithmetic of a deep zoom."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

__all__ = ["TILE", "Place", "Pyramid"]

TILE = 256
"""Side of a tile in pixels of the screen."""


@dataclass(frozen=True)
class Place:
    """A tile's part of the slide: corner and size in pixels of the slide, and the picture's size.

    Attributes
    ----------
    x, y, width, height : int
        In pixels of the slide at full resolution.
    columns, rows : int
        Of the picture, at most `TILE`.
    """

    x: int
    y: int
    width: int
    height: int
    columns: int
    rows: int


@dataclass(frozen=True)
class Pyramid:
    """Levels of a slide: 0 holds it in one pixel, the last one at full resolution.

    Parameters
    ----------
    width, height : int
        Of the slide, pixels.

    Examples
    --------
    >>> pyramid = Pyramid(1000, 600)
    >>> pyramid.last, pyramid.tiles(pyramid.last), pyramid.place(9, 1, 1)
    (10, (4, 3), Place(x=512, y=512, width=488, height=88, columns=244, rows=44))
    """

    width: int
    height: int

    @property
    def last(self) -> int:
        """The level at full resolution: ⌈log2⌉ of the longer side."""
        return (max(self.width, self.height) - 1).bit_length()

    def tiles(self, level: int) -> tuple[int, int]:
        """Return how many tiles lie side by side, and one above the other."""
        scale = 1 << (self.last - level)
        return ceil(ceil(self.width / scale) / TILE), ceil(ceil(self.height / scale) / TILE)

    def place(self, level: int, column: int, row: int) -> Place | None:
        """Return where a tile lies; None where there is none.

        Parameters
        ----------
        level, column, row : int
            Of the tile.
        """
        if not 0 <= level <= self.last:
            return None
        across, down = self.tiles(level)
        if not (0 <= column < across and 0 <= row < down):
            return None
        scale = 1 << (self.last - level)
        x, y = column * TILE * scale, row * TILE * scale
        width, height = min(TILE * scale, self.width - x), min(TILE * scale, self.height - y)
        return Place(x, y, width, height, ceil(width / scale), ceil(height / scale))
