"""Progress: a bar on a terminal or in a notebook, plain lines elsewhere, JSON for programs, a command's log.

Only titles, counts, subject ids and error codes are shown; values and paths of people never are.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = [
    "BarProgress",
    "LogProgress",
    "NotebookProgress",
    "Progress",
    "State",
    "make_progress",
    "usual_progress",
]

State = Literal["done", "cached", "failed"]
"""How one subject ended."""

_NAMED_FAILURES = 5  # a plain line stays a line, however many subjects failed since the last one


class Progress(Protocol):
    """Where work in steps is shown; one title is one bar."""

    def start(self, title: str, total: int) -> None:
        """Open the bar of ``title`` with ``total`` steps."""

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Take one step; ``subject`` names it and ``code`` says why it failed."""

    def finish(self, title: str) -> None:
        """Close the bar of ``title``."""

    def message(self, text: str) -> None:
        """Show one line of text."""


def make_progress(
    quiet: bool = False,  # noqa: FBT001, FBT002 - the two flags of every command, in their order
    json_log: bool = False,  # noqa: FBT001, FBT002 - see above
    stream: TextIO | None = None,
    log: logging.Handler | None = None,
) -> Progress:
    """Choose how progress is shown.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    json_log : bool
        One JSON object a line, which other programs read; it wins over ``quiet``.
    stream : TextIO, optional
        Where to write; default: stderr as it is now.
    log : logging.Handler, optional
        Is given the beginning and the end of each title, and every failure, as well.

    Returns
    -------
    Progress
        A bar where the stream is a terminal, plain lines otherwise.

    Examples
    --------
    >>> progress = make_progress(stream=sys.stdout)
    >>> progress.start("features", 2)
    features: 2 to do
    >>> progress.advance("features", "sub-01", "cached")
    >>> progress.advance("features", "sub-02", "failed", "IMG-202")
    >>> progress.finish("features")
    features: 2 of 2, 1 from the cache, 1 failed (now sub-02 IMG-202), 0 s
    >>> progress = make_progress(json_log=True, stream=sys.stdout)
    >>> progress.start("features", 2)
    {"event": "start", "time": ..., "title": "features", "total": 2}
    """
    target = stream if stream is not None else sys.stderr
    handlers = [] if log is None else [_only(log, "start", "failure", "finish")]
    if target is None or (quiet and not json_log):  # a service may run without a stderr
        return LogProgress(*handlers)
    if json_log:
        json_lines = _only(_QuietHandler(target), "start", "advance", "finish", "message")
        json_lines.setFormatter(_JsonFormatter())
        return LogProgress(json_lines, *handlers)
    if target.isatty():
        return BarProgress(target, LogProgress(*handlers))
    return LogProgress(_only(_QuietHandler(target), "start", "count", "finish", "message"), *handlers)


def usual_progress() -> Progress | None:
    """Return what shows the progress of a function that was given none: bars in a notebook, else nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return NotebookProgress() if hasattr(shell, "kernel") else None


class LogProgress:
    """Progress as records of `logging`, whose handlers choose among the events and word them.

    Parameters
    ----------
    *handlers : logging.Handler
        Where the records go; without one nothing is shown.
    interval : float
        Seconds between two counts of one title.
    clock : callable
        Gives the seconds.
    """

    def __init__(
        self, *handlers: logging.Handler, interval: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logging.Logger("normwise.progress")  # noqa: LOG001 - handlers are this object's own
        for handler in handlers:
            self._logger.addHandler(handler)
        self._interval = interval
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def start(self, title: str, total: int) -> None:
        """Log what is to be done."""
        self._counts[title] = _Count(total, self._clock())
        self._log("start", f"{title}: {total} to do", title=title, total=total)

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Log a step, and the count where the last one is old enough."""
        now = self._clock()
        count = self._counts.setdefault(title, _Count(0, now))
        count.add(subject, state, code)
        text = f"{title}: {subject} {state} {code}".rstrip()
        self._log("advance", text, title=title, subject=subject, state=state, code=code)
        if state == "failed":
            self._log("failure", text)
        if now - count.logged >= self._interval:
            count.logged = now
            self._log("count", count.line(title))

    def finish(self, title: str) -> None:
        """Log the last count and the seconds."""
        count = self._counts.pop(title, None)
        if count is not None:
            seconds = self._clock() - count.begun
            self._log("finish", f"{count.line(title)}, {seconds:.0f} s", title=title)

    def message(self, text: str) -> None:
        """Log the line."""
        self._log("message", text, text=text)

    def _log(self, event: str, line: str, **fields: Any) -> None:
        self._logger.info("%s", line, extra={"event": event, "fields": fields})


