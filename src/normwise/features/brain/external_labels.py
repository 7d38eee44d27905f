"""Label maps of FreeSurfer, FastSurfer and SynthSeg in place of heads: then only features are computed.

Their labels are FreeSurfer's numbers; a volume is a count of voxels, as these programs' own tables give it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import Task, run_subjects
from normwise.errors import FeatureError, NormwiseError
from normwise.features.atlases.region_names import region_names
from normwise.features.brain.label_schemes import label_scheme_of
from normwise.features.brain.measures.notes import note_of
from normwise.features.brain.registration.reference import load_names
from normwise.features.extractor import ExtractionContext, hash_of
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import check_columns, fill
from normwise.features.tables.columns import choose_columns, settle
from normwise.files import sha256_file
from normwise.images import read_labels
from normwise.schema import Study

__all__ = ["extract_external_labels", "measure_map"]

_VERSION = "1"
_FEWEST = 10  # a map with fewer known regions is a mask, or has numbers of its own
_BRAIN_KINDS = ("cortex", "white", "deep")


def measure_map(labels: str) -> dict[str, NDArray[np.generic]]:
    """Count one label map.

    Parameters
    ----------
    labels : str
        A NIfTI or MGH file.

    Returns
    -------
    dict of str to ndarray of shape (n_labels,)
        ``labels`` that are there, and ``volume_mm3``.

    Raises
    ------
    ImageError
        The map can't be read.
    """
    volume = read_labels(labels)
    present, counts = np.unique(volume.voxels, return_counts=True)
    return {"labels": present, "volume_mm3": counts * volume.voxel_mm3}


def extract_external_labels(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    """Measure the label map of every scan.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    study : Study
        Its ``features.labels`` says where each scan's map lies, ``features.lut`` what its labels mean;
        default: FreeSurfer's regions.
    means : ExtractionContext
        What may be used.

    Returns
    -------
    FeatureTable
        Volumes, shares of the brain, and asymmetries.

    Raises
    ------
    FeatureError
        FEA-109 a column that is not there; FEA-101 neither a look-up table nor the installed atlas.
    """
    section, root = study.features, study.cohort.root or Path()
    pattern = section.labels or ""
    check_columns(pattern, "features.labels", cohort.raw.columns)
    paths = [root / name for name in fill(pattern, cohort.raw)]
    lut = root / section.lut if section.lut is not None else None
    raw = label_scheme_of(load_names("desikan_killiany", lut)).names
    names = region_names(raw)
    tasks = [
        Task(str(scan), {"labels": str(path)}, (path,))
        for scan, path in zip(cohort.raw.index, paths, strict=True)
    ]
    outcomes = run_subjects(
        measure_map,
        tasks,
        version=_VERSION,
        cache_dir=means.cache_dir,
        jobs=means.jobs,
        limits=means.limits,
        progress=means.progress,
        title="label maps",
        preload=("nibabel.orientations",),
    )
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    rows: dict[str, dict[str, float]] = {}
    for each in outcomes:
        if each.value:
            found = _volumes(each.value, names)
            if len(found) < min(_FEWEST, len(names)):
                failures[each.subject] = _unknown_labels(each.subject, len(found), each.value)
            else:
                rows[each.subject] = _features(found, raw, names)
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    values = pd.DataFrame(
        [[row.get(name, np.nan) for name in columns] for row in rows.values()],
        index=pd.Index(list(rows), name="id", dtype=object),
        columns=columns,
        dtype=np.float64,
    )
    if columns:
        values = values[choose_columns(section.columns, columns, (), pattern)]
        values, failures = settle(values, failures, pattern, means.wanted)
    made = hash_of(
        extractor="brain labels",
        version=_VERSION,
        names=list(names.items()),
        lut=sha256_file(lut) if lut is not None else None,
        columns=section.columns,
    )
    return FeatureTable(values, {name: note_of(name, names) for name in values.columns}, failures, made)


def _volumes(value: Any, names: dict[int, str]) -> dict[int, float]:
    labels, volumes = np.asarray(value["labels"]), np.asarray(value["volume_mm3"])
    return {int(k): float(mm3) for k, mm3 in zip(labels, volumes, strict=True) if int(k) in names}


def _features(found: dict[int, float], raw: dict[int, str], names: dict[int, str]) -> dict[str, float]:
    """Return a scan's features; a region that the map does not have holds nothing."""
    kinds = label_scheme_of(raw)
    tissue = {label for kind in _BRAIN_KINDS for label in getattr(kinds, kind)}
    brain = sum(mm3 for label, mm3 in found.items() if label in tissue)
    volumes = {name: found.get(label, 0.0) for label, name in names.items()}
    row = {f"{name}.volume_mm3": mm3 for name, mm3 in volumes.items()}
    row |= {f"{name}.brain_share": mm3 / brain for name, mm3 in volumes.items()} if brain else {}
    row["brain.volume_mm3"] = brain
    for name, left in volumes.items():
        stem, _, side = name.rpartition("_")
        total = left + volumes.get(f"{stem}_right", 0.0)
        if side == "left" and f"{stem}_right" in volumes and total:
            row[f"{stem}.asymmetry"] = 2 * (2 * left - total) / total
    return row


def _unknown_labels(scan: str, known: int, value: Any) -> FeatureError:
    return FeatureError(
        "FEA-523",
        f"the label map has {known} labels of known regions.",
        subject=scan,
        seen=f"labels {', '.join(str(label) for label in np.asarray(value['labels'])[:8])} …",
        expected=f"{_FEWEST} or more of FreeSurfer's, as in aparc+aseg.mgz or synthseg.nii.gz",
        advice="give the look-up table of the map as features.lut",
    )
