"""From a study to a cohort: each step leaves rows out with a code and a reason, and none is lost.

The order of the steps decides which reason a row is given: its id, the conditions, the person, the label, the
demographics, the site, the image, and last the choice among one person's sessions, so that ``sessions =
"first"`` takes the first session that can be used.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import numpy as np

from normwise.cohort.cohort import Cohort
from normwise.cohort.conditions import parse_condition
from normwise.cohort.demographics import (
    is_category,
    levels_of,
    match_levels,
    read_categories,
    read_quantity,
    value_problems,
    warn_of_missing_codes,
)
from normwise.cohort.labels import read_labels, read_target
from normwise.cohort.rows import (
    Columns,
    Numbers,
    Objects,
    Rows,
    keep_first_sessions,
    name_people,
    name_scans,
    refuse_duplicates,
    where,
)
from normwise.cohort.scans import image_columns, list_scans
from normwise.cohort.study import check_study
from normwise.cohort.values import Problem, is_missing, spell_out
from normwise.errors import NormwiseWarning
from normwise.files import image_files
from normwise.schema import EVERYBODY, OTHERS, Roles, Study, TableSection, listed

__all__ = ["read_cohort"]


def read_cohort(study: Study, *, labelled: bool = True, roles: Roles | None = None) -> Cohort:
    r"""Read the participants table of a study.

    Parameters
    ----------
    study : Study
        The resolved study; ``cohort.root`` is the folder that relative paths start from.
    labelled : bool
        Whether a diagnosis is needed; without it the label column may be absent, and is not read.
    roles : Roles, optional
        Roles of a trained model, so that its categories are read as categories here too.

    Returns
    -------
    Cohort
        Those who take part, and a ledger with one row for each row of the table.

    Raises
    ------
    StudyError
        STU-105 to STU-112, where keys of the study do not agree with one another or with the table.
    CohortError
        COH-101 to COH-113, where the table as a whole can't be used. A row that can't be used is left out.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "people.csv").write_text("ID,Age,dx\n007,71,AD\n008,89+,normal\n009,68,normal\n")
    >>> study = Study.model_validate({"cohort": {
    ...     "root": folder, "table": "people.csv", "id": "ID", "label": "dx", "demographics": ["Age"]}})
    >>> cohort = read_cohort(study)
    >>> cohort.frame["Age"].to_dict()
    {'007': 71.0, '009': 68.0}
    >>> cohort.ledger.loc[1, ["id", "code"]].to_list()
    ['008', 'COH-207']
    """
    check_study(study)
    section = study.cohort
    rows = Rows(list_scans(section, (section.root or Path()).absolute(), partial(_measured, study)), section)
    name_scans(rows)
    _apply_conditions(rows)
    refuse_duplicates(rows)
    name_people(rows)
    numbers: Numbers | None = None
    if section.target is None:
        classes = _label(rows) if labelled else tuple(section.classes)
    elif labelled:
        numbers, classes = _target(rows)
    else:
        classes = ()
    columns, categorical = _read_demographics(rows, roles)
    sites = _read_sites(rows)
    # A raw head may be a folder of DICOM files; everything else is a file.
    _find_images(rows, folders=study.features.image_folders)
    if section.sessions == "first":
        keep_first_sessions(rows)
    resolved = Roles(
        label=section.target or section.label,
        classes=classes,
        normal=section.normal if section.target is None else EVERYBODY,
        targets=tuple(section.targets) or classes,
        demographics=tuple(section.demographics),
        categorical=categorical,
        group=section.group or section.id,
        site=section.site,
        levels={
            name: levels for name, values in columns.items() if (levels := levels_of(values[rows.remain]))
        },
        target=section.target,
    )
    return rows.cohort(columns, sites, resolved, labelled=labelled, numbers=numbers)


def _measured(study: Study, names: Sequence[str]) -> list[str]:
    """Return the columns that are features and have no role in the cohort."""
    section, features = study.cohort, study.features
    patterns = set(features.participant_columns)
    if isinstance(features, TableSection) and features.table is None:
        patterns.update(features.columns)
    wild = [pattern for pattern in patterns if any(mark in pattern for mark in "*?[")]
    roles = (section.id, section.group, section.session, section.site, section.label, section.target)
    taken = {*roles, *section.demographics, *image_columns(section.images or "")}
    conditions = [*section.include, section.normal or ""]
    return [
        name
        for name in names
        if name not in taken
        and (name in patterns or any(fnmatchcase(name, pattern) for pattern in wild))
        and not any(name in condition for condition in conditions)
    ]


def _apply_conditions(rows: Rows) -> None:
    for text in rows.section.include:
        condition = parse_condition(text)
        cells = rows.table.column(condition.column, "cohort.include")
        holds, unknown, readings = condition.judge(cells)
        rows.readings += readings
        rows.leave_out(unknown)
        rows.leave_out(
            {
                row: Problem("COH-209", f"not {text}", seen=f"{condition.column} is {str(cells.iloc[row])!r}")
                for row in where(~holds & rows.remain)
            }
        )


def _label(rows: Rows) -> tuple[str, ...]:
    text = rows.table.column(rows.section.label, "cohort.label")
    labels, problems, classes, readings = read_labels(rows.section, text, rows.remain)
    rows.labels[rows.remain] = labels[rows.remain]
    rows.leave_out(problems)
    rows.readings += readings
    if not rows.section.classes:
        used = rows.labels[rows.remain]
        classes_used = used != rows.section.normal
        if rows.section.targets:  # who has another diagnosis is no member of a class
            classes_used &= np.isin(used.astype(str), rows.section.targets)
        warn_of_missing_codes(rows.section.label, used[classes_used], use="a class")
    _count_changes(rows)
    return classes


def _target(rows: Rows) -> tuple[Numbers, tuple[str, ...]]:
    section = rows.section
    assert section.target is not None, "a study of a number names it"
    rows.table.column(section.target, "cohort.target")
    if section.normal != EVERYBODY:
        rows.table.column(parse_condition(section.normal, "cohort.normal").column, "cohort.normal")
    numbers, labels, problems, readings = read_target(section, rows.table.frame, rows.remain)
    rows.labels[rows.remain] = labels[rows.remain]
    rows.leave_out(problems)
    rows.readings += readings
    warn_of_missing_codes(section.target, numbers[rows.remain])
    return numbers, (EVERYBODY,) if section.normal == EVERYBODY else (EVERYBODY, OTHERS)


def _count_changes(rows: Rows) -> None:
    """Say, and warn of (COH-305), how many people's diagnosis changes between their sessions."""
    people: dict[str, set[str]] = {}
    for person, label in zip(rows.groups[rows.remain], rows.labels[rows.remain], strict=True):
        people.setdefault(str(person), set()).add(str(label))
    changes = Counter(" and ".join(sorted(labels)) for labels in people.values() if len(labels) > 1)
    if not changes:
        return
    count = changes.total()
    text = (
        f"the diagnosis of {count} of {len(people)} people changes between their sessions "
        f"({listed(f'{labels}: {number}' for labels, number in changes.most_common())}); "
        + (
            "each counts as what the session that is used says"
            if rows.section.sessions == "first"
            else "each session counts as what it says, so that such a person stands in several classes"
        )
    )
    rows.readings.append(text)
    warnings.warn(NormwiseWarning("COH-305", text, subject=rows.section.label, value=count), stacklevel=4)


