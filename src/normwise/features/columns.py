"""Columns of features: chosen by name or pattern, read as numbers, and freed of what is incomplete."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort, read_numbers, read_plain_rows, read_quantity
from normwise.errors import FeatureError, NormwiseError, NormwiseWarning
from normwise.schema import ColumnsSection, Study, did_you_mean, listed

__all__ = [
    "LARGEST_VALUE",
    "choose_columns",
    "drop_incomplete",
    "frame_of_rows",
    "read_columns",
    "refuse_roles",
    "reserved_columns",
    "role_error",
    "select_complete",
    "warn_of_placeholders",
]

LARGEST_VALUE = 1e100
"""The largest size of a feature: nothing measured comes near, and beyond about 1e154 a square overflows."""

# -9 and 99 as well, which are no codes among demographics (COH-301): here a code must lie far off, too.
_PLACEHOLDERS = np.array([-9999.0, -999.0, -99.0, -9.0, 99.0, 999.0, 9999.0])
_SURE = _PLACEHOLDERS[:3]  # nothing that is otherwise never negative has these
_USUAL = 3  # values from which it can be seen what is usual
_FAR = 0.1  # of the largest usual value, where the usual ones hardly vary
_WILD = "*?["  # makes a name a pattern
_FEW = 10  # in a smaller table nobody can say that a column is missing in most people


def reserved_columns(cohort: Cohort, study: Study) -> set[str]:
    """Return the columns that have another role, and so are never features."""
    roles, section = cohort.roles, study.cohort
    others = (section.id, section.group, section.session, section.site, roles.label, roles.group)
    return {*roles.demographics, *(name for name in others if name)}


def refuse_roles(cohort: Cohort, study: Study) -> None:
    """Refuse a column that has another role and is named as a feature; nothing is measured for it.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    study : Study
        Its ``features.also``, and ``features.columns`` where its extractor has them.

    Raises
    ------
    FeatureError
        FEA-202, a demographic, the label, or the column of ids, people, sessions or sites is named.
    """
    section = study.features
    columns = section.columns if isinstance(section, ColumnsSection) else []
    reserved = reserved_columns(cohort, study)
    named = [(name, "features.columns", "features.columns") for name in columns]
    named += [(name, study.cohort.table, "features.also") for name in section.participant_columns]
    for name, subject, key in named:
        if name in reserved:
            raise role_error(name, subject, key)


def role_error(name: str, subject: str, key: str = "features.columns") -> FeatureError:
    """Return the refusal of a feature with another role, which ``key`` of the study names."""
    return FeatureError(
        "FEA-202",
        f"{name!r} is a demographic, the label or an id, and can't be a feature as well.",
        subject=subject,
        advice=f"take it out of {key}: demographics enter by the normalizer alone",
    )


def choose_columns(
    wanted: Sequence[str],
    known: Iterable[str],
    reserved: Iterable[str],
    source: str,
    also: Mapping[str, str | Collection[str]] | None = None,
) -> list[str]:
    """Return the columns that names and patterns stand for, in the table's order.

    Parameters
    ----------
    wanted : sequence of str
        Names, or patterns with ``*``, ``?`` and ``[…]``; a pattern that begins with ``!`` removes columns.
        None at all means every column.
    known : iterable of str
        The table's columns.
    reserved : iterable of str
        Columns that are never features: id, label, demographics, person, site. A pattern passes them over; to
        name one is an error.
    source : str
        The table, for errors.
    also : mapping of str to str or collection of str, optional
        A further name of a column, or several, which patterns may fit as well.

    Returns
    -------
    list of str

    Raises
    ------
    FeatureError
        FEA-201 a name that is not there, or a pattern that fits nothing; FEA-202 a reserved column.

    Examples
    --------
    >>> known = ["ID", "Age", "lh_a", "lh_b", "rh_a"]
    >>> choose_columns(["lh_*", "rh_a", "!*_b"], known, ["ID", "Age"], "people.tsv")
    ['lh_a', 'rh_a']
    """
    names, excluded = list(known), set(reserved)
    named: dict[str, set[str]] = {name: {name} for name in names}  # by each spelling
    for name in names:
        others = (also or {}).get(name, ())
        for spelling in [others] if isinstance(others, str) else others:
            named.setdefault(spelling, set()).add(name)
    single, chosen = set(names), set[str]()
    for pattern in wanted or ["*"]:
        if pattern in single and pattern in excluded:
            raise role_error(pattern, source)
        drops = pattern.startswith("!") and pattern not in single
        plain = pattern.removeprefix("!") if drops else pattern
        fits = set(named.get(plain, ()))
        if any(mark in plain for mark in _WILD):
            fits.update(*(named[spelling] for spelling in named if fnmatchcase(spelling, plain)))
        if not fits and not drops:
            raise FeatureError(
                "FEA-201",
                f"no column is called {pattern!r}, nor does it fit one as a pattern.",
                subject=source,
                advice=did_you_mean(pattern, names),
            )
        if drops:
            chosen -= fits
        else:
            chosen |= fits - excluded
    return [name for name in names if name in chosen]


def read_columns(
    text: pd.DataFrame, source: str, key: str = "features.columns"
) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Read columns of text as numbers.

    Parameters
    ----------
    text : DataFrame of str of shape (n_scans, n_columns)
        Stripped cells, index ``id``.
    source : str
        The table, for errors.
    key : str
        What names the columns in the study, for errors.

    Returns
    -------
    values : DataFrame of float of shape (n_scans, n_columns)
        NaN where a cell is empty or ``n/a``, and where it is no number.
    failures : dict of str to FeatureError
        FEA-203, by scan: a cell that is there and no number.
    """
    failures: dict[str, NormwiseError] = {}
    values = np.empty(text.shape, order="F")
    places = list(range(text.shape[1]))
    if text.shape[1] > len(text) and {kind.name for kind in set(text.dtypes)} == {"object"}:
        places = read_plain_rows(text.to_numpy(), values)  # a column takes longer than its cells
    some = text if len(places) == text.shape[1] else text.iloc[:, places]
    for place, (name, column) in zip(places, some.items(), strict=True):
        reading = read_numbers(str(name), column)
        if reading.problems:  # an age may have its unit with it
            with_units = read_quantity(str(name), column)
            reading = reading if with_units.problems else with_units
        values[:, place] = reading.values
        for row in reading.problems:
            scan = str(text.index[row])
            failures.setdefault(
                scan,
                FeatureError(
                    "FEA-203",
                    f"{name} is not a number.",
                    subject=scan,
                    seen=repr(str(column.iloc[row])),
                    advice=f"correct it in {source}, or leave the column out of {key}",
                ),
            )
    return pd.DataFrame(values, index=text.index, columns=text.columns, copy=False), failures


