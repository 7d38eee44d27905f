"""Paths that differ from scan to scan: columns of the participants table in braces, and small text files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from normwise.errors import FeatureError
from normwise.schema import did_you_mean

__all__ = ["check_columns", "fill", "has_columns", "read_small_text"]

_COLUMN = re.compile(r"\{([^{}]+)\}")


def has_columns(pattern: str) -> bool:
    """Return whether a path names columns in braces.

    Examples
    --------
    >>> has_columns("labels/{ID}.nii.gz"), has_columns("labels.nii.gz")
    (True, False)
    """
    return _COLUMN.search(pattern) is not None


def check_columns(pattern: str, key: str, known: Iterable[str]) -> None:
    """Refuse a path that names a column the participants table does not have.

    Raises
    ------
    FeatureError
        FEA-109, with the nearest column.
    """
    names = [str(name) for name in known]
    for column in _COLUMN.findall(pattern):
        if column not in names:
            raise FeatureError(
                "FEA-109",
                f"{key} names a column {column!r} that the participants table does not have.",
                seen=pattern,
                advice=did_you_mean(column, names),
            )


def fill(pattern: str, raw: pd.DataFrame) -> list[str]:
    """Return the path of each scan.

    Parameters
    ----------
    pattern : str
        A path with columns in braces.
    raw : DataFrame of str
        The participants table, one row a scan.

    Examples
    --------
    >>> fill("sub-{ID}/{visit}.nii", pd.DataFrame({"ID": ["007"], "visit": ["v1"]}))
    ['sub-007/v1.nii']
    """
    parts = _COLUMN.split(pattern)  # text, column, text, column … text
    columns = [raw[name].astype(str).tolist() for name in parts[1::2]]
    rows = zip(*columns, strict=True) if columns else [()] * len(raw)
    return ["".join(a + b for a, b in zip(parts[::2], (*row, ""), strict=True)) for row in rows]


def read_small_text(path: Path, most_bytes: int) -> str:
    """Read a text file of modest size.

    Raises
    ------
    OSError
        It can't be read.
    ValueError
        It is larger, or no UTF-8.
    """
    with path.open("rb") as handle:
        content = handle.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"more than {most_bytes} bytes")
    return content.decode("utf-8-sig")
