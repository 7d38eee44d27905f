"""Which of a person's usable series is the head, and why; of how many studies and visits they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from normwise.images.dicom.header import Header
from normwise.images.dicom.series import Series

__all__ = ["HEAD_MM", "Choice", "choose_series", "days_of_studies", "visits_of"]

HEAD_MM = 110.0
"""No adult brain is shorter along any axis."""

_VISIT_DAYS = 30  # a study so soon after another makes good for it; the next visit is months away

_Measure = Callable[[Series, dict[str, int | None]], float]
_PREFERENCES: tuple[tuple[str, _Measure], ...] = (
    ("its contrast is told by the header", lambda series, _: series.contrast.is_t1 is not True),
    ("no contrast agent was given", lambda series, _: any(each.agent for each in series.first.acquisitions)),
    ("it is an original, not derived", lambda series, _: series.is_derived),
    ("it covers a whole head", lambda series, _: min(series.extent) < HEAD_MM),
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


def visits_of(days: dict[str, int | None]) -> list[dict[str, int | None]]:
    """Return the studies of each visit: those of at most 30 days from its first, in order.

    A study without a date is taken for one of the first visit.

    Parameters
    ----------
    days : dict of str to int or None
        From `days_of_studies`.

    Examples
    --------
    >>> visits_of({"a": 0, "b": 30, "c": 31, "d": None, "e": 400})
    [{'d': None, 'a': 0, 'b': 30}, {'c': 31}, {'e': 400}]
    """
    visits: list[dict[str, int | None]] = [{study: None for study, day in days.items() if day is None}]
    start = None
    for day, study in sorted((day, study) for study, day in days.items() if day is not None):
        if start is not None and day - start > _VISIT_DAYS:
            visits.append({})
            start = day
        start = day if start is None else start
        visits[-1][study] = day
    return visits
