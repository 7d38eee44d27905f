"""The features of a cohort: one row a scan, one column a feature, and why some scans have none."""

from __future__ import annotations

import csv
import json
import re
import shutil
import warnings
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normwise.errors import FeatureError, NormwiseError, NormwiseWarning, error_from_dict
from normwise.files import quote_formula
from normwise.reprs import ShortRepr
from normwise.results import FeatureNote, Picture, Pictures, Quality
from normwise.run_folder import RunFolder
from normwise.schema import listed

__all__ = [
    "Drawing",
    "FeatureTable",
    "check_range",
    "describe_quality",
    "failed_checks",
    "read_features",
    "reject_implausible",
    "write_drawings",
    "write_features",
]

WIDE = 4096
"""Beyond so many columns the values go into ``features.npy``, since no program opens such a TSV."""

_ROWS = 1000  # written at a time


@dataclass(frozen=True, repr=False)
class Drawing(ShortRepr):
    """A picture of one scan as PNG bytes: what stage it shows, its title, and the same in words."""

    stage: str
    title: str
    alt: str
    png: bytes


@dataclass(frozen=True, eq=False, repr=False)
class FeatureTable(ShortRepr):
    """Features before anything is learnt.

    Attributes
    ----------
    values : DataFrame of shape (n_scans, n_features)
        Finite floats, index ``id``; scans that failed are not in it.
    notes : dict of str to FeatureNote
        Unit and meaning of every column; where a cohort has thousands of voxels, one note under ``voxel_*``.
    failures : dict of str to NormwiseError
        By scan, why it has no features.
    hash : str
        SHA-256 of how the features are made: extractor, settings, atlas, version. Two cohorts measured in
        the same way have the same hash, whoever is in them.
    quality : dict of str to list of Quality
        By scan, failed ones too, how far each stage can be trusted.
    drawings : dict of str to list of Drawing
        By scan, failed ones too, pictures that let a person judge each stage.
    files : dict of str to bytes or Path
        Further files by their place below the run folder: the content, or a finished file to copy.
    kept : dict of str to str
        SHA-256 of each result that lies in the cache, by its key.
    """

    values: pd.DataFrame
    notes: dict[str, FeatureNote]
    failures: dict[str, NormwiseError] = field(default_factory=dict)
    hash: str = ""
    quality: dict[str, list[Quality]] = field(default_factory=dict)
    drawings: dict[str, list[Drawing]] = field(default_factory=dict)
    files: dict[str, bytes | Path] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, str]:
        """Return how much was measured."""
        scans, features = self.values.shape
        return {
            "scans": str(scans),
            "features": f"{features}: {listed(self.values.columns, most=3)}",
            "failed": str(len(self.failures)),
        }


