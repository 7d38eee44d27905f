"""The files of a series, from a folder or a zip, with bounds on their number and size.

Nothing that an archive calls its members is ever used as a path: members are unpacked under numbers, so no
name can lead out of the folder. Every byte that is unpacked counts against the cap, whatever the archive
states.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from normwise.errors import ImageError
from normwise.images.paths import missing_file

__all__ = ["MOST_BYTES", "MOST_FILES", "is_dicom_source", "list_files", "open_source", "scratch_folder"]

MOST_FILES = 50_000
"""Files of one person: a folder beyond that is no person's."""

MOST_BYTES = 8 * 1024**3
"""Bytes of one person's files, unpacked: a hundred thousand slices of a head."""

_PIECE = 1 << 20
_ZIP = (".zip",)


def is_dicom_source(path: Path) -> bool:
    """Return whether a path is read as a DICOM series: a folder or a zip.

    Examples
    --------
    >>> is_dicom_source(Path("head.zip")), is_dicom_source(Path("head.nii.gz"))
    (True, False)
    """
    return path.name.lower().endswith(_ZIP) or path.is_dir()


def list_files(source: Path) -> list[Path]:
    """List what a source's bytes depend on, in a fixed order: the files of a folder, or the zip itself.

    Parameters
    ----------
    source : Path
        A folder or a zip.

    Returns
    -------
    list of Path
        Links that lead out of the folder and hidden files are left out.

    Raises
    ------
    ImageError
        IMG-100 nothing there; IMG-702 too many files or bytes.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise missing_file(source)
    root = source.resolve()
    files: list[Path] = []
    total = 0
    for path in source.rglob("*"):
        inside = not path.is_symlink() or path.resolve().is_relative_to(root)
        if not inside or not path.is_file() or path.name.startswith("."):
            continue
        files.append(path)
        total += path.stat().st_size
        _check_bounds(len(files), total, source.name)
    return sorted(files, key=lambda path: path.relative_to(source).as_posix())


@contextmanager
def open_source(source: Path, scratch: Path | None = None) -> Iterator[list[tuple[str, Path]]]:
    """Yield the files of a folder or a zip.

    Parameters
    ----------
    source : Path
        A folder or a zip.
    scratch : Path, optional
        Where a zip is unpacked; default: the system's temporary folder.

    Yields
    ------
    list of (str, Path)
        Folder of each file below the source (empty at the top), and the file. What was unpacked is removed
        when the block ends.

    Raises
    ------
    ImageError
        IMG-100; IMG-701 no zip, damaged or encrypted; IMG-702 too many files or bytes.
    """
    if source.is_dir():
        yield [(path.relative_to(source).parent.as_posix(), path) for path in list_files(source)]
        return
    list_files(source)
    with scratch_folder(scratch) as folder:
        yield _unpack(source, folder)


@contextmanager
def scratch_folder(scratch: Path | None) -> Iterator[Path]:
    """Yield a temporary folder that is removed when the block ends."""
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="dicom-", dir=scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(source: Path, folder: Path) -> list[tuple[str, Path]]:
    files: list[tuple[str, Path]] = []
    places: dict[str, str] = {}
    total = 0
    try:
        with zipfile.ZipFile(source) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            _check_bounds(len(members), sum(each.file_size for each in members), source.name)
            for number, member in enumerate(sorted(members, key=lambda each: each.filename)):
                if member.flag_bits & 1:
                    raise _bad_zip(source, "it is encrypted")
                target = folder / f"{number:06d}"
                with archive.open(member) as packed, target.open("wb") as out:
                    while piece := packed.read(_PIECE):
                        total += len(piece)
                        _check_bounds(number, total, source.name)
                        out.write(piece)
                # A folder inside the archive is given a number: its name may be a person's.
                above = member.filename.rpartition("/")[0]
                files.append((places.setdefault(above, f"{len(places) + 1}"), target))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _bad_zip(source, type(error).__name__) from error
    return files


def _bad_zip(source: Path, seen: str) -> ImageError:
    with suppress(OSError):
        seen = f"{seen}, {source.stat().st_size} bytes"
    return ImageError(
        "IMG-701",
        "the zip can't be unpacked.",
        subject=source.name,
        seen=seen,
        advice="fetch it again, or unpack it and give the folder",
    )


def _check_bounds(files: int, size: int, name: str) -> None:
    if files > MOST_FILES or size > MOST_BYTES:
        raise ImageError(
            "IMG-702",
            "the series is larger than one person's images can be.",
            subject=name,
            seen=f"{files} files, {size / 1e9:.3g} GB unpacked",
            expected=f"at most {MOST_FILES} files and {MOST_BYTES / 1e9:.3g} GB",
            advice="give one folder or zip for each person; a small zip that unfolds so far is not an image",
        )
