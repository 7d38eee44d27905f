"""Which tiles of a slide hold tissue, and where each is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.slides.tissue import TISSUE, TissueMap
from normwise.images import Slide
from normwise.schema import SlidesSection

__all__ = ["HALO_UM", "SlideSettings", "TilePlan", "plan_tiles"]

HALO_UM = 16.0
"""Read around every tile: more than half of the largest nucleus, and the reach of every filter."""


@dataclass(frozen=True)
class SlideSettings:
    """What a study may choose for slides, in values that JSON can hold.

    Attributes
    ----------
    mpp : float or None
        µm per pixel of slides that don't say it.
    measured_mpp : float
        µm per pixel at which nuclei are measured.
    tile_um : float
        Side of a tile.
    stains : str
        ``published``, or ``macenko`` or ``vahadane`` learnt from each slide.
    damaged_tiles : float
        Share of a slide's tiles that may be damaged.
    solidity : bool
        Whether outlines are measured.
    """

    mpp: float | None = None
    measured_mpp: float = 0.5
    tile_um: float = 512.0
    stains: str = "published"
    damaged_tiles: float = 0.02
    solidity: bool = False

    @classmethod
    def of(cls, section: SlidesSection) -> SlideSettings:
        """Take them out of ``[features]``."""
        return cls(
            mpp=section.mpp,
            measured_mpp=section.measured_mpp,
            tile_um=section.tile_um,
            stains=section.stains,
            damaged_tiles=section.damaged_tiles,
            solidity=section.solidity,
        )

    def as_json(self) -> dict[str, Any]:
        """Return them as a plain dict, for another process and for hashes."""
        return asdict(self)


LEAST_TISSUE = 0.02
"""Of a tile's area; a smaller corner of tissue is left out."""


@dataclass(frozen=True, eq=False)
class TilePlan:
    """The grid of tiles over one slide.

    Attributes
    ----------
    mpp : float
        µm per pixel at which they are read.
    side, halo : int
        Px of the core, and of what is seen on each side of it.
    corners : ndarray of int64 of shape (n_tiles, 2)
        Upper left corner of each core, px of level 0, row by row.
    places : ndarray of float64 of shape (n_tiles, 2)
        The same in µm from the slide's upper left corner.
    share : ndarray of float64 of shape (n_tiles,)
        Share of the core that is tissue at low magnification.
    """

    mpp: float
    side: int
    halo: int
    corners: NDArray[np.int64]
    places: NDArray[np.float64]
    share: NDArray[np.float64]

    def read(self, slide: Slide, number: int) -> NDArray[np.uint8]:
        """Read one tile with its halo; white beyond the slide.

        Raises
        ------
        ImageError
            IMG-805, it is damaged.
        """
        start = self.places[number] - self.halo * self.mpp
        side = self.side + 2 * self.halo
        x, y = (round(float(start[axis] / slide.mpp[axis])) for axis in (0, 1))
        return slide.read_at(x, y, side, side, self.mpp)


def plan_tiles(slide: Slide, tissue: TissueMap, settings: SlideSettings) -> TilePlan:
    """Choose the tiles of a grid over the slide that hold tissue.

    Parameters
    ----------
    slide : Slide
        The slide.
    tissue : TissueMap
        Its tissue.
    settings : SlideSettings
        Side of a tile, µm, and resolution.

    Returns
    -------
    TilePlan
        Without tiles where there is no tissue.
    """
    finest = max(slide.mpp) * slide.levels[slide.level_at(settings.measured_mpp)].downsample
    # A level within 2 % is read without resampling, and measured by its own µm per pixel.
    mpp = finest if abs(finest / settings.measured_mpp - 1) <= 0.02 else settings.measured_mpp
    side = max(round(settings.tile_um / mpp), 16)
    step = side * mpp
    columns = max(int(np.ceil(slide.size[0] * slide.mpp[0] / step - 1e-9)), 1)
    rows = max(int(np.ceil(slide.size[1] * slide.mpp[1] / step - 1e-9)), 1)
    share = _shares(tissue.classes == TISSUE, step / tissue.mpp, rows, columns)
    row, column = np.nonzero(share >= LEAST_TISSUE)
    places: NDArray[np.float64] = np.column_stack([column, row]).astype(np.float64) * step
    corners = np.rint(places / np.asarray(slide.mpp)).astype(np.int64)
    return TilePlan(mpp, side, round(HALO_UM / mpp), corners, places, share[row, column])


def _shares(mask: NDArray[np.bool_], step: float, rows: int, columns: int) -> NDArray[np.float64]:
    """Return the share of every grid cell that the mask covers, from sums over rectangles."""
    total = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    total[1:, 1:] = mask.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    down = np.clip(np.rint(np.arange(rows + 1) * step).astype(int), 0, mask.shape[0])
    across = np.clip(np.rint(np.arange(columns + 1) * step).astype(int), 0, mask.shape[1])
    sums = total[np.ix_(down, across)]
    covered = sums[1:, 1:] - sums[:-1, 1:] - sums[1:, :-1] + sums[:-1, :-1]
    share: NDArray[np.float64] = covered / step**2
    return share
