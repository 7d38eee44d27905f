"""Labels: the diagnosis column's values become classes, or their rows say why not; and numbers to predict."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort.conditions import parse_condition
from normwise.cohort.demographics import read_quantity
from normwise.cohort.values import Problem, is_missing, read_numbers
from normwise.errors import StudyError
from normwise.files import is_formula
from normwise.schema import EVERYBODY, OTHERS, CohortSection, did_you_mean, listed

__all__ = ["natural_key", "read_labels", "read_target"]

_CODES, _MANY = 5, 10  # different numbers in a column of labels


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key under which numbers inside text sort as numbers.

    Examples
    --------
    >>> sorted(["ses-10", "ses-2", "ses-1"], key=natural_key)
    ['ses-1', 'ses-2', 'ses-10']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    # As digits and not as int, which refuses more than 4,300 of them.
    numbers = {part: part.lstrip("0") for part in parts if part[0] in "0123456789"}
    return tuple(
        (0, len(numbers[part]), numbers[part]) if part in numbers else (1, 0, part) for part in parts
    )


def read_labels(
    section: CohortSection, text: pd.Series[str], remain: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.object_], dict[int, Problem], tuple[str, ...], list[str]]:
    """Give each row its class.

    Without ``classes`` each value of the column is a class of its own, the normal one first. A value that is
    a number also stands for its other spellings: ``0.0`` for ``0``.

    Parameters
    ----------
    section : CohortSection
        Names the classes and the normal one.
    text : Series of str
        The label column.
    remain : ndarray of bool of shape (n_rows,), optional
        Rows whose values become classes where none are named; default: all.

    Returns
    -------
    labels : ndarray of object of shape (n_rows,)
        Class name, or None.
    problems : dict of int to Problem
        By row, COH-202 for a missing label, COH-203 for a value that no class has.
    classes : tuple of str
        Every class, in the study's order.
    readings : list of str
        How the values were read.

    Raises
    ------
    StudyError
        STU-105 where no value is the normal class, STU-106 where none is a target, STU-121 where the column
        holds a quantity.

    Examples
    --------
    >>> section = CohortSection(label="CDR", classes={"normal": ["0"], "dementia": ["0.5", "1"]})
    >>> labels, problems, classes, readings = read_labels(section, pd.Series(["0", "0.5", "1.0", "3", ""]))
    >>> labels.tolist(), sorted(problems), readings
    (['normal', 'dementia', 'dementia', None, None], [3, 4], ["CDR: '1.0' read as '1'"])
    """
    missing = is_missing(text)
    if not section.classes:
        _refuse_quantity(section, text)
    levels = sorted({str(level) for level in pd.unique(text[~missing])}, key=natural_key)
    classes = section.classes
    if not classes:
        left = set(text[~missing] if remain is None else text[~missing & remain])
        named = [level for level in levels if level == section.normal or not is_formula(level)]
        classes = {level: [level] for level in named if level in left or level == section.normal}
    if section.normal not in classes:
        raise StudyError(
            "STU-105",
            f"no value of {section.label!r} is {section.normal!r}, the normal class.",
            subject="cohort.normal",
            seen=f"values {listed(levels)}",
            advice=did_you_mean(
                section.normal, levels, "name the normal value, as --normal VALUE, or use cohort.classes"
            ),
        )
    for target in section.targets:
        if target not in classes:
            raise StudyError(
                "STU-106",
                f"no value of {section.label!r} is {target!r}, a target.",
                subject="cohort.targets",
                seen=f"values {listed(classes)}",
                advice=did_you_mean(target, classes, "name values of the label"),
            )
    by_value = {value: name for name, values in classes.items() for value in values}
    spellings = {number: value for value in by_value if (number := _as_number(value)) is not None}
    mapping: dict[str, str] = {}
    readings = []
    for level in levels:
        number = _as_number(level)
        value = level if level in by_value or number is None else spellings.get(number, level)
        if value in by_value:
            mapping[level] = by_value[value]
        if value != level:
            readings.append(f"{section.label}: {level!r} read as {value!r}")
    labels = np.array([mapping.get(cell) for cell in text], dtype=object)
    problems = {
        row: Problem("COH-202", f"the label {section.label} is missing", "fill it in", missing="the label")
        if missing[row]
        else Problem(
            "COH-203",
            f"the label {section.label} has no class",
            f"add it to a class of cohort.classes ({listed(classes)}) if this person should take part",
            repr(str(text.iloc[row])),
        )
        for row, label in enumerate(labels)
        if label is None
    }
    order = (
        tuple(classes) if section.classes else (section.normal, *(n for n in classes if n != section.normal))
    )
    return labels, problems, order, readings


def _refuse_quantity(section: CohortSection, text: pd.Series[str]) -> None:
    """Refuse a column of many numbers, which would be as many classes."""
    present = text[~is_missing(text)]
    levels: list[str] = sorted({str(level) for level in present}, key=natural_key)
    numbers = read_numbers(section.label, present)
    different = len(np.unique(numbers.values[np.isfinite(numbers.values)]))
    # So few numbers may be codes; of more, each would be a class of hardly anybody.
    if numbers.problems or different <= _CODES or (different <= _MANY and 2 * different <= len(present)):
        return
    raise StudyError(
        "STU-121",
        f"the label {section.label!r} holds {different} different numbers: classes only.",
        subject="cohort.label",
        seen=listed(levels),
        advice=f"name it as target to predict a number: cohort.target = {section.label!r}; or make classes "
        "of its values with cohort.classes",
    )


def read_target(
    section: CohortSection, frame: pd.DataFrame, remain: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.object_], dict[int, Problem], list[str]]:
    """Read the numbers that are predicted, and who is normal.

    Of whom ``cohort.normal`` can't be judged, as where its cell is empty, is not known to be normal, and
    counts among the others; how many they are is said.

    Parameters
    ----------
    section : CohortSection
        With a target.
    frame : DataFrame of str
        The table; it has the columns that the section names.
    remain : ndarray of bool of shape (n_rows,)
        Rows that take part so far.

    Returns
    -------
    values : ndarray of shape (n_rows,)
        The numbers.
    labels : ndarray of object of shape (n_rows,)
        `EVERYBODY` of who is normal, or `OTHERS`.
    problems : dict of int to Problem
        By row, COH-219 for a missing number, COH-206 or COH-207 for what is none.
    readings : list of str
        How the columns were read.

    Raises
    ------
    StudyError
        STU-119 where no value is a number, STU-120 where nobody is normal.

    Examples
    --------
    >>> section = CohortSection(target="MMSE", normal="CDR == 0")
    >>> frame = pd.DataFrame({"MMSE": ["29", "21", ""], "CDR": ["0", "1", "0"]})
    >>> values, labels, problems, _ = read_target(section, frame, np.ones(3, dtype=bool))
    >>> values.tolist(), labels.tolist(), sorted(problems)
    ([29.0, 21.0, nan], ['normal', 'others', 'normal'], [2])
    """
    assert section.target is not None, "a study of a number names it"
    text = frame[section.target]
    reading = read_quantity(section.target, text)
    values = reading.values.astype(np.float64)
    present = ~reading.missing & remain
    if present.any() and not np.isfinite(values[present]).any():
        raise StudyError(
            "STU-119",
            f"no value of the target {section.target!r} is a number.",
            subject="cohort.target",
            seen=listed(dict.fromkeys(map(repr, text[present]))),
            advice="name a column of numbers; a diagnosis is named in cohort.label, with cohort.classes",
        )
    absent = Problem("COH-219", f"the target {section.target} is missing", "fill it in", missing="the target")
    problems = {**{int(row): absent for row in np.flatnonzero(reading.missing)}, **reading.problems}
    labels = np.full(len(text), EVERYBODY, dtype=object)
    readings = list(reading.readings)
    if section.normal == EVERYBODY:
        return values, labels, problems, readings
    condition = parse_condition(section.normal, "cohort.normal")
    holds, unknown, said = condition.judge(frame[condition.column])
    readings += said
    if condition.column == section.target:
        readings.append(
            f"{section.normal} is a condition on the target: normal people have a part of its range, and the"
            " gap is corrected by the line of that part"
        )
    labels[~holds] = OTHERS
    left = remain & np.isfinite(values)
    unjudged = sum(bool(left[row]) for row in unknown)
    if unjudged:
        readings.append(f"{section.normal} can't be judged of {unjudged} rows: they count among the others")
    if left.any() and not (holds & left).any():
        raise StudyError(
            "STU-120",
            f"of nobody it holds that {section.normal}, so that nobody is normal.",
            subject="cohort.normal",
            seen=f"{int(left.sum())} rows",
            advice="correct the condition, or leave the key out: everybody is then normal",
        )
    return values, labels, problems, readings


def _as_number(text: str) -> float | None:
    return float(text.replace(",", ".")) if re.fullmatch(r"[+-]?[0-9]+(?:[.,][0-9]+)?", text) else None
