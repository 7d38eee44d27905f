"""What a command says at its end: a few plain numbers and a path, or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

    from normwise.errors import NormwiseError

__all__ = ["CommandOutput", "print_error"]

_LABEL = 12  # width of the labels on the left


class CommandOutput:
    """Says closing lines on stdout and warnings on stderr.

    Parameters
    ----------
    verb : str
        The command.
    quiet : bool
        Say nothing.
    as_json : bool
        Hold everything back and write one JSON object at the end; it wins over ``quiet``.

    Examples
    --------
    >>> teller = CommandOutput("check")
    >>> teller.row("people", "80 of 80")
    people      80 of 80
    >>> teller.table(["", "AUC"], [["raw", "0.81"], ["normalized", "0.87"]])
                AUC
    raw         0.81
    normalized  0.87
    """

    def __init__(self, verb: str, *, quiet: bool = False, as_json: bool = False) -> None:
        self._verb = verb
        self._as_json = as_json
        self._speaks = not quiet and not as_json
        self._numbers: dict[str, Any] = {}
        self._paths: list[str] = []

    def line(self, text: str = "") -> None:
        """Say a line of text."""
        if self._speaks:
            _console(sys.stdout).print(text, soft_wrap=not sys.stdout.isatty())

    def row(self, label: str, text: str) -> None:
        """Say a text with its label on the left."""
        if not self._speaks:
            return
        from rich.table import Table
        from rich.text import Text

        if not sys.stdout.isatty():  # a line of a file stays one line
            self.line(f"{label:<{_LABEL}}{text}")
            return
        grid = Table.grid(padding=0)
        grid.add_column(width=_LABEL, style="dim", no_wrap=True)
        grid.add_column()
        grid.add_row(Text(label), Text(text))
        _console(sys.stdout).print(grid)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Say a table; the first column is text, the others stand under their heads."""
        if not self._speaks:
            return
        # A row of one cell is a remark, which no column makes room for.
        full = [row for row in (header, *rows) if len(row) == len(header)]
        widths = [max(len(row[place]) for row in full) for place in range(len(header))]
        console = _console(sys.stdout)
        for style, row in [("dim", header), *(("", row) for row in rows)]:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
            console.print("  ".join(cells).rstrip(), style=style, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say something on stderr that should not be overlooked."""
        if self._speaks:
            _console(sys.stderr).print(text, style="yellow", soft_wrap=not sys.stderr.isatty())

    def number(self, name: str, value: Any) -> None:
        """Keep a number for the JSON object."""
        self._numbers[name] = value

    def path(self, path: Path) -> None:
        """Say where a result is."""
        self._paths.append(str(path))
        if self._speaks:
            _console(sys.stdout).print(str(path), style="bold", soft_wrap=True)

    def close(self, code: int) -> None:
        """End; the JSON object is written now."""
        if self._as_json:
            content = {
                "event": "end",
                "command": self._verb,
                "exit": code,
                **self._numbers,
                "wrote": self._paths,
            }
            sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")


def print_error(error: NormwiseError, stream: TextIO, *, as_json: bool = False) -> None:
    """Say an error in its own text: on a terminal wrapped at its width, elsewhere as it is.

    Parameters
    ----------
    error : NormwiseError
        What was refused.
    stream : TextIO
        Where to.
    as_json : bool
        As one JSON object.
    """
    if as_json:
        stream.write(json.dumps({"event": "error", **error.to_dict()}, ensure_ascii=False) + "\n")
        return
    if not stream.isatty():
        stream.write(f"{error}\n")
        return
    from rich.table import Table
    from rich.text import Text

    head, *rows = str(error).splitlines()
    grid = Table.grid(padding=0)
    grid.add_column(width=9, no_wrap=True)
    grid.add_column()
    grid.add_row(Text(error.code, style="bold red"), Text(head.removeprefix(error.code).strip()))
    inner = Table.grid(padding=0)
    inner.add_column(width=10, style="dim", no_wrap=True)
    inner.add_column()
    for name, text in (("seen", error.seen), ("expected", error.expected), ("do", error.advice)):
        if text:
            inner.add_row(name, Text(text))
    if rows:
        grid.add_row("", inner)
    _console(stream).print(grid)


def _console(stream: TextIO) -> Console:
    from normwise.cli.terminal import make_console

    return make_console(stream)
