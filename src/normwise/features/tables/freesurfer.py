"""``freesurfer``: volumes, areas and thicknesses that FreeSurfer has measured, under one set of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort, is_missing
from normwise.errors import FeatureError, NormwiseError
from normwise.features.columns import choose_columns, reserved_columns
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import check_columns, fill, has_columns
from normwise.features.tables.extractor import (
    JoinedTable,
    differ,
    join_tables,
    merge,
    refuse_conflicts,
    table_paths,
    tabulate,
)
from normwise.features.tables.freesurfer_names import (
    RENAMED_STEMS,
    earlier_names,
    is_never_zero,
    note_of,
    region_of,
    release_of,
    stem_and_side,
    wide_name,
)
from normwise.features.tables.stats_files import (
    PARCELLATIONS,
    Origin,
    has_parcellation,
    read_subject,
    warn_of_unread,
)
from normwise.schema import FreeSurferSection, Study

__all__ = ["extract"]


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Read FreeSurfer's tables, or the stats files of every subject."""
    section, root = study.features_of(FreeSurferSection), study.cohort.root or Path()
    origin, conflicts = Origin(), dict[str, FeatureError]()
    folders: dict[str, Path] = {}
    parcellation = section.parcellation or PARCELLATIONS[0]
    if section.table is not None:
        paths = table_paths(root, section.table)
        joined = join_tables(list(cohort.raw.index), paths, section.table_id, None)
        renamed = [_rename(table, origin, conflicts) for table in joined]
        text, failures, others = merge(renamed)
        conflicts |= others
        source = ", ".join(path.name for path in paths)
    elif section.subjects_dir is not None:
        source = section.subjects_dir
        folders = _folders(cohort, root, source)
        parcellation = section.parcellation or _most_common(folders.values())
        text, failures = _read_subjects(folders, parcellation, origin)
        warn_of_unread({scan: folders[scan] for scan in text.index}, parcellation)
    else:
        raise FeatureError(
            "FEA-215",
            "the study says nowhere what FreeSurfer measured.",
            expected="features.subjects_dir, or features.table",
            advice='give features.subjects_dir = "freesurfer", or features.table = "stats/*.tsv"',
        )
    settings: dict[str, object] = {"columns": section.columns}
    if section.may_be_absent:
        settings["may_be_absent"] = section.may_be_absent
    if parcellation != PARCELLATIONS[0]:
        settings["parcellation"] = parcellation
    made = hash_settings(extractor="freesurfer", version="1", **settings)
    if text.empty:
        return FeatureTable(pd.DataFrame(index=cohort.frame.index[:0]), {}, failures, made)
    origin.warn_of_releases()
    if context.wanted is None:
        also = {name: [*origin.names.get(name, ()), *earlier_names(name)] for name in map(str, text.columns)}
        chosen = choose_columns(section.columns, also, reserved_columns(cohort, study), source, also)
    else:  # a model may ask by the names of an earlier release
        now = {before: name for name in map(str, text.columns) for before in (*earlier_names(name), name)}
        chosen = [name for name in context.wanted if name in now]
        text = text[[now[name] for name in chosen]].set_axis(chosen, axis="columns")
        conflicts = {name: conflicts[now[name]] for name in chosen if now[name] in conflicts}
    refuse_conflicts(chosen, conflicts)
    table = tabulate(
        cohort,
        text[chosen],
        failures,
        source,
        lambda name: note_of(name, source),
        made,
        context.wanted,
        [name for name in chosen if is_never_zero(name, section.may_be_absent)],
    )
    explained = _explain_gaps(table.failures, folders, parcellation)
    return replace(table, failures=explained)


