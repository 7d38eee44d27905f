"""From the bytes of a table to its text: encoding found out and reported, hostile files refused."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from normwise.errors import CohortError

__all__ = ["MAX_BYTES", "read_text"]

MAX_BYTES = 256 * 1024**2
"""Largest table that is read, in bytes; 100,000 people with 100 columns take about 60 MiB."""

_WORKBOOKS = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def read_text(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[str, list[str]]:
    """Read a text file whose encoding is not known.

    UTF-8 with or without a byte order mark, UTF-16, or Windows-1252, in this order.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        A larger file is refused before it is read.

    Returns
    -------
    text : str
        The content; line ends as in the file.
    readings : list of str
        What had to be recognised; empty for plain UTF-8.

    Raises
    ------
    CohortError
        COH-101 where the file can't be read, COH-102 where it is too large, COH-103 where it is not text.
    """
    content = _read_bytes(path, max_bytes)
    for magic, kind in _WORKBOOKS.items():
        if content.startswith(magic):
            raise CohortError(
                "COH-103",
                f"the table is not text but {kind}.",
                subject=str(path),
                expected="a CSV or TSV file",
                advice="export the sheet as CSV (UTF-8) and name that file in cohort.table",
            )
    encoding, reading = _encoding(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise CohortError(
            "COH-103",
            "the table is neither UTF-8, UTF-16 nor Windows-1252 text.",
            subject=str(path),
            seen=f"byte 0x{content[error.start]:02x} at position {error.start}",
            advice="save the table again as CSV (UTF-8)",
        ) from None
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise CohortError(
            "COH-103",
            f"the table holds a control character (code {ord(control.group())}) in line {line}, so it is not "
            "plain text.",
            subject=str(path),
            advice="save the table again as CSV (UTF-8)",
        )
    return text, [reading] if reading else []


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    # Only a regular file has a size to trust; a pipe or device would be read for ever.
    if not path.is_file():
        raise CohortError(
            "COH-101",
            "the table is a folder or a device." if path.exists() else "there is no such table.",
            subject=str(path),
            advice="check cohort.table; it starts from the folder of the study file, or from cohort.root",
        )
    try:
        size = path.stat().st_size
        if size <= max_bytes:
            with path.open("rb") as handle:
                return handle.read(max_bytes)
    except OSError as error:
        raise CohortError(
            "COH-101",
            "the table can't be read.",
            subject=str(path),
            seen=error.strerror or str(error),
            advice="check the file's permissions",
        ) from None
    raise CohortError(
        "COH-102",
        f"the table has {size / 1024**2:.0f} MiB, more than the {max_bytes / 1024**2:.0f} MiB that are read.",
        subject=str(path),
        advice="keep the columns that the study names, and put measurements into a second table",
    )


def _encoding(content: bytes) -> tuple[str, str | None]:
    """Return the encoding to try and what to say of it."""
    if content.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "encoding: UTF-8 with a byte order mark"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "encoding: UTF-16"
    head = content[:4096]
    # Latin text in UTF-16 has a zero in every second byte, and text in another encoding has none at all.
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        places = head[offset::2]
        if places and places.count(0) > 0.8 * len(places) and head[1 - offset :: 2].count(0) == 0:
            return name, f"encoding: {name.upper()} without a byte order mark"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252", "encoding: Windows-1252 (not valid UTF-8)"
    return "utf-8", None
