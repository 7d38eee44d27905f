"""A pyramidal TIFF of any size, put together from few pictures, each encoded once."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from normwise.files import replacing

__all__ = ["GLASS", "write_pyramid"]

RGB = NDArray[np.uint8]

GLASS = -1
"""In a layout: nothing but glass."""

STEP = 4
"""From one level to the next."""

_QUALITY = 90
_BIG_TIFF, _FIRST_LINK, _INLINE = 43, 8, 8
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16  # types of a TIFF field


def write_pyramid(
    path: Path,
    blocks: Sequence[RGB],
    layout: NDArray[np.integer],
    mpp: float | None,
    *,
    levels: int = 3,
    white: Sequence[float] = (243.0, 243.0, 243.0),
    shared: bool = True,
) -> None:
    """Write a tiled, JPEG-compressed pyramid as BigTIFF; a tile that recurs is encoded once.

    Parameters
    ----------
    path : Path
        A ``.tif`` or ``.tiff`` file.
    blocks : sequence of ndarray of uint8 of shape (side, side, 3)
        Pictures; ``side`` is a multiple of 16, as JPEG in TIFF asks for, and of 4 to the power of the levels
        above the first.
    layout : ndarray of int of shape (rows, columns)
        Which block lies where, or `GLASS`.
    mpp : float or None
        µm per pixel at level 0; None leaves it out.
    levels : int
        Each four times coarser than the one before.
    white : sequence of three floats
        Intensity of glass.
    shared : bool
        Equal tiles are stored once, and every place that shows one points to it.
    """
    side = blocks[0].shape[0]
    empty = np.empty((side, side, 3), np.uint8)
    empty[:] = np.asarray(white)
    pictures = [*blocks, empty]  # GLASS, −1, is the last one
    with replacing(path) as part, part.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", _BIG_TIFF, 8, 0, 0))
        link = _FIRST_LINK
        for level in range(levels):
            span = STEP**level
            height, width = (size * side // span for size in layout.shape)
            known: dict[bytes, int] = {}
            offsets, counts = [], []
            for content in _tiles(pictures, layout, span):
                if not shared or content not in known:
                    known[content] = file.tell()
                    file.write(content)
                offsets.append(known[content])
                counts.append(len(content))
            entries = _entries(width, height, side, level, None if mpp is None else mpp * span)
            link = _write_directory(file, link, entries, offsets, counts)


def _entries(
    width: int, height: int, side: int, level: int, mpp: float | None
) -> dict[int, tuple[int, int, bytes]]:
    """Return the tags of one level: type, count and value of each."""
    entries = {
        254: (_LONG, 1, struct.pack("<I", 1 if level else 0)),  # a reduced picture
        256: (_LONG, 1, struct.pack("<I", width)),
        257: (_LONG, 1, struct.pack("<I", height)),
        258: (_SHORT, 3, struct.pack("<3H", 8, 8, 8)),
        259: (_SHORT, 1, struct.pack("<H", 7)),  # JPEG
        262: (_SHORT, 1, struct.pack("<H", 6)),  # YCbCr
        277: (_SHORT, 1, struct.pack("<H", 3)),
        284: (_SHORT, 1, struct.pack("<H", 1)),
        322: (_LONG, 1, struct.pack("<I", side)),
        323: (_LONG, 1, struct.pack("<I", side)),
        530: (_SHORT, 2, struct.pack("<2H", 2, 2)),  # chroma at half the resolution
    }
    if mpp is not None:
        per_cm = struct.pack("<2I", round(1e7 / mpp), 1000)
        entries |= {282: (_RATIONAL, 1, per_cm), 283: (_RATIONAL, 1, per_cm), 296: (_SHORT, 1, b"\x03\x00")}
    return entries


def _write_directory(
    file: BinaryIO,
    link: int,
    entries: dict[int, tuple[int, int, bytes]],
    offsets: list[int],
    counts: list[int],
) -> int:
    """Write one level's directory, let the one before point to it; return where its own pointer is."""
    entries = dict(entries)
    for tag, numbers in ((324, offsets), (325, counts)):
        packed = struct.pack(f"<{len(numbers)}Q", *numbers)
        if len(packed) > _INLINE:
            place = file.tell()
            file.write(packed)
            packed = struct.pack("<Q", place)
        entries[tag] = (_LONG8, len(numbers), packed)
    start = file.tell()
    file.write(struct.pack("<Q", len(entries)))
    for tag, (kind, count, value) in sorted(entries.items()):
        file.write(struct.pack("<HHQ", tag, kind, count) + value.ljust(_INLINE, b"\0"))
    end = file.tell()
    file.write(struct.pack("<Q", 0))
    file.seek(link)
    file.write(struct.pack("<Q", start))
    file.seek(0, 2)
    return end


def _tiles(pictures: list[RGB], layout: NDArray[np.integer], span: int) -> Iterator[bytes]:
    """Yield the encoded tiles of one level row by row; equal ones are encoded once."""
    small = [_shrunk(picture, span) for picture in pictures]
    known: dict[bytes, bytes] = {}
    padded = np.pad(layout, [(0, -size % span) for size in layout.shape], constant_values=GLASS)
    for top in range(0, padded.shape[0], span):
        for left in range(0, padded.shape[1], span):
            ids = np.ascontiguousarray(padded[top : top + span, left : left + span])
            key = ids.tobytes()
            if key not in known:
                known[key] = _encoded(np.vstack([np.hstack([small[each] for each in row]) for row in ids]))
            yield known[key]


def _shrunk(picture: RGB, span: int) -> RGB:
    import cv2

    side = picture.shape[0] // span
    shrunk: RGB = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return shrunk


def _encoded(rgb: RGB) -> bytes:
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
    _, content = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return bytes(content)
