"""Live progress: the protocol, and progress as plain lines, as JSON lines, or not at all.

Only titles, counts, subject ids and error codes are shown; values and paths of people never are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, Protocol, TextIO

__all__ = ["JsonProgress", "PlainProgress", "Progress", "QuietProgress", "State"]

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


class QuietProgress:
    """Shows nothing."""

    def start(self, title: str, total: int) -> None:
        """Do nothing."""

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Do nothing."""

    def finish(self, title: str) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""


class JsonProgress:
    """One JSON object a line, for other programs.

    Parameters
    ----------
    stream : TextIO
        Where the lines go.

    Examples
    --------
    >>> import sys
    >>> progress = JsonProgress(sys.stdout)
    >>> progress.start("features", 2)
    {"event": "start", "time": ..., "title": "features", "total": 2}
    >>> progress.finish("features")
    {"event": "finish", "time": ..., "title": "features"}
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, title: str, total: int) -> None:
        """Write the event ``start``."""
        self._write("start", title=title, total=total)

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Write the event ``advance``."""
        self._write("advance", title=title, subject=subject, state=state, code=code)

    def finish(self, title: str) -> None:
        """Write the event ``finish``."""
        self._write("finish", title=title)

    def message(self, text: str) -> None:
        """Write the event ``message``."""
        self._write("message", text=text)

    def _write(self, event: str, **fields: Any) -> None:
        _write_line(self._stream, json.dumps({"event": event, "time": round(time.time(), 3), **fields}))


class _Count:
    """Where one title stands."""

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.done = self.cached = self.failed = 0
        self.begun = self.shown = now
        self.unsaid: list[str] = []

    def step(self, subject: str, state: State, code: str) -> None:
        self.done += 1
        self.cached += state == "cached"
        self.failed += state == "failed"
        if state == "failed":
            self.unsaid.append(f"{subject} {code}".strip())

    def line(self, title: str) -> str:
        parts = [f"{title}: {self.done} of {self.total}"]
        if self.cached:
            parts.append(f"{self.cached} from the cache")
        if self.failed:
            parts.append(f"{self.failed} failed{self._names()}")
        return ", ".join(parts)

    def _names(self) -> str:
        named, self.unsaid = self.unsaid, []
        if not named:
            return ""
        more = f", and {len(named) - _NAMED_FAILURES} more" if len(named) > _NAMED_FAILURES else ""
        return f" (now {'; '.join(named[:_NAMED_FAILURES])}{more})"


class PlainProgress:
    """Plain lines, at most one every ``interval`` seconds a title, for logs.

    Parameters
    ----------
    stream : TextIO
        Where the lines go.
    interval : float
        Seconds between two lines of one title.
    clock : callable
        Gives the seconds.

    Examples
    --------
    >>> import sys
    >>> progress = PlainProgress(sys.stdout, interval=60.0)
    >>> progress.start("features", 2)
    features: 2 to do
    >>> progress.advance("features", "sub-01", "cached")
    >>> progress.advance("features", "sub-02", "failed", "IMG-202")
    >>> progress.finish("features")
    features: 2 of 2, 1 from the cache, 1 failed (now sub-02 IMG-202), 0 s
    """

    def __init__(
        self, stream: TextIO, interval: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._interval = interval
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def start(self, title: str, total: int) -> None:
        """Say what is to be done."""
        self._counts[title] = _Count(total, self._clock())
        _write_line(self._stream, f"{title}: {total} to do")

    def advance(self, title: str, subject: str = "", state: State = "done", code: str = "") -> None:
        """Count a step, and show it where the last line is old enough."""
        now = self._clock()
        count = self._counts.setdefault(title, _Count(0, now))
        count.step(subject, state, code)
        if now - count.shown >= self._interval:
            count.shown = now
            _write_line(self._stream, count.line(title))

    def finish(self, title: str) -> None:
        """Show the last count and the seconds."""
        count = self._counts.pop(title, None)
        if count is not None:
            _write_line(self._stream, f"{count.line(title)}, {self._clock() - count.begun:.0f} s")

    def message(self, text: str) -> None:
        """Write the line."""
        _write_line(self._stream, text)


def _write_line(stream: TextIO, line: str) -> None:
    # Progress is worth less than the work: a closed pipe must not stop a run.
    with suppress(OSError, ValueError):
        stream.write(line + "\n")
        stream.flush()
