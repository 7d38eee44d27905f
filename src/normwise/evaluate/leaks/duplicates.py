"""Alarms about scans that stand in the cohort twice, and people who stand in it under two names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from normwise.evaluate.leaks.inputs import LeakInputs, listed
from normwise.files import image_files, sha256_file
from normwise.results import Alarm

__all__ = ["duplicate_images", "duplicate_rows", "split_sessions", "stem_of"]

_SESSION = re.compile(
    r"(?:[_\-. ]?(?:ses(?:sion)?|mr|visit|run|scan|wave|tp|time(?:point)?|follow-?up|fu|bl|baseline"
    r"|rep(?:eat)?|month|year|day|v|m|y)[_\-]?\d*[a-z]?)+$",
    flags=re.IGNORECASE,
)
_PERSON = re.compile(
    r"^(?:subject|participant|patient|person|pseudonym|rid|ptid|sub)(?:[_\- ]?(?:id|code|nr|no|key|label))?$",
    flags=re.IGNORECASE,
)
_MOST_SESSIONS = 12  # more ids of one stem are a site's people, not a person's sessions
_BY_CHANCE = 0.01


def duplicate_images(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the image files of two people hold the same bytes."""
    images = inputs.prepared.cohort.images
    if images is None:
        return []
    by_size = defaultdict(list)
    for scan in inputs.ids:
        files = image_files(Path(images.loc[scan]))
        if all(path.is_file() for path in files):
            by_size[sum(path.stat().st_size for path in files)].append(str(scan))
    by_content = defaultdict(list)
    for size, scans in by_size.items():
        # Files of different sizes can't be the same.
        for scan in scans if len(scans) > 1 else ():
            by_content[size, *map(sha256_file, image_files(Path(images.loc[scan])))].append(scan)
    return _copies(inputs, "EVA-304", "The same image under two names", by_content.values())


def duplicate_rows(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where two people's features agree to the last bit, more often than coarse features would."""
    values = inputs.prepared.features.values.to_numpy()
    # Chance that two people agree in every feature, were features independent.
    agree = 0.0
    for column in values.T:
        counts = np.unique(column, return_counts=True)[1]
        agree += float(np.log(((counts / len(column)) ** 2).sum()))
    pairs = len(values) * (len(values) - 1) / 2
    if pairs * np.exp(agree) > _BY_CHANCE:
        return []
    by_row = defaultdict(list)
    for scan, name in zip(inputs.ids, inputs.prepared.scan_hashes, strict=True):
        by_row[name].append(str(scan))
    return _copies(inputs, "EVA-305", "The same features under two names", by_row.values())


def split_sessions(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where sessions of one person count as different people: by their ids, or by a person column."""
    cohort, groups = inputs.prepared.cohort, inputs.prepared.groups
    person = dict(zip(map(str, inputs.ids), groups.astype(str), strict=True))
    by_stem = defaultdict(list)
    for scan in person:
        by_stem[stem_of(scan)].append(scan)
    split = [scans for scans in by_stem.values() if len({person[scan] for scan in scans}) > 1]
    found = []
    if split and max(len(scans) for scans in by_stem.values()) <= _MOST_SESSIONS:
        found.append(
            _sessions(f"{len(split)} people seem to have several ids", [" and ".join(s[:2]) for s in split])
        )
    for column in cohort.raw.columns:
        if not _PERSON.match(str(column)) or column == cohort.roles.group:
            continue
        held = defaultdict(set)
        for scan, name in zip(inputs.ids, cohort.raw.loc[inputs.ids, column], strict=True):
            if str(name).strip().lower() not in ("", "n/a", "nan"):
                held[str(name)].add(person[str(scan)])
        several = [name for name, people in held.items() if len(people) > 1]
        if several:
            found.append(_sessions(f"{len(several)} values of {column} name several people each", several))
    return found


def stem_of(scan: str) -> str:
    """Return an id without what looks like a session.

    Examples
    --------
    >>> stem_of("OAS1_0061_MR2"), stem_of("sub-01_ses-02"), stem_of("S1_01"), stem_of("sub-07")
    ('OAS1_0061', 'sub-01', 'S1_01', 'sub-07')
    """
    stem = _SESSION.sub("", scan)
    # What is left must still name somebody.
    return stem if re.search(r"\d", stem) else scan


def _sessions(seen: str, names: list[str]) -> Alarm:
    return Alarm(
        "EVA-306",
        "severe",
        "One person's sessions on both sides",
        f"{seen}: {listed(names)}",
        "name the person with cohort.group or cohort.group_pattern, so that their sessions stay together",
    )


def _copies(inputs: LeakInputs, code: str, title: str, scans: Iterable[list[str]]) -> list[Alarm]:
    """Tell copies across people, or across classes, from a person's own."""
    person = dict(zip(map(str, inputs.ids), inputs.prepared.groups.astype(str), strict=True))
    label = dict(zip(map(str, inputs.ids), inputs.prepared.labels.astype(str), strict=True))
    copies = [same for same in scans if len(same) > 1]
    across = [same for same in copies if len({person[scan] for scan in same}) > 1]
    if not copies:
        return []
    shown = across or copies
    count = sum(map(len, shown))
    seen = f"{count} scans are {len(shown)} in truth: {listed([' = '.join(same[:3]) for same in shown])}"
    if any(len({label[scan] for scan in same}) > 1 for same in shown):
        seen += "; copies differ in their class"
    advice = (
        "keep one of each, or give all of them the same person in cohort.group"
        if across
        else "keep one of each: a copy counts a person twice"
    )
    return [Alarm(code, "severe" if across else "caution", title, seen, advice)]
