"""The files of a series, from a folder or an archive, with bounds on their number and size."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from normwise.images.dicom.archives import (
    OpenedSource,
    SourceFile,
    check_bounds,
    is_archive,
    name_form,
    unpack,
)
from normwise.images.paths import missing_file

__all__ = ["is_dicom_source", "list_files", "open_source", "scratch_folder"]


def is_dicom_source(path: Path) -> bool:
    """Return whether a path is read as a DICOM series: a folder, a zip or a tar.

    Examples
    --------
    >>> is_dicom_source(Path("head.zip")), is_dicom_source(Path("head.nii.gz"))
    (True, False)
    """
    return is_archive(path) or path.is_dir()


def list_files(source: Path) -> list[Path]:
    """List what a source's bytes depend on, in a fixed order: the files of a folder, or the archive itself.

    Parameters
    ----------
    source : Path
        A folder or an archive.

    Returns
    -------
    list of Path
        Links that lead out of the folder and hidden files are left out.

    Raises
    ------
    ImageError
        IMG-100 nothing there; IMG-702 too many files or bytes.
    """
    return _list_files(source)[0]


@contextmanager
def open_source(
    source: Path, scratch: Path | None = None, only: Sequence[str] | None = None
) -> Iterator[OpenedSource]:
    """Yield the files of a folder or an archive.

    Parameters
    ----------
    source : Path
        A folder, a zip or a tar.
    scratch : Path, optional
        Where an archive is unpacked; default: the system's temporary folder.
    only : sequence of str, optional
        The files in the folder that are meant; default: all, with those in folders below.

    Yields
    ------
    OpenedSource
        The files. What was unpacked is removed when the block ends.

    Raises
    ------
    ImageError
        IMG-100; IMG-701 no archive, damaged or encrypted; IMG-702 too many files or bytes.
    """
    files, links = _list_files(source) if only is None else ([source / name for name in only], 0)
    if source.is_dir():
        yield OpenedSource(
            [
                SourceFile(path.relative_to(source).parent.as_posix(), path, name_form(path.name))
                for path in files
            ],
            links,
        )
        return
    with scratch_folder(scratch) as folder:
        yield unpack(source, folder)


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


def _list_files(source: Path) -> tuple[list[Path], int]:
    """Return the files, and how many links lead to none inside."""
    if source.is_file():
        return [source], 0
    if not source.is_dir():
        raise missing_file(source)
    root = source.resolve()
    files: list[Path] = []
    total = links = 0
    for path in source.rglob("*"):
        if path.name.startswith("."):
            continue
        if path.is_symlink() and not (path.is_file() and path.resolve().is_relative_to(root)):
            links += 1
        elif path.is_file():
            files.append(path)
            total += path.stat().st_size
            check_bounds(len(files), total, source.name)
    return sorted(files, key=lambda path: path.relative_to(source).as_posix()), links
