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

from isal import igzip_lib

from normwise.errors import ImageError

__all__ = ["Stream", "open_stream"]

PIECE = 1 << 18  # 256 KiB in and out: both stay in the processor's cache, and a bomb unfolds no further
DEFLATE_LIMIT = 1032  # no deflate stream unfolds further than 1032:1 (zlib's technical notes, M. Adler)
GZIP_MAGIC = b"\x1f\x8b"


class Stream(ABC):
    """Bytes that come in pieces; the first ones can be looked at before they are taken.

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
    def _more(self) -> bytes:
        """Return the next piece, empty at the end, which is reached only when every check has passed."""

    @property
    @abstractmethod
    def most_bytes(self) -> int:
        """No more than this can come out of the file, whatever its header claims."""

    def peek(self, count: int) -> bytes:
        """Return the first bytes, ``count`` or all there are, and keep them."""
        while len(self._kept) < count and (piece := self._more()):
            self._kept += piece
        return self._kept[:count]

    def skip(self, count: int) -> None:
        """Drop ``count`` bytes."""
        for _ in self.pieces(count):
            pass

    def pieces(self, count: int) -> Iterator[bytes]:
        """Give the next ``count`` bytes in pieces.

        Raises
        ------
        ImageError
            IMG-206, the stream ends earlier.
        """
        left = count
        while left:
            piece = self._kept or self._more()
            if not piece:
                raise ImageError(
                    "IMG-206",
                    f"the file ends {left} bytes before its header says.",
                    subject=self.name,
                    seen=f"{count - left} bytes of {count}",
                    advice="the copy or the export was cut off: fetch the file again",
                )
            self._kept = piece[left:]
            piece = piece[:left]
            left -= len(piece)
            yield piece

    def expect_end(self, tail: int = 0) -> None:
        """Read to the end of the stream, where its checks are.

        Parameters
        ----------
        tail : int
            Bytes that may still come.

        Raises
        ------
        ImageError
            IMG-207, more bytes come; IMG-202 to IMG-204 from a gzip stream that doesn't end as it should.
        """
        extra = len(self._kept)
        while extra <= tail and (piece := self._more()):
            extra += len(piece)
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

    def _more(self) -> bytes:
        return self._handle.read(PIECE)


class GzipStream(Stream):
    """The unpacked bytes of one or several gzip members."""

    def __init__(self, handle: BinaryIO, name: str) -> None:
        super().__init__(handle, name)
        self._unpacked = 0
        self._input = handle.read(PIECE)
        if not self._input.startswith(GZIP_MAGIC):
            raise ImageError(
                "IMG-201",
                "the name says gzip, the content is something else.",
                subject=name,
                seen=f"first bytes {self._input[:4].hex(' ')}, gzip begins with 1f 8b",
                advice="rename the file if it isn't compressed, or fetch it again",
            )
        self._member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)

    @property
    def most_bytes(self) -> int:
        """What the best compression could have put into a file of this size."""
        return self.stored_bytes * DEFLATE_LIMIT

    def _more(self) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            if self._member.needs_input and not self._input:
                self._input = self._handle.read(PIECE)
                if not self._input:
                    raise self._cut_off()
            piece = self._unpack()
            if piece:
                self._unpacked += len(piece)
                return piece

    def _unpack(self) -> bytes:
        given, self._input = (self._input, b"") if self._member.needs_input else (b"", self._input)
        try:
            return bytes(self._member.decompress(given, PIECE))
        except igzip_lib.error as error:  # type: ignore[misc] # the stub declares an instance
            raise ImageError(
                "IMG-202",
                "the gzip stream is damaged.",
                subject=self.name,
                seen=f"{str(error).strip()} after {self._unpacked} bytes",
                advice="bits changed in storage or transfer: fetch the file again",
            ) from error

    def _next_member(self) -> bool:
        """Begin the next member; zeros that pad the file to a block are skipped, as gzip does."""
        rest = self._member.unused_data + self._input
        while not rest.lstrip(b"\0"):
            rest = self._handle.read(PIECE)
            if not rest:
                self._input = b""
                return False
        rest = rest.lstrip(b"\0")
        if len(rest) < len(GZIP_MAGIC):
            rest += self._handle.read(PIECE)
        if not rest.startswith(GZIP_MAGIC):
            raise ImageError(
                "IMG-204",
                "something that isn't gzip follows the end of the gzip stream.",
                subject=self.name,
                seen=f"bytes {rest[:4].hex(' ')}",
                advice="two files may have been joined: fetch the file again",
            )
        self._member = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
        self._input = rest
        return True

    def _cut_off(self) -> ImageError:
        return ImageError(
            "IMG-203",
            "the gzip stream is cut off before its end.",
            subject=self.name,
            seen=f"{self.stored_bytes} bytes stored, {self._unpacked} unpacked, no checksum at the end",
            advice="the transfer was cut off: fetch the file again",
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
            seen="a folder or a device" if path.exists() else f"nothing of that name in {path.parent.name}/",
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