def write_features(table: FeatureTable, folder: Path) -> Path:
    """Write ``features.tsv`` and ``features.json``, a BIDS sidecar with unit and description of every column.

    Parameters
    ----------
    table : FeatureTable
        What `extract_features` returned.
    folder : Path
        Made where it is missing.

    Returns
    -------
    Path
        The TSV file. With more than 4096 columns it lists the ids only, and ``features.npy`` holds the values
        in the same order of rows.
    """
    run, values = RunFolder(folder), table.values
    about: dict[str, Any] = {"id": {"Description": "scan"}}
    for name, note in table.notes.items():
        extra = {"Place": note.place, "Label": note.label}
        about[name] = {"Description": note.description, "Units": note.unit} | {
            key: value for key, value in extra.items() if value not in ("", None)
        }
    about["GeneratedBy"] = {
        "Name": "Normwise",
        "Hash": table.hash,
        "Type": "float32" if values.shape[1] and (values.dtypes == np.float32).all() else "float64",
        "Failures": {name: error.to_dict() for name, error in table.failures.items()},
        "Quality": {name: [asdict(check) for check in checks] for name, checks in table.quality.items()},
    }
    if values.shape[1] > WIDE:
        about["GeneratedBy"]["Columns"] = list(values.columns)
        with run.writing(run.FEATURE_MATRIX) as part:
            np.save(part, values.to_numpy(), allow_pickle=False)
        values = values.iloc[:, :0]
    else:
        run.remove(run.FEATURE_MATRIX)
    with run.writing(run.FEATURES) as part:
        _write_table(values.rename(columns=quote_formula), part)
    run.write(run.FEATURE_NOTES, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    if table.kept:
        run.write(run.KEPT, json.dumps(dict(sorted(table.kept.items())), indent=1) + "\n")
    else:
        run.remove(run.KEPT)
    write_drawings(table.drawings, folder)
    for place, content in table.files.items():
        with run.writing(place) as part:
            if isinstance(content, bytes):
                part.write_bytes(content)
            else:
                shutil.copyfile(content, part)
    return run / run.FEATURES


def _write_table(values: pd.DataFrame, path: Path) -> None:
    """Write features as tab-separated text, the shortest that reads as the same number."""
    if not (values.dtypes == np.float64).all() or not np.isfinite(values.to_numpy()).all():
        values.to_csv(path, sep="\t", index_label="id", lineterminator="\n")
        return
    # As pandas does, which takes four times as long.
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["id", *values.columns])
        for first in range(0, len(values), _ROWS):
            rows = values.iloc[first : first + _ROWS]
            table.writerows(
                [name, *row] for name, row in zip(rows.index, rows.to_numpy().tolist(), strict=True)
            )


def write_drawings(drawings: dict[str, list[Drawing]], folder: Path) -> None:
    """Write ``pictures/SCAN_stage.png`` and ``pictures.json``, or nothing where there are none.

    Parameters
    ----------
    drawings : dict of str to list of Drawing
        By scan.
    folder : Path
        The run folder.
    """
    if not any(drawings.values()):
        return
    run, pictures = RunFolder(folder), []
    for scan, each in drawings.items():
        for drawing in each:
            path = f"{run.PICTURE_FOLDER}/{re.sub(r'[^A-Za-z0-9.-]', '-', scan)}_{drawing.stage}.png"
            run.write(path, drawing.png)
            pictures.append(Picture(scan, drawing.stage, path, drawing.title, drawing.alt))
    run.write_result(run.PICTURES, Pictures(pictures))


def read_features(folder: Path) -> FeatureTable:
    """Read back what `write_features` wrote.

    Parameters
    ----------
    folder : Path
        Holds ``features.tsv`` and ``features.json``.

    Returns
    -------
    FeatureTable
        Wide tables stay on disk as a memory map; drawings stay where ``pictures.json`` lists them.

    Raises
    ------
    FeatureError
        FEA-108, a file is missing or is not what was written.

    Examples
    --------
    >>> import tempfile
    >>> values = pd.DataFrame({"insula_left.mean": [0.1, 0.2]}, index=pd.Index(["s1", "s2"], name="id"))
    >>> notes = {"insula_left.mean": FeatureNote("intensity", "Mean intensity", "insula_left", 3001)}
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_features(FeatureTable(values, notes, hash="abc"), folder)
    >>> back = read_features(folder)
    >>> back.values.equals(values), back.notes == notes, back.hash
    (True, True, 'abc')
    """
    run = RunFolder(folder)
    try:
        run.check(run.FEATURES, run.FEATURE_MATRIX)
        about = json.loads(run.read(run.FEATURE_NOTES))
        made = about.pop("GeneratedBy")
        about.pop("id")
        # Text first: pandas' own parser may miss the last bit of a float.
        text = pd.read_csv(run / run.FEATURES, sep="\t", dtype=str, keep_default_na=False).set_index("id")
        text = text.rename(columns={quote_formula(name): name for name in about})
        values = text.astype(made["Type"]).set_axis(text.index.astype(object))
        if "Columns" in made:
            rows = np.load(run / run.FEATURE_MATRIX, mmap_mode="r", allow_pickle=False)
            values = pd.DataFrame(rows, index=values.index, columns=made["Columns"], copy=False)
        notes = {
            name: FeatureNote(each["Units"], each["Description"], each.get("Place", ""), each.get("Label"))
            for name, each in about.items()
        }
        failures = {name: error_from_dict(error) for name, error in made["Failures"].items()}
        quality = {
            name: [Quality(**check) for check in checks] for name, checks in made.get("Quality", {}).items()
        }
        return FeatureTable(values, notes, failures, made["Hash"], quality)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeatureError(
            "FEA-108",
            "the features of the run can't be read.",
            subject=str(folder),
            seen=f"{type(error).__name__}: {error}",
            expected=f"{run.FEATURES} and {run.FEATURE_NOTES} as an extraction writes them",
            advice="extract the features again",
        ) from error


