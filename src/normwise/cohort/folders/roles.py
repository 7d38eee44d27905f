"""What the columns of a table of people are for, where no study says so and only one answer is possible."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from normwise.cohort.dictionary import describe_table
from normwise.cohort.tables import Table, counts_rows
from normwise.cohort.values import age_at_session, is_missing, names_a_sex, names_an_age, read_numbers
from normwise.errors import NormwiseWarning, StudyError
from normwise.schema import CohortSection, listed

__all__ = [
    "columns_of_numbers",
    "guess_roles",
    "holds_people",
    "label_choices",
    "likely_features",
    "likely_id",
    "likely_labels",
    "likely_normals",
    "names_an_id",
    "values_of",
]

_MOST_CLASSES = 8  # different values of a column that may be a diagnosis
_SURE = {"diagnosis", "dx", "diag", "disease", "pathology"}
_LIKELY = {"group", "label", "class", "condition", "status", "phenotype", "case", "patient", "participant"}
# As in age_group and patient_id.
_OTHER = {"age", "id", "blood", "site", "scan", "scanner", "ethnic", "race", "marital"}
_NORMAL = {
    "normal", "normals", "control", "controls", "con", "ctl", "ctrl", "ctr", "healthy", "hc", "nc", "cn",
    "cu", "hv", "healthy control", "healthy controls", "normal control", "normal controls",
    "healthy volunteer", "cognitively normal", "cognitively unimpaired", "td", "tdc", "typically developing",
    "typical", "neurotypical", "unaffected", "nondemented", "non demented", "not demented", "no disease",
    "no", "none",
}  # fmt: skip
_RATINGS = {
    "mmse", "moca", "cdr", "adas", "updrs", "score", "scale", "rating", "ados", "adi", "srs", "panss", "hamd",
    "ham", "bdi", "madrs", "iq", "fiq", "viq", "piq", "total", "severity", "test", "questionnaire", "dose",
    "duration",
}  # fmt: skip
_IDS = (
    "participantid",
    "subjectid",
    "subject",
    "participant",
    "id",
    "subid",
    "subjid",
    "patientid",
    "personid",
)
_ROW_IDS = ("scanid", "imageid", "fileid", "sampleid", "sessionid", "recordid", "scan", "image", "filename")
_NO_MEASURES = {"id", "rid", "mrn", "date", "subject"}  # in a column's name
_NOT_ALONE = {"index", "row", "rows", "serial", "accession"}  # as its whole name
_NO_DEMOGRAPHIC = "no column is called an age or a sex"
# Words that stand in a column of diagnoses alone.
_OF_STUDY = _NORMAL - {"normal", "no", "none", "con", "typical"}


def guess_roles(table: Table, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys of ``[cohort]`` that no flag gives and that only one column or value can be.

    Parameters
    ----------
    table : Table
        Of people.
    changes : mapping
        The flags, by dotted key.

    Returns
    -------
    dict of str to value
        ``label``, ``classes``, ``normal``, ``demographics`` and ``session``, as far as they are clear.

    Warns
    -----
    NormwiseWarning
        COH-310, what was taken; COH-311, that no demographic was found.

    Raises
    ------
    StudyError
        STU-122, several columns may be the age, or the sex.
    """
    table = describe_table(table)
    said: list[str] = []
    keys = {} if "cohort.target" in changes else _label(table, changes, said)
    if "cohort.demographics" not in changes:
        used = {str(changes.get("cohort.target")), str(keys.get("label", changes.get("cohort.label")))}
        keys |= _demographics(table, used, said)
    keys |= _session(table, changes, said)
    if said:
        text = f"no study says what the columns are for; taken were {'; '.join(said)}."
        warnings.warn(NormwiseWarning("COH-310", text, subject=table.path.name), stacklevel=5)
    return keys


def likely_features(table: Table, used: Collection[str]) -> list[str]:
    """Return the columns that are measurements, if every column of many numbers is one.

    Parameters
    ----------
    table : Table
        Of people.
    used : collection of str
        Columns with another role.

    Returns
    -------
    list of str
        None where a test score is among them, which may be what the diagnosis was made from.
    """
    found = columns_of_numbers(table, used)
    return [] if found.scores else found.measured


