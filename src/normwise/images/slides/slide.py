"""One adapter over every kind of whole-slide image: size, levels, µm per pixel, and regions as RGB."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.extras import EXTRAS, need_packages
from normwise.images.paths import check_file
from normwise.images.slides.picture import PICTURES, PictureSource
from normwise.images.slides.scanner import SCANNERS, open_scanner
from normwise.images.slides.source import Level, Source, check_levels

__all__ = ["SLIDE_SUFFIXES", "Slide", "open_slide"]

RGB = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

SLIDE_SUFFIXES = (*SCANNERS, *PICTURES)
"""Endings of the names of files that `open_slide` reads."""

FINEST_UM, COARSEST_UM = 0.02, 20.0
"""µm per pixel that a light microscope's picture can have; print resolutions, as 72 dpi, lie far outside."""

_CLOSE = 0.02  # a level whose pixels are this near to the wanted size is read as it is
_BLOCK = 2048  # px of a level that are unpacked at once for a thumbnail
_MOST_PIXELS = 1 << 28  # of one region: 256 Mpx are 768 MB, more than any tile or thumbnail asks for


class Slide:
    """A whole-slide image, read region by region; nothing but its pixels is ever read.

    Label and macro pictures, which may show a name, are not opened.

    Parameters
    ----------
    path : Path
        The file.
    source : Source
        The reader of its pixels.
    mpp : tuple of two floats
        µm per pixel in x and y at level 0.

    Attributes
    ----------
    name : str
        The file's name.
    size : tuple of two ints
        Width and height at level 0, px.
    levels : tuple of Level
        From the finest to the coarsest.
    mpp : tuple of two floats
        µm per pixel in x and y at level 0.
    magnification : float or None
        Of the objective, as the file says it.
    """

    def __init__(self, path: Path, source: Source, mpp: tuple[float, float]) -> None:
        self.path = path
        self.name = path.name
        self.levels: tuple[Level, ...] = source.levels
        self.size = (self.levels[0].width, self.levels[0].height)
        self.mpp = mpp
        self._source = source

    @property
    def magnification(self) -> float | None:
        """Of the objective, as the file says it."""
        return self._source.magnification

    @property
    def area_mm2(self) -> float:
        """Area of the whole picture, mm²."""
        return self.size[0] * self.mpp[0] * self.size[1] * self.mpp[1] / 1e6

    def read_region(self, x: int, y: int, width: int, height: int, level: int = 0) -> RGB:
        """Read pixels of one level.

        Parameters
        ----------
        x, y : int
            Upper left corner, px of level 0.
        width, height : int
            Size, px of ``level``.
        level : int
            0 is the finest.

        Returns
        -------
        ndarray of uint8 of shape (height, width, 3)
            RGB; what is transparent or outside the slide is white.

        Raises
        ------
        ImageError
            IMG-804 a region beyond 256 Mpx; IMG-805 a part of it is damaged.
        """
        if width < 1 or height < 1 or width * height > _MOST_PIXELS:
            raise ImageError(
                "IMG-804",
                f"a region of {width} × {height} px can't be read at once.",
                subject=self.name,
                expected=f"1 to {_MOST_PIXELS} px",
                advice="read a coarser level, or smaller regions",
            )
        return self._source.read(x, y, width, height, level)

    def read_at(self, x: int, y: int, width: int, height: int, mpp: float) -> RGB:
        """Read pixels of a wanted size, from the next finer level, averaged where several fall into one.

        Parameters
        ----------
        x, y : int
            Upper left corner, px of level 0.
        width, height : int
            Size of the result, px.
        mpp : float
            µm per pixel of the result.

        Returns
        -------
        ndarray of uint8 of shape (height, width, 3)

        Raises
        ------
        ImageError
            As `read_region`.
        """
        import cv2

        level = self.level_at(mpp)
        step = self.levels[level].downsample
        wide = max(round(width * mpp / (self.mpp[0] * step)), 1)
        high = max(round(height * mpp / (self.mpp[1] * step)), 1)
        if abs(wide / width - 1) <= _CLOSE and abs(high / height - 1) <= _CLOSE:
            return self.read_region(x, y, width, height, level)
        region = self.read_region(x, y, wide, high, level)
        method = cv2.INTER_AREA if wide >= width else cv2.INTER_LINEAR
        resized: RGB = cv2.resize(region, (width, height), interpolation=method)
        return resized

    def level_at(self, mpp: float) -> int:
        """Return the coarsest level whose pixels are no larger than ``mpp`` µm, or the finest there is."""
        fits = [
            number
            for number, level in enumerate(self.levels)
            if max(self.mpp) * level.downsample <= mpp * (1 + _CLOSE)
        ]
        return fits[-1] if fits else 0

    def thumbnail(
        self, mpp: float = 8.0, *, most: int = 4096, damaged: list[Box] | None = None
    ) -> tuple[RGB, float]:
        """Read the whole slide at low magnification, block by block.

        Parameters
        ----------
        mpp : float
            Wanted µm per pixel.
        most : int
            Longest side of the result, px; a larger slide is read coarser.
        damaged : list, optional
            Is filled with (left, top, width, height) in px of the result of what can't be read, which is
            white. Without it a damaged tile is an error.

        Returns
        -------
        rgb : ndarray of uint8 of shape (height, width, 3)
        mpp : float
            Its µm per pixel.

        Raises
        ------
        ImageError
            IMG-805.
        """
        wide, high = self.size[0] * self.mpp[0], self.size[1] * self.mpp[1]
        mpp = max(mpp, wide / most, high / most, *self.mpp)
        whole = np.full((max(int(high / mpp), 1), max(int(wide / mpp), 1), 3), 255, np.uint8)
        # A slide without a coarse level is unpacked whole for this, so never at once.
        finest = min(self.mpp) * self.levels[self.level_at(mpp)].downsample
        side = max(int(_BLOCK * finest / mpp), 1)
        for top in range(0, whole.shape[0], side):
            for left in range(0, whole.shape[1], side):
                box = (left, top, min(side, whole.shape[1] - left), min(side, whole.shape[0] - top))
                self._fill(whole, box, mpp, damaged, smallest=side // 8)
        return whole, mpp

    def _fill(self, whole: RGB, box: Box, mpp: float, damaged: list[Box] | None, smallest: int) -> None:
        """Read a block; where it is damaged, its quarters, down to what a few tiles cover."""
        left, top, width, height = box
        try:
            whole[top : top + height, left : left + width] = self.read_at(
                round(left * mpp / self.mpp[0]), round(top * mpp / self.mpp[1]), width, height, mpp
            )
        except ImageError:
            if damaged is None:
                raise
            if max(width, height) <= max(smallest, 1):
                damaged.append(box)
                return
            for down, tall in _halves(top, height):
                for across, broad in _halves(left, width):
                    self._fill(whole, (across, down, broad, tall), mpp, damaged, smallest)

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_slide(path: str | Path, mpp: float | None = None) -> Slide:
    """Open a whole-slide image, or refuse it with a reason.

    Parameters
    ----------
    path : str or Path
        SVS, NDPI, MRXS, SCN, BIF, VMS or a (pyramidal, OME) TIFF; a PNG or JPEG tile.
    mpp : float, optional
        µm per pixel at level 0 of a file that doesn't say it, or states an impossible value; what the
        file states is used otherwise.

    Returns
    -------
    Slide

    Raises
    ------
    ImageError
        IMG-100 to IMG-102 no such file, or no such kind; IMG-801 it can't be read; IMG-802 no µm per pixel;
        IMG-803 hostile dimensions; IMG-806 the extra is not installed.
    """
    path = Path(path)
    source = _source_of(path)
    try:
        check_levels(source.levels, path.name)
        return Slide(path, source, _mpp_of(source, mpp, path.name))
    except ImageError:
        source.close()
        raise


def _source_of(path: Path) -> Source:
    need_packages(EXTRAS["slides"], "IMG-806", ImageError, subject=path.name)
    check_file(path)
    ending = path.suffix.lower()
    if ending in PICTURES:
        return PictureSource(path)
    if ending in SCANNERS:
        return open_scanner(path)
    raise ImageError(
        "IMG-102",
        "the file's name is of no kind that is read.",
        subject=path.name,
        seen=f"a name that ends in {ending!r}" if ending else "a name without an ending",
        expected=", ".join(SLIDE_SUFFIXES),
        advice="export the slide as a pyramidal TIFF",
    )


def _mpp_of(source: Source, given: float | None, name: str) -> tuple[float, float]:
    """Return the file's µm per pixel where a microscope can have it, else what was given."""
    stated = source.mpp
    for pair in (stated, (given, given)):
        if pair is not None and all(each and FINEST_UM <= each <= COARSEST_UM for each in pair):
            return float(pair[0] or 0), float(pair[1] or 0)
    seen = (
        f"{stated[0]:.3g} × {stated[1]:.3g} µm a pixel in the file"
        if stated
        else "nothing about it in the file"
    )
    raise ImageError(
        "IMG-802",
        "the size of a pixel is not known, so nothing can be measured.",
        subject=name,
        seen=seen if given is None else f"{seen}, {given:g} given",
        expected=f"{FINEST_UM:g} to {COARSEST_UM:g} µm a pixel",
        advice="give it, as --mpp 0.25 for most scans at 40×, 0.5 at 20×; the scanner's export states it",
    )


def _halves(start: int, length: int) -> list[tuple[int, int]]:
    """Return the two halves of a range, or the one there is.

    Examples
    --------
    >>> _halves(10, 5), _halves(10, 1)
    ([(10, 3), (13, 2)], [(10, 1)])
    """
    first = -(-length // 2)
    return [(start, first)] + ([(start + first, length - first)] if length > first else [])
