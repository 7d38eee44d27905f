"""Strict reading of a delimited table: everything as text, every row as long as the header.

The encoding is recognised and reported; a file that is no plain text is refused.

Types are never guessed here. A column becomes a number or a category only where the study gives it a role, so
that an id ``007`` stays ``007`` and a site called ``NA`` stays a site.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.plain_numbers import exceeds
from normwise.cohort.values import is_missing, names_a_sex, names_an_age
from normwise.errors import CohortError
from normwise.files import unquote_formula
from normwise.reprs import ShortRepr
from normwise.schema import did_you_mean, listed

if TYPE_CHECKING:
    from normwise.cohort.number_text import ColumnParts

__all__ = ["Table", "counts_rows", "is_unnamed", "names_an_index", "read_table"]

MAX_BYTES = 1024**3
"""Largest table that is read, in bytes; 100,000 people with 300 columns take about 260 MiB."""

_WORKBOOKS = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_CONTROLS = bytes(number for number in range(32) if chr(number) not in "\t\n\r")

DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma"}
_MOST_CLASSES = 8  # different values of a column that may be a diagnosis
_OF_LAYOUT = ("participant_id", "session_id")  # columns of a BIDS dataset that are no diagnosis
MAX_CELLS = 20_000_000  # about 1.5 GB as text in memory
MAX_NUMBERS = 100_000_000  # cells in all, where numbers are held as numbers: 0.8 GB
MAX_LINES = 5_000_000
ROWS = 1000  # rows that are read before numbers are packed; a shorter table is text alone
MAX_COLUMNS = 100_000
_CHARACTERS = 2**20  # that tell the delimiter, or two lines, or 50
MAX_LINE = 16 * 1024**2  # characters


@dataclass(frozen=True, repr=False)
class Table(ShortRepr):
    """A table as text.

    Attributes
    ----------
    frame : DataFrame
        One row a row of the table, index 0 …; every cell a stripped string.
    lines : ndarray of int of shape (n_rows,)
        Line of the file on which each row ends, counted from 1 as an editor does.
    readings : list of str
        What had to be recognised, for people.
    path : Path
        Where it was read.
    levels : dict of str to dict of str to str
        By column, what its codes stand for, where a data dictionary says so.
    """

    frame: pd.DataFrame
    lines: NDArray[np.int64]
    readings: list[str]
    path: Path
    levels: dict[str, dict[str, str]] = field(default_factory=dict)

    def records(self) -> list[dict[str, str]]:
        """Return each row as a mapping of column to cell."""
        names = list(self.frame.columns)
        return [dict(zip(names, row, strict=True)) for row in self.frame.to_numpy(dtype=object).tolist()]

    def column(self, name: str, key: str) -> pd.Series[str]:
        """Return a column, or say which one was meant.

        Parameters
        ----------
        name : str
            The column's name, exactly.
        key : str
            The key of the study file that asks for it.

        Raises
        ------
        CohortError
            COH-107 where there is no such column.
        """
        if name not in self.frame.columns:
            single = (
                len(self.frame.columns) == 1
                and " " in str(self.frame.columns[0])
                and bool(self.frame.iloc[:, 0].astype(object).str.contains(" ", regex=False).all())
            )
            raise CohortError(
                "COH-107",
                f"there is no column {name!r}, which {key} names.",
                subject=str(self.path),
                seen=f"columns {listed(self.frame.columns)}",
                advice="write tabs or commas between the cells: blanks part no columns"
                if single
                else did_you_mean(name, self.frame.columns, self._candidates(key)),
            )
        return self.frame[name].astype(object)

    def _candidates(self, key: str) -> str:
        """Name the columns that may be meant by a key, by what they hold."""
        advice = "write the name as the table has it"
        if key not in ("cohort.id", "cohort.label"):
            return advice
        held = {
            str(name): cells[~is_missing(cells)].astype(object).value_counts()
            for name, cells in self.frame.items()
        }
        if key == "cohort.id":
            fitting = [name for name, counts in held.items() if len(counts) == len(self.frame)]
            return f"{advice}, as --id NAME; it may be {listed(fitting, most=6)}" if fitting else advice
        others = {
            name: counts
            for name, counts in held.items()
            if name not in _OF_LAYOUT and not names_an_age(name) and not names_a_sex(name)
        }
        fitting = [
            f"{name} ({listed(counts.index, most=4)})"
            for name, counts in others.items()
            if 2 <= len(counts) <= _MOST_CLASSES and counts.max() > 1
        ]
        if fitting:
            return f"{advice}, as --label NAME --normal VALUE; it may be {listed(fitting, most=6)}"
        single = [
            f"{name} is {counts.index[0]!r} alone" for name, counts in others.items() if len(counts) == 1
        ]
        without = f" ({listed(single, most=4)})" if single else ""
        return (
            f"add a column with each person's diagnosis: no other holds classes{without}; or predict a "
            "number with --target NAME; normwise extract needs neither"
        )


# What the reader, pandas and readr call a column without a name, which is an index for the most part.
_UNNAMED = re.compile(r"column [0-9]+|Unnamed: [0-9]+|\.\.\.[0-9]+")


def is_unnamed(name: str) -> bool:
    """Return whether a column's name was made up for one without a name.

    Examples
    --------
    >>> [is_unnamed(name) for name in ("column 1", "Unnamed: 0", "...1", "V1", "column")]
    [True, True, True, False, False]
    """
    return _UNNAMED.fullmatch(name) is not None


# What pandas, R and people call an index.
_INDEX = re.compile(r"index|level_[0-9]+|X(?:\.[0-9]+)?|row\.?(?:names?|id|nr|no)|[Nn]|[Nn][or]|#")


def names_an_index(name: str) -> bool:
    """Return whether a column is called as an index is, or has no name of its own.

    Examples
    --------
    >>> [names_an_index(name) for name in ("index", "X", "X.1", "Unnamed: 0", "x1", "volume")]
    [True, True, True, True, False, False]
    """
    return is_unnamed(name) or _INDEX.fullmatch(name) is not None


def counts_rows(name: str, values: NDArray[np.float64]) -> bool:
    """Return whether a column is an index, by its name or since it counts the rows.

    Parameters
    ----------
    name : str
        Its name.
    values : ndarray of shape (n_rows,)
        Its numbers, in the table's order; NaN where there is none.

    Examples
    --------
    >>> gaps, any_ten = np.array([1.0, 2, 3, 5, 6, 9]), np.array([12.0, 14, 11, 13])
    >>> counts_rows("X", gaps), counts_rows("volume", gaps), counts_rows("size", any_ten)
    (True, False, False)
    """
    if is_unnamed(name):
        return True
    known = values[np.isfinite(values)]
    ordered = np.sort(known)
    steps = np.diff(ordered)
    if not len(known) or (known % 1 != 0).any() or (steps == 0).any():
        return False
    if names_an_index(name):
        return True
    return bool((steps == 1).all() and (ordered[0] in (0, 1) or (np.abs(np.diff(known)) == 1).all()))


def read_table(
    path: Path,
    *,
    max_bytes: int = MAX_BYTES,
    numbers: Callable[[Sequence[str]], Collection[str]] | None = None,
) -> Table:
    r"""Read a CSV or TSV file strictly.

    Parameters
    ----------
    path : Path
        A table with one header line; comma, semicolon or tab between columns; any line ends.
    max_bytes : int
        A larger file is refused before it is read.
    numbers : callable, optional
        Returns which of the columns that it is given are numbers and have no other role. In a long table
        they take eight bytes a cell (`NumberText`), as far as they hold numbers indeed.

    Returns
    -------
    Table
        The text of every cell, and what was recognised.

    Raises
    ------
    CohortError
        COH-101 to COH-106, where the file can't be read, is too large, is not text, has no rows, has rows
        longer or shorter than the header, or names a column twice; COH-108 for a quotation mark left open.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("ID;Age\n007;71,5\n")
    >>> table = read_table(path)
    >>> table.frame.to_dict("records"), table.readings
    ([{'ID': '007', 'Age': '71,5'}], ['columns are separated by semicolon'])
    """
    text, readings = read_text(path, max_bytes=max_bytes)
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        raise _too_large(path, f"{MAX_LINES:,} lines")
    head = re.search(r"[^\r\n]+", text)
    if head and max(map(head.group().count, DELIMITERS)) >= MAX_COLUMNS:
        raise _too_large(path, f"{MAX_COLUMNS:,} columns")
    delimiter = _find_delimiter(text, path)
    most = MAX_CELLS if numbers is None else MAX_NUMBERS
    if text.count(delimiter) > most:
        raise _too_large(path, f"{most:,} cells")
    if delimiter != ("\t" if path.suffix.lower() == ".tsv" else ","):
        readings.append(f"columns are separated by {DELIMITERS[delimiter]}")
    if "\r" in text and "\n" not in text:
        readings.append("line ends: carriage returns")
    header, columns, lines, empty = _read_rows(text, delimiter, path, numbers)
    if empty:
        readings.append(f"{empty} empty {'row' if empty == 1 else 'rows'} skipped")
    names = _name_columns(header, columns, readings, path)
    named = columns if len(names) == len(header) else columns[list(names)]
    frame = named.set_axis(list(names.values()), axis=1)
    return Table(frame, np.array(lines, dtype=np.int64), readings, path)


def _read_rows(
    text: str, delimiter: str, path: Path, numbers: Callable[[Sequence[str]], Collection[str]] | None
) -> tuple[list[str], pd.DataFrame, list[int], int]:
    """Return the header, the cells in columns 0 …, the line of each row, and how many rows were empty."""
    header: list[str] = []
    rows: list[list[str]] = []
    parts: list[ColumnParts] = []
    lines: list[int] = []
    empty = held = 0
    for line, cells in _records(text, delimiter, path):
        if not any(cells):
            empty += bool(cells and header)
        elif not header:
            header = [unquote_formula(cell) for cell in cells]  # as features.tsv quotes them
        elif len(cells) != len(header):
            raise _ragged(path, len(lines) + 1, line, header, cells)
        else:
            rows.append(cells)
            lines.append(line)
        if len(rows) == ROWS and numbers is not None:
            from normwise.cohort.number_text import ColumnParts  # of long tables alone

            chosen = set(numbers(header)) if not parts else ()
            parts = parts or [ColumnParts(number=name in chosen) for name in header]
            for part, column in zip(parts, zip(*rows, strict=True), strict=True):
                part.add(column)
            rows = []
            held = sum(part.texts for part in parts)
            if held > MAX_CELLS:
                raise _too_large(path, f"{MAX_CELLS:,} cells that are no numbers")
    if not lines:
        raise CohortError(
            "COH-104",
            "the table has no rows." if header else "the table is empty.",
            subject=str(path),
            expected="a header line and one line a scan",
            advice="check the export",
        )
    if not parts:
        if len(rows) * len(header) > MAX_CELLS:
            raise _too_large(path, f"{MAX_CELLS:,} cells")
        table = np.empty((len(rows), len(header)), dtype=object)
        for place, row in enumerate(rows):
            table[place] = row
        return header, pd.DataFrame(table, dtype=object, copy=False), lines, empty
    for part, column in zip(parts, zip(*rows, strict=True) if rows else [()] * len(parts), strict=True):
        part.add(column)
    columns = {place: part.column() for place, part in enumerate(parts)}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(lines)), copy=False)
    return header, frame, lines, empty


def _records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record ends, and its stripped cells; none of a blank line."""
    line = 0

    def numbered() -> Iterator[str]:
        nonlocal line
        for line, content in enumerate(_guarded_lines(text, path), 1):  # noqa: B007 - read outside
            yield content

    lines = numbered()
    try:
        for content in lines:
            plain = content.rstrip("\r\n")
            cells = plain.split(delimiter) if plain else []
            # Quotation marks, and a cell without end, are for the csv module, which takes five times as long.
            most = csv.field_size_limit()
            if '"' in plain or exceeds(plain, delimiter, most):
                cells = next(csv.reader(chain([content], lines), delimiter=delimiter, strict=True))
            elif plain.isascii() and " " not in plain and (delimiter == "\t" or "\t" not in plain):
                yield line, cells  # no blank to strip
                continue
            yield line, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise CohortError(
            "COH-108",
            f"the cells of line {max(line, 1)} can't be told apart.",
            subject=str(path),
            seen=str(error),
            advice='close the quotation mark that stands open on or before this line, or double it ("")',
        ) from None


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def _guarded_lines(text: str, path: Path) -> Iterator[str]:
    # One by one: a copy of the whole text in lines takes several times its size.
    first = 0
    while first < len(text):
        end = text.find("\n", first) + 1 or len(text)
        back = text.find("\r", first, end)
        single = back < 0 or text[back:end] == "\r\n"
        for line in [text[first:end]] if single else map(itemgetter(0), _LINE.finditer(text, first, end)):
            if len(line) > MAX_LINE:
                raise _too_large(path, f"{MAX_LINE:,} characters in a line")
            yield line
        first = end


