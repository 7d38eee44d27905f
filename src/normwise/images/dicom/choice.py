"""Which of a person's usable series is the head, and why; whose files they are, and of how many studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from normwise.errors import ImageError
from normwise.images.dicom.header import Header
from normwise.images.dicom.series import Series

__all__ = ["Choice", "choose_series", "days_of_studies", "refuse_two_people"]

_HEAD_MM = 110.0  # no adult brain is shorter along any axis
_AGE_YEARS = 2.0  # by which an age may miss what the days between two studies make of the other
_DAYS_A_YEAR = 365.25

_Measure = Callable[[Series, dict[str, int | None]], float]
_PREFERENCES: tuple[tuple[str, _Measure], ...] = (
    ("its contrast is told by the header", lambda series, _: series.contrast.is_t1 is not True),
    ("no contrast agent was given", lambda series, _: any(each.agent for each in series.first.acquisitions)),
    ("it is an original, not derived", lambda series, _: series.is_derived),
    ("it covers a whole head", lambda series, _: min(series.extent) < _HEAD_MM),
    ("its study is the first", lambda series, days: days.get(series.first.study) or 0),
    ("its longest voxel edge is shorter", lambda series, _: round(max(series.spacing), 2)),
    (
        "its voxels are smaller",
        lambda series, _: round(series.spacing[0] * series.spacing[1] * series.spacing[2], 3),
    ),
    ("its series number is lower", lambda series, _: series.first.number),
)


class Choice(NamedTuple):
    """The series that was chosen, and for each other one why it lost."""

    chosen: Series
    lost: list[tuple[Series, str]]


def choose_series(usable: Sequence[Series], days: dict[str, int | None]) -> Choice:
    """Choose the head among usable series.

    Parameters
    ----------
    usable : sequence of Series
        At least one that `normwise.images.dicom.series.check_series` accepted.
    days : dict of str to int or None
        From `days_of_studies`.

    Returns
    -------
    Choice
        In the order of preference: a contrast that is surely T1, no contrast agent, an original, a whole
        head, the first study, the shorter longest edge, smaller voxels, the lower number.
    """
    ranks = {id(series): [measure(series, days) for _, measure in _PREFERENCES] for series in usable}
    chosen, *others = sorted(usable, key=lambda series: ranks[id(series)])

    def why(other: Series) -> str:
        pairs = zip(_PREFERENCES, ranks[id(chosen)], ranks[id(other)], strict=True)
        return next((reason for (reason, _), one, two in pairs if one != two), "it comes first")

    return Choice(chosen, [(other, why(other)) for other in others])


def days_of_studies(headers: Sequence[Header]) -> dict[str, int | None]:
    """Return for each study the days since the first one; None for one without a date."""
    days: dict[str, int | None] = {}
    for header in headers:
        known = [day for day in (header.day, days.get(header.study)) if day is not None]
        days[header.study] = min(known, default=None)
    first = min((day for day in days.values() if day is not None), default=0)
    return {study: None if day is None else day - first for study, day in days.items()}


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
    differing = {
        "patient identifiers": {header.person for header in headers} - {""},
        "dates of birth": {header.birth for header in headers} - {""},
        "sexes": {header.facts.get("sex", "") for header in headers} & {"F", "M"},
    }
    seen = [f"{len(values)} {name}" for name, values in differing.items() if len(values) > 1]
    aged = [(float(header.facts["age"]), header.day) for header in headers if "age" in header.facts]
    dated = all(day is not None for _, day in aged)
    # The age at a fixed day, where the studies say their days.
    ages = [age - ((day or 0) / _DAYS_A_YEAR if dated else 0.0) for age, day in aged]
    if ages and (apart := max(ages) - min(ages)) > _AGE_YEARS:
        seen.append(f"ages {apart:.3g} years further apart than the studies")
    if seen:
        raise ImageError(
            "IMG-722",
            "there are images of several people in it.",
            subject=name,
            seen=", ".join(seen),
            expected="one person",
            advice="put each person's files into a folder of their own",
        )
