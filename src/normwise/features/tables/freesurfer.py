"""``freesurfer``: volumes, areas and thicknesses that FreeSurfer has measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort
from normwise.errors import FeatureError, NormwiseError
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import (
    check_columns,
    fill,
    has_columns,
)
from normwise.features.tables.columns import choose_columns
from normwise.features.tables.extractor import (
    merge,
    reserved_columns,
    tabulate,
)
from normwise.features.tables.freesurfer_names import note_of, wide_name
from normwise.features.tables.join import (
    Joined,
    join_tables,
    table_paths,
)
from normwise.features.tables.stats_files import read_subject
from normwise.schema import Study

__all__ = ["FREESURFER"]


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section, root = study.features, study.cohort.root or Path()
    originals: dict[str, str] = {}
    if section.table is not None:
        paths = table_paths(root, section.table)
        joined = join_tables(list(cohort.raw.index), paths, section.table_id, None)
        renamed = [_rename(table, originals) for table in joined]
        text, failures = merge(renamed)
        source = ", ".join(path.name for path in paths)
    elif section.subjects_dir is not None:
        text, failures = _read_subjects(cohort, root, section.subjects_dir)
        source = section.subjects_dir
    else:
        raise FeatureError(
            "FEA-215",
            "the study says nowhere what FreeSurfer measured.",
            expected="features.subjects_dir, or features.table",
            advice='give features.subjects_dir = "freesurfer", or features.table = "stats/*.tsv"',
        )
    reserved = reserved_columns(cohort, study)
    chosen = choose_columns(section.columns, text.columns, reserved, source, also=originals)
    made = hash_of(extractor="freesurfer", version="1", columns=section.columns)
    return tabulate(
        cohort, text[chosen], failures, source, lambda name: note_of(name, source), made, means.wanted
    )


def _rename(table: Joined, originals: dict[str, str]) -> Joined:
    """Give a wide table's columns the common names, and remember their own."""
    names = {str(column): wide_name(str(column), table.id_column) for column in table.text.columns}
    originals.update({new: old for old, new in names.items()})
    return Joined(table.text.rename(columns=names), table.failures, table.id_column, table.path)


def _read_subjects(
    cohort: Cohort, root: Path, subjects_dir: str
) -> tuple[pd.DataFrame, dict[str, NormwiseError]]:
    """Read every subject's stats files; the folder is named by columns in braces, else by the scan's id."""
    check_columns(subjects_dir, "features.subjects_dir", cohort.raw.columns)
    if not has_columns(subjects_dir) and not (root / subjects_dir).is_dir():
        raise FeatureError(
            "FEA-208",
            "the folder of FreeSurfer's subjects is not there.",
            subject=subjects_dir,
            seen=f"nothing at {root / subjects_dir}",
            advice="correct features.subjects_dir; relative paths start at the study file's folder",
        )
    rows: dict[str, dict[str, str]] = {}
    failures: dict[str, NormwiseError] = {}
    scans = [str(scan) for scan in cohort.raw.index]
    by_id = [f"{subjects_dir}/{scan}" for scan in scans]
    folders = fill(subjects_dir, cohort.raw) if has_columns(subjects_dir) else by_id
    for scan, folder in zip(scans, folders, strict=True):
        try:
            rows[scan] = read_subject(root / folder, scan)
        except FeatureError as error:
            failures[scan] = error
    text = pd.DataFrame.from_dict(rows, orient="index", dtype=object).fillna("n/a")
    return text.rename_axis("id"), failures


FREESURFER = Extractor("Volumes, areas and thicknesses by FreeSurfer", _extract)