def drop_incomplete(
    values: pd.DataFrame,
    failures: dict[str, NormwiseError],
    source: str,
    wanted: Sequence[str] | None = None,
    absent: pd.DataFrame | None = None,
    key: str = "features.columns",
) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Drop columns that most scans lack, then scans that lack one of the rest.

    Parameters
    ----------
    values : DataFrame of float of shape (n_scans, n_columns)
        NaN where there is no value.
    failures : dict of str to NormwiseError
        Scans that failed already; they do not count in what is dropped.
    source : str
        Where the values come from, for messages.
    wanted : sequence of str, optional
        The columns that a trained model needs: these and no others are selected, and a scan that lacks one
        fails.
    absent : DataFrame of bool of shape (n_scans, n_columns), optional
        Gaps in columns ``region.measure`` that are there because the scan does not have the region.
    key : str
        What names the columns in the study, for messages.

    Returns
    -------
    values : DataFrame of shape (n_remaining, n_kept)
        Finite floats.
    failures : dict of str to NormwiseError
        With FEA-204 for those who lack a value or a region, FEA-216 for those with a
        value beyond `LARGEST_VALUE`.

    Raises
    ------
    FeatureError
        FEA-205, nothing is left.

    Warns
    -----
    NormwiseWarning
        FEA-901, a column that more than half of ten or more scans lack, or all of them; a region that more
        than half of any number of scans do not have.
    """
    rest = values.loc[~values.index.isin(list(failures))] if failures else values
    if wanted is not None:
        rest = rest.reindex(columns=pd.Index(wanted))
    share = rest.isna().mean() if len(rest) and wanted is None else pd.Series(0.0, index=rest.columns)
    nothing = pd.DataFrame(data=False, index=rest.index, columns=rest.columns)
    vanished = (
        nothing if absent is None else absent.reindex(rest.index, columns=rest.columns, fill_value=False)
    )
    mostly = (share > 0.5) & ((len(rest) >= _FEW) | (vanished.mean() > 0.5))
    empty = share[mostly | (share == 1.0)].index
    if len(empty):
        text = f"{_some(empty)} in {source}: missing in most scans, left out."
        warnings.warn(NormwiseWarning("FEA-901", text, subject=source, value=len(empty)), stacklevel=2)
        rest = rest.drop(columns=empty)
    gaps = rest.isna()
    failed = dict(failures)
    for scan in rest.index[gaps.any(axis=1)]:
        gone = rest.columns[vanished[rest.columns].loc[scan]]
        failed[str(scan)] = (
            _absent_error(str(scan), gone, source)
            if len(gone)
            else _missing_error(str(scan), rest.columns[gaps.loc[scan]], rest.shape[1], source, key)
        )
    huge = (rest > LARGEST_VALUE) | (rest < -LARGEST_VALUE)
    for scan in rest.index[huge.any(axis=1) & ~gaps.any(axis=1)]:
        first = rest.columns[huge.loc[scan]][0]
        failed[str(scan)] = FeatureError(
            "FEA-216",
            f"{first} is larger than any measurement can be.",
            subject=str(scan),
            seen=f"{rest.loc[scan, first]:.3g}",
            expected=f"a size of at most {LARGEST_VALUE:.3g}",
            advice=f"correct it in {source}, or leave the column out of {key}",
        )
    rest = rest.loc[~(gaps | huge).any(axis=1)]
    if rest.shape[1] == 0 and len(values):
        raise FeatureError(
            "FEA-205",
            "no feature is left.",
            subject=source,
            seen=f"{values.shape[1]} columns, {len(values)} scans",
            advice="look at the failures above, or choose other columns",
        )
    return rest, failed


def warn_of_placeholders(values: pd.DataFrame, source: str) -> None:
    """Warn where columns hold -9999, 999 or the like, further from the other values than these lie apart.

    A code among values of both signs must lie twice as far from them. -9999, -999 and -99 among values that
    are never negative need no distance, and of fewer other values than three, as of one new person, only
    negative codes among such values can be told.

    Parameters
    ----------
    values : DataFrame of float of shape (n_scans, n_columns)
        Finite numbers.
    source : str
        Where they come from.

    Warns
    -----
    NormwiseWarning
        FEA-910, with the columns and numbers.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_of_placeholders(pd.DataFrame({"gm": [640.1, 655.0, 612.7, -999.0]}), "people.tsv")
    >>> print(str(caught[0].message)[:56])
    FEA-910  gm in people.tsv holds -999 (1 of 4 rows), used
    """
    numbers = values.to_numpy()
    if not numbers.size:
        return
    ends = np.isin(numbers.min(axis=0), _PLACEHOLDERS) | np.isin(numbers.max(axis=0), _PLACEHOLDERS)
    said = []
    for place in np.flatnonzero(ends):
        column = numbers[:, place]
        coded = np.isin(column, _PLACEHOLDERS)
        usual = column[~coded]
        found = [code for code in np.unique(column[coded]) if _is_far(float(code), usual)]
        if found:
            rows = int(np.isin(column, found).sum())
            codes = listed(f"{code:g}" for code in found)
            said.append(f"{values.columns[place]} in {source} holds {codes} ({rows} of {len(column)} rows)")
    if said:
        text = (
            f"{listed(said, most=3)}, used as a measurement; if it stands for a missing value, leave the "
            "cell empty, or leave these people out with cohort.include."
        )
        warnings.warn(NormwiseWarning("FEA-910", text, subject=source, value=len(said)), stacklevel=3)


def _is_far(code: float, usual: NDArray[np.float64]) -> bool:
    """Return whether a code lies so far from the usual values that it is none of them."""
    low, high = (float(usual.min()), float(usual.max())) if len(usual) else (0.0, 0.0)
    if code < 0 <= low and code in _SURE:
        return True
    if len(usual) < _USUAL and (len(usual) < _USUAL - 1 or not code < 0 <= low):
        return False
    apart = (high - low) * (2 if low < 0 < high else 1)
    return max(low - code, code - high) > max(apart, _FAR * max(abs(low), abs(high)))


def frame_of_rows(rows: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return rows of named values as a frame, NaN where a row lacks a column that another has.

    Examples
    --------
    >>> frame_of_rows({"s1": {"a": 1.0}, "s2": {"a": 2.0, "b": 3.0}}).to_dict("index")
    {'s1': {'a': 1.0, 'b': nan}, 's2': {'a': 2.0, 'b': 3.0}}
    """
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    return pd.DataFrame(
        [[row.get(name, np.nan) for name in columns] for row in rows.values()],
        index=pd.Index(list(rows), name="id", dtype=object),
        columns=columns,
        dtype=np.float64,
    )


