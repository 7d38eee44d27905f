"""The bar on a terminal; alone in its file, since rich is imported only where it is shown."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from normwise.engine.progress import State

__all__ = ["BarProgress"]


class BarProgress:
    """One bar a title, redrawn in place; failures stay above it as lines.

    Parameters
    ----------
    stream : TextIO
        The terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, dict[State, int]] = {}

    def start(self, title: str, total: int) -> None:
        """Draw the bar."""
        self._tasks[title] = self._bars.add_task(escape(title), total=total, note="")
        self._counts[title] = {"done": 0, "cached": 0, "failed": 0}
        self._bars.start()

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Move the bar; a failure leaves a line."""
        if title not in self._tasks:
            return
        counts = self._counts[title]
        counts[state] += 1
        notes = [f"{counts['cached']} cached"] if counts["cached"] else []
        notes += [f"[red]{counts['failed']} failed[/red]"] if counts["failed"] else []
        self._bars.update(self._tasks[title], advance=1, note=", ".join(notes))
        if state == "failed":
            self._bars.console.print(f"{escape(subject)} failed: {escape(code)}", highlight=False)

    def finish(self, title: str) -> None:
        """Close the bar; the last one gives the terminal back."""
        self._tasks.pop(title, None)
        if not self._tasks:
            self._bars.stop()
            # What is finished stays on the screen; the next start must not draw it once more.
            for done in self._bars.task_ids:
                self._bars.remove_task(done)

    def message(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(escape(text), highlight=False)
