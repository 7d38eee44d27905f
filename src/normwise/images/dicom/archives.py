"""Archives unpacked within bounds: a zip, a tar, a tar under gzip.

Nothing that an archive calls its members is ever used as a path: members are unpacked under numbers, so no
name can lead out of the folder. Every byte that is unpacked counts against the caps, whatever the archive
states, and of a member that does not begin as DICOM only the beginning is unpacked.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from normwise.errors import ImageError

__all__ = [
    "MOST_BYTES",
    "MOST_FILES",
    "OpenedSource",
    "SourceFile",
    "check_bounds",
    "is_archive",
    "name_form",
    "unpack",
]

MOST_FILES = 50_000
"""Files of one person: a folder beyond that is no person's."""

MOST_BYTES = 8 * 1024**3
"""Bytes of one person's files, unpacked: a hundred thousand slices of a head."""

_FREE_BYTES = 256 * 1024**2  # so much may unfold from however little
_MOST_TIMES = 100  # a head of half zeros packs to a fifth
_PIECE = 1 << 20
_BEGINNING = 132  # 128 bytes of anything, then DICM
_TARS = (".tar", ".tar.gz", ".tgz")
_BLOCK = 512


class SourceFile(NamedTuple):
    """One file of a folder or an archive.

    Attributes
    ----------
    place : str
        Its folder below the source; a number in an archive, whose folders may bear a person's name.
    path : Path
        Where it can be read.
    form : str
        Its name with every number replaced, by which files of one series are alike.
    """

    place: str
    path: Path
    form: str


class OpenedSource(NamedTuple):
    """The files of a source, and how many links in it lead nowhere that is read."""

    files: list[SourceFile]
    links: int


def is_archive(path: Path) -> bool:
    """Return whether a path's name is that of an archive which is read.

    Examples
    --------
    >>> is_archive(Path("head.zip")), is_archive(Path("head.tar.gz")), is_archive(Path("head.nii.gz"))
    (True, True, False)
    """
    return path.name.lower().endswith((".zip", *_TARS))


def name_form(name: str) -> str:
    """Return a file's name with every number replaced.

    Examples
    --------
    >>> name_form("IM-0001-0017.dcm")
    'im-#-#.dcm'
    """
    return re.sub(r"\d+", "#", name.lower())


def check_bounds(files: int, size: int, name: str, packed: int | None = None) -> None:
    """Refuse what no person's images are as large as.

    Parameters
    ----------
    files, size : int
        How many files, and their bytes.
    name : str
        What the error calls it.
    packed : int, optional
        The bytes they were unpacked from.

    Raises
    ------
    ImageError
        IMG-702.
    """
    swollen = packed is not None and size > max(_FREE_BYTES, _MOST_TIMES * packed)
    if files > MOST_FILES or size > MOST_BYTES or swollen:
        unfolded = f"at most {_MOST_TIMES} times its {packed} bytes" if swollen else None
        raise ImageError(
            "IMG-702",
            "the series is larger than one person's images can be.",
            subject=name,
            seen=f"{files} files, {size / 1e9:.3g} GB unpacked",
            expected=unfolded or f"at most {MOST_FILES} files and {MOST_BYTES / 1e9:.3g} GB",
            advice="give one folder or archive for each person; what unfolds so far is no image",
        )


def unpack(source: Path, folder: Path) -> OpenedSource:
    """Unpack an archive.

    Parameters
    ----------
    source : Path
        The archive.
    folder : Path
        Where its members go, under numbers.

    Returns
    -------
    OpenedSource
        Its files.

    Raises
    ------
    ImageError
        IMG-701 no archive, damaged or encrypted; IMG-702 too many files or bytes.
    """
    unpacking = _Unpacking(source, folder)
    try:
        if source.name.lower().endswith(_TARS):
            with _plain_tar(unpacking) as plain:
                _unpack_tar(unpacking, plain)
        else:
            _unpack_zip(unpacking)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError,
        RuntimeError, ValueError,
    ) as error:  # fmt: skip
        raise _bad_archive(source, type(error).__name__) from error
    return OpenedSource(unpacking.files, unpacking.links)


class _Unpacking:
    """What has been unpacked so far."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.files: list[SourceFile] = []
        self.links = 0
        self._places: dict[str, str] = {}
        self._packed = source.stat().st_size
        self._bytes = 0

    def count(self, size: int) -> None:
        self._bytes += size
        check_bounds(len(self.files), self._bytes, self.source.name, self._packed)

    def add(self, name: str, member: IO[bytes]) -> None:
        above, _, last = name.rpartition("/")
        if last.startswith("."):  # as in a folder: what a system keeps beside each file
            return
        place = self._places.setdefault(above, f"{len(self._places) + 1}")
        file = SourceFile(place, self.folder / f"{len(self.files):06d}", name_form(last))
        self.files.append(file)
        with file.path.open("wb") as out:
            piece = member.read(_BEGINNING)
            out.write(piece)
            self.count(len(piece))
            while piece[:_BEGINNING].endswith(b"DICM") and (more := member.read(_PIECE)):
                self.count(len(more))
                out.write(more)


def _unpack_zip(unpacking: _Unpacking) -> None:
    with zipfile.ZipFile(unpacking.source) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        check_bounds(len(members), sum(each.file_size for each in members), unpacking.source.name)
        for member in sorted(members, key=lambda each: each.filename):
            if member.flag_bits & 1:
                raise _bad_archive(unpacking.source, "it is encrypted")
            with archive.open(member) as packed:
                unpacking.add(member.filename, packed)


@contextmanager
def _plain_tar(unpacking: _Unpacking) -> Iterator[Path]:
    """Yield the tar itself: what is under gzip is unpacked to its end first, where its checksum is."""
    if unpacking.source.name.lower().endswith(".tar"):
        yield unpacking.source
        return
    plain = unpacking.folder / "plain.tar"
    with gzip.open(unpacking.source) as packed, plain.open("wb") as out:
        while piece := packed.read(_PIECE):
            unpacking.count(len(piece))
            out.write(piece)
    yield plain
    plain.unlink()


def _unpack_tar(unpacking: _Unpacking, plain: Path) -> None:
    with plain.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
        while (member := archive.next()) is not None:
            content = None
            if member.isreg() and not member.issparse():
                content = archive.extractfile(member)
            if content is not None:
                unpacking.add(member.name, content)
            elif not member.isdir():
                unpacking.links += 1
        # The library takes a tar that was cut between its members, or a damaged header, for the end.
        file.seek(archive.offset)
        if file.read(_BLOCK) != bytes(_BLOCK):
            raise _bad_archive(unpacking.source, "it breaks off")


def _bad_archive(source: Path, seen: str) -> ImageError:
    with suppress(OSError):
        seen = f"{seen}, {source.stat().st_size} bytes"
    return ImageError(
        "IMG-701",
        "the archive can't be unpacked.",
        subject=source.name,
        seen=seen,
        advice="fetch it again, or unpack it and give the folder",
    )
