"""A pattern from a study, searched in other people's text: in a child process, with a limit of time.

A regular expression can take longer than anybody waits (``(a+)+$``), and nothing in it says so beforehand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from normwise.errors import StudyError

__all__ = ["SECONDS", "first_groups"]

SECONDS = 20.0
"""What the search of all cells may take; a million ids take two."""

_SEARCH = """
import json, re, sys
pattern, texts = json.load(sys.stdin)
found = map(re.compile(pattern).search, texts)
json.dump([match and match[1] for match in found], sys.stdout)
"""


def first_groups(pattern: str, texts: Sequence[str], *, seconds: float = SECONDS) -> list[str | None]:
    """Return what the first group of a pattern finds in each text; None where it does not fit.

    Parameters
    ----------
    pattern : str
        A regular expression with a group.
    texts : sequence of str
        Where to search.
    seconds : float
        The limit for all of them.

    Raises
    ------
    StudyError
        STU-115 where the search takes longer.

    Examples
    --------
    >>> first_groups("^([0-9]+)_", ["007_MR1", "x"])
    ['007', None]
    """
    command = [sys.executable, "-I", "-S", "-c", _SEARCH]
    try:
        done = subprocess.run(
            command, input=json.dumps([pattern, list(texts)]).encode(), capture_output=True, timeout=seconds,
            check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise StudyError(
            "STU-115",
            f"the pattern takes more than {seconds:g} s on {len(texts)} cells.",
            subject="cohort.group_pattern",
            seen=repr(pattern),
            advice="write it without repetitions inside repetitions, as ^(sub-[0-9]+)_, or name a column of "
            "people in cohort.group",
        ) from None
    found: list[str | None] = json.loads(done.stdout)
    return found
