"""The bytes of an image file, a piece at a time, plain or gzip, with every integrity check of the format.

A gzip stream ends in a checksum and a length. Readers that stop at the last voxel never see them; this one
reads on to the end, through every member, so that one flipped bit can't pass.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from normwise.errors import ImageError

__all__ = ["PIECE", "Stream", "open_stream"]

PIECE = 1 << 18
"""Bytes read at once: 256 KiB stay in the processor's cache, and a bomb unfolds no further."""

_LITTLE = 1 << 12
_DEFLATE_LIMIT = 1032  # no deflate stream unfolds further than 1032:1 (zlib's technical notes, M. Adler)
_GZIP_MAGIC = b"\x1f\x8b"


class Stream(ABC):
    """Bytes that are read into given memory; the first ones can be looked at before they are taken.

    Parameters
    ----------
    handle : BinaryIO
        The open file.
    name : str
        The file's name, for errors.
    """

    def __init__(self, handle: BinaryIO, name: str) -> None:
        self.name = name
        self._handle = handle
        self._kept = b""
        self.stored_bytes = os.fstat(handle.fileno()).st_size

    @abstractmethod
    def _into(self, target: memoryview) -> int:
        """Read some bytes; 0 at the end, which is reached only when every check of the format has passed."""

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """No more than this can come out of the file, whatever its header claims."""

    def peek(self, count: int) -> bytes:
        """Return the first bytes, ``count`` or all there are, and keep them."""
        found = memoryview(bytearray(count))
        filled = 0
        while filled < count and (more := self._into(found[filled:])):
            filled += more
        self._kept = bytes(found[:filled])
        return self._kept

    def skip(self, count: int) -> None:
        """Drop ``count`` bytes.

        Raises
        ------
        ImageError
            As of `fill`.
        """
        while count:
            part = min(count, _LITTLE)
            self.fill(memoryview(bytearray(part)))
            count -= part

    def fill(self, target: memoryview) -> None:
        """Read bytes until the memory is full.

        Parameters
        ----------
        target : memoryview of bytes
            Where they go.

        Raises
        ------
        ImageError
            IMG-206, the stream ends earlier; IMG-202 to IMG-204, it is damaged.
        """
        filled = min(len(self._kept), len(target))
        target[:filled] = self._kept[:filled]
        self._kept = self._kept[filled:]
        while filled < len(target):
            more = self._into(target[filled:])
            if not more:
                raise ImageError(
                    "IMG-206",
                    "the file ends before its last voxel.",
                    subject=self.name,
                    seen="fewer bytes than the dimensions in the header ask for",
                    advice="the copy or the export was cut off: fetch the file again",
                )
            filled += more

    def expect_end(self, tail: int = 0) -> None:
        """Read to the end of the stream, where its checks are.

        Parameters
        ----------
        tail : int
            Bytes that may still come.

        Raises
        ------
        ImageError
            IMG-207, more bytes come; IMG-202 to IMG-204, a gzip stream doesn't end as it should.
        """
        scratch = memoryview(bytearray(_LITTLE))
        extra = len(self._kept)
        while extra <= tail and (more := self._into(scratch)):
            extra += more
        if extra > tail:
            raise ImageError(
                "IMG-207",
                "the file goes on after its last voxel.",
                subject=self.name,
                seen="more bytes than the dimensions in the header ask for",
                advice="the dimensions or the data type in the header are wrong: export the image again",
            )


class PlainStream(Stream):
    """The file's own bytes."""

    @property
    def most_bytes(self) -> int:
        """The size of the file."""
        return self.stored_bytes

    def _into(self, target: memoryview) -> int:
        return self._handle.readinto(target)  # type: ignore[attr-defined, no-any-return] # every binary file has it


class GzipStream(Stream):
    """The unpacked bytes of one or several gzip members; zeros may pad the end, as gzip allows."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        super().__init__(handle, name)
        magic = handle.read(len(_GZIP_MAGIC))
        if magic != _GZIP_MAGIC:
            raise ImageError(
                "IMG-201",
                "the name says gzip, the content is something else.",
                subject=name,
                seen=f"first bytes {magic.hex(' ')}, gzip begins with 1f 8b",
                advice="rename the file if it isn't compressed, or fetch it again",
            )
        handle.seek(0)
        self._unpacked = 0
        self._reader = igzip.IGzipFile(fileobj=handle, mode="rb")

    @property
    def most_bytes(self) -> int:
        """What the best compression could have put into a file of this size."""
        return self.stored_bytes * _DEFLATE_LIMIT

    def _into(self, target: memoryview) -> int:
        try:
            count = int(self._reader.readinto(target))
        except EOFError as error:
            raise ImageError(
                "IMG-203",
                "the gzip stream is cut off before its end.",
                subject=self.name,
                seen=f"{self.stored_bytes} bytes stored, {self._unpacked} unpacked, no checksum at the end",
                advice="the transfer was cut off: fetch the file again",
            ) from error
        except (igzip.BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc] # its stub says instance
            raise self._damage(str(error)) from error
        self._unpacked += count
        return count

    def _damage(self, said: str) -> ImageError:
        if said.startswith("Not a gzipped file"):  # the standard library's words; the first magic was right
            return ImageError(
                "IMG-204",
                "something that isn't gzip follows the end of the gzip stream.",
                subject=self.name,
                seen=f"after {self._unpacked} bytes unpacked",
                advice="two files may have been joined: fetch the file again",
            )
        return ImageError(
            "IMG-202",
            "the gzip stream is damaged.",
            subject=self.name,
            seen=f"{said.strip()} after {self._unpacked} bytes unpacked",
            advice="bits changed in storage or transfer: fetch the file again",
        )


@contextmanager
def open_stream(path: Path, *, gzip: bool) -> Iterator[Stream]:
    """Open a file for guarded reading.

    Parameters
    ----------
    path : Path
        The file.
    gzip : bool
        Whether its name says that it is compressed.

    Yields
    ------
    Stream
        Its bytes, unpacked.

    Raises
    ------
    ImageError
        IMG-100 missing, or not a plain file; IMG-101 empty; IMG-106 unreadable; IMG-201 to IMG-204 gzip.
    """
    name = path.name
    if not path.is_file():
        raise ImageError(
            "IMG-100",
            "there is no such file.",
            subject=name,
            seen="a folder or a device"
            if path.exists()
            else f"nothing of that name in {path.parent.name or 'its folder'}",
            advice="check the path, and the pattern of images in the study file",
        )
    try:
        with path.open("rb") as handle:
            if os.fstat(handle.fileno()).st_size == 0:
                raise _empty(name)
            yield (GzipStream if gzip else PlainStream)(handle, name)
    except OSError as error:
        raise ImageError(
            "IMG-106",
            "the file can't be read.",
            subject=name,
            seen=error.strerror or type(error).__name__,
            advice="check its permissions and the disk",
        ) from error


def _empty(name: str) -> ImageError:
    return ImageError("IMG-101", "the file is empty.", subject=name, advice="fetch the file again")
