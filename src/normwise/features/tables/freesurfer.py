"""``freesurfer``: volumes, areas and thicknesses that FreeSurfer has measured, under one set of names."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from normwise.cohort import Cohort
from normwise.errors import FeatureError, NormwiseError
from normwise.features.atlases import region_name
from normwise.features.columns import choose_columns
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import check_columns, fill, has_columns, read_small_text
from normwise.features.tables.extractor import (
    JoinedTable,
    join_tables,
    merge,
    reserved_columns,
    table_paths,
    tabulate,
)
from normwise.results import FeatureNote
from normwise.schema import FreeSurferSection, Study

__all__ = ["MEASURES", "STATS_FILES", "extract", "feature_name", "note_of", "read_subject", "wide_name"]


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Read FreeSurfer's tables, or the stats files of every subject."""
    section, root = study.features_of(FreeSurferSection), study.cohort.root or Path()
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
    made = hash_settings(extractor="freesurfer", version="1", columns=section.columns)
    return tabulate(
        cohort, text[chosen], failures, source, lambda name: note_of(name, source), made, context.wanted
    )


def _rename(table: JoinedTable, originals: dict[str, str]) -> JoinedTable:
    """Give a wide table's columns the common names, and remember their own."""
    names = {str(column): wide_name(str(column), table.id_column) for column in table.text.columns}
    originals.update({new: old for old, new in names.items()})
    return JoinedTable(table.text.rename(columns=names), table.failures, table.id_column, table.path)


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


MEASURES: dict[str, FeatureNote] = {
    "volume_mm3": FeatureNote("mm3", "Volume, FreeSurfer"),
    "area_mm2": FeatureNote("mm2", "Surface area, FreeSurfer"),
    "thickness_mm": FeatureNote("mm", "Mean cortical thickness, FreeSurfer"),
    "thickness_sd_mm": FeatureNote("mm", "Standard deviation of the cortical thickness, FreeSurfer"),
    "mean_curvature": FeatureNote("1/mm", "Mean curvature, FreeSurfer"),
    "gaussian_curvature": FeatureNote("1/mm2", "Gaussian curvature, FreeSurfer"),
    "mean": FeatureNote("intensity", "Mean intensity, FreeSurfer"),
    "sd": FeatureNote("intensity", "Standard deviation of the intensity, FreeSurfer"),
}
"""What is measured, by the last part of a feature's name; the notes say unit and meaning."""

_MEASURE_OF = {
    "volume": "volume_mm3", "area": "area_mm2",
    "thickness": "thickness_mm", "thicknessstd": "thickness_sd_mm",
    "meancurv": "mean_curvature", "gauscurv": "gaussian_curvature", "mean": "mean", "std": "sd",
}  # fmt: skip
_ALIASES = {
    "estimatedtotalintracranialvol": "intracranial",
    "intracranialvol": "intracranial",
    "etiv": "intracranial",
}


def feature_name(structure: str, measure: str) -> str:
    """Name one measure of one structure.

    Parameters
    ----------
    structure : str
        As FreeSurfer has it; intracranial volume goes by one name, whichever of three FreeSurfer gives it.
    measure : str
        A key of `MEASURES`.

    Examples
    --------
    >>> feature_name("Left-Hippocampus", "volume_mm3"), feature_name("lh_bankssts", "thickness_mm")
    ('hippocampus_left.volume_mm3', 'bankssts_left.thickness_mm')
    >>> feature_name("EstimatedTotalIntraCranialVol", "volume_mm3"), feature_name("lhCortexVol", "volume_mm3")
    ('intracranial.volume_mm3', 'cortex_vol_left.volume_mm3')
    """
    alias = _ALIASES.get(structure.lower())
    separated = re.sub(r"^(lh|rh)(?=[A-Z])", r"\1_", structure)
    return f"{alias or region_name(separated)}.{measure}"


def wide_name(column: str, corner: str) -> str:
    """Name a column of a table by ``asegstats2table`` or ``aparcstats2table``.

    Parameters
    ----------
    column : str
        The column's head.
    corner : str
        The first column's head, which says what the table measures: ``Measure:volume``,
        ``lh.aparc.thickness``.

    Returns
    -------
    str
        A column whose measure is unknown keeps its own name.

    Examples
    --------
    >>> wide_name("Left-Hippocampus", "Measure:volume"), wide_name("rh_insula_area", "rh.aparc.area")
    ('hippocampus_left.volume_mm3', 'insula_right.area_mm2')
    >>> wide_name("eTIV", "lh.aparc.thickness")
    'intracranial.volume_mm3'
    """
    word = re.split(r"[.:]", corner)[-1].lower()
    measure = _MEASURE_OF.get(word)
    if column.lower() in _ALIASES or column.startswith("BrainSegVol"):
        return feature_name(column, "volume_mm3")  # aparcstats2table adds them to every table
    if measure is None:
        return column
    return feature_name(re.sub(rf"_{re.escape(word)}$", "", column, flags=re.IGNORECASE), measure)