def select_complete(
    values: pd.DataFrame,
    failures: dict[str, NormwiseError],
    columns: Sequence[str],
    source: str,
    wanted: Sequence[str] | None,
    prepare: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    absent: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Choose the columns that a study, or a trained model, names and drop what is incomplete.

    Parameters
    ----------
    values, failures, source, wanted
        As in `drop_incomplete`.
    columns : sequence of str
        Names and patterns, as in `choose_columns`.
    prepare : callable, optional
        What is done to the chosen columns before incomplete ones are dropped.
    absent : callable, optional
        Returns which gaps are there because the scan does not have the region; default: none.

    Returns
    -------
    values, failures
        As `drop_incomplete` returns them; unchanged where no scan was measured.
    """
    if not len(values.columns):
        return values, failures
    if wanted is None:
        values = values[choose_columns(columns, values.columns, (), source)]
    else:
        values = values.reindex(columns=pd.Index(wanted))
    if not len(values):
        return values, failures
    values = prepare(values) if prepare else values
    return drop_incomplete(values, failures, source, wanted, absent(values) if absent else None)


def _missing_error(scan: str, lacking: pd.Index, of: int, source: str, key: str) -> FeatureError:
    return FeatureError(
        "FEA-204",
        f"{len(lacking)} of {of} features {'is' if len(lacking) == 1 else 'are'} missing."
        if of > 1
        else f"{lacking[0]} is missing.",
        subject=scan,
        seen=_some(lacking),
        advice=f"fill them in in {source}, or leave these columns out of {key}",
    )


def _absent_error(scan: str, lacking: pd.Index, source: str) -> FeatureError:
    places = dict.fromkeys(str(name).rpartition(".")[0] for name in lacking)
    # The asymmetry of a pair is of no further region.
    regions = [name for name in places if not {f"{name}_left", f"{name}_right"} & places.keys()]
    return FeatureError(
        "FEA-204",
        f"{_some(regions)} {'is' if len(regions) == 1 else 'are'} absent.",
        subject=scan,
        seen=f"no voxel, or a size of 0, in {source}",
        expected="a size above 0, as in most scans",
        advice="look at the segmentation: it failed, or the voxels are too coarse for the region; "
        "regions that a person may lack, as lesions, are named in features.may_be_absent",
    )


def _some(names: Iterable[str]) -> str:
    listed = [str(name) for name in names]
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
