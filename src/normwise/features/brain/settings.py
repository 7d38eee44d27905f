"""How a raw head is taken apart: what a person may choose, and what else a result depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["QUALITIES", "ChainSettings"]

QUALITIES = ("fast", "default", "high")
"""``fast`` warps coarsely, ``default`` warps at 2 mm, ``high`` warps at 2 mm for longer with ANTs."""


@dataclass(frozen=True)
class ChainSettings:
    """What a person may choose.

    Attributes
    ----------
    quality : {"default", "fast", "high"}
        See `QUALITIES`.
    already_stripped : bool
        The head holds the brain only; everything else is 0.
    masker : {"auto", "network", "template"}
        How the brain is found: by deepbet's network, by the template's mask, or by the network where torch
        and deepbet are installed.
    atlas : str
        Name of an installed atlas, or a label map in the template's space.
    lut : Path or None
        Look-up table of a label map.
    template : Path or None
        A T1-weighted brain without skull, in whose space the atlas lies; MNI152 by default. Its tissue priors
        are then told from its own intensities.
    threads : int
        Threads of the numeric libraries.
    """

    quality: str = "default"
    already_stripped: bool = False
    masker: str = "auto"
    atlas: str = "desikan_killiany"
    lut: Path | None = None
    template: Path | None = None
    threads: int = 1
