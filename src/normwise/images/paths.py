"""The check that a path is a file with something in it."""

from __future__ import annotations

from pathlib import Path

from normwise.errors import ImageError

__all__ = ["check_file", "missing_file"]


def check_file(path: Path) -> None:
    """Refuse a path that is no file, or an empty one.

    Raises
    ------
    ImageError
        IMG-100 missing, or not a plain file; IMG-101 empty.
    """
    if not path.is_file():
        raise missing_file(path)
    if path.stat().st_size == 0:
        raise ImageError("IMG-101", "the file is empty.", subject=path.name, advice="fetch the file again")


def missing_file(path: Path) -> ImageError:
    """Return the error of a file that is not there."""
    folder = path.parent.name or "its folder"
    return ImageError(
        "IMG-100",
        "there is no such file.",
        subject=path.name,
        seen="a folder or a device" if path.exists() else f"nothing of that name in {folder}",
        advice="check the path, and the pattern of images in the study file",
    )