@dataclass(frozen=True)
class Numbers:
    """Columns of a table of people, by what their numbers are.

    Attributes
    ----------
    measured : list of str
        Those that may be features.
    scores : list of str
        Of test scores.
    counters : list of str
        Those that count rows, as an index does: the order of a table says who was put together with whom.
    rising : list of str
        Those of whole numbers that never fall from row to row, as an index, and as what a table is sorted by.
    unread : dict of str to str
        Columns of which more than a tenth is no number, and how many of their cells.
    """

    measured: list[str] = field(default_factory=list)
    scores: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    rising: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def columns_of_numbers(table: Table, used: Collection[str]) -> Numbers:
    """Return the columns of many numbers that have no other role.

    Parameters
    ----------
    table : Table
        Of people.
    used : collection of str
        Columns with another role.
    """
    found = Numbers()
    for name in map(str, table.frame.columns):
        words = _words(name)
        no_measure = bool(words & _NO_MEASURES) or words <= _NOT_ALONE
        if name in used or (words and no_measure) or names_an_age(name) or names_a_sex(name):
            continue
        text = table.frame[name]
        present = text[~is_missing(text)]
        if present.nunique() <= _MOST_CLASSES:
            continue
        reading = read_numbers(name, present)
        unread = len(reading.problems)
        if unread * 10 > len(present):
            if unread * 3 < len(present) * 2:
                found.unread[name] = f"{unread} of {len(present)}"
            continue
        values = reading.values.astype(np.float64)
        if counts_rows(name, values):
            found.counters.append(name)
            continue
        if (values % 1 == 0).all() and (np.diff(values) >= 0).all():
            found.rising.append(name)
        (found.scores if words & _RATINGS or name.casefold() in _RATINGS else found.measured).append(name)
    return found


def likely_id(columns: Sequence[str]) -> str:
    """Return the column that names the people: by its own name, else the first.

    Parameters
    ----------
    columns : sequence of str
        Of a table, one at least; those with another role left out, where they are known.

    Examples
    --------
    >>> likely_id(["left", "right", "ID"]), likely_id(["scan", "left"])
    ('ID', 'scan')
    """
    plain = {_plain(name).replace(" ", ""): name for name in reversed(columns)}
    if "participantid" not in plain and _plain(columns[0]).replace(" ", "") in _ROW_IDS:
        return columns[0]  # a subject beside it may have several rows
    return next((plain[name] for name in _IDS if name in plain), columns[0])


def names_an_id(name: str) -> bool:
    """Return whether a column is called as one of people's ids is."""
    return _plain(name).replace(" ", "") in _IDS


def holds_people(table: Table) -> bool:
    """Return whether a table has a column of ages, sexes or diagnoses."""
    names = list(map(str, table.frame.columns))
    return any(names_an_age(name) or names_a_sex(name) for name in names) or bool(likely_labels(table))


def values_of(table: Table, name: str) -> list[str]:
    """Return the values of a column that are there, the most frequent first, codes with their words."""
    text = table.frame[name]
    words = table.levels.get(name, {})
    counts = text[~is_missing(text)].value_counts()
    return [f"{level} = {words[level]}" if level in words else str(level) for level in map(str, counts.index)]


def label_choices(table: Table) -> list[tuple[str, list[str]]]:
    """Return every column that may hold classes, with its values; likely ones first."""
    first = likely_labels(table)
    fits = [str(name) for name in table.frame.columns if _may_be_classes(table.frame[name])]
    return [
        (name, values_of(table, name)) for name in [*first, *(name for name in fits if name not in first)]
    ]


def likely_labels(table: Table) -> list[str]:
    """Return the columns that may be the diagnosis: by name, or by a word for healthy people in them."""
    fits = [str(name) for name in table.frame.columns if _may_be_classes(table.frame[name])]
    named = {
        rank: [name for name in fits if (words := _words(name)) & known and not words & _OTHER]
        for rank, known in (("sure", _SURE), ("likely", _LIKELY))
    }
    with_normal = [name for name in fits if _normals(table, name) & _OF_STUDY]
    for candidates in (
        [name for name in named["sure"] if name in with_normal],
        named["sure"],
        [name for name in named["likely"] if name in with_normal],
        with_normal,
        named["likely"],
    ):
        if candidates:
            return candidates
    return []


def likely_normals(table: Table, label: str) -> list[str]:
    """Return the values of a label, or the words of its codes, that name healthy people."""
    text = table.frame[label]
    levels = dict.fromkeys(map(str, text[~is_missing(text)]))
    words = table.levels.get(label, {})
    return [level for level in levels if {_plain(level), _plain(words.get(level, ""))} & _NORMAL]


def _label(table: Table, changes: Mapping[str, Any], said: list[str]) -> dict[str, Any]:
    default = str(CohortSection.model_fields["label"].default)
    label, keys = str(changes.get("cohort.label", default)), {}
    if "cohort.label" not in changes and default not in table.frame.columns:
        candidates = likely_labels(table)
        if len(candidates) != 1:
            return {}  # the reader says which columns there are
        label = keys["label"] = candidates[0]
        said.append(f"label {label!r} ({listed(values_of(table, label))})")
    if label not in table.frame.columns or any(key.startswith("cohort.classes") for key in changes):
        return keys
    return keys | _classes(table, label, changes, said)


