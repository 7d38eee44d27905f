"""The bytes of an image file in pieces, plain or gzip, with every integrity check of the format.

A gzip stream ends in a checksum and a length. Readers that stop at the last voxel never check them; this one
reads to the end, through every member, so that a flipped bit of the compressed voxels is noticed. A plain
``.nii`` or ``.mgh`` has no checksum: a flipped bit in its voxels is read as it is.
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
from normwise.images.paths import check_file

__all__ = ["PIECE", "Stream", "open_stream"]

PIECE = 1 << 18
"""Bytes read at once: 256 KiB stay in the processor's cache, and bound what a gzip bomb unpacks."""

_SCRATCH = 1 << 12
_DEFLATE_LIMIT = 1032  # no deflate stream unfolds further than 1032:1 (zlib's technical notes, M. Adler)
_GZIP_MAGIC = b"\x1f\x8b"


class Stream(ABC):
    """Bytes that are read into given memory; `peek` shows the first ones and leaves them in the stream.

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
        self._peeked = b""
        self.stored_bytes = os.fstat(handle.fileno()).st_size

    @abstractmethod
    def _into(self, target: memoryview) -> int:
        """Read some bytes; 0 at the end, which is reached only when every check of the format has passed."""

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """No more than this can come out of the file, whatever its header claims."""

    def peek(self, count: int) -> bytes:
        """Return the first bytes, ``count`` or all there are, which stay in the stream."""
        block = memoryview(bytearray(count))
        filled = 0
        while filled < count and (more := self._into(block[filled:])):
            filled += more
        self._peeked = bytes(block[:filled])
        return self._peeked

    def skip(self, count: int) -> None:
        """Drop ``count`` bytes.

        Raises
        ------
        ImageError
            As of `fill`.
        """
        while count:
            part = min(count, _SCRATCH)
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
        filled = min(len(self._peeked), len(target))
        target[:filled] = self._peeked[:filled]
        self._peeked = self._peeked[filled:]
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
        scratch = memoryview(bytearray(_SCRATCH))
        extra = len(self._peeked)
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

    def _damage(self, text: str) -> ImageError:
        if text.startswith("Not a gzipped file"):  # the standard library's; the first was right
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
            seen=f"{text.strip()} after {self._unpacked} bytes unpacked",
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
    check_file(path)
    try:
        with path.open("rb") as handle:
            yield (GzipStream if gzip else PlainStream)(handle, path.name)
    except OSError as error:
        raise ImageError(
            "IMG-106",
            "the file can't be read.",
            subject=path.name,
            seen=error.strerror or type(error).__name__,
            advice="check its permissions and the disk",
        ) from error
