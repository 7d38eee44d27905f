"""Demographic columns read as numbers or levels; the person and the value are named where they can't be."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FloatArray, person_name

__all__ = [
    "check_columns",
    "is_category",
    "level_text",
    "read_levels",
    "read_numbers",
    "refuse_missing",
    "shown",
]


def check_columns(frame: pd.DataFrame, demographics: Sequence[str]) -> None:
    """Refuse a frame that lacks a demographic or names two columns alike.

    Raises
    ------
    NormalizerError
        NRM-102 for a column that is not there, NRM-103 for a name that occurs twice.
    """
    if not frame.columns.is_unique:
        raise NormalizerError(
            "NRM-103",
            "two columns have the same name.",
            subject=str(frame.columns[frame.columns.duplicated()][0]),
            advice="give every column a name of its own",
        )
    for name in demographics:
        if name in frame.columns:
            continue
        near = get_close_matches(str(name), map(str, frame.columns), n=1)
        raise NormalizerError(
            "NRM-102",
            "the frame has no such demographic column.",
            subject=str(name),
            seen=f"columns {', '.join(map(str, frame.columns[:8]))}{' …' if frame.shape[1] > 8 else ''}",
            advice=f"did you mean {near[0]!r}?"
            if near
            else "add the column, or leave it out of demographics",
        )


def is_category(column: pd.Series[Any], *, declared: bool) -> bool:
    """Return whether a demographic is a category rather than a quantity.

    Parameters
    ----------
    column : Series
        Its values.
    declared : bool
        Whether it was named in ``categorical``.

    Raises
    ------
    NormalizerError
        NRM-111, numbers written as text, which may be either.

    Examples
    --------
    >>> is_category(pd.Series(["F", "M"], name="sex"), declared=False)
    True
    >>> is_category(pd.Series([61.0, 72.0], name="age"), declared=False)
    False
    """
    if declared or pd.api.types.is_bool_dtype(column.dtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    known = column.dropna()
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if len(known) and all(isinstance(value, int | float | np.number) for value in known):
        return any(isinstance(value, bool | np.bool_) for value in known)
    if len(known) and pd.to_numeric(known.astype(str), errors="coerce").notna().all():
        raise NormalizerError(
            "NRM-111",
            "a demographic holds numbers written as text.",
            subject=str(column.name),
            seen=shown(known.iloc[0]),
            expected="numbers, or a column named in categorical",
            advice=f"convert it with pandas.to_numeric, or set categorical=[{str(column.name)!r}]",
        )
    return True


def shown(value: object) -> str:
    """Return a value as it is shown in a message: text in quotes, a number plain."""
    return repr(value) if isinstance(value, str) else str(value)


def level_text(value: object) -> str:
    """Return a level as text; ``1``, ``1.0`` and ``"1"`` are one level.

    Examples
    --------
    >>> level_text(1.0), level_text(True), level_text("F")
    ('1', 'True', 'F')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def read_levels(column: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Return each person's level as text, None where it is missing."""
    missing = column.isna().to_numpy(dtype=bool)
    values = column.to_numpy(dtype=object)
    return np.array(
        [None if gone else level_text(v) for v, gone in zip(values, missing, strict=True)], object
    )


def read_numbers(column: pd.Series[Any]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return each person's number (NaN where it is missing), and where there is something else instead.

    Examples
    --------
    >>> numbers, unreadable = read_numbers(pd.Series([61, None, "old", np.inf]))
    >>> numbers.tolist(), unreadable.tolist()
    ([61.0, nan, nan, nan], [False, False, True, True])
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    unreadable = ~column.isna().to_numpy(dtype=bool) & ~np.isfinite(numbers)
    return np.where(unreadable, np.nan, numbers), unreadable


def refuse_missing(frame: pd.DataFrame, name: str, gone: npt.NDArray[np.bool_]) -> None:
    """Refuse the first person whose demographic is missing.

    Raises
    ------
    NormalizerError
        NRM-108.
    """
    if gone.any():
        raise NormalizerError(
            "NRM-108",
            f"{name} is missing ({int(gone.sum())} of {len(gone)} people).",
            subject=person_name(frame, int(np.argmax(gone))),
            advice="fill the value, or leave the person out; in_support(X) lists everybody concerned",
        )
