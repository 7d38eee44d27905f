"""Small slides for tests: pyramids of simulated tissue, and the harm that can come to them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import tifffile

from simulated_pyramids import GLASS, write_pyramid
from simulated_tiles import draw_tile

SIDE = 256


@lru_cache
def drawn(count=4, mpp=0.5, seed=0):
    """Return squares of tissue and the number of nuclei in each."""
    rng = np.random.default_rng(seed)
    pairs = [draw_tile(rng, SIDE, mpp, margin_um=1.0) for _ in range(count)]
    return [rgb for rgb, _ in pairs], [int(labels.max()) for _, labels in pairs]


def layout_of(rows, columns, tissue, seed=1, count=4):
    """Lay squares in a rectangle of tissue (top, left, bottom, right) on glass."""
    layout = np.full((rows, columns), GLASS)
    top, left, bottom, right = tissue
    squares = np.random.default_rng(seed).integers(0, count, (bottom - top, right - left))
    layout[top:bottom, left:right] = squares
    return layout


def save_slide(path: Path, layout=None, mpp=0.5, **options):
    """Write a pyramid; by default 8 × 8 squares with 4 × 5 of tissue."""
    if layout is None:
        layout = layout_of(8, 8, (2, 2, 6, 7))
    write_pyramid(path, drawn()[0], layout, mpp, **{"shared": False, **options})
    return path


def spoil_tile(path: Path, row, column, level=0):
    """Overwrite the beginning of one stored tile."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[level]
        across = -(-page.imagewidth // page.tilewidth)
        offset = page.dataoffsets[row * across + column]
    with path.open("r+b") as handle:
        handle.seek(offset)
        handle.write(b"\xff\xd8nothing of the kind\xff\xd9" * 4)
