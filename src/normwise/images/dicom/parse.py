"""One file parsed within bounds: the elements that are asked for, and whether header and pixels are whole.

A parser that reads on to the end takes a file that was cut for a short one, and zeros for elements without
end. So it is counted what is read, and the pixels' length is held against the file's.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from normwise.errors import ImageError

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

__all__ = ["Parsed", "damaged_header", "parse_file", "read_pixels", "silent_parser"]

_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # float, double and integer pixels
_MOST_READS = 1_000_000  # a frame takes some hundred
_MOST_BYTES = 256 * 1024**2
_LONGEST_VALUE = 32 * 1024**2  # what 10,000 frames say of themselves
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True)
class Parsed:
    """What was read of a file.

    Attributes
    ----------
    dataset : pydicom.dataset.FileDataset
        The elements that were asked for, as far as the header goes.
    damage : str
        What is missing of an image: the end of the header, or of the pixels; empty where it is whole, and
        where the file holds something else than an image.
    """

    dataset: FileDataset
    damage: str


def parse_file(path: Path, wanted: Sequence[str]) -> Parsed | None:
    """Parse a file's header up to the pixels, and look whether these are whole.

    Parameters
    ----------
    path : Path
        Any file.
    wanted : sequence of str
        Keywords of the elements that are read; the others are skipped.

    Returns
    -------
    Parsed or None
        None where the file is no DICOM at all.

    Raises
    ------
    ImageError
        IMG-703, the file begins as DICOM and can't be read on.
    """
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_partial

    try:
        with silent_parser(), path.open("rb") as file:
            stop = _Stop(file)
            dataset = read_partial(_Bounded(file), stop, specific_tags=list(_tags_of(tuple(wanted))))
            return Parsed(dataset, _damage(file, stop, dataset))
    except InvalidDicomError:
        return None
    except _OutOfBoundsError as error:
        raise damaged_header(path, str(error)) from None
    except MemoryError:
        raise
    except Exception as error:  # the parser fails in many ways; its messages may quote the header
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the machine's, not the parser's
        raise damaged_header(path, type(error).__name__) from None


@cache
def _tags_of(wanted: tuple[str, ...]) -> tuple[int, ...]:
    from pydicom.datadict import tag_for_keyword

    return tuple(tag for keyword in wanted if (tag := tag_for_keyword(keyword)) is not None)


def read_pixels(path: Path) -> bytes:
    """Return the pixels of a file as they are stored; nothing where they can't be read."""
    from pydicom import dcmread

    try:
        with silent_parser():
            return bytes(dcmread(path, specific_tags=["PixelData"]).get("PixelData") or b"")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above
        return b""


def damaged_header(path: Path, seen: str) -> ImageError:
    """Return the error of a header that can't be read."""
    return ImageError(
        "IMG-703",
        "the header of a DICOM file can't be read.",
        subject=path.name,
        seen=seen,
        advice="export the series again",
    )


@contextmanager
def silent_parser() -> Iterator[None]:
    """Silence pydicom, whose messages quote values of the header; its checks have no other end."""
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


class _OutOfBoundsError(Exception):
    """A header larger than any image has."""


class _Bounded:
    """A file of which only so much can be read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads = 0
        self._bytes = 0
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        self._reads += 1
        if size < 0:  # what is deflated is read at once, and can unfold without bound
            raise _OutOfBoundsError("a deflated header")
        self._bytes += size
        if size > _LONGEST_VALUE or self._bytes > _MOST_BYTES:
            raise _OutOfBoundsError(f"a value of {max(size, self._bytes) / 1e6:.3g} MB")
        if self._reads > _MOST_READS:
            raise _OutOfBoundsError(f"more than {_MOST_READS} elements")
        return self._file.read(size)


class _Stop:
    """Stops the parser at the pixels, and keeps where they begin."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.start: int | None = None
        self.length = 0

    def __call__(self, tag: Any, _: str | None, length: int) -> bool:
        if tag not in _PIXELS:
            return False
        self.start, self.length = self._file.tell(), length
        return True


def _damage(file: BinaryIO, stop: _Stop, dataset: FileDataset) -> str:
    """Return what the end of a file lacks."""
    size = os.fstat(file.fileno()).st_size
    if stop.start is None:
        return f"the header breaks off after {size} bytes" if _should_hold_pixels(dataset) else ""
    if stop.length == _UNDEFINED:
        return "" if _fragments_are_whole(file, stop.start, size) else "the compressed pixels break off"
    there = min(stop.length, size - stop.start)
    bits = int(dataset.get("BitsAllocated") or 16)
    frames = int(dataset.get("NumberOfFrames") or 1)
    voxels = int(dataset.get("Rows") or 0) * int(dataset.get("Columns") or 0) * frames
    wanted = max(voxels * int(dataset.get("SamplesPerPixel") or 1) * bits // 8, stop.length)
    return f"{max(there, 0)} of {wanted} bytes of pixels" if there < wanted else ""


def _should_hold_pixels(dataset: FileDataset) -> bool:
    """Return whether a file is an image by its class; one that does not say its class was cut before it."""
    kind = dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID")
    return kind is None or "Image Storage" in kind.name or dataset.get("Rows") is not None


def _fragments_are_whole(file: BinaryIO, place: int, size: int) -> bool:
    """Go from fragment to fragment of compressed pixels: the last is followed by a mark, or ends the file."""
    while place < size:
        file.seek(place)
        head = file.read(8)
        if head[:4] == _END:
            return True
        if head[:4] != _ITEM or len(head) < 8:
            return False
        place += 8 + int.from_bytes(head[4:], "little")
    return place == size
