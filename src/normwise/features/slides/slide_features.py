"""From nuclei to tiles, from tiles to one vector a slide, with unit and meaning of every number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS, TILE_MEASURES
from normwise.results import FeatureNote

__all__ = ["TILE_NAMES", "local_density", "slide_notes", "slide_vector", "tile_vectors"]

MEASURES = {
    "area_um2": ("µm²", "area"),
    "major_um": ("µm", "long axis"),
    "minor_um": ("µm", "short axis"),
    "eccentricity": ("", "eccentricity of the ellipse with the same second moments"),
    "h_od": ("log10 OD", "mean density of haematoxylin"),
    "e_od": ("log10 OD", "mean density of eosin"),
    "h_od_sd": ("log10 OD", "standard deviation of haematoxylin inside the nucleus: coarse chromatin"),
    "density_mm2": ("1/mm²", "nuclei within 50 µm, an area"),
    "solidity": ("", "share of the convex hull"),
}
"""What is measured on a nucleus: unit and meaning."""

_TISSUE = {
    "tissue.share": ("", "stained share of the tile"),
    "tissue.sharpness": (
        "",
        "standard deviation of the Laplacian relative to the picture's: low where blurred",
    ),
    "tissue.h_od": ("log10 OD", "density of haematoxylin between the nuclei"),
    "tissue.e_od": ("log10 OD", "density of eosin between the nuclei"),
}
_TEXTURE = {
    "contrast": "mean squared difference of neighbours, in 16 grey levels",
    "homogeneity": "similarity of neighbours",
    "entropy": "disorder of pairs of neighbours, bits",
    "correlation": "correlation of neighbours",
}
_OF_TILE = ("mean", "sd", "p90")
_IN_TILE = ("area_um2", "eccentricity", "h_od", "e_od", "h_od_sd")
_PERCENTILES = {"p05": 5.0, "p25": 25.0, "p50": 50.0, "p75": 75.0, "p95": 95.0}
_OVER_TILES = {"p05": 5.0, "p50": 50.0, "p95": 95.0}

TILE_NAMES = (
    "nucleus.density_mm2",
    *(f"nucleus.{measure}.{statistic}" for measure in _IN_TILE for statistic in _OF_TILE),
    *TILE_MEASURES,
)
"""Columns of a tile's vector."""

RADIUS_UM = 50.0
_BIN_UM = 10.0


