"""How a slide is measured: what a person may choose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from normwise.schema import FeaturesSection

__all__ = ["HALO_UM", "SlideSettings"]

HALO_UM = 16.0
"""Seen around every tile: more than half of the largest nucleus, and the reach of every filter."""


@dataclass(frozen=True)
class SlideSettings:
    """What a person may choose; JSON can say all of it.

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
    def of(cls, section: FeaturesSection) -> SlideSettings:
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
        """Return them as a plain dict, for a child process and for hashes."""
        return asdict(self)
