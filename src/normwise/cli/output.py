"""What a command prints: closing lines or one JSON object, errors, and the table of an evaluation's arms."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

if TYPE_CHECKING:
    from rich.console import Console

    from normwise.errors import NormwiseError
    from normwise.results import Estimate, Evaluation

__all__ = ["CommandOutput", "make_console", "print_arms", "print_error", "shown"]

_LABEL = 12  # width of the labels on the left

_HEADS = {
    "auc": "AUC",
    "balanced_accuracy": "balanced acc.",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}

_COMPARED = ("raw", "demographics")  # the report has the other differences


class CommandOutput:
    """Prints closing lines on stdout and warnings on stderr.

    Parameters
    ----------
    verb : str
        The command.
    quiet : bool
        Print nothing.
    as_json : bool
        Hold everything back and write one JSON object at the end; it wins over ``quiet``.

    Examples
    --------
    >>> output = CommandOutput("check")
    >>> output.row("people", "80 of 80")
    people      80 of 80
    >>> output.table(["", "AUC"], [["raw", "0.81"], ["normalized", "0.87"]])
                AUC
    raw         0.81
    normalized  0.87
    """

    def __init__(self, verb: str, *, quiet: bool = False, as_json: bool = False) -> None:
        self._verb = verb
        self._as_json = as_json
        self._prints = not quiet and not as_json
        self._numbers: dict[str, Any] = {}
        self._paths: list[str] = []

    def line(self, text: str = "") -> None:
        """Print a line of text."""
        if self._prints:
            make_console(sys.stdout).print(text, soft_wrap=not sys.stdout.isatty())

    def row(self, label: str, text: str) -> None:
        """Print a text with its label on the left."""
        if not self._prints:
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
        make_console(sys.stdout).print(grid)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; the first column is text, the others are aligned under their headers."""
        if not self._prints:
            return
        # A row of one cell is a remark, which no column has to be wide enough for.
        full = [row for row in (header, *rows) if len(row) == len(header)]
        widths = [max(len(row[place]) for row in full) for place in range(len(header))]
        console = make_console(sys.stdout)
        for style, row in [("dim", header), *(("", row) for row in rows)]:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
            console.print("  ".join(cells).rstrip(), style=style, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print something on stderr that should not be overlooked."""
        if self._prints:
            make_console(sys.stderr).print(text, style="yellow", soft_wrap=not sys.stderr.isatty())

    def number(self, name: str, value: Any) -> None:
        """Add a number to the JSON object."""
        self._numbers[name] = value

    def path(self, path: Path) -> None:
        """Print where a result is."""
        self._paths.append(str(path))
        if self._prints:
            make_console(sys.stdout).print(str(path), style="bold", soft_wrap=True)

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
    """Print an error: on a terminal wrapped at its width, elsewhere as it is.

    Parameters
    ----------
    error : NormwiseError
        The error.
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
    make_console(stream).print(grid)


def print_arms(output: CommandOutput, evaluation: Evaluation) -> None:
    """Print the metrics of the arms, with intervals over people, and what the main one gains.

    Parameters
    ----------
    output : CommandOutput
        Where to.
    evaluation : Evaluation
        Of a cross-validation, or of a test.
    """
    positives = " or ".join(evaluation.positives)
    one_scan_each = evaluation.n_scans == evaluation.n_people
    scans = "" if one_scan_each else f" with {evaluation.n_scans} scans"
    output.row("people", f"{evaluation.n_people}{scans}: {_counts(evaluation.n_per_class)}")
    output.row("question", f"{positives} against {evaluation.negative}; {evaluation.decision}")
    output.line()
    rows = [
        [_mark(name, evaluation), *(shown(getattr(arm, metric)) for metric in _HEADS)]
        for name, arm in evaluation.arms.items()
    ]
    if len(evaluation.arms) > 1:
        rows.append(["* what is trained"])
    output.table([f"({evaluation.confidence:.0%} intervals)", *_HEADS.values()], rows)
    output.line()
    adjusted = evaluation.arms[evaluation.main_arm].adjusted_auc
    if adjusted.estimate is not None:
        output.row("AUC", f"{shown(adjusted)} among people of the same demographics (adjusted AUC)")
    for pair, metrics in evaluation.differences.items():
        first, _, second = pair.partition("-")
        if first == evaluation.main_arm and second in _COMPARED and "auc" in metrics:
            output.row("AUC gained", f"{shown(metrics['auc'], sign=True)} over {second}")
            gained = metrics.get("adjusted_auc")
            if gained is not None and gained.estimate is not None:
                output.row(
                    "", f"{shown(gained, sign=True)} over {second} among people of the same demographics"
                )
    main = evaluation.arms[evaluation.main_arm]
    if main.undecided:
        why = "referred, or outside" if main.abstention else "outside"
        whom = "people" if one_scan_each else "scans"
        output.row("undecided", f"{main.undecided:.1%} of {whom}: {why} the range of the normal group")
    output.number("people", evaluation.n_people)
    output.number("scans", evaluation.n_scans)
    output.number("auc", {name: arm.auc.estimate for name, arm in evaluation.arms.items()})
    output.number("adjusted_auc", {name: arm.adjusted_auc.estimate for name, arm in evaluation.arms.items()})


def shown(estimate: Estimate, *, sign: bool = False) -> str:
    """Return an estimate with its interval, as ``0.87 .79–.94``.

    Parameters
    ----------
    estimate : Estimate
        The number.
    sign : bool
        Whether a gain carries its plus.

    Examples
    --------
    >>> from normwise.results import Estimate
    >>> shown(Estimate(0.874, 0.79, 0.941)), shown(Estimate(None, None, None))
    ('0.87 .79–.94', '–')
    >>> shown(Estimate(0.031, -0.01, 0.07), sign=True)
    '+0.03 (-0.01 to +0.07)'
    """
    if estimate.estimate is None:
        return "–"
    if sign:
        text = f"{estimate.estimate:+.2f}"
        known = estimate.low is not None and estimate.high is not None
        return f"{text} ({estimate.low:+.2f} to {estimate.high:+.2f})" if known else text
    text = f"{estimate.estimate:.2f}"
    if estimate.low is None or estimate.high is None:
        return text
    low, high = (f"{end:.2f}".removeprefix("0") for end in (estimate.low, estimate.high))
    return f"{text} {low}–{high}"


def _mark(name: str, evaluation: Evaluation) -> str:
    star = "*" if name == evaluation.main_arm and len(evaluation.arms) > 1 else ""
    return f"{name.replace('_', ' ')}{star}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def make_console(stream: TextIO) -> Console:
    """Return a console on a stream; a reader that went away raises BrokenPipeError.

    Parameters
    ----------
    stream : TextIO
        Where to write.
    """
    from rich.console import Console  # only where something is shown

    class Terminal(Console):
        def on_broken_pipe(self) -> NoReturn:
            # Rich would exit with code 1, which means here that subjects failed.
            raise BrokenPipeError

    return Terminal(file=stream, highlight=False, markup=False)