def check_range(
    stage: str, name: str, unit: str, value: float, low: float | None, high: float | None, text: str = ""
) -> Quality:
    """Hold a measured value against a range; a value that is no number is outside of it.

    Parameters
    ----------
    stage, name, unit : str
        What was measured.
    value : float
        The measured value.
    low, high : float or None
        Least and largest value that pass; None is no limit.
    text : str
        What the value means; default: value and limits in words.

    Examples
    --------
    >>> check_range("mask", "brain mask", "ml", 899.9, 900.0, 2400.0).text
    'brain mask 899.9 ml (900–2400)'
    """
    known = bool(np.isfinite(value))
    passed = known and (low is None or value >= low) and (high is None or value <= high)
    check = Quality(stage, name, unit, float(value) if known else None, low, high, passed)
    return replace(check, text=text or _describe(check))


def failed_checks(checks: list[Quality]) -> list[Quality]:
    """Return the checks that did not pass."""
    return [check for check in checks if not check.passed]


def reject_implausible(
    quality: dict[str, list[Quality]], *, kind: str, code: str, keep: bool
) -> dict[str, NormwiseError]:
    """Return the failures of scans of which a check did not pass; none where the study keeps them.

    Parameters
    ----------
    quality : dict of str to list of Quality
        By scan.
    kind : str
        What a scan is, as "head".
    code : str
        Of the error.
    keep : bool
        As ``features.keep_implausible``.

    Warns
    -----
    NormwiseWarning
        FEA-903, scans with a failed check are kept.
    """
    flagged = {scan: checks for scan, checks in quality.items() if failed_checks(checks)}
    if keep and flagged:
        text = f"{len(flagged)} scans with quality out of range are kept, as {next(iter(flagged))}."
        warnings.warn(NormwiseWarning("FEA-903", text, value=len(flagged)), stacklevel=3)
    if keep:
        return {}
    advice = "look at its pictures; keep such scans with --keep-implausible where they are right after all"
    problem = f"the {kind}'s quality is out of range, so its measurements are not used."
    return {
        scan: FeatureError(code, problem, subject=scan, seen=describe_quality(checks), advice=advice)
        for scan, checks in flagged.items()
    }


def describe_quality(checks: list[Quality]) -> str:
    """Describe in one line how many checks passed, and what the others measured.

    Examples
    --------
    >>> describe_quality([Quality("mask", "brain mask", "ml", 310.0, 900.0, 2400.0, passed=False)])
    '0 of 1 passed; brain mask 310 ml (900–2400)'
    """
    failed = failed_checks(checks)
    passed = f"{len(checks) - len(failed)} of {len(checks)} passed"
    return "; ".join([passed, *(_describe(check) for check in failed)])


def _describe(check: Quality) -> str:
    value = "unknown" if check.value is None else f"{check.value:.4g}"
    unit = f" {check.unit}" if check.unit else ""
    low, high = (None if limit is None else f"{limit:g}" for limit in (check.low, check.high))
    allowed = f"{low}–{high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return f"{check.name} {value}{unit} ({allowed})"
