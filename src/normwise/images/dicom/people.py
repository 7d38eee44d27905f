"""Whose a file is: the files of an export of many people, told apart by keyed hashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from normwise.errors import ImageError
from normwise.images.dicom.archives import name_form
from normwise.images.dicom.header import OF_A_DAY, Header, read_header

__all__ = [
    "FOREIGN",
    "Owner",
    "PeopleFiles",
    "differences",
    "group_by_person",
    "identify_files",
    "refuse_two_people",
]

FOREIGN = "not DICOM"
_PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".dcm.gz", ".#z", ".rar", ".bz#", ".xz", ".zst", ".iso")
_AGE_YEARS = 2.0  # by which an age may miss what the days between two studies make of the other
_DAYS_A_YEAR = 365.25


class Owner(NamedTuple):
    """What tells whose a file is.

    Attributes
    ----------
    person, birth, study, series : str
        As of `Header`: keyed hashes, empty where the header has none.
    sex, age : str
        As of `Header.facts`; empty where unknown.
    day : int or None
        As of `Header`.
    """

    person: str
    birth: str
    study: str
    series: str
    sex: str
    age: str
    day: int | None


class PeopleFiles(NamedTuple):
    """The files of an export, by person.

    Attributes
    ----------
    people : list of list of str
        Each person's files, by the first of them.
    undecided : list of list of str
        Files of which nothing tells whose they are: of a study without a patient identifier, or of a series
        with two.
    others : Counter of str
        Files that belong to nobody, by what they are.
    """

    people: list[list[str]]
    undecided: list[list[str]]
    others: Counter[str]


def owner_of(header: Header) -> Owner:
    """Return what a header tells of whose it is."""
    study = "" if header.study.startswith(OF_A_DAY) else header.study  # a day is not one person's
    facts = header.facts
    return Owner(
        header.person,
        header.birth,
        study,
        header.series,
        facts.get("sex", ""),
        facts.get("age", ""),
        header.day,
    )


def differences(owners: Iterable[Owner]) -> list[str]:
    """Return what shows that files are several people's; nothing where they may be one's.

    Examples
    --------
    >>> one = Owner("a1", "", "s1", "t1", "F", "70", 737000)
    >>> differences([one, one._replace(age="71", day=737365)])
    []
    >>> differences([one, one._replace(person="b2", sex="M")])
    ['2 patient identifiers', '2 sexes']
    """
    known = set(owners)
    differing = {
        "patient identifiers": {owner.person for owner in known} - {""},
        "dates of birth": {owner.birth for owner in known} - {""},
        "sexes": {owner.sex for owner in known} & {"F", "M"},
    }
    seen = [f"{len(values)} {name}" for name, values in differing.items() if len(values) > 1]
    aged = [(float(owner.age), owner.day) for owner in known if owner.age]
    dated = all(day is not None for _, day in aged)
    # The age at a fixed day, where the studies say their days.
    ages = [age - ((day or 0) / _DAYS_A_YEAR if dated else 0.0) for age, day in aged]
    if ages and (apart := max(ages) - min(ages)) > _AGE_YEARS:
        seen.append(f"ages {apart:.3g} years further apart than the studies")
    return seen


def refuse_two_people(headers: Sequence[Header], name: str) -> None:
    """Refuse files of several people.

    Parameters
    ----------
    headers : sequence of Header
        Of every image.
    name : str
        What the error calls the source.

    Raises
    ------
    ImageError
        IMG-722, where patient identifiers differ, or sex, or dates of birth; or ages that the days between
        the studies don't explain.
    """
    if seen := differences(map(owner_of, headers)):
        raise ImageError(
            "IMG-722",
            "there are images of several people in it.",
            subject=name,
            seen=", ".join(seen),
            expected="one person",
            advice="put each person's files into a folder of their own; or, where all of them lie in one "
            "folder, give this folder itself to normwise cohort from-dicom, which tells people apart",
        )


def kind_of_other(name: str, size: int) -> str:
    """Return what a file is that is no DICOM.

    Examples
    --------
    >>> kind_of_other("a.7z", 10), kind_of_other("README", 10), kind_of_other("1.dcm", 0)
    ('archives that were not unpacked', 'not DICOM', 'empty')
    """
    if size == 0:
        return "empty"
    return "archives that were not unpacked" if name_form(name).endswith(_PACKED) else FOREIGN


def identify_files(source: str, files: Sequence[str], key: str) -> dict[str, Any]:
    """Say of each file whose it is; made to run in a process of its own.

    Parameters
    ----------
    source : str
        The folder.
    files : sequence of str
        Names in it.
    key : str
        Hexadecimal; hashes of one key can be compared.

    Returns
    -------
    dict
        ``files``: for each a list of its name, of what it is (``image``, ``no image``, ``damaged``, ``empty``
        or ``not DICOM``), and of the values of its `Owner` where it is an image.
    """
    rows: list[list[Any]] = []
    for name in files:
        path = Path(source) / name
        try:
            header = read_header(path, key=bytes.fromhex(key))
        except ImageError:
            rows.append([name, "damaged", []])
            continue
        if header is None:
            rows.append([name, kind_of_other(name, path.stat().st_size), []])
        elif min(header.shape) >= 1 or (header.damage and header.person):
            rows.append([name, "image", [*owner_of(header)]])
        else:
            rows.append([name, "damaged" if header.damage else "no image", []])
    return {"files": rows}


def group_by_person(rows: Iterable[Sequence[Any]]) -> PeopleFiles:
    """Group the files of an export by person.

    A file without a patient identifier is that of the person whose series or study it is of. A study without
    any is a person of its own where it surely is none of the others': where it is the only one, or dates of
    birth, sexes or ages differ. A series of two patient identifiers is nobody's.

    Parameters
    ----------
    rows : iterable of (name, kind, owner)
        As of `identify_files`.

    Examples
    --------
    >>> ann, bob = ["a", "", "s1", "t1", "F", "70", None], ["b", "", "s2", "t2", "M", "60", None]
    >>> lost = ["", "", "s3", "t3", "M", "60", None]
    >>> rows = [["1", "image", ann], ["2", "image", bob], ["3", "image", ann], ["4", "image", lost]]
    >>> found = group_by_person([*rows, ["5", "empty", []]])
    >>> found.people, found.undecided, dict(found.others)
    ([['1', '3'], ['2']], [['4']], {'empty': 1})
    """
    owners: dict[str, Owner] = {}
    others: Counter[str] = Counter()
    for name, kind, values in rows:
        if kind == "image":
            owners[name] = Owner(*values)
        else:
            others[kind] += 1
    known: dict[str, set[str]] = {}
    for owner in owners.values():
        for place in {owner.study, owner.series} - {""} if owner.person else ():
            known.setdefault(place, set()).add(owner.person)
    groups: dict[tuple[str, str], list[str]] = {}
    mixed: dict[str, list[str]] = {}
    for name, owner in owners.items():
        if len(known.get(owner.series, ())) > 1:
            mixed.setdefault(owner.series, []).append(name)
            continue
        named = next((known[place] for place in (owner.series, owner.study) if place in known), set())
        person = owner.person or (min(named) if len(named) == 1 else "")
        groups.setdefault((person, "" if person else owner.study), []).append(name)
    held = {key: {owners[name] for name in names} for key, names in groups.items()}
    people: list[list[str]] = []
    undecided = [sorted(names) for names in mixed.values()]
    for key, names in groups.items():
        surely = key[0] or all(
            differences([one, two])
            for other, there in held.items()
            if other != key
            for one in held[key]
            for two in there
        )
        (people if surely else undecided).append(sorted(names))
    return PeopleFiles(sorted(people), sorted(undecided), others)
