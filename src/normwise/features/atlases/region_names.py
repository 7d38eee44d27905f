"""Region names: the atlas's own in one form, with the side at the end."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from normwise.errors import FeatureError
from normwise.features.path_templates import read_small_text

__all__ = ["is_background", "read_lookup", "region_name", "region_names"]

_LEFT, _RIGHT = ("left", "lh", "l"), ("right", "rh", "r")
_SIDES = {**dict.fromkeys(_LEFT, "left"), **dict.fromkeys(_RIGHT, "right")}
_BACKGROUND = re.compile(r"(^|_)(unknown|background|medialwall|medial_wall|clear_label)(_|$)")


def region_name(name: str) -> str:
    """Convert one region's name to lower case and underscores, with ``_left`` or ``_right`` at the end.

    A side is taken from ``Left``, ``lh`` or ``L`` at the beginning or the end, after an optional ``ctx`` or
    ``wm``; words run together in capitals (``AccumbensArea``) are separated where nothing else separates
    them.

    Parameters
    ----------
    name : str
        As the atlas has it.

    Returns
    -------
    str
        Letters, digits and underscores.

    Examples
    --------
    >>> [region_name(name) for name in ("Left-Hippocampus", "Right_AnG_angular_gyrus", "Precentral_L")]
    ['hippocampus_left', 'ang_angular_gyrus_right', 'precentral_left']
    >>> [region_name(name) for name in ("ctx-lh-bankssts", "AccumbensArea_R", "3rd-Ventricle", "lh_insula")]
    ['ctx_bankssts_left', 'accumbens_area_right', '3rd_ventricle', 'insula_left']
    """
    words = [word for word in re.split(r"[^0-9A-Za-z]+", name) if word]
    prefix = [words.pop(0)] if len(words) > 2 and words[0].lower() in ("ctx", "wm") else []
    side = ""
    for place in (0, -1):
        if len(words) > 1 and words[place].lower() in _SIDES:
            side = _SIDES[words.pop(place).lower()]
            break
    if len(words) == 1:
        words = re.split(r"(?<=[a-z])(?=[A-Z])", words[0])
    return "_".join([*prefix, *words, *([side] if side else [])]).lower()


def region_names(raw: Mapping[int, str]) -> dict[int, str]:
    """Name every label once; names that become equal end in their label.

    Parameters
    ----------
    raw : mapping of int to str
        Label and the atlas's own name.

    Returns
    -------
    dict of int to str
        In the order of ``raw``.

    Examples
    --------
    >>> region_names({1: "Insula_L", 2: "Insula-L", 3: "Cuneus_R"})
    {1: 'insula_left_1', 2: 'insula_left_2', 3: 'cuneus_right'}
    """
    plain = {label: region_name(name) or f"label_{label}" for label, name in raw.items()}
    counts = Counter(plain.values())
    return {label: name if counts[name] == 1 else f"{name}_{label}" for label, name in plain.items()}


def is_background(name: str) -> bool:
    """Return whether an atlas's name stands for no region at all.

    Examples
    --------
    >>> is_background("ctx-lh-unknown"), is_background("Background"), is_background("Cuneus_L")
    (True, True, False)
    """
    return _BACKGROUND.search(region_name(name)) is not None


_MOST_BYTES = 8 * 1024**2  # FreeSurfer's whole table is 90 kB
_INDEX = ("index", "label", "id", "no", "no.", "value", "number", "roi", "key")
_NAME = ("name", "labelname", "label_name", "structure", "region", "roi_name", "structname")
_WHOLE = re.compile(r"\d{1,9}(\.0*)?")
_COLOUR_LINE = re.compile(r"(\d+(?:\.0*)?)\s+(\S+)(?:\s+\d+){3,4}\s*")


def read_lookup(path: Path) -> dict[int, str]:
    r"""Read a look-up table: FreeSurfer's colour table, or a TSV or CSV file with an index and a name.

    Parameters
    ----------
    path : Path
        A text file. A table's columns are found by their names (``index`` or ``label``, ``name``), in any
        letter case; without such a header the first column is the index and the second the name.

    Returns
    -------
    dict of int to str
        In the file's order.

    Raises
    ------
    FeatureError
        FEA-105 the file can't be read; FEA-106 a line is no label and name, or a label comes twice.

    Notes
    -----
    A label may be written as 17.0, as programs write a column of numbers with a gap in it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "lut.txt"
    >>> _ = path.write_text("#No. Label Name: R G B A\n0 Unknown 0 0 0 0\n17 Left-Hippocampus 220 216 20 0\n")
    >>> read_lookup(path)
    {0: 'Unknown', 17: 'Left-Hippocampus'}
    """
    lines = [line for line in _text(path).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if all(_COLOUR_LINE.fullmatch(line.strip()) for line in lines):
        rows = [(match[1], match[2]) for line in lines if (match := _COLOUR_LINE.fullmatch(line.strip()))]
    else:
        rows = _table_rows(lines)
    names: dict[int, str] = {}
    for number, (index, name) in enumerate(rows, start=1):
        label = _label(index)
        if label is None or not name:
            raise FeatureError(
                "FEA-106",
                f"entry {number} of the look-up table {_fault(index)}.",
                subject=str(path),
                seen=f"{index!r}, {name!r}",
                expected="a whole number and a name, as 17, Left-Hippocampus",
                advice="correct that line of FreeSurfer's colour table, or of columns called index and name",
            )
        if label in names:
            raise FeatureError(
                "FEA-106",
                f"label {label} is twice in the look-up table.",
                subject=str(path),
                seen=f"{names[label]!r} and {name!r}",
                advice="keep one line a label",
            )
        names[label] = name
    return names


def _text(path: Path) -> str:
    try:
        return read_small_text(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise FeatureError(
            "FEA-105",
            "the look-up table can't be read.",
            subject=str(path),
            seen=str(error),
            expected="a text file (UTF-8) with a label and a name on each line",
            advice="check features.lut",
        ) from None


def _table_rows(lines: list[str]) -> list[tuple[str, str]]:
    delimiter = next((mark for mark in ("\t", ",", ";") if lines and mark in lines[0]), None)
    if delimiter is None:  # index and name separated by blanks
        rows = [line.split(maxsplit=1) for line in lines]
    else:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    index, name = _place(header, _INDEX), _place(header, _NAME)
    if index is None or name is None or index == name:
        index, name = 0, 1
        rows = rows[1:] if header and not _is_number(header[0]) else rows
    else:
        rows = rows[1:]
    return [(_cell(row, index), _cell(row, name)) for row in rows]


def _place(header: list[str], known: tuple[str, ...]) -> int | None:
    return next((header.index(word) for word in known if word in header), None)


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _label(text: str) -> int | None:
    return int(float(text)) if _WHOLE.fullmatch(text.strip()) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fault(index: str) -> str:
    """Say what is wrong with a line."""
    if not index:
        return "has no label"
    if not _is_number(index):
        return "has a label that is no number"
    if float(index) < 0:
        return "has a label below 0"
    if _label(index) is None:
        return "has a label that is no whole number of at most nine digits"
    return "has no name beside its label"
