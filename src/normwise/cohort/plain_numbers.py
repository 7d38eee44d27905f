"""Numbers out of many cells at once, as `float` reads them one by one.

A match with a regular expression takes longer than all else that the reading of a cell does, so that the
characters of all of them are looked at together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LONGEST",
    "MISSING",
    "NUMBER",
    "THOUSANDS",
    "exceeds",
    "read_cell",
    "read_plain",
    "read_plain_rows",
]

MISSING = frozenset(("", "n/a", "N/A", "n/A", "N/a"))
NUMBER = {
    mark: re.compile(rf"[+-]?(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?")
    for mark in (r"\.", ",")
}
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
LONGEST = 400  # characters of a number; blanks in a longer cell would be tried in too many ways

_OF_NUMBERS = b"0123456789.-+eE\n"
_SHORT = 300  # characters; without an exponent, a number that is too small for a float takes more


def read_plain(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the numbers of cells that have a decimal point or none, NaN where one is missing.

    Parameters
    ----------
    cells : sequence of str
        Stripped cells of a column, or of a row.

    Returns
    -------
    ndarray of shape (n_cells,) or None
        None where a cell is anything else.

    Examples
    --------
    >>> read_plain(["1.5", "n/a", "-2e3"]).tolist(), read_plain(["1.5", "nan"]), read_plain(["1,5"])
    ([1.5, nan, -2000.0], None, None)
    """
    values = _floats(cells)
    if values is not None:
        return values
    there = [cell not in MISSING for cell in cells]
    found = None if all(there) else _floats(list(compress(cells, there)))
    if found is None:
        return None
    values = np.full(len(cells), np.nan)
    values[there] = found
    return values


def read_plain_rows(rows: NDArray[np.object_], values: NDArray[np.float64]) -> list[int]:
    """Read the columns of which every cell is a number or missing, and that have one decimal mark.

    Parameters
    ----------
    rows : ndarray of str of shape (n_rows, n_columns)
        Stripped cells.
    values : ndarray of float of shape (n_rows, n_columns)
        Takes the numbers, NaN where one is missing.

    Returns
    -------
    list of int
        The other columns, whose values are left as they come.
    """
    every = np.arange(rows.shape[1])
    odd = every[~_read_among(rows, values, every, read_plain)]
    with_commas = odd[_read_among(rows, values, odd, _read_commas)]
    # Where every comma may separate thousands, the column says so.
    unclear = with_commas.tolist()
    for row in rows:
        unclear = [place for place in unclear if "," not in row[place] or THOUSANDS.fullmatch(row[place])]
    read = set(with_commas.tolist()).difference(unclear)
    return [place for place in odd.tolist() if place not in read]


def _read_among(
    rows: NDArray[np.object_],
    values: NDArray[np.float64],
    places: NDArray[np.intp],
    read: Callable[[list[str]], NDArray[np.float64] | None],
) -> NDArray[np.bool_]:
    """Read columns row by row, and return which of them could be read."""
    fit = np.ones(len(places), dtype=bool)
    for row, into in zip(rows, values, strict=True):
        parts = [np.flatnonzero(fit)]
        while parts:
            part = parts.pop()
            numbers = read(row[places[part]].tolist())
            if numbers is not None:
                into[places[part]] = numbers
            elif len(part) > 1:
                parts += np.array_split(part, 2)
            else:
                fit[part] = False
    return fit


def _read_commas(cells: list[str]) -> NDArray[np.float64] | None:
    text = "\n".join(cells)
    changed = text.replace(",", ".").split("\n") if cells else []
    return None if "." in text or len(changed) != len(cells) else read_plain(changed)


def read_cell(text: str, mark: str = r"\.") -> float:
    r"""Return the number of a cell; NaN where it is none, or no float is near it.

    Parameters
    ----------
    text : str
        The cell.
    mark : {"\.", ","}
        The decimal mark, as in a regular expression.
    """
    if len(text) > LONGEST or not NUMBER[mark].fullmatch(text):
        return float("nan")
    text = text.replace(",", ".")
    value = float(text)
    # A number too small for a float is no zero.
    lost = value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]) is not None
    return value if np.isfinite(value) and not lost else float("nan")


def exceeds(line: str, delimiter: str, most: int) -> bool:
    """Return whether a cell of a line has more than so many characters.

    Examples
    --------
    >>> exceeds("1,22,333", ",", 3), exceeds("1,22,333", ",", 2)
    (False, True)
    """
    first = 0
    while len(line) - first > most:
        first = line.rfind(delimiter, first, first + most + 1) + 1
        if not first:
            return True
    return False


def _floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    text = "\n".join(cells)
    if not text.isascii() or text.encode("ascii").translate(None, _OF_NUMBERS):
        return None
    if exceeds(text, "\n", _SHORT) or text.count("\n") >= max(len(cells), 1):
        return None
    try:
        # Of these characters `float` takes what `NUMBER` fits, and nothing else.
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    if not np.isfinite(values).all():
        return None
    if "e" in text or "E" in text:
        zeros = {cells[place] for place in np.flatnonzero(values == 0)}
        if any(np.isnan(read_cell(cell)) for cell in zeros):
            return None
    return values
