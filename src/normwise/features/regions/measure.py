"""The work of one process on one image: place the labels and measure every region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases import Placement, check_mni_space, place_atlas, place_labels
from normwise.features.regions.statistics import TISSUE_STATISTICS, joint_counts, region_statistics
from normwise.features.regions.tissue import (
    N_BINS,
    WHITE_BIN,
    bias_field,
    first_white,
    fit_tissue,
    quantise,
    tissue_shares,
)
from normwise.images import Volume, check_same_grid, read_labels, read_volume

__all__ = ["MEASURE_VERSION", "measure_regions", "measure_volume"]

MEASURE_VERSION = "1"
"""Raised whenever the numbers change: it keys the cache and the hash of the features."""


def measure_regions(
    image: str, statistics: list[str], *, atlas: str | None = None, labels: str | None = None
) -> dict[str, NDArray[np.generic]]:
    """Measure the regions of one image file.

    Parameters
    ----------
    image : str
        The image.
    statistics : list of str
        Keys of `normwise.features.regions.statistics.STATISTICS`.
    atlas : str, optional
        A packed atlas, placed on the image's grid.
    labels : str, optional
        A label map of this very image, on its grid.

    Returns
    -------
    dict of str to ndarray of shape (n_regions,)
        ``labels``, and one array a statistic.

    Raises
    ------
    ImageError
        The image or the map can't be read; IMG-104, they have different grids.
    FeatureError
        FEA-301, FEA-302 the image is not where the atlas is; FEA-303, FEA-304 three tissues are not found.
    """
    volume = read_volume(image)
    if atlas is not None:
        placement = place_atlas(Path(atlas), volume)
    else:
        label_map = read_labels(str(labels))
        check_same_grid(volume, label_map, Path(image).name)
        placement = place_labels(label_map)
    return {"labels": placement.labels, **measure_volume(volume, placement, statistics)}


def measure_volume(
    volume: Volume, placement: Placement, statistics: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Measure the regions of one volume.

    Parameters
    ----------
    volume : Volume
        The image.
    placement : Placement
        Its labelled voxels.
    statistics : list of str
        Keys of `normwise.features.regions.statistics.STATISTICS`.

    Returns
    -------
    dict of str to ndarray of shape (n_regions,)
        In the order of ``statistics``.
    """
    values = placement.values(volume)
    n_regions = len(placement.labels)
    tissue = any(name in TISSUE_STATISTICS for name in statistics)
    if placement.landmarks is not None:
        check_mni_space(volume, *placement.landmarks, refuse=tissue)
    columns = region_statistics(values, placement.regions, n_regions, statistics)
    if "volume_mm3" in statistics:
        counts = np.bincount(placement.regions, minlength=n_regions)
        columns["volume_mm3"] = counts.astype(np.float64) * volume.voxel_mm3
    if tissue:
        columns |= _shares(values, placement, volume)
    return {name: columns[name] for name in statistics}


def _shares(
    values: NDArray[np.float32], placement: Placement, volume: Volume
) -> dict[str, NDArray[np.float64]]:
    """Fit the tissues, correct the bias field, and fit them again."""

    def counts_of(intensities: NDArray[np.float32], white: float) -> NDArray[np.int64]:
        return joint_counts(quantise(intensities, white), placement.regions, len(placement.labels), N_BINS)

    guess = first_white(values)
    first = fit_tissue(counts_of(values, guess))
    relative = values * np.float32(WHITE_BIN / guess)
    corrected = values / bias_field(relative, placement.places(volume), first)
    counts = counts_of(corrected, guess * first.peaks[2] / WHITE_BIN)
    second = fit_tissue(counts, first.peaks * (WHITE_BIN / first.peaks[2]))
    return tissue_shares(counts, second)
