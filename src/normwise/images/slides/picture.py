"""A PNG or JPEG picture as a slide of one level."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError, NormwiseWarning
from normwise.images.slides.source import Level, on_white, unreadable

__all__ = ["PICTURES", "PictureSource", "cut", "read_picture"]

PICTURES = (".png", ".jpg", ".jpeg")

MOST_PIXELS = 100_000_000
"""Of a picture, which has no tiles and is unpacked whole: 300 MB."""

_PNG, _LAST = b"\x89PNG\r\n\x1a\n", b"IEND"  # the first bytes of a file, the kind of its last chunk
_DEEP = (2, 4, 6)  # colours, and grey with transparency: what a PNG has of them in 16 bits pillow cuts to 8
_PIECE = 1 << 20  # bytes that are read at once


class PictureSource:
    """A picture, unpacked whole. Its dots per inch are a printer's, so it has no µm per pixel.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ImageError
        IMG-801 it is no whole picture; IMG-803 it is too large.

    Warns
    -----
    NormwiseWarning
        IMG-910, its 16 bits are cut to 8.
    """

    mpp: tuple[float, float] | None = None
    magnification: float | None = None

    def __init__(self, path: Path) -> None:
        pixels = read_picture(path)
        if pixels.ndim == 2:  # the upper 8 bits of grey, as pillow has them in colour
            if (pixels % 257).any():  # 8 bits that were stored as 16 lose nothing
                _warn_of_depth(path.name)
            pixels = np.repeat((pixels >> 8).astype(np.uint8)[..., None], 3, axis=2)
        self._rgb: npt.NDArray[np.uint8] = pixels
        height, width = pixels.shape[:2]
        self.levels: tuple[Level, ...] = (Level(width, height, 1.0),)

    def read(self, x: int, y: int, width: int, height: int, level: int) -> npt.NDArray[np.uint8]:
        """Return a region, white outside the picture; there is one ``level``."""
        assert level == 0
        return cut(self._rgb, x, y, width, height)

    def close(self) -> None:
        """Nothing is open: the picture is in memory."""


def read_picture(path: Path) -> npt.NDArray[Any]:
    """Unpack a picture, white where it is transparent.

    Returns
    -------
    ndarray
        Colours of shape (height, width, 3), uint8, of which 16 bits become the upper 8; or of shape
        (height, width), uint16, where the file has grey of 16 bits, which would be clipped otherwise.

    Raises
    ------
    ImageError
        IMG-801 it is no whole picture; IMG-803 it is too large.

    Warns
    -----
    NormwiseWarning
        IMG-910, colours of 16 bits are cut to 8.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            _check_sums(path)
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is lower
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise _too_large(path.name, width, height)
                pixels = _pixels_of(picture)
    except Image.DecompressionBombError as error:
        raise _too_large(path.name, 0, 0) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(path.name, str(error)) from error
    with path.open("rb") as file:
        head = file.read(26)  # where a PNG has its bits at 24 and its colour type at 25
    if head.startswith(_PNG) and head[24] == 16 and head[25] in _DEEP:
        _warn_of_depth(path.name)
    return pixels


def _warn_of_depth(name: str) -> None:
    text = "a picture has 16 bits, and the upper 8 are read."
    warnings.warn(NormwiseWarning("IMG-910", text, subject=name), stacklevel=3)


def _check_sums(path: Path) -> None:
    """Hold every chunk of a PNG against its checksum, which pillow passes over in the last chunks of pixels.

    Raises
    ------
    ValueError
        A chunk is damaged, or the file ends before the last one.
    """
    with path.open("rb") as file:
        kind = b"" if file.read(len(_PNG)) == _PNG else _LAST  # JPEG has no checksums
        while kind != _LAST:
            start = file.tell()
            left, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\0"))
            checksum = zlib.crc32(kind)
            while left and (part := file.read(min(left, _PIECE))):
                checksum, left = zlib.crc32(part, checksum), left - len(part)
            if file.read(4) != checksum.to_bytes(4, "big"):
                raise ValueError(
                    f"the checksum of the chunk at byte {start} is wrong, or the file is cut off"
                )


def _pixels_of(picture: Any) -> npt.NDArray[Any]:
    if not picture.mode.startswith("I"):
        return on_white(np.asarray(picture.convert("RGBA")))
    grey = np.asarray(picture)
    clear = grey == picture.info.get("transparency", -1)
    return np.where(clear, np.iinfo(np.uint16).max, grey).astype(np.uint16)


def cut(rgb: npt.NDArray[np.uint8], x: int, y: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return a region of an array, white where it reaches outside.

    Examples
    --------
    >>> cut(np.zeros((2, 2, 3), np.uint8), 1, 1, 2, 1)[:, :, 0]
    array([[  0, 255]], dtype=uint8)
    """
    region = np.full((height, width, 3), 255, np.uint8)
    left, top = max(x, 0), max(y, 0)
    part = rgb[top : max(y + height, 0), left : max(x + width, 0)]
    region[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]] = part
    return region


def _too_large(name: str, width: int, height: int) -> ImageError:
    return ImageError(
        "IMG-803",
        "the picture is too large to be unpacked whole.",
        subject=name,
        seen=f"{width} × {height} px" if width else "more than 178 million px",
        expected=f"at most {MOST_PIXELS} px",
        advice="store it as a tiled, pyramidal TIFF",
    )