def _read_demographics(rows: Rows, roles: Roles | None) -> tuple[Columns, tuple[str, ...]]:
    """Read each demographic, and decide which are categories.

    A number's decimal mark is that of the whole column; a category's levels are those of the remaining rows,
    so that ``include`` can take out what a scheme of codes does not know.
    """
    remaining = where(rows.remain)
    columns: Columns = {}
    categorical: list[str] = []
    problems: dict[int, Problem] = {}
    for name in rows.section.demographics:
        text = rows.table.column(name, "cohort.demographics")
        if roles is not None:
            category = name in roles.categorical
        else:
            category = name in rows.section.categorical or is_category(name, text.iloc[remaining])
        if category:
            categorical.append(name)
            words, said = spell_out(name, text.iloc[remaining], rows.table.levels.get(name, {}))
            rows.readings += said
            reading = read_categories(name, words)
            values: Objects = np.full(len(text), None, dtype=object)
            values[remaining] = reading.values
            columns[name] = values
            refused = {remaining[row]: problem for row, problem in value_problems(name, reading).items()}
        else:
            reading = read_quantity(name, text)
            columns[name] = reading.values
            refused = value_problems(name, reading)
        rows.readings += reading.readings
        warn_of_missing_codes(name, columns[name][rows.remain])
        if roles is not None:
            matched, said = match_levels(name, columns[name][rows.remain], roles)
            columns[name][rows.remain] = matched
            rows.readings += said
        problems = {**refused, **problems}
    rows.leave_out(problems)
    return columns, tuple(categorical)


def _read_sites(rows: Rows) -> Objects | None:
    site = rows.section.site
    if site is None:
        return None
    text = rows.table.column(site, "cohort.site")
    rows.leave_out(
        dict.fromkeys(
            where(is_missing(text)),
            Problem("COH-208", f"the site {site} is missing", "fill it in", missing="the site"),
        )
    )
    return text.to_numpy(dtype=object)


def _find_images(rows: Rows, *, folders: bool) -> None:
    images = rows.scans.images
    if images is None:
        return
    root = (rows.section.root or Path()).absolute()
    for row in where(rows.remain):
        image = images[row]
        if isinstance(image, Problem):
            rows.leave_out({row: image})
            continue
        absent = next((file for file in image_files(image) if not file.is_file()), None)
        if absent is not None and not (folders and image.is_dir()):
            link = absent.is_symlink()
            missing = Problem(
                "COH-214",
                f"the image is {'a link to nothing' if link else 'not there'}",
                "fetch its content (git annex get)" if link else "add it, or correct cohort.images",
                str(absent.relative_to(root)) if absent.is_relative_to(root) else absent.name,
                "the image",
                image=True,
            )
            rows.leave_out({row: missing})
