"""One colour a tile: what was measured on it, over the slide."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from normwise.reprs import ShortRepr

__all__ = ["HeatMap", "draw_heat", "heat_maps"]

_MOST = 4096  # pixels a side of a picture of tiles; a larger slide has coarser tiles
_SQUARE = 16  # pixels a tile where the picture stays small, so that smoothing by the browser leaves squares


@dataclass(frozen=True, repr=False)
class HeatMap(ShortRepr):
    """One measurement over the tiles of a slide.

    Attributes
    ----------
    name : str
        Name of the measurement, its unit at the end.
    values : ndarray of shape (n_tiles,)
        NaN where nothing was measured.
    low, high : float
        The values at the ends of the colours: the 2nd and 98th percentile.
    unit, title : str
        Its unit, and its name in words; empty where they are not known.
    """

    name: str
    values: NDArray[np.float64]
    low: float
    high: float
    unit: str = ""
    title: str = ""


def heat_maps(
    columns: Mapping[str, NDArray[np.floating]], notes: Mapping[str, tuple[str, str]] | None = None
) -> list[HeatMap]:
    """Scale each measurement between its 2nd and 98th percentile; one without two values is left out.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_tiles,)
        By name.
    notes : mapping of str to (str, str), optional
        Unit and meaning of each, where they are known.

    Examples
    --------
    >>> columns = {"a": np.arange(101.0), "b": np.full(9, np.nan)}
    >>> [(heat.name, heat.low, heat.high) for heat in heat_maps(columns)]
    [('a', 2.0, 98.0)]
    """
    maps = []
    for name, column in columns.items():
        values = np.asarray(column, dtype=np.float64)
        known = values[np.isfinite(values)]
        if known.size and known.min() < known.max():
            low, high = np.percentile(known, [2, 98])
            if low == high:
                low, high = known.min(), known.max()
            unit, title = (notes or {}).get(name, ("", ""))
            maps.append(HeatMap(name, values, float(low), float(high), unit, title))
    return maps


def draw_heat(heat: HeatMap, xy: NDArray[np.integer], tile: int, size: tuple[int, int]) -> bytes:
    """Draw a measurement as a picture of one square a tile, transparent where there is none.

    Parameters
    ----------
    heat : HeatMap
        The measurement.
    xy : ndarray of shape (n_tiles, 2)
        Corner of each tile, pixels of the slide.
    tile : int
        Side of a tile, pixels of the slide.
    size : tuple of int
        Width and height of the slide, pixels.

    Returns
    -------
    bytes
        PNG, which spans ⌈width/tile⌉ × tile by ⌈height/tile⌉ × tile pixels of the slide.
    """
    from matplotlib import colormaps
    from PIL import Image

    columns, rows = -(-size[0] // tile), -(-size[1] // tile)
    step = max(1, -(-max(columns, rows) // _MOST))
    picture = np.zeros((-(-rows // step), -(-columns // step), 4), dtype=np.uint8)
    known = np.isfinite(heat.values)
    places = np.asarray(xy)[known] // (tile * step)
    shade = np.clip((heat.values[known] - heat.low) / (heat.high - heat.low), 0.0, 1.0)
    # Viridis: equal steps look equal, also to colour-blind eyes and in grey.
    picture[places[:, 1], places[:, 0]] = colormaps["viridis"](shade, bytes=True)
    square = max(1, min(_SQUARE, _MOST // max(picture.shape)))
    picture = picture.repeat(square, axis=0).repeat(square, axis=1)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=False)
    return stream.getvalue()
