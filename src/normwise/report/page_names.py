"""File names of people's pages."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["PEOPLE", "page_names"]

PEOPLE = "people"
"""Folder of a run that holds one page a person."""


def page_names(subjects: Sequence[str]) -> dict[str, str]:
    """Return one file name a scan, safe on every system and never the same for two.

    Parameters
    ----------
    subjects : sequence of str
        Scans.

    Examples
    --------
    >>> page_names(["sub-01", "a/b", "a b"])
    {'sub-01': 'sub-01.html', 'a/b': 'a-b.html', 'a b': 'a-b-2.html'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for subject in subjects:
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", subject).lstrip(".")[:100] or "person"
        name, number = stem, 1
        # Some systems do not tell upper from lower case.
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names[subject] = f"{name}.html"
    return names
