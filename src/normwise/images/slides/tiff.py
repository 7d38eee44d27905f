"""Tiled TIFF by tifffile: OME pyramids, planes of one colour each, and what openslide refuses."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normwise.images.slides.ome import OmePicture, nominal_magnification, ome_pictures, rgb_order
from normwise.images.slides.picture import cut
from normwise.images.slides.source import MOST_TILE_BYTES, Level, damaged, same_picture, unreadable

__all__ = ["SeparateChannelsError", "TiffSource", "is_deflated"]

_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0}  # ResolutionUnit: inch, centimetre
_BESIDE = re.compile(r"\b(label|macro|overview)\b", re.IGNORECASE)  # names of pictures of the whole glass
_JPEG = 7
_DEFLATE = (8, 32946)
_GREY, _RGB, _YCBCR = (0, 1), 2, 6  # colours of a TIFF; grey is white or black at 0
_FAULTS = (ValueError, TypeError, KeyError, IndexError, OSError, struct.error, zlib.error, RuntimeError)


class SeparateChannelsError(ValueError):
    """Planes of one channel each that are not red, green and blue: no part of them is the picture."""


class TiffSource:
    """A TIFF file, read a tile or a strip at a time.

    A level is one page of grey or RGB, or the planes of red, green and blue.

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
        import tifffile

        self._path = path
        try:
            self._file = tifffile.TiffFile(path)
        except (tifffile.TiffFileError, *_FAULTS) as error:
            raise unreadable(path.name, str(error) or type(error).__name__) from error
        try:
            self._levels = self._find_levels()
            text = self._file.ome_metadata or ""
            self.mpp = self._find_mpp(ome_pictures(text))
            self.magnification = nominal_magnification(text)
        except (tifffile.TiffFileError, *_FAULTS, AttributeError) as error:
            self.close()
            raise unreadable(path.name, str(error) or type(error).__name__) from error
        pages = [planes[0].keyframe for planes in self._levels]
        self.levels = tuple(
            Level(int(page.imagewidth), int(page.imagelength), pages[0].imagewidth / page.imagewidth)
            for page in pages
        )

    def read(self, x: int, y: int, width: int, height: int, level: int) -> npt.NDArray[np.uint8]:
        """Return a region; what lies outside the picture is white."""
        page, step = self._levels[level][0].keyframe, self.levels[level].downsample
        left, top = round(x / step), round(y / step)
        wide, high = _tile_size(page)
        region = np.full((height, width, 3), 255, np.uint8)
        across = -(-page.imagewidth // wide)
        rows = range(max(top, 0) // high, -(-min(top + height, page.imagelength) // high))
        for row in rows:
            for column in range(max(left, 0) // wide, -(-min(left + width, page.imagewidth) // wide)):
                try:
                    tile = self._tile(level, row * across + column)
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

    def _find_levels(self) -> list[list[Any]]:
        """Return the pages of each level of the largest picture; label and macro pictures are never one."""
        pictures = [each for each in self._file.series if not _BESIDE.search(each.name)]
        if not pictures:
            raise ValueError("no picture but those of the label or of the whole glass")
        series = max(pictures, key=_area)
        size = (series.keyframe.imagewidth, series.keyframe.imagelength)
        about = [each for each in ome_pictures(self._file.ome_metadata or "") if each.size == size]
        channels = about[0].channels if about else ()
        levels = [_planes_of(level, channels) for level in series.levels]
        for pages in levels:
            _check_pages(pages)
        levels.sort(key=lambda pages: -pages[0].keyframe.imagewidth)
        sizes = [(pages[0].keyframe.imagewidth, pages[0].keyframe.imagelength) for pages in levels]
        return [pages for pages, size in zip(levels, sizes, strict=True) if same_picture(size, sizes[0])]

    def _find_mpp(self, pictures: list[OmePicture]) -> tuple[float, float] | None:
        page = self._levels[0][0].keyframe
        size = (page.imagewidth, page.imagelength)
        for picture in pictures:
            if picture.size == size and picture.mpp is not None:
                return picture.mpp
        unit = _UM_PER_UNIT.get(int(page.tags.valueof("ResolutionUnit", 0)))
        if unit is None:
            return None
        across, down = (page.tags.valueof(name, (0, 1)) for name in ("XResolution", "YResolution"))
        if not (across[0] and down[0]):
            return None
        return unit * across[1] / across[0], unit * down[1] / down[0]

    def _tile(self, level: int, index: int) -> npt.NDArray[np.uint8]:
        pages = self._levels[level]
        about = pages[0].keyframe
        if about.planarconfig == 1:
            parts = [self._decode(page, index) for page in pages]
        else:  # all tiles of red, then all of green, then all of blue
            step = len(about.dataoffsets) // about.samplesperpixel
            parts = [self._decode(pages[0], index + plane * step) for plane in range(3)]
        return parts[0] if len(parts) == 1 else np.stack([part[..., 0] for part in parts], axis=2)

    def _decode(self, page: Any, index: int) -> npt.NDArray[np.uint8]:
        """Return a tile as RGB; one that was never written is white: nothing was scanned there."""
        offset, count = page.dataoffsets[index], page.databytecounts[index]
        about = page.keyframe  # what pages of one kind share is held by the first alone
        wide, high = _tile_size(about)
        if count == 0:
            return np.full((high, wide, 3), 255, np.uint8)
        if count > MOST_TILE_BYTES:
            raise ValueError(f"a tile of {count} bytes")
        handle = self._file.filehandle
        handle.seek(offset)
        data = handle.read(count)
        if len(data) < count:
            raise ValueError(f"{len(data)} of {count} bytes of the tile are there")
        tile = page.decode(data, index, jpegtables=about.jpegtables)[0]
        if tile is None:
            return np.full((high, wide, 3), 255, np.uint8)
        tile = tile[0]
        if tile.shape[2] == 1:
            tile = np.repeat(255 - tile if about.photometric == 0 else tile, 3, axis=2)
        return np.ascontiguousarray(tile[..., :3])


def is_deflated(path: Path) -> bool:
    """Return whether the pixels of a TIFF file are packed by deflate, in three colours or grey.

    A fourth sample, alpha, is left to openslide.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            return page.compression in _DEFLATE and page.samplesperpixel in {1, 3}
    except (tifffile.TiffFileError, *_FAULTS, AttributeError):
        return False


def _area(series: Any) -> int:
    """Return the px of a picture, wherever its channels stand among the axes."""
    sizes = dict(zip(series.axes, series.shape, strict=True))
    return int(sizes.get("X", 0)) * int(sizes.get("Y", 0))


def _planes_of(level: Any, channels: tuple[dict[str, str], ...]) -> list[Any]:
    """Return the page of a level, or its three pages of red, green and blue."""
    sizes = dict(zip(level.axes, level.shape, strict=True))
    planes = int(np.prod([size for axis, size in sizes.items() if axis not in "YXS"]))
    page = level.pages[0]
    if planes == 1 or page.samplesperpixel > 1:  # of a stack in colour, the first
        return [page]
    order = rgb_order(channels) if sizes.get("C") == planes == 3 else None
    pages = list(level.pages)
    if order is None or len(pages) != 3 or None in pages:
        names = ", ".join(each.get("Name", "") or "without a name" for each in channels)
        seen = f"{planes} separate planes of one {page.dtype} channel each, not red, green and blue"
        raise SeparateChannelsError(f"{seen}: {names}" if names else seen)
    return [pages[place] for place in order]


def _check_pages(pages: list[Any]) -> None:
    """Refuse pixels that are not 8-bit grey or RGB, and what can't be unpacked here."""
    from tifffile.tifffile import TIFF

    page = pages[0].keyframe
    refused = SeparateChannelsError if len(pages) > 1 else ValueError
    samples = page.samplesperpixel
    # JPEG is unpacked to RGB. Palettes, CMYK and CIELAB would be taken for colours that they are not.
    colours = _GREY if samples == 1 else (*_GREY, _RGB, _YCBCR if page.compression == _JPEG else _RGB)
    if page.dtype != np.uint8 or samples not in {1, 3, 4} or page.photometric not in colours:
        raise refused(f"{samples} samples of {page.dtype}, colours {page.photometric!s}")
    if page.compression not in TIFF.DECOMPRESSORS:
        raise refused(f"compression {page.compression!s}, which only the package imagecodecs unpacks")
    wide, high = _tile_size(page)
    if wide < 1 or high < 1 or wide * high * samples > MOST_TILE_BYTES:
        raise refused(f"tiles or strips of {wide} × {high} px")


def _tile_size(page: Any) -> tuple[int, int]:
    """Return width and height of a tile, or of a strip."""
    return (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
