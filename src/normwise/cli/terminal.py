"""The terminal, through rich; alone in its file, since rich is imported only where something is shown."""

from __future__ import annotations

from typing import NoReturn, TextIO

from rich.console import Console

__all__ = ["make_console"]


class _Terminal(Console):
    def on_broken_pipe(self) -> NoReturn:
        # Rich would leave with exit code 1, which says here that subjects failed.
        raise BrokenPipeError


def make_console(stream: TextIO) -> Console:
    """Return a console on a stream; a reader that went away raises BrokenPipeError.

    Parameters
    ----------
    stream : TextIO
        Where to write.
    """
    return _Terminal(file=stream, highlight=False, markup=False)