def _rename(table: JoinedTable, origin: Origin, conflicts: dict[str, FeatureError]) -> JoinedTable:
    """Give a wide table's columns the common names, and join those that are one structure."""
    owns: dict[str, list[str]] = {}
    for column in map(str, table.text.columns):
        owns.setdefault(wide_name(column, table.id_column), []).append(column)
    joined = {}
    for feature, columns in owns.items():
        origin.names.setdefault(feature, {}).update(dict.fromkeys(columns))
        text = table.text[columns[0]]
        for column in columns[1:]:
            added = table.text[column]
            there = _is_there(text)
            unlike = differ(text, added) & there & _is_there(added)
            if unlike.any():
                scan = text.index[unlike][0]
                conflicts[feature] = FeatureError(
                    "FEA-211",
                    f"two columns of the table are one structure, {feature}, with different values.",
                    subject=table.path.name,
                    seen=f"{columns[0]} {text[scan]}, {column} {added[scan]} for {scan}",
                    advice="keep the column of one release of FreeSurfer for each person",
                )
            text = text.where(there, added)
        joined[feature] = text
    regions = {column: region_of(column) for columns in owns.values() for column in columns}
    known = [column for column, region in regions.items() if stem_and_side(region)[0] in RENAMED_STEMS]
    present = pd.DataFrame(
        {column: _is_there(table.text[column]) for column in known}, index=table.text.index
    )
    for row in present.to_numpy():
        origin.releases.update(
            release_of([regions[name] for name, there in zip(known, row, strict=True) if there])
        )
    return replace(table, text=pd.DataFrame(joined, index=table.text.index))


def _is_there(text: pd.Series) -> pd.Series:
    """Return where a cell has a value; the wide tables write 0 for a structure that a subject lacks."""
    return ~pd.Series(is_missing(text), index=text.index) & (pd.to_numeric(text, errors="coerce") != 0)


def _folders(cohort: Cohort, root: Path, subjects_dir: str) -> dict[str, Path]:
    """Return every scan's folder, named by columns in braces, else by the scan's id."""
    check_columns(subjects_dir, "features.subjects_dir", cohort.raw.columns)
    if not has_columns(subjects_dir) and not (root / subjects_dir).is_dir():
        raise FeatureError(
            "FEA-208",
            "the folder of FreeSurfer's subjects is not there.",
            subject=subjects_dir,
            seen=f"nothing at {root / subjects_dir}",
            advice="correct features.subjects_dir; relative paths start at the study file's folder",
        )
    scans = {str(scan): None for scan in cohort.raw.index}
    if has_columns(subjects_dir):
        names = fill(subjects_dir, cohort.raw)
        return {scan: root / name for scan, name in zip(scans, names, strict=True)}
    return {scan: _folder_of(scan, root / subjects_dir, scans) for scan in scans}


def _folder_of(scan: str, subjects: Path, scans: Collection[str]) -> Path:
    """Return a scan's folder, which may lack BIDS's ``sub-``, or have it where the table does not."""
    other = scan.removeprefix("sub-") if scan.startswith("sub-") else f"sub-{scan}"
    if not (subjects / scan).is_dir() and other not in scans and (subjects / other).is_dir():
        return subjects / other
    return subjects / scan


def _most_common(folders: Iterable[Path]) -> str:
    """Return the parcellation that most subjects have, so that a cohort is measured by one."""
    counts = Counter(name for folder in folders for name in PARCELLATIONS if has_parcellation(folder, name))
    return max(PARCELLATIONS, key=lambda name: counts[name])


def _read_subjects(
    folders: Mapping[str, Path], parcellation: str, origin: Origin
) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Read every subject's stats files."""
    rows: dict[str, dict[str, str]] = {}
    failures: dict[str, NormwiseError] = {}
    for scan, folder in folders.items():
        try:
            rows[scan] = read_subject(folder, scan, parcellation, origin)
        except FeatureError as error:
            failures[scan] = error
    text = pd.DataFrame.from_dict(rows, orient="index", dtype=object).fillna("n/a")
    return text.rename_axis("id"), failures


def _explain_gaps(
    failures: Mapping[str, NormwiseError], folders: Mapping[str, Path], parcellation: str
) -> dict[str, NormwiseError]:
    """Name the parcellation that a subject has in place of the cohort's."""
    explained = dict(failures)
    for scan, folder in folders.items():
        others = [name for name in PARCELLATIONS if has_parcellation(folder, name)]
        if scan in failures and failures[scan].code == "FEA-204" and others and parcellation not in others:
            explained[scan] = FeatureError(
                "FEA-213",
                f"this subject's cortex is measured by {others[0]}, and the cohort's by {parcellation}.",
                subject=scan,
                seen=f"?h.{others[0]}.stats in {folder.name}/stats",
                expected=f"?h.{parcellation}.stats",
                advice="two parcellations draw regions of one name differently: run the other, or give "
                f'features.parcellation = "{others[0]}"',
            )
    return explained
