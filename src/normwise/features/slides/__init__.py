"""Whole-slide images: tissue, tiles, nuclei, and one vector a slide.

``extractor`` measures a cohort of slides and ``attention_extractor`` gives the tiles of each to attention;
``worker`` is the work of one process on one slide. Its steps: ``tissue`` at low magnification, the grid of
``tiles``, the ``stain`` separation, ``nuclei``, ``tile_measures`` of each tile with texture and sharpness,
``slide_features``, the statistics over nuclei and tiles, and the checks of ``quality``. ``drawings``,
``export``, ``outlines`` and ``tile_table`` are what a run holds beside the features.
"""

from __future__ import annotations

from normwise.features.slides.nuclei import segment_nuclei
from normwise.features.slides.outlines import Outlines, outlines_place
from normwise.features.slides.slide_features import tile_note
from normwise.features.slides.tile_table import TileTable, read_tiles, tiles_place

__all__ = [
    "Outlines",
    "TileTable",
    "outlines_place",
    "read_tiles",
    "segment_nuclei",
    "tile_note",
    "tiles_place",
]