def _classes(table: Table, label: str, changes: Mapping[str, Any], said: list[str]) -> dict[str, Any]:
    """Return the classes by the words of a data dictionary, and which of them is normal."""
    words, text = table.levels.get(label, {}), table.frame[label]
    levels = sorted({str(level) for level in text[~is_missing(text)]})
    named = [words.get(level, "") for level in levels]
    keys: dict[str, Any] = {}
    given = changes.get("cohort.normal")
    coded = bool(levels) and all(named) and len(set(named)) == len(named) and given not in levels
    if coded and named != levels:
        keys["classes"] = dict(zip(named, ([level] for level in levels), strict=True))
        pairs = (f"{level} is {word}" for level, word in zip(levels, named, strict=True))
        said.append(f"classes as the data dictionary names them ({listed(pairs)})")
    default = CohortSection.model_fields["normal"].default
    if given is not None or default in (named if "classes" in keys else levels):
        return keys
    found = likely_normals(table, label)
    if len(found) == 1:
        keys["normal"] = words[found[0]] if "classes" in keys else found[0]
        said.append(f"normal {keys['normal']!r}")
    return keys


def _demographics(table: Table, used: set[str], said: list[str]) -> dict[str, Any]:
    names = [str(name) for name in table.frame.columns if str(name) not in used]
    filled = [name for name in names if not is_missing(table.frame[name]).all()]
    ages = [name for name in filled if names_an_age(name)]
    at_scan = [name for name in ages if age_at_session(name) is not None]
    in_other_units = [name for name in filled if age_at_session(name) in ("months", "weeks", "days")]
    exact = [name for name in at_scan if name.casefold() in ("age", "ages")]
    chosen = [*_one("age", table, exact or at_scan or ages or in_other_units)]
    chosen += _one("sex", table, [name for name in filled if names_a_sex(name)])
    empty = [name for name in names if name not in filled and (names_an_age(name) or names_a_sex(name))]
    if not chosen:
        why = f"{listed(empty)} {'is' if len(empty) == 1 else 'are'} empty" if empty else _NO_DEMOGRAPHIC
        text = (
            f"no demographics are named, and {why}: features are corrected for "
            f"nothing. The columns are {listed(names)}; name some with --demographics."
        )
        warnings.warn(NormwiseWarning("COH-311", text, subject="cohort.demographics"), stacklevel=5)
        return {}
    without = f" ({listed(empty)} {'is' if len(empty) == 1 else 'are'} empty)" if empty else ""
    said.append(f"demographics {listed(chosen)}{without}")
    return {"demographics": chosen}


def _one(what: str, table: Table, candidates: Sequence[str]) -> Sequence[str]:
    if len(candidates) > 1:
        shown = (f"{name} ({listed(values_of(table, name), most=4)})" for name in candidates)
        raise StudyError(
            "STU-122",
            f"{len(candidates)} columns may be the {what}.",
            subject=str(table.path),
            seen=listed(shown),
            advice=f"name what the features are corrected for, as --demographics {candidates[0]}",
        )
    return candidates


def _session(table: Table, changes: Mapping[str, Any], said: list[str]) -> dict[str, Any]:
    """Return the column that tells a person's rows apart, where an id stands in several of them."""
    name = str(changes.get("cohort.id", likely_id(list(map(str, table.frame.columns)))))
    if "cohort.session" in changes or name not in table.frame or not table.frame[name].duplicated().any():
        return {}
    known = {"session", "ses", "visit", "timepoint", "wave"}
    rows = [str(each) for each in table.frame.columns if _words(str(each)) & known]
    telling = [each for each in rows if not table.frame[[name, each]].duplicated().any()]
    if len(telling) != 1:
        return {}
    said.append(f"session {telling[0]!r}, which tells the rows of one {name} apart")
    return {"session": telling[0]}


def _may_be_classes(text: pd.Series[str]) -> bool:
    counts = text[~is_missing(text)].value_counts()
    return 2 <= len(counts) <= _MOST_CLASSES and bool(counts.max() > 1)


def _normals(table: Table, name: str) -> set[str]:
    words = table.levels.get(name, {})
    levels = {str(level) for level in pd.unique(table.frame[name])}
    return {_plain(text) for level in levels for text in (level, words.get(level, ""))} & _NORMAL


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))