def note_of(name: str, source: str) -> FeatureNote:
    """Return unit and description of a feature.

    Parameters
    ----------
    name : str
        From `feature_name` or `wide_name`.
    source : str
        Where it was read.
    """
    place, _, measure = name.rpartition(".")
    if place and measure in MEASURES:
        known = MEASURES[measure]
        return FeatureNote(known.unit, f"{known.description}: {place}", place)
    return FeatureNote("", f"{name}, as in {source}")


STATS_FILES = ("aseg.stats", "lh.aparc.stats", "rh.aparc.stats")
"""Files that are read of a subject's folder."""

_MOST_BYTES = 4 * 1024**2
_ASEG = {"Volume_mm3": "volume_mm3"}
_APARC = {"SurfArea": "area_mm2", "GrayVol": "volume_mm3", "ThickAvg": "thickness_mm"}
_UNITS = {"mm^3": "volume_mm3", "mm^2": "area_mm2", "mm": "thickness_mm"}


def read_subject(folder: Path, subject: str) -> dict[str, str]:
    r"""Read the stats files of one subject's folder.

    Parameters
    ----------
    folder : Path
        ``SUBJECTS_DIR/subject``.
    subject : str
        Whom errors name.

    Returns
    -------
    dict of str to str
        Feature and its number as text, of the files that are there.

    Raises
    ------
    FeatureError
        FEA-213 none of the files is there; FEA-214 one of them is damaged.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "stats").mkdir()
    >>> _ = (folder / "stats" / "aseg.stats").write_text(
    ...     "# Measure EstimatedTotalIntraCranialVol, eTIV, Intracranial Volume, 1525462.6, mm^3\n"
    ...     "# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n 1 17 4021 4088.2 Left-Hippocampus\n")
    >>> read_subject(folder, "sub-01")
    {'intracranial.volume_mm3': '1525462.6', 'hippocampus_left.volume_mm3': '4088.2'}
    """
    values: dict[str, str] = {}
    for name in STATS_FILES:
        path = folder / "stats" / name
        if path.is_file():
            hemisphere = name[:3].replace(".", "_") if name != "aseg.stats" else ""
            # Later files repeat the whole brain's measures; those of the first are taken.
            values = {**_read(path, subject, hemisphere), **values}
    if not values:
        raise FeatureError(
            "FEA-213",
            "there are no FreeSurfer statistics of this subject.",
            subject=subject,
            seen=f"none of {', '.join(STATS_FILES)} in {folder / 'stats'}",
            advice="check features.subjects_dir and whether recon-all finished",
        )
    return values


def _read(path: Path, subject: str, hemisphere: str) -> dict[str, str]:
    values: dict[str, str] = {}
    columns: list[str] = []
    wanted = _APARC if hemisphere else _ASEG
    for number, line in enumerate(_lines(path, subject), start=1):
        cells = line.split()
        if line.startswith("# Measure "):
            fields = [each.strip() for each in line.removeprefix("# Measure ").split(",")]
            if len(fields) >= 5 and fields[-1] in _UNITS:
                # A hemisphere's own measures have its name; the others are the whole brain's.
                own = hemisphere if fields[0] == "Cortex" else ""
                values[feature_name(own + fields[1], _UNITS[fields[-1]])] = fields[-2]
        elif line.startswith("# ColHeaders"):
            columns = cells[2:]
        elif cells and not line.startswith("#"):
            if len(cells) != len(columns) or "StructName" not in columns:
                raise _damaged(
                    path, subject, f"line {number} has {len(cells)} cells, the head {len(columns)}"
                )
            row = dict(zip(columns, cells, strict=True))
            for column, measure in wanted.items():
                if column in row:
                    values[feature_name(hemisphere + row["StructName"], measure)] = row[column]
    if not columns:
        raise _damaged(path, subject, "no line of column heads")
    return values


def _lines(path: Path, subject: str) -> list[str]:
    try:
        return read_small_text(path, _MOST_BYTES).splitlines()
    except (OSError, ValueError) as error:
        raise _damaged(path, subject, str(error)) from None


def _damaged(path: Path, subject: str, seen: str) -> FeatureError:
    return FeatureError(
        "FEA-214",
        f"{path.name} is not as FreeSurfer writes it.",
        subject=subject,
        seen=seen,
        expected="a line '# ColHeaders …' and one line a structure",
        advice="run recon-all, or its last steps, again",
    )