def _find_delimiter(text: str, path: Path) -> str:
    """Return the delimiter under which the first lines have the most, and equally many, cells."""
    best, best_rank = "\t" if path.suffix.lower() == ".tsv" else ",", (False, 1)
    first = next(_guarded_lines(text, path), "")
    enough = min(50, max(2, _CHARACTERS // max(1, len(first))))
    for delimiter in DELIMITERS:
        reader = csv.reader(_guarded_lines(text, path), delimiter=delimiter)
        try:
            widths = [len(cells) for cells in islice(reader, enough) if any(cells)]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            rank = (len(set(widths)) == 1, widths[0])
            if rank > best_rank:
                best, best_rank = delimiter, rank
    return best


def _name_columns(header: list[str], frame: pd.DataFrame, readings: list[str], path: Path) -> dict[int, str]:
    """Return the named columns' places and names; an unnamed empty column is an artefact of the export."""
    names: dict[int, str] = {}
    for place, name in enumerate(header):
        if name:
            names[place] = name
        elif frame[place].ne("").any():
            names[place] = f"column {place + 1}"
            readings.append(f"column {place + 1} has no name")
    seen: set[str] = set()
    for name in names.values():
        if name in seen:
            raise CohortError(
                "COH-106",
                f"two columns are called {name!r}.",
                subject=str(path),
                advice="give each column a name of its own",
            )
        seen.add(name)
    return names


def _ragged(path: Path, row: int, line: int, header: list[str], cells: list[str]) -> CohortError:
    surplus = len(cells) - len(header)
    amount = "1 cell" if abs(surplus) == 1 else f"{abs(surplus)} cells"
    what = f"{amount} more" if surplus > 0 else f"{amount} fewer"
    return CohortError(
        "COH-105",
        f"row {row} (line {line}) has {what} than the header has columns.",
        subject=str(path),
        seen=f"{len(cells)} cells: {listed((repr(cell) for cell in cells), most=6)}",
        expected=f"{len(header)} cells",
        advice=_how_to_even(row, header, cells),
    )


def _how_to_even(row: int, header: list[str], cells: list[str]) -> str:
    if len(header) == 1:
        return "take away what stands above the line of column names, a title or a comment"
    if len(cells) > len(header) and not any(cells[len(header) :]):
        return "take away the delimiters at the ends of lines, or give the last column a name"
    if row == 1 and len(cells) == len(header) + 1:
        return (
            "give the first column a name, which R leaves out with the names of rows (row.names = FALSE); or "
            "put quotation marks around a cell that holds the delimiter"
        )
    return "put quotation marks around a cell that holds the delimiter, or fill the row with n/a"


def _too_large(path: Path, limit: str) -> CohortError:
    return CohortError(
        "COH-102",
        f"the table has more than {limit}.",
        subject=str(path),
        advice="keep the rows and columns that the study names",
    )


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
    control = _find_control(text)
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


def _find_control(text: str) -> re.Match[str] | None:
    # Some at a time: a copy without such characters takes a tenth of the time of a search for one.
    for first in range(0, len(text), _CHARACTERS):
        part = text[first : first + _CHARACTERS].encode()
        if len(part.translate(None, _CONTROLS)) < len(part):
            return _CONTROL.search(text, first)
    return None


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
                return handle.read(size)
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
    """Return the encoding to try and the reading to report."""
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
