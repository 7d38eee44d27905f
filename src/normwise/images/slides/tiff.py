"""Tiled TIFF by tifffile: OME pyramids, whose levels are sub-images, and what openslide refuses."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.images.slides.picture import cut
from normwise.images.slides.source import MOST_TILE_BYTES, Level, damaged, missing_package, unreadable

__all__ = ["TiffSource"]

_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}  # ResolutionUnit: inch, centimetre
_UM_PER_NAME = {"µm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_FAULTS = (ValueError, TypeError, KeyError, IndexError, OSError, struct.error, zlib.error, RuntimeError)


class TiffSource:
    """A TIFF file, read a tile or a strip at a time.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ImageError
        IMG-801, it is damaged, or its pixels are of a kind that is not read.
    """

    def __init__(self, path: Path) -> None:
        try:
            import tifffile
        except ImportError as error:
            raise missing_package("tifffile") from error
        self._path = path
        try:
            self._file = tifffile.TiffFile(path)
        except (tifffile.TiffFileError, *_FAULTS) as error:
            raise unreadable(path.name, str(error) or type(error).__name__) from error
        try:
            self._pages = self._find_pages()
            self.mpp = self._find_mpp()
        except (tifffile.TiffFileError, *_FAULTS, AttributeError) as error:
            self.close()
            raise unreadable(path.name, str(error) or type(error).__name__) from error
        width = self._pages[0].imagewidth
        self.levels = tuple(
            Level(int(page.imagewidth), int(page.imagelength), width / page.imagewidth)
            for page in self._pages
        )

    def read(self, x: int, y: int, width: int, height: int, level: int) -> npt.NDArray[np.uint8]:
        """Return a region; what lies outside the picture is white."""
        page, step = self._pages[level], self.levels[level].downsample
        left, top = round(x / step), round(y / step)
        wide, high = _tile_size(page)
        region = np.full((height, width, 3), 255, np.uint8)
        across = -(-page.imagewidth // wide)
        rows = range(max(top, 0) // high, -(-min(top + height, page.imagelength) // high))
        for row in rows:
            for column in range(max(left, 0) // wide, -(-min(left + width, page.imagewidth) // wide)):
                try:
                    tile = self._tile(page, row * across + column)
                except _FAULTS as error:
                    raise damaged(self._path.name, x, y, str(error) or type(error).__name__) from error
                tile = tile[: page.imagelength - row * high, : page.imagewidth - column * wide]
                part = cut(tile, left - column * wide, top - row * high, width, height)
                up, down = max(row * high - top, 0), max(row * high + tile.shape[0] - top, 0)
                near, far = max(column * wide - left, 0), max(column * wide + tile.shape[1] - left, 0)
                region[up:down, near:far] = part[up:down, near:far]
        return region

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _find_pages(self) -> list[Any]:
        """Return the levels of the largest picture; label and macro pictures are other series."""
        series = max(self._file.series, key=lambda each: int(np.prod(each.shape[:2])))
        pages = [level.pages[0] for level in series.levels]
        for page in pages:
            samples = 1 if page.samplesperpixel == 1 else 3
            if page.dtype != np.uint8 or page.samplesperpixel not in {1, 3, 4} or page.planarconfig != 1:
                raise ValueError(
                    f"{page.samplesperpixel} samples of {page.dtype}, planes {page.planarconfig}"
                )
            wide, high = _tile_size(page)
            if wide < 1 or high < 1 or wide * high * samples > MOST_TILE_BYTES:
                raise ValueError(f"tiles or strips of {wide} × {high} px")
        return sorted(pages, key=lambda page: -page.imagewidth)

    def _find_mpp(self) -> tuple[float, float] | None:
        if (text := self._file.ome_metadata) and (pair := _ome_mpp(text)):
            return pair
        page = self._pages[0]
        unit = _UM_PER_UNIT.get(int(page.tags.valueof("ResolutionUnit", 0)))
        if unit is None:
            return None
        across, down = (page.tags.valueof(name, (0, 1)) for name in ("XResolution", "YResolution"))
        if not (across[0] and down[0]):
            return None
        return unit * across[1] / across[0], unit * down[1] / down[0]

    def _tile(self, page: Any, index: int) -> npt.NDArray[np.uint8]:
        offset, count = page.dataoffsets[index], page.databytecounts[index]
        wide, high = _tile_size(page)
        if count == 0:  # a tile that was never written: nothing was scanned there
            return np.full((high, wide, 3), 255, np.uint8)
        if count > MOST_TILE_BYTES:
            raise ValueError(f"a tile of {count} bytes")
        handle = self._file.filehandle
        handle.seek(offset)
        data = handle.read(count)
        if len(data) < count:
            raise ValueError(f"{len(data)} of {count} bytes of the tile are there")
        tile = page.decode(data, index, jpegtables=page.jpegtables)[0]
        if tile is None:
            return np.full((high, wide, 3), 255, np.uint8)
        tile = tile[0]
        if tile.shape[2] == 1:
            tile = np.repeat(255 - tile if page.photometric == 0 else tile, 3, axis=2)
        return np.ascontiguousarray(tile[..., :3])


def _tile_size(page: Any) -> tuple[int, int]:
    """Return width and height of a tile, or of a strip."""
    return (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)


def _ome_mpp(text: str) -> tuple[float, float] | None:
    """Read PhysicalSizeX and PhysicalSizeY of the first picture of an OME header."""
    import re

    if (first := re.search(r"<Pixels\b[^>]*>", text)) is None:
        return None
    sizes = dict(re.findall(r'(PhysicalSize[XY](?:Unit)?)\s*=\s*"([^"]*)"', first.group()))
    if not {"PhysicalSizeX", "PhysicalSizeY"} <= set(sizes):
        return None
    pair = []
    for axis in "XY":
        unit = sizes.get(f"PhysicalSize{axis}Unit", "µm").replace("\u03bc", "µm")  # Greek mu is written too
        if unit not in _UM_PER_NAME:
            return None
        pair.append(float(sizes[f"PhysicalSize{axis}"]) * _UM_PER_NAME[unit])
    return pair[0], pair[1]
