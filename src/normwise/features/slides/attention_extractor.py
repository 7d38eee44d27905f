"""``attention``: the vectors of a slide's tiles in one row, for attention learnt inside each fold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.errors import FeatureError
from normwise.features.columns import choose_columns
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.features.slides.extractor import extract as extract_slides
from normwise.features.slides.slide_features import TILE_NAMES, tile_note
from normwise.features.slides.tile_table import TileTable, read_tiles, tiles_place
from normwise.learnt import PRESENT, bag_column
from normwise.results import FeatureNote
from normwise.schema import AttentionSection, Study

__all__ = ["check", "extract", "pack_bag"]


def pack_bag(table: TileTable, names: list[str], capacity: int) -> NDArray[np.float32]:
    """Put the vectors of a slide's tiles into one row.

    Parameters
    ----------
    table : TileTable
        The slide's tiles.
    names : list of str
        The columns that are wanted.
    capacity : int
        Most tiles in the row; of more, evenly spaced ones are taken.

    Returns
    -------
    ndarray of float32 of shape (capacity × (n_names + 1),)
        Tile by tile, each followed by 1; places without a tile are 0.

    Examples
    --------
    >>> table = TileTable(("a", "b"), np.float32([[1, 2], [3, 4]]), np.zeros((2, 2), np.int32), 9)
    >>> pack_bag(table, ["b"], capacity=3).tolist()
    [2.0, 1.0, 4.0, 1.0, 0.0, 0.0]
    """
    columns = [table.names.index(name) for name in names]
    count = len(table.vectors)
    taken = np.arange(count) if count <= capacity else np.linspace(0, count - 1, capacity).round().astype(int)
    bag = np.zeros((capacity, len(names) + 1), dtype=np.float32)
    bag[: len(taken), :-1] = table.vectors[taken][:, columns]
    bag[: len(taken), -1] = 1.0
    return bag.ravel()


def check(study: Study) -> None:
    """Raise what is wrong with the names of tiles' features."""
    choose_columns(study.features_of(AttentionSection).columns, TILE_NAMES, (), "tiles")


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure every slide, and return the vectors of its tiles in one row."""
    section = study.features_of(AttentionSection)
    capacity = section.bag_tiles
    names = choose_columns(section.columns, TILE_NAMES, (), "tiles")
    columns = [bag_column(tile, name) for tile in range(capacity) for name in (*names, PRESENT)]
    if context.wanted is not None and list(context.wanted) != columns:
        raise FeatureError(
            "FEA-413",
            "the model was trained on tiles measured otherwise, or with another number of them in a row.",
            seen=f"{len(columns)} columns",
            expected=f"{len(context.wanted)} columns",
            advice="use the model's own [features]: columns and bag_tiles",
        )
    whole = study.model_copy(update={"features": section.model_copy(update={"columns": []})})
    slides = extract_slides(cohort, whole, replace(context, wanted=None))
    scans = list(slides.values.index)
    values = np.zeros((len(scans), len(columns)), dtype=np.float32)
    for row, table in zip(values, _tables(slides, scans), strict=True):
        row[:] = pack_bag(table, names, capacity)
    note = FeatureNote(
        "", f"Measurements on the tiles of a slide, {capacity} at most, each followed by 1", "tile"
    )
    return FeatureTable(
        pd.DataFrame(values, index=slides.values.index, columns=columns, copy=False),
        {"tile_*": note} | _pooled_notes(names),
        slides.failures,
        hash_settings(
            extractor="attention", version="1", slides=slides.hash, columns=section.columns, capacity=capacity
        ),
        quality=slides.quality,
        drawings=slides.drawings,
        files=slides.files,
    )


def _tables(slides: FeatureTable, scans: list[Any]) -> Iterator[TileTable]:
    for scan in scans:
        content = slides.files[tiles_place(str(scan))]
        yield read_tiles(io.BytesIO(content) if isinstance(content, bytes) else content)


def _pooled_notes(names: list[str]) -> dict[str, FeatureNote]:
    """Return the notes of the pooled features, which the frame does not hold yet."""
    notes = {}
    for name in names:
        unit, meaning = tile_note(name)
        notes[f"{name}.attended"] = FeatureNote(
            unit, f"{meaning}: mean of the tiles that attention chose", "tile"
        )
        notes[f"{name}.mean"] = FeatureNote(unit, f"{meaning}: mean of the tiles", "tile")
    return notes
