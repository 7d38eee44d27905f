"""Files of scanners, by openslide, and by tifffile where openslide does not read all levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.errors import ImageError
from normwise.images.slides.source import (
    MOST_TILE_BYTES,
    Level,
    Source,
    damaged,
    on_white,
    same_picture,
    unreadable,
)

__all__ = ["SCANNERS", "ScannerSource", "open_scanner"]

SCANNERS = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".svslide", ".tif", ".tiff")

_TIFF = (".svs", ".ndpi", ".scn", ".bif", ".svslide", ".tif", ".tiff")
_NO_VENDOR = "generic-tiff"
_READ_BY_BOTH = (_NO_VENDOR, "aperio")
_CACHE_BYTES = 32 << 20  # of unpacked tiles: neighbours share them at the seams, and memory stays flat


def open_scanner(path: Path) -> Source:
    """Open a scanner's file.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    Source

    Raises
    ------
    ImageError
        IMG-801, nothing reads it; IMG-803, a header beyond all measure.
    """
    import openslide

    from normwise.images.slides.directories import check_directories
    from normwise.images.slides.tiff import TiffSource

    if path.suffix.lower() in _TIFF:
        check_directories(path)
    try:
        source = ScannerSource(path)
    except openslide.OpenSlideUnsupportedFormatError as error:
        if path.suffix.lower() not in _TIFF:
            raise unreadable(path.name, "no format that openslide knows") from error
        return TiffSource(path)
    except openslide.OpenSlideError as error:
        raise unreadable(path.name, str(error)) from error
    return _by_tifffile(source, path) if source.vendor in _READ_BY_BOTH else source


def _by_tifffile(source: ScannerSource, path: Path) -> Source:
    """Return tifffile's reader where it sees more than openslide does, else openslide's.

    openslide sees one level of an OME-TIFF, whose coarser levels are sub-images of the first, and passes over
    the checksums of deflate.
    """
    from normwise.images.slides.tiff import SeparateChannelsError, TiffSource, is_deflated

    single = source.vendor == _NO_VENDOR and len(source.levels) == 1
    if not single and not is_deflated(path):
        return source
    try:
        other = TiffSource(path)
    except ImageError as error:
        if isinstance(error.__cause__, SeparateChannelsError):  # openslide shows the first channel alone
            source.close()
            raise
        return source
    if single and (len(other.levels) > 1 or source.mpp is None):
        source.close()
        return other
    sizes = [[(level.width, level.height) for level in each.levels] for each in (other, source)]
    if is_deflated(path) and sizes[0] == sizes[1]:
        other.mpp, other.magnification = source.mpp, source.magnification
        source.close()
        return other
    other.close()
    return source


class ScannerSource:
    """A file that openslide reads; opened anew after a damaged tile, which openslide does not survive.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._slide = self._open()
        about = self._slide.properties
        self.vendor = str(about.get("openslide.vendor", ""))
        sizes = self._slide.level_dimensions
        # Vendors pad their levels; in other files a level of another shape is another picture.
        self._numbers = [
            number
            for number, size in enumerate(sizes)
            if self.vendor != _NO_VENDOR or same_picture(size, sizes[0])
        ]
        self.levels = tuple(
            Level(int(sizes[number][0]), int(sizes[number][1]), float(self._slide.level_downsamples[number]))
            for number in self._numbers
        )
        self.mpp = _mpp(about)
        self.magnification = _magnification(about, self.vendor)
        for number in self._numbers:
            sides = [
                int(about.get(f"openslide.level[{number}].tile-{side}", 0)) for side in ("width", "height")
            ]
            if sides[0] * sides[1] * 4 > MOST_TILE_BYTES:
                self.close()
                raise unreadable(path.name, f"tiles of {sides[0]} × {sides[1]} px")

    def read(self, x: int, y: int, width: int, height: int, level: int) -> npt.NDArray[np.uint8]:
        """Return a region; what no tile covers is white."""
        import openslide

        try:
            rgba = np.asarray(self._slide.read_region((x, y), self._numbers[level], (width, height)))
        except openslide.OpenSlideError as error:
            self.close()
            self._slide = self._open()
            raise damaged(self._path.name, x, y, str(error)) from error
        return on_white(rgba)

    def close(self) -> None:
        """Close the file."""
        self._slide.close()

    def _open(self) -> Any:
        import openslide

        slide = openslide.OpenSlide(str(self._path))
        slide.set_cache(openslide.OpenSlideCache(_CACHE_BYTES))
        return slide


def _mpp(about: Any) -> tuple[float, float] | None:
    try:
        return float(about["openslide.mpp-x"]), float(about["openslide.mpp-y"])
    except (KeyError, ValueError):
        return None


def _magnification(about: Any, vendor: str) -> float | None:
    """Return the objective's magnification; MIRAX leaves the camera's adapter out of it."""
    try:
        return None if vendor == "mirax" else float(about["openslide.objective-power"])
    except (KeyError, ValueError):
        return None
