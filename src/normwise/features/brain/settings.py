"""What a user may choose for a raw head, and antspyx under the chosen number of threads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from normwise.errors import FeatureError
from normwise.extras import need_packages

__all__ = ["QUALITIES", "ChainSettings", "need_ants"]

QUALITIES = ("fast", "default", "high")
"""``fast`` warps coarsely, ``default`` warps at 2 mm, ``high`` warps at 2 mm for longer with ANTs."""


@dataclass(frozen=True)
class ChainSettings:
    """Settings of the chain.

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
        are then estimated from its own intensities.
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


def need_ants(threads: int) -> Any:
    """Import antspyx with so many threads.

    Raises
    ------
    FeatureError
        FEA-514, antspyx is not installed.
    """
    need_packages(("ants",), "FEA-514", FeatureError, subject="the bias field")
    # ITK reads this when it is loaded, and then takes every core by default.
    os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", str(threads))
    import ants

    return ants
