"""``attention``: the tiles of a slide, side by side in a row, for attention learnt inside each fold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.errors import FeatureError
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.slides.extractor import SLIDES
from normwise.features.slides.slide_features import TILE_NAMES, tile_note
from normwise.features.slides.tile_table import (
    TileTable,
    read_tiles,
    tiles_place,
)
from normwise.features.tables.columns import choose_columns
from normwise.learnt import (
    PRESENT,
    AttentionPooling,
    bag_column,
)
from normwise.results import FeatureNote
from normwise.schema import Study

__all__ = ["ATTENTION", "pack_bag"]


def pack_bag(table: TileTable, names: list[str], room: int) -> NDArray[np.float32]:
    """Lay the tiles of one slide side by side.

    Parameters
    ----------
    table : TileTable
        The slide's tiles.
    names : list of str
        The columns that are wanted.
    room : int
        Tiles that the row has room for; of more, evenly spaced ones are taken.

    Returns
    -------
    ndarray of float32 of shape (room × (n_names + 1),)
        Tile by tile, each followed by 1; places without a tile are 0.

    Examples
    --------
    >>> table = TileTable(("a", "b"), np.float32([[1, 2], [3, 4]]), np.zeros((2, 2), np.int32), 9)
    >>> pack_bag(table, ["b"], room=3).tolist()
    [2.0, 1.0, 4.0, 1.0, 0.0, 0.0]
    """
    columns = [table.names.index(name) for name in names]
    count = len(table.vectors)
    taken = np.arange(count) if count <= room else np.linspace(0, count - 1, room).round().astype(int)
    bag = np.zeros((room, len(names) + 1), dtype=np.float32)
    bag[: len(taken), :-1] = table.vectors[taken][:, columns]
    bag[: len(taken), -1] = 1.0
    return bag.ravel()


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section, room = study.features, study.features.bag_tiles
    names = choose_columns(section.columns, TILE_NAMES, (), "tiles")
    columns = [bag_column(tile, name) for tile in range(room) for name in (*names, PRESENT)]
    if means.wanted is not None and list(means.wanted) != columns:
        raise FeatureError(
            "FEA-413",
            "the model was trained on tiles measured otherwise, or with room for another number of them.",
            seen=f"{len(columns)} columns",
            expected=f"{len(means.wanted)} columns",
            advice="use the model's own [features]: columns and bag_tiles",
        )
    whole = study.model_copy(update={"features": section.model_copy(update={"columns": []})})
    slides = SLIDES.extract(
        cohort, whole, ExtractionContext(means.cache_dir, means.jobs, means.progress, means.limits)
    )
    scans = list(slides.values.index)
    values = np.zeros((len(scans), len(columns)), dtype=np.float32)
    for row, table in zip(values, _tables(slides, scans), strict=True):
        row[:] = pack_bag(table, names, room)
    note = FeatureNote(
        "", f"Measurements on the tiles of a slide, {room} at most, each followed by 1", "tile"
    )
    return FeatureTable(
        pd.DataFrame(values, index=slides.values.index, columns=columns, copy=False),
        {"tile_*": note} | _pooled_notes(names),
        slides.failures,
        hash_of(extractor="attention", version="1", slides=slides.hash, columns=section.columns, room=room),
        quality=slides.quality,
        drawings=slides.drawings,
        files=slides.files,
    )


def _tables(slides: FeatureTable, scans: list[Any]) -> Iterator[TileTable]:
    for scan in scans:
        content = slides.files[tiles_place(str(scan))]
        yield read_tiles(io.BytesIO(content) if isinstance(content, bytes) else content)


def _pooled_notes(names: list[str]) -> dict[str, FeatureNote]:
    """Say what the pooled features are, which the travelling frame does not hold yet."""
    notes = {}
    for name in names:
        unit, meaning = tile_note(name)
        notes[f"{name}.attended"] = FeatureNote(
            unit, f"{meaning}: mean of the tiles that attention chose", "tile"
        )
        notes[f"{name}.mean"] = FeatureNote(unit, f"{meaning}: mean of the tiles", "tile")
    return notes


def _learn(study: Study, seed: int) -> Any:
    return AttentionPooling(study.features.pooling, study.cohort.normal, random_state=seed)


ATTENTION = Extractor(
    "Tiles of whole-slide images, pooled by attention learnt inside each fold", _extract, _learn
)
