"""The choice of how progress is shown: a bar on a terminal, plain lines elsewhere, JSON when asked for."""

from __future__ import annotations

import sys
from typing import TextIO

from normwise.engine.progress import (
    JsonProgress,
    PlainProgress,
    Progress,
    QuietProgress,
)

__all__ = ["make_progress"]


def make_progress(
    quiet: bool = False,  # noqa: FBT001, FBT002 - the two flags of every command, in their order
    json_log: bool = False,  # noqa: FBT001, FBT002 - see above
    stream: TextIO | None = None,
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

    Returns
    -------
    Progress
        A bar where the stream is a terminal, plain lines otherwise.

    Examples
    --------
    >>> type(make_progress(quiet=True)).__name__
    'QuietProgress'
    """
    target = stream if stream is not None else sys.stderr
    if target is None or (quiet and not json_log):  # a service may run without a stderr
        return QuietProgress()
    if json_log:
        return JsonProgress(target)
    if target.isatty():
        from normwise.engine.progress_bar import BarProgress

        return BarProgress(target)
    return PlainProgress(target)