class BarProgress:
    """One bar a title, redrawn in place; failures stay above it as lines.

    Parameters
    ----------
    stream : TextIO
        The terminal.
    log : Progress, optional
        Is given everything as well.
    """

    def __init__(self, stream: TextIO, log: Progress | None = None) -> None:
        # Only here, since importing rich takes longer than many a command.
        from rich import progress
        from rich.console import Console

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}"),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(file=stream, highlight=False, markup=False),
        )
        self._log = log or LogProgress()
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, _Count] = {}

    def start(self, title: str, total: int) -> None:
        """Draw the bar."""
        from rich.markup import escape

        self._log.start(title, total)
        self._tasks[title] = self._bars.add_task(escape(title), total=total, note="")
        self._counts[title] = _Count(total, 0.0)
        self._bars.start()

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Move the bar; a failure leaves a line."""
        self._log.advance(title, subject, state, code)
        if title not in self._tasks:
            return
        count = self._counts[title]
        count.add(subject, state, code)
        notes = [f"{count.cached} cached"] if count.cached else []
        notes += [f"[red]{count.failed} failed[/red]"] if count.failed else []
        self._bars.update(self._tasks[title], advance=1, note=", ".join(notes))
        if state == "failed":
            self._bars.console.print(f"{subject} failed: {code}")

    def finish(self, title: str) -> None:
        """Close the bar; the last one gives the terminal back."""
        self._log.finish(title)
        self._tasks.pop(title, None)
        if not self._tasks:
            self._bars.stop()
            # What is finished stays on the screen; the next start must not draw it once more.
            for done in self._bars.task_ids:
                self._bars.remove_task(done)

    def message(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text)


class NotebookProgress:
    """One bar a title below a notebook's cell, redrawn in place; failures are named in its line.

    Parameters
    ----------
    interval : float
        Seconds between two drawings of one bar.
    clock : callable
        Gives the seconds.
    """

    def __init__(self, *, interval: float = 0.3, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._clock = interval, clock
        self._bars: dict[str, tuple[_Count, list[str], Any]] = {}

    def start(self, title: str, total: int) -> None:
        """Show the bar."""
        from IPython.display import display

        count = _Count(total, self._clock())
        self._bars[title] = count, [], display(_NotebookBar(title, count, []), display_id=True)

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Move the bar, where the last drawing is old enough."""
        if title not in self._bars:
            return
        count, failures, handle = self._bars[title]
        count.add(subject, state, code)
        failures += count.unnamed
        count.unnamed.clear()
        now = self._clock()
        if now - count.logged >= self._interval:
            count.logged = now
            handle.update(_NotebookBar(title, count, failures))

    def finish(self, title: str) -> None:
        """Leave the count and the seconds."""
        if title in self._bars:
            count, failures, handle = self._bars.pop(title)
            handle.update(_NotebookBar(title, count, failures, self._clock() - count.begun))

    def message(self, text: str) -> None:
        """Print the line."""
        print(text)  # noqa: T201 - a notebook shows it below the cell


class _NotebookBar:
    def __init__(self, title: str, count: _Count, failures: list[str], seconds: float | None = None) -> None:
        named = "; ".join(failures[:_NAMED_FAILURES])
        more = f" and {len(failures) - _NAMED_FAILURES} more" if len(failures) > _NAMED_FAILURES else ""
        took = "" if seconds is None else f", {seconds:.0f} s"
        self._text = f"{count.line(title)}{f' ({named}{more})' if named else ''}{took}"
        self._done, self._total = count.done, max(count.total, 1)

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        text = escape(self._text)
        return f'<label><progress max="{self._total}" value="{self._done}"></progress> {text}</label>'


class _Count:
    """How many steps of one title were taken."""

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.done = self.cached = self.failed = 0
        self.begun = self.logged = now
        self.unnamed: list[str] = []

    def add(self, subject: str, state: State, code: str) -> None:
        self.done += 1
        self.cached += state == "cached"
        self.failed += state == "failed"
        if state == "failed":
            self.unnamed.append(f"{subject} {code}".strip())

    def line(self, title: str) -> str:
        parts = [f"{title}: {self.done} of {self.total}"]
        if self.cached:
            parts.append(f"{self.cached} from the cache")
        if self.failed:
            parts.append(f"{self.failed} failed{self._names()}")
        return ", ".join(parts)

    def _names(self) -> str:
        names, self.unnamed = self.unnamed, []
        if not names:
            return ""
        more = f", and {len(names) - _NAMED_FAILURES} more" if len(names) > _NAMED_FAILURES else ""
        return f" (now {'; '.join(names[:_NAMED_FAILURES])}{more})"


class _QuietHandler(logging.StreamHandler[TextIO]):
    """Progress is worth less than the work: a stream that was closed must not stop a run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Do nothing."""


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = vars(record)["event"], vars(record)["fields"]
        return json.dumps({"event": event, "time": round(record.created, 3), **fields})


def _only(handler: logging.Handler, *events: str) -> logging.Handler:
    """Let a handler take records of these events, and those that are no progress."""
    handler.addFilter(lambda record: getattr(record, "event", None) in (None, *events))
    return handler
