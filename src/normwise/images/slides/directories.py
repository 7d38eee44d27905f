"""The directories of a TIFF file, looked through before a library reads their texts as XML or key by key."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from normwise.errors import ImageError

__all__ = ["check_directories"]

MOST_TEXT_BYTES = 4 << 20
"""Of all texts together: the longest description, Philips' with its label picture inside, is below 3 MB."""

MOST_ENTRIES = 200_000
"""Of all directories together: ten thousand pages of twenty entries."""

_DESCRIPTION, _SUB_DIRECTORIES = 270, 330
_ASCII = 2
_MOST_KINDS = 18  # the types of values that TIFF and BigTIFF know
_MOST_OF_ONE = 4096


def check_directories(path: Path) -> None:
    """Refuse a TIFF file with so much text or so many directories that reading them takes minutes.

    What is no TIFF, or is damaged, is left to its reader.

    Parameters
    ----------
    path : Path
        An existing file.

    Raises
    ------
    ImageError
        IMG-803.
    """
    text = entries = 0
    with path.open("rb") as file:
        for directory in _directories(file, path.stat().st_size):
            entries += 1 + len(directory)
            text += sum(count for code, kind, count in directory if kind == _ASCII or code == _DESCRIPTION)
            if text > MOST_TEXT_BYTES or entries > MOST_ENTRIES:
                raise ImageError(
                    "IMG-803",
                    "the header holds more than any scanner writes.",
                    subject=path.name,
                    seen=f"{text} bytes of text, {entries} entries",
                    expected=f"at most {MOST_TEXT_BYTES} bytes of text, {MOST_ENTRIES} entries",
                    advice="export the slide again without its descriptions, as a pyramidal TIFF",
                )


def _directories(file: BinaryIO, size: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield tag, type and count of the entries of each directory that the file leads to."""
    header = file.read(16).ljust(16, b"\0")
    order = {b"II": "<", b"MM": ">"}.get(header[:2])
    magic = struct.unpack(f"{order or '<'}H", header[2:4])[0]
    if order is None or magic not in {42, 43} or (magic == 42 and size >= 1 << 32):
        return  # no TIFF, or NDPI beyond 4 GB, whose offsets are longer than they say
    place, number, entry = ("I", "H", f"{order}HHII") if magic == 42 else ("Q", "Q", f"{order}HHQQ")
    width = struct.calcsize(place)
    seen: set[int] = set()
    waiting = [struct.unpack_from(f"{order}{place}", header, 4 if magic == 42 else 8)[0]]
    while waiting:
        start = waiting.pop()
        if start in seen or not 0 < start < size:
            continue
        seen.add(start)
        file.seek(start)
        count = _numbers(file, f"{order}{number}", 1)
        if not count or count[0] > _MOST_OF_ONE:
            continue
        content = file.read(count[0] * struct.calcsize(entry))
        following = _numbers(file, f"{order}{place}", 1)
        if len(content) < count[0] * struct.calcsize(entry):
            continue
        found = list(struct.iter_unpack(entry, content))
        waiting += following
        for code, _, many, value in found:
            if code == _SUB_DIRECTORIES and many == 1:
                waiting.append(value)
            elif code == _SUB_DIRECTORIES and many * width <= size:
                file.seek(min(value, size))
                waiting += _numbers(file, f"{order}{place}", min(many, MOST_ENTRIES))
        yield [
            (code, kind, many) for code, kind, many, _ in found if 0 < kind <= _MOST_KINDS and many <= size
        ]


def _numbers(file: BinaryIO, form: str, count: int) -> list[int]:
    """Read so many numbers, or as many as are there."""
    width = struct.calcsize(form)
    content = file.read(count * width)
    return [number for (number,) in struct.iter_unpack(form, content[: len(content) // width * width])]