def local_density(x_um: NDArray[np.float32], y_um: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the density of nuclei, 1/mm², within about 50 µm of each.

    Nuclei are counted in squares of 10 µm, and the squares within the radius summed: its cost grows with the
    number of nuclei, not with that of their pairs.

    Parameters
    ----------
    x_um, y_um : ndarray of shape (n_nuclei,)
        Their places, µm.

    Examples
    --------
    >>> alone = local_density(np.array([0.0], np.float32), np.array([0.0], np.float32))
    >>> round(1e6 / float(alone[0]))  # µm² around it
    8100
    """
    import cv2

    if len(x_um) == 0:
        return np.zeros(0, np.float32)
    column = ((x_um - x_um.min()) / _BIN_UM).astype(np.int64)
    row = ((y_um - y_um.min()) / _BIN_UM).astype(np.int64)
    width, height = int(column.max()) + 1, int(row.max()) + 1
    counts = np.bincount(row * width + column, minlength=width * height).reshape(height, width)
    reach = round(RADIUS_UM / _BIN_UM)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= reach**2).astype(np.float32)
    summed = cv2.filter2D(counts.astype(np.float32), -1, disk, borderType=cv2.BORDER_CONSTANT)
    density: NDArray[np.float32] = summed[row, column] / np.float32(disk.sum() * _BIN_UM**2 / 1e6)
    return density


def tile_vectors(
    nuclei: NDArray[np.float32], tile_of: NDArray[np.int32], measures: NDArray[np.float64], tile_mm2: float
) -> NDArray[np.float32]:
    """Return one vector a tile.

    Parameters
    ----------
    nuclei : ndarray of float32 of shape (n_nuclei, n_columns)
        As `normwise.features.slides.tile_measures.NUCLEUS_COLUMNS`.
    tile_of : ndarray of int32 of shape (n_nuclei,)
        Row of each nucleus's tile, ascending.
    measures : ndarray of shape (n_tiles, n_measures)
        As `normwise.features.slides.tile_measures.TILE_MEASURES`.
    tile_mm2 : float
        Area of a tile's core, mm².

    Returns
    -------
    ndarray of float32 of shape (n_tiles, n_features)
        As `TILE_NAMES`. A tile without nuclei has the mean of the tiles with some.
    """
    n_tiles = len(measures)
    count = np.bincount(tile_of, minlength=n_tiles)
    tissue = np.maximum(measures[:, TILE_MEASURES.index("tissue.share")], 0.02) * tile_mm2
    columns = [count / tissue]
    present = count > 0
    for measure in _IN_TILE:
        values = nuclei[:, NUCLEUS_COLUMNS.index(measure)].astype(np.float64)
        mean = np.bincount(tile_of, values, minlength=n_tiles) / np.maximum(count, 1)
        square = np.bincount(tile_of, (values - mean[tile_of]) ** 2, minlength=n_tiles)
        sd = np.sqrt(square / np.maximum(count, 1))
        statistics = (mean, sd, _percentile_by(values, tile_of, count, 90.0))
        columns += [
            np.where(present, column, column[present].mean() if present.any() else 0.0)
            for column in statistics
        ]
    return np.column_stack([*columns, measures]).astype(np.float32)


def _percentile_by(
    values: NDArray[np.float64], group: NDArray[np.int32], count: NDArray[np.int64], percent: float
) -> NDArray[np.float64]:
    """Return one percentile of each group, between neighbours as numpy does it, by a single sort."""
    if len(values) == 0:
        return np.zeros(len(count))
    ordered = values[np.lexsort((values, group))]
    start = np.cumsum(count) - count
    rank = np.maximum(count - 1, 0) * percent / 100
    low = np.minimum(start + np.floor(rank).astype(np.int64), len(values) - 1)
    high = np.minimum(start + np.ceil(rank).astype(np.int64), len(values) - 1)
    part = rank - np.floor(rank)
    percentiles: NDArray[np.float64] = ordered[low] * (1 - part) + ordered[high] * part
    return percentiles


def slide_vector(
    nuclei: NDArray[np.float32], density: NDArray[np.float32], tiles: NDArray[np.float32], *, solidity: bool
) -> dict[str, float]:
    """Return the statistics of one slide over its nuclei and over its tiles.

    Parameters
    ----------
    nuclei : ndarray of shape (n_nuclei, n_columns)
        At least one.
    density : ndarray of shape (n_nuclei,)
        Of `local_density`.
    tiles : ndarray of shape (n_tiles, n_features)
        Of `tile_vectors`.
    solidity : bool
        Whether it was measured.

    Returns
    -------
    dict of str to float
        Names as ``nucleus.area_um2.p95`` and ``tile.texture.entropy_1um.mean``.
    """
    features: dict[str, float] = {}
    for measure in MEASURES:
        if measure == "solidity" and not solidity:
            continue
        values = density if measure == "density_mm2" else nuclei[:, NUCLEUS_COLUMNS.index(measure)]
        features |= _statistics(f"nucleus.{measure}", values, _PERCENTILES)
    for name, column in zip(TILE_NAMES, tiles.T, strict=True):
        features |= _statistics(f"tile.{name}", column, _OVER_TILES)
    return features


def _statistics(name: str, values: NDArray[np.float32], percentiles: dict[str, float]) -> dict[str, float]:
    exact = values.astype(np.float64)
    ranks = np.percentile(exact, list(percentiles.values()))
    values_of = {f"{name}.mean": float(exact.mean()), f"{name}.sd": float(exact.std())}
    return values_of | {f"{name}.{key}": float(rank) for key, rank in zip(percentiles, ranks, strict=True)}


def slide_notes(*, solidity: bool) -> dict[str, FeatureNote]:
    """Return unit and meaning of every feature of a slide, in the order of the columns.

    Parameters
    ----------
    solidity : bool
        Whether it is measured.

    Examples
    --------
    >>> slide_notes(solidity=False)["nucleus.area_um2.p95"]
    FeatureNote(unit='µm²', description='area of nuclei: 95th percentile', place='nucleus', label=None)
    """
    notes = {
        "tissue_area_mm2": FeatureNote("mm²", "area of tissue on the slide", "slide"),
        "tissue_fraction": FeatureNote("share", "share of the slide that is tissue", "slide"),
    }
    for measure, (unit, meaning) in MEASURES.items():
        if measure != "solidity" or solidity:
            for key in ("mean", "sd", *_PERCENTILES):
                notes[f"nucleus.{measure}.{key}"] = FeatureNote(
                    unit, f"{meaning} of nuclei: {_in_words(key)}", "nucleus"
                )
    for name in TILE_NAMES:
        unit, meaning = tile_note(name)
        for key in ("mean", "sd", *_OVER_TILES):
            notes[f"tile.{name}.{key}"] = FeatureNote(unit, f"{meaning}: {_in_words(key)} over tiles", "tile")
    return notes


def tile_note(name: str) -> tuple[str, str]:
    """Return unit and meaning of one column of a tile's vector.

    Examples
    --------
    >>> tile_note("nucleus.area_um2.p90")
    ('µm²', 'area of nuclei, 90th percentile in a tile')
    """
    if name in _TISSUE:
        return _TISSUE[name]
    if name == "nucleus.density_mm2":
        return "1/mm²", "nuclei per area of tissue in a tile"
    kind, measure, *rest = name.split(".")
    if kind == "texture":
        statistic, _, scale = measure.partition("_")
        return "", f"texture at {scale.removesuffix('um')} µm, {_TEXTURE[statistic]}"
    unit, meaning = MEASURES[measure]
    return unit, f"{meaning} of nuclei, {_in_words(rest[0])} in a tile"


def _in_words(key: str) -> str:
    return {"mean": "mean", "sd": "standard deviation"}.get(key) or f"{int(key[1:])}th percentile"
