"""Whether a person lies inside the normal group's range of demographics."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormwiseWarning
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Category, Design

__all__ = ["encodable_rows", "find_thin_cover", "reasons_outside", "support_table", "warn_of_thin_cover"]

_PARTS = 5  # a range is looked at in fifths
_ENOUGH = 5  # people wanted in each part
_ROUNDING = 1.0 + 1e-9


def encodable_rows(design: Design, people: Demographics) -> npt.NDArray[np.bool_]:
    """Return who can be normalized at all: every demographic is there, and every level was seen.

    Parameters
    ----------
    design : Design
        What was learnt from the normals.
    people : Demographics
        People, who need not be those of the normal group.

    Returns
    -------
    ndarray of bool of shape (n_people,)
        Also true outside the normals' range, where the line is only an extrapolation.

    Examples
    --------
    >>> import pandas as pd
    >>> from normwise.normalize.design import learn_design
    >>> design = learn_design(Demographics(pd.DataFrame({"age": [40.0, 50, 60, 70, 80, 90]})), ["age"])
    >>> encodable_rows(design, Demographics(pd.DataFrame({"age": [65.0, 30.0, None]}))).tolist()
    [True, True, False]
    """
    known = np.ones(len(people), dtype=bool)
    for part in design.parts:
        if isinstance(part, Category):
            known &= part.places(people)[0] >= 0
        else:
            known &= ~np.isnan(people.numbers(part.name)[0])
    return known


def reasons_outside(design: Design, people: Demographics) -> list[str]:
    """Return why each person lies outside the normal group; an empty text where they lie inside.

    A person is inside when no demographic is missing, every level was seen among the normals, every number
    lies within the normals' range, and the leverage, which grows with the distance from the normals' middle,
    is no larger than the largest of the normals' own.

    Parameters
    ----------
    design : Design
        What was learnt from the normals.
    people : Demographics
        People, who need not be those of the normal group.

    Returns
    -------
    list of str
        One a person; several reasons are joined by ``"; "``.

    Examples
    --------
    >>> import pandas as pd
    >>> from normwise.normalize.design import learn_design
    >>> design = learn_design(Demographics(pd.DataFrame({"age": [40.0, 50, 60, 70, 80, 90]})), ["age"])
    >>> reasons_outside(design, Demographics(pd.DataFrame({"age": [65.0, 30.0, None]})))
    ['', 'age 30 is outside the normal group, 40 to 90', 'age is missing']
    """
    reasons: list[list[str]] = [[] for _ in range(len(people))]
    known = np.ones(len(people), dtype=bool)
    inside = np.ones(len(people), dtype=bool)
    for part in design.parts:
        if isinstance(part, Category):
            for row, level in enumerate(people.levels(part.name)):
                if level not in part.levels:
                    known[row] = False
                    seen = (
                        f"{part.name} {level!r} was never seen in the normal group, {', '.join(part.levels)}"
                    )
                    reasons[row].append(f"{part.name} is missing" if level is None else seen)
            continue
        numbers, unreadable = people.numbers(part.name)
        for row in np.flatnonzero(np.isnan(numbers)):
            known[row] = False
            wrong = f"{part.name} {people.value(part.name, row)} is not a finite number"
            reasons[row].append(wrong if unreadable[row] else f"{part.name} is missing")
        outside = (numbers < part.low) | (numbers > part.high)
        inside &= ~outside
        for row in np.flatnonzero(outside):
            span = f"{part.low:.6g} to {part.high:.6g}"
            reasons[row].append(f"{part.name} {numbers[row]:.6g} is outside the normal group, {span}")
    rows = np.flatnonzero(known & inside)
    if design.parts and len(rows):
        leverage = design.people(people.take(rows)).leverage
        for row, value in zip(rows, leverage, strict=True):
            if value > design.largest_leverage * _ROUNDING:
                reasons[row].append(
                    f"{' and '.join(part.name for part in design.parts)} are each in range but not together: "
                    f"leverage {value:.2f}, in the normal group at most {design.largest_leverage:.2f}"
                )
    return ["; ".join(texts) for texts in reasons]


def support_table(design: Design, people: Demographics, columns: FeatureColumns | None) -> pd.DataFrame:
    """Return who lies inside the normal group, of the others why not, and who can be normalized.

    Parameters
    ----------
    design : Design
        What was learnt from the normals.
    people : Demographics
        People, who need not be those of the normal group.
    columns : FeatureColumns or None
        Their features, where they are there: one that is not finite counts as well.

    Returns
    -------
    DataFrame
        As `FeatureNormalizer.in_support`.
    """
    reasons, encodable = reasons_outside(design, people), encodable_rows(design, people)
    if columns is not None:
        wrong = [name and f"{name} is not a finite number" for name in columns.first_unfinite()]
        encodable = encodable & ~np.array(wrong, dtype=bool)
        reasons = ["; ".join(filter(None, texts)) for texts in zip(reasons, wrong, strict=True)]
    supported = [not reason for reason in reasons]
    return pd.DataFrame(
        {"supported": supported, "reason": reasons, "encodable": encodable}, index=people.index
    )


def find_thin_cover(design: Design, people: Demographics, normal: npt.NDArray[np.bool_]) -> list[str]:
    """Name where the training people cover a demographic thinly.

    A classifier that is given demographics must learn their effect from the people at hand, in each group. A
    number's range over everybody is cut into fifths, a category into its levels; each should hold five
    people.

    Parameters
    ----------
    design : Design
        What was learnt from the normals.
    people : Demographics
        The training people.
    normal : ndarray of bool
        Who of them is normal.

    Returns
    -------
    list of str
        One text a part that is thin.

    Examples
    --------
    >>> import pandas as pd
    >>> from normwise.normalize.design import learn_design
    >>> people = Demographics(pd.DataFrame({"age": [*range(40, 90), 100.0]}))
    >>> find_thin_cover(learn_design(people, ["age"]), people, np.ones(51, dtype=bool))
    ['age 88 to 100: 3 normal people']
    """
    groups = [("normal", normal), ("other", ~normal)]
    thin = []
    for title, members in groups:
        if not members.any():
            continue
        for part in design.parts:
            if isinstance(part, Category):
                levels = people.levels(part.name)[members]
                counts = [(f"{part.name} {level}", int((levels == level).sum())) for level in part.levels]
            else:
                numbers = people.numbers(part.name)[0]
                counts = _count_fifths(part.name, numbers, members)
            thin += [f"{where}: {count} {title} people" for where, count in counts if count < _ENOUGH]
    return thin


def warn_of_thin_cover(design: Design, people: Demographics, normal: npt.NDArray[np.bool_]) -> None:
    """Warn (NRM-203) of what `find_thin_cover` names."""
    if thin := find_thin_cover(design, people, normal):
        more = f"; and {len(thin) - 4} more" if len(thin) > 4 else ""
        text = (
            "demographics are appended where they are thinly covered, so that a classifier "
            f"can hardly learn their effect: {'; '.join(thin[:4])}{more}"
        )
        warnings.warn(NormwiseWarning("NRM-203", text), stacklevel=5)


def _count_fifths(name: str, numbers: FloatArray, members: npt.NDArray[np.bool_]) -> list[tuple[str, int]]:
    edges = np.linspace(np.nanmin(numbers), np.nanmax(numbers), _PARTS + 1)
    counts, _ = np.histogram(numbers[members], bins=edges)
    return [
        (f"{name} {low:.6g} to {high:.6g}", int(count))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
