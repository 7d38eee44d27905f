"""The interface of readers of slides (levels, µm per pixel, regions), and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError

__all__ = ["Level", "Source", "check_levels", "damaged", "on_white", "same_picture", "unreadable"]

MOST_SIDE = 1 << 21
"""Longest side of a slide, px: two million at 0.25 µm are half a metre of glass."""

MOST_TILE_BYTES = 1 << 27
"""Bytes of one unpacked tile or strip: 128 MiB are a tile of 6,600 px, and no scanner writes any near it."""

_MOST_LEVELS = 32


@dataclass(frozen=True)
class Level:
    """One resolution of a slide: its size in px, and how many px of level 0 one of its px spans."""

    width: int
    height: int
    downsample: float


class Source(Protocol):
    """The reader of one kind of file.

    Attributes
    ----------
    levels : tuple of Level
        From the finest to the coarsest.
    mpp : tuple of two floats, or None
        µm per pixel at level 0 as the file says it, unchecked.
    magnification : float or None
        Of the objective, as the file says it.
    """

    levels: tuple[Level, ...]
    mpp: tuple[float, float] | None
    magnification: float | None

    def read(self, x: int, y: int, width: int, height: int, level: int) -> npt.NDArray[np.uint8]:
        """Return RGB of shape (height, width, 3) from the corner (x, y) at level 0; white outside."""

    def close(self) -> None:
        """Close the file."""


def check_levels(levels: tuple[Level, ...], name: str) -> None:
    """Refuse dimensions that no slide has, before memory is allocated.

    Parameters
    ----------
    levels : tuple of Level
        What the header claims.
    name : str
        The file, for the error.

    Raises
    ------
    ImageError
        IMG-803.
    """
    sides = [side for level in levels for side in (level.width, level.height)]
    if not 1 <= len(levels) <= _MOST_LEVELS or not all(1 <= side <= MOST_SIDE for side in sides):
        raise ImageError(
            "IMG-803",
            "the header claims dimensions that no slide has.",
            subject=name,
            seen=f"{len(levels)} levels, sides of {min(sides, default=0)} to {max(sides, default=0)} px",
            expected=f"1 to {_MOST_LEVELS} levels, sides of 1 to {MOST_SIDE} px",
            advice="the header is damaged or hostile: fetch the file again",
        )


def same_picture(size: tuple[int, int], finest: tuple[int, int]) -> bool:
    """Return whether a level shows what the finest one shows; a label or macro picture has another shape.

    Examples
    --------
    >>> same_picture((250, 188), (1000, 750)), same_picture((250, 100), (1000, 750))
    (True, False)
    """
    height = finest[1] * size[0] / finest[0]
    return abs(size[1] - height) <= 2 + 0.02 * height


def on_white(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return RGB of shape (height, width, 3), white where a picture is transparent.

    Examples
    --------
    >>> on_white(np.uint8([[[10, 20, 30, 255], [10, 20, 30, 0]]])).tolist()
    [[[10, 20, 30], [255, 255, 255]]]
    """
    if rgba[..., 3].min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def unreadable(name: str, seen: str) -> ImageError:
    """Return the error of a file that is no slide."""
    return ImageError(
        "IMG-801",
        "the file can't be read as a slide.",
        subject=name,
        seen=seen,
        expected="SVS, NDPI, MRXS, SCN, BIF, VMS or a tiled TIFF of 8-bit RGB or grey; PNG or JPEG",
        advice="fetch the file again, or export it as a pyramidal TIFF",
    )


def damaged(name: str, x: int, y: int, seen: str) -> ImageError:
    """Return the error of a region that can't be unpacked."""
    return ImageError(
        "IMG-805",
        f"the region at ({x}, {y}) px can't be read.",
        subject=name,
        seen=seen,
        advice="the file is damaged there: fetch it again",
    )
