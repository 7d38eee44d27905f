"""What tells a slide that can't be measured: each check is a measured value and its range."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from normwise.features.feature_table import check_range
from normwise.features.slides.tile_table import TileTable
from normwise.features.slides.tissue import DARK, FOLD, PEN, TISSUE, TissueMap
from normwise.results import Quality

__all__ = ["check_slide"]

_LEAST_TISSUE_MM2 = 0.1
_MOST_FOLDED = 0.1
_LEAST_SHARPNESS = 0.15
_FEWEST_NUCLEI = 100.0
_NUCLEUS_UM2 = (10.0, 120.0)
"""Of the median: from small lymphocytes to large carcinoma cells; blurred or out of scale it lies outside."""

_MOST_HAEMATOXYLIN_OD = 2.0
"""Of the median nucleus: real ones have 0.3 to 1.4, a black ground taken for one 2.4 and more."""

_LEAST_EOSIN_OD = 0.0
"""Of the tissue between the nuclei; below, its colour is that of neither dye."""

_MAGNIFIED_UM = (6.5, 15.0)
"""Magnification times µm per pixel, 10 of nearly every scanner: a factor of two lies outside."""


def check_slide(
    features: Mapping[str, float],
    tissue: TissueMap,
    table: TileTable,
    *,
    n_nuclei: int,
    damaged: float,
    allowed_damage: float,
    magnified_um: float | None,
) -> list[Quality]:
    """Hold what was measured on a slide against what a slide can have.

    Parameters
    ----------
    features : mapping of str to float
        Of `normwise.features.slides.slide_features.slide_vector`.
    tissue : TissueMap
        The slide at low magnification.
    table : TileTable
        Its tiles.
    n_nuclei : int
        How many were found.
    damaged, allowed_damage : float
        Share of the tiles that can't be read, and that may be.
    magnified_um : float or None
        Magnification of the objective times µm per pixel, where the file says it.

    Returns
    -------
    list of Quality
    """
    area, folded, pen, dark = (tissue.area_mm2(kind) for kind in (TISSUE, FOLD, PEN, DARK))
    medians = np.median(table.vectors.astype(np.float64), axis=0)
    tiles = dict(zip(table.names, medians.tolist(), strict=True))
    checks = [
        check_range(
            "tissue", "area", "mm²", area, _LEAST_TISSUE_MM2, None, "too little tissue for stable percentiles"
        ),
        check_range(
            "tissue",
            "folds",
            "share",
            folded / (area + folded),
            None,
            _MOST_FOLDED,
            "tissue that lies double",
        ),
        check_range("tissue", "pen", "mm²", pen, None, None, "area of pen marks, left out"),
        check_range("tissue", "black", "mm²", dark, None, None, "area where no light came through, left out"),
        check_range(
            "tiles",
            "damaged",
            "share",
            damaged,
            None,
            allowed_damage,
            "share of the tiles that can't be read",
        ),
        check_range(
            "tiles",
            "sharpness",
            "",
            tiles["tissue.sharpness"],
            _LEAST_SHARPNESS,
            None,
            "median over tiles; below, out of focus",
        ),
        check_range(
            "tiles",
            "eosin",
            "log10 OD",
            tiles["tissue.e_od"],
            _LEAST_EOSIN_OD,
            None,
            "median over tiles, between nuclei; below, colours of other dyes",
        ),
        check_range("nuclei", "found", "", n_nuclei, _FEWEST_NUCLEI, None, "too few nuclei for percentiles"),
        check_range(
            "nuclei",
            "median area",
            "µm²",
            features["nucleus.area_um2.p50"],
            *_NUCLEUS_UM2,
            "outside, out of focus, or µm per pixel are wrong",
        ),
        check_range(
            "nuclei",
            "haematoxylin",
            "log10 OD",
            features["nucleus.h_od.p50"],
            None,
            _MOST_HAEMATOXYLIN_OD,
            "median over nuclei; above, black was taken for dye",
        ),
    ]
    if magnified_um is not None:
        checks.append(
            check_range(
                "slide",
                "magnification times pixel size",
                "µm",
                magnified_um,
                *_MAGNIFIED_UM,
                "10 of nearly every scanner; outside, µm per pixel or the magnification are wrong",
            )
        )
    return checks
