"""All nuclei of a slide as a table, and their outlines as GeoJSON that QuPath opens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from normwise.errors import ImageError
from normwise.features.slides.slide_features import local_density
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS, measure_tile
from normwise.features.slides.tile_table import file_stem
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.worker import SlideMeasurement
from normwise.files import replacing
from normwise.images import Slide, open_slide

__all__ = ["EXPORT_COLUMNS", "export_slide"]

EXPORT_COLUMNS = (*NUCLEUS_COLUMNS, "density_mm2")
"""Columns of ``SCAN.npy``: places in µm from the slide's upper left corner, then what was measured."""


def export_slide(
    image: str, settings: dict[str, Any], kinds: list[str], scan: str, folder: str, blocks: str | None = None
) -> dict[str, list[str]]:
    """Write the exports of one slide.

    Parameters
    ----------
    image : str
        The slide.
    settings : dict
        As `SlideSettings.as_json`.
    kinds : list of str
        ``nuclei``: ``SCAN.npy`` with columns as `EXPORT_COLUMNS` (structured, float32). ``geojson``:
        ``SCAN.geojson``, a FeatureCollection of outlines in px of level 0, as QuPath counts them; each is a
        ``detection`` with classification "Nucleus" and its measurements by name and unit.
    scan : str
        Name of the files.
    folder : str
        Where they go.
    blocks : str, optional
        Folder of the slide's finished blocks, from which the table comes.

    Returns
    -------
    dict
        ``files``, their names.
    """
    import cv2

    cv2.setNumThreads(1)
    chosen = SlideSettings(**settings)
    name = file_stem(scan)
    written = []
    with open_slide(image, chosen.mpp) as slide:
        measurement = SlideMeasurement(slide, chosen, Path(blocks) if blocks else None)
        if "nuclei" in kinds:
            nuclei, _, _, _ = measurement.run()
            density = local_density(nuclei[:, 0], nuclei[:, 1])
            table = np.column_stack([nuclei, density]).astype(np.float32)
            rows = np.ascontiguousarray(table).view([(column, "<f4") for column in EXPORT_COLUMNS])[:, 0]
            with replacing(Path(folder) / f"{name}.npy") as part, part.open("wb") as handle:
                np.save(handle, rows, allow_pickle=False)
            written.append(f"{name}.npy")
        if "geojson" in kinds:
            with (
                replacing(Path(folder) / f"{name}.geojson") as part,
                part.open("w", encoding="utf-8", newline="\n") as text,
            ):
                _write_geojson(text, slide, measurement, solidity=chosen.solidity)
            written.append(f"{name}.geojson")
    return {"files": written}


def _write_geojson(text: TextIO, slide: Slide, measurement: SlideMeasurement, *, solidity: bool) -> None:
    """Write outlines tile by tile, so that no more than a tile's are ever in memory."""
    text.write('{"type": "FeatureCollection", "features": [')
    first = True
    for number in range(len(measurement.plan.corners)):
        for feature in _outlines(slide, measurement, number, solidity=solidity):
            text.write(("\n" if first else ",\n") + json.dumps(feature, ensure_ascii=False))
            first = False
    text.write("\n]}\n")


def _outlines(
    slide: Slide, measurement: SlideMeasurement, number: int, *, solidity: bool
) -> Iterator[dict[str, Any]]:
    import cv2
    from scipy import ndimage

    plan = measurement.plan
    try:
        rgb = measurement.read_tile(number)
    except ImageError:
        return
    rows, _, labels = measure_tile(rgb, plan.mpp, plan.halo, measurement.stain, solidity=solidity)
    on_slide = rows.copy()
    on_slide[:, :2] += plan.places[number].astype(np.float32)
    keep = measurement.on_tissue(on_slide)
    boxes = ndimage.find_objects(labels)
    for row, box in enumerate(boxes):
        if box is None or not keep[row]:
            continue
        mask = np.pad((labels[box] == row + 1).astype(np.uint8), 1)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outline = max(outlines, key=len)[:, 0]
        if len(outline) < 3:
            continue
        # The middle of a pixel lies half a pixel from its corner, and the mask was padded by one.
        px = outline - 1 + 0.5 + np.array([box[1].start - plan.halo, box[0].start - plan.halo])
        ring = (px * plan.mpp + plan.places[number]) / np.asarray(slide.mpp)
        yield _feature(ring, on_slide[row], solidity=solidity)


def _feature(ring: NDArray[np.float64], row: NDArray[np.float32], *, solidity: bool) -> dict[str, Any]:
    points = [[round(float(x), 2), round(float(y), 2)] for x, y in ring]
    values = dict(zip(NUCLEUS_COLUMNS, (round(float(each), 4) for each in row), strict=True))
    measured = {name: value for name, value in values.items() if name != "solidity" or solidity}
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*points, points[0]]]},
        "properties": {
            "objectType": "detection",
            "classification": {"name": "Nucleus", "color": [60, 90, 200]},
            "measurements": measured,
        },
    }
