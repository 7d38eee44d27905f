"""Statistics of intensities by region: pure functions on arrays.

Intensities and their region numbers come as two arrays over the labelled voxels. Where the intensities are
whole numbers of a modest range, as scanners write them, one `numpy.bincount` over (region, value) holds all
of them, and moments and order statistics are read off that table, exactly. Otherwise the moments
take one bincount each, and a sort of each region's voxels gives every order statistic of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.results import FeatureNote

__all__ = ["INTENSITY_STATISTICS", "STATISTICS", "TISSUE_STATISTICS", "joint_counts", "region_statistics"]

STATISTICS: dict[str, FeatureNote] = {
    "volume_mm3": FeatureNote("mm3", "Volume of the label"),
    "mean": FeatureNote("intensity", "Mean intensity"),
    "sd": FeatureNote("intensity", "Standard deviation of the intensity"),
    "median": FeatureNote("intensity", "Median intensity"),
    "p5": FeatureNote("intensity", "5th percentile of the intensity"),
    "p95": FeatureNote("intensity", "95th percentile of the intensity"),
    "csf_share": FeatureNote("share", "Share of the region that is cerebrospinal fluid or no tissue"),
    "gm_share": FeatureNote("share", "Share of the region that is grey matter"),
    "wm_share": FeatureNote("share", "Share of the region that is white matter"),
}
"""Every statistic of a region, in the order of the columns; the notes say unit and meaning."""

INTENSITY_STATISTICS = ("mean", "sd", "median", "p5", "p95")
TISSUE_STATISTICS = ("csf_share", "gm_share", "wm_share")

_PERCENTILES = {"median": 50.0, "p5": 5.0, "p95": 95.0}
_MOST_CELLS = 1 << 22  # 32 MiB of counts; a larger table is slower than a sort


def region_statistics(
    values: NDArray[np.floating[Any]],
    regions: NDArray[np.integer[Any]],
    n_regions: int,
    statistics: Iterable[str] = INTENSITY_STATISTICS,
) -> dict[str, NDArray[np.float64]]:
    """Measure intensities in every region.

    Parameters
    ----------
    values : ndarray of shape (n_voxels,)
        Finite intensities of the labelled voxels.
    regions : ndarray of shape (n_voxels,)
        Region number of each, 0 … n_regions − 1.
    n_regions : int
        Number of regions.
    statistics : iterable of str
        Among ``mean``, ``sd`` (with n − 1), ``median``, ``p5`` and ``p95`` (linear between neighbours:
        Hyndman and Fan 1996, definition 7); others are ignored.

    Returns
    -------
    dict of str to ndarray of shape (n_regions,)
        NaN where a region has no voxel, and an sd of 0 where it has one.

    Examples
    --------
    >>> values, regions = np.array([1.0, 3.0, 8.0, 4.0]), np.array([0, 0, 0, 2])
    >>> found = region_statistics(values, regions, 3, ["mean", "p95"])
    >>> {name: column.tolist() for name, column in found.items()}
    {'mean': [4.0, nan, 4.0], 'p95': [7.5, nan, 4.0]}
    """
    wanted = [name for name in statistics if name in INTENSITY_STATISTICS]
    if values.size == 0:
        return {name: np.full(n_regions, np.nan) for name in wanted}
    if not wanted:
        return {}
    low, span = _whole_range(values)
    if 0 < span <= _MOST_CELLS // max(n_regions, 1):
        counts = joint_counts((values - low).astype(np.int64), regions, n_regions, span)
        table = _from_counts(counts, low, wanted)
    else:
        table = _from_voxels(values, regions, n_regions, wanted)
    return {name: table[name] for name in wanted}


def joint_counts(
    bins: NDArray[np.integer[Any]], regions: NDArray[np.integer[Any]], n_regions: int, n_bins: int
) -> NDArray[np.int64]:
    """Count voxels by region and bin in one pass.

    Parameters
    ----------
    bins : ndarray of shape (n_voxels,)
        0 … n_bins − 1.
    regions : ndarray of shape (n_voxels,)
        0 … n_regions − 1.
    n_regions, n_bins : int
        Size of the table.

    Returns
    -------
    ndarray of shape (n_regions, n_bins)

    Examples
    --------
    >>> joint_counts(np.array([0, 2, 2]), np.array([0, 1, 1]), 2, 3)
    array([[1, 0, 0],
           [0, 0, 2]])
    """
    cells = regions.astype(np.int64, copy=False) * n_bins
    cells += bins
    return np.bincount(cells, minlength=n_regions * n_bins).reshape(n_regions, n_bins)


def _whole_range(values: NDArray[np.floating[Any]]) -> tuple[float, int]:
    """Return the smallest value and the number of whole numbers up to the largest; 0 for fractions."""
    low, high = float(values.min()), float(values.max())
    if high - low >= _MOST_CELLS or bool((values != np.rint(values)).any()):
        return 0.0, 0
    return low, int(high - low) + 1


def _from_counts(counts: NDArray[np.int64], low: float, wanted: list[str]) -> dict[str, NDArray[np.float64]]:
    levels = np.arange(counts.shape[1], dtype=np.float64)
    n = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = counts @ levels / n
        table = {"mean": mean + low}
        if "sd" in wanted:  # about the mean, so that nothing cancels
            squares = (counts * (levels - mean[:, None]) ** 2).sum(axis=1)
            table["sd"] = _spread(squares, n)
    if any(name in _PERCENTILES for name in wanted):
        reached = np.cumsum(counts, axis=1)

        def ranked(rank: NDArray[np.int64]) -> NDArray[np.float64]:
            # The value of rank k is the first whose cumulated count exceeds k.
            values: NDArray[np.float64] = (reached <= rank[:, None]).sum(axis=1) + low
            return values

        table |= _percentiles(wanted, n, ranked)
    return table


def _from_voxels(
    values: NDArray[np.floating[Any]], regions: NDArray[np.integer[Any]], n_regions: int, wanted: list[str]
) -> dict[str, NDArray[np.float64]]:
    n = np.bincount(regions, minlength=n_regions).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(regions, weights=values, minlength=n_regions) / n
        table = {"mean": mean}
        if "sd" in wanted:
            deviations = (values - mean[regions]) ** 2  # about the mean, so that nothing cancels
            squares = np.bincount(regions, weights=deviations, minlength=n_regions).astype(np.float64)
            table["sd"] = _spread(squares, n)
    if any(name in _PERCENTILES for name in wanted):
        ordered = _sort_within(np.asarray(values, dtype=np.float32), regions, n)
        starts = np.concatenate([[0], np.cumsum(n)[:-1]])
        last = ordered.size - 1  # an empty region at the end begins behind it

        def ranked(rank: NDArray[np.int64]) -> NDArray[np.float64]:
            values: NDArray[np.float64] = ordered[np.minimum(starts + rank, last)].astype(np.float64)
            return values

        table |= _percentiles(wanted, n, ranked)
    return table


def _spread(squares: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(n > 0, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


def _percentiles(
    wanted: list[str], n: NDArray[np.int64], ranked: Callable[[NDArray[np.int64]], NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    table = {}
    for name in wanted:
        if name in _PERCENTILES:
            exact = np.maximum(n - 1, 0) * (_PERCENTILES[name] / 100.0)
            below = np.floor(exact).astype(np.int64)
            lower, upper = ranked(below), ranked(np.minimum(below + 1, np.maximum(n - 1, 0)))
            table[name] = np.where(n > 0, lower + (exact - below) * (upper - lower), np.nan)
    return table


def _sort_within(
    values: NDArray[np.float32], regions: NDArray[np.integer[Any]], n: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Sort the values inside each region, of which each has ``n``; region after region."""
    # Numbers of up to 16 bits are put in order in linear time, and a region's values lie in the cache.
    kinds = (kind for kind in (np.uint8, np.uint16) if len(n) <= np.iinfo(kind).max + 1)
    ordered = values[np.argsort(regions.astype(next(kinds, np.int64)), kind="stable")]
    ends = np.cumsum(n)
    for start, end in zip((ends - n).tolist(), ends.tolist(), strict=True):
        ordered[start:end].sort()
    return ordered
