"""Label maps of FreeSurfer, FastSurfer and SynthSeg in place of heads: then only features are computed.

Their labels are FreeSurfer's numbers; a volume is a count of voxels, as these programs' own tables give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import Task
from normwise.errors import FeatureError, NormwiseError
from normwise.features.absent_regions import fill_absent, may_be_absent
from normwise.features.brain.label_schemes import LabelScheme, load_scheme
from normwise.features.brain.measures import asymmetries, note_of
from normwise.features.columns import frame_of_rows, select_complete
from normwise.features.extractor import ExtractionContext, hash_settings
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import check_columns, fill
from normwise.files import sha256_file
from normwise.images import read_labels
from normwise.schema import BrainSection, Study

__all__ = ["extract_external_labels", "measure_map"]

_VERSION = "1"
_FEWEST = 10  # a map with fewer known regions is a mask, or has numbers of its own


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


def extract_external_labels(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure the label map of every scan.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    study : Study
        Its ``features.labels`` says where each scan's map lies, ``features.lut`` what its labels mean;
        default: FreeSurfer's regions.
    context : ExtractionContext
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
    section, root = study.features_of(BrainSection), study.cohort.root or Path()
    pattern = section.labels or ""
    check_columns(pattern, "features.labels", cohort.raw.columns)
    paths = [root / name for name in fill(pattern, cohort.raw)]
    lut = root / section.lut if section.lut is not None else None
    scheme = load_scheme("desikan_killiany", lut)
    names = scheme.regions
    tasks = [
        Task(str(scan), {"labels": str(path)}, (path,))
        for scan, path in zip(cohort.raw.index, paths, strict=True)
    ]
    outcomes = context.run_scans(
        measure_map, tasks, version=_VERSION, title="label maps", preload=("nibabel.orientations",)
    )
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    volumes: dict[str, dict[int, float]] = {}
    for each in outcomes:
        if each.value:
            volumes[each.subject] = _volumes(each.value, names)
            known = len(volumes[each.subject])
            if known < min(_FEWEST, len(names)):
                failures[each.subject] = _unknown_labels(each.subject, known, each.value)
                del volumes[each.subject]
    needed = {name.rpartition(".")[0] for name in context.wanted or ()}
    present = {label for measured in volumes.values() for label in measured}
    # Regions that no map has are those that the maps' program does not look for.
    absent = {
        label: 0.0 if may_be_absent(name, section.may_be_absent) else np.nan
        for label, name in names.items()
        if label in present or name in needed
    }
    rows = {scan: _features(measured, absent, scheme) for scan, measured in volumes.items()}
    values, failures = select_complete(
        frame_of_rows(rows),
        failures,
        section.columns,
        pattern,
        context.wanted,
        prepare=partial(fill_absent, further=section.may_be_absent, keep=context.wanted is not None),
        absent=pd.DataFrame.isna,
    )
    made = hash_settings(
        **({"may_be_absent": section.may_be_absent} if section.may_be_absent else {}),
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


def _features(
    measured: Mapping[int, float], absent: Mapping[int, float], scheme: LabelScheme
) -> dict[str, float]:
    """Return a scan's features, with the volume that each region of the cohort has where it is absent."""
    tissue = {*scheme.cortex, *scheme.white, *scheme.deep}
    brain = sum(mm3 for label, mm3 in measured.items() if label in tissue)
    volumes = {
        name: measured.get(label, absent[label]) for label, name in scheme.regions.items() if label in absent
    }
    row = {f"{name}.volume_mm3": mm3 for name, mm3 in volumes.items()}
    row |= {f"{name}.brain_share": mm3 / brain for name, mm3 in volumes.items()} if brain else {}
    return row | {"brain.volume_mm3": brain} | asymmetries(volumes)


def _unknown_labels(scan: str, known: int, value: Any) -> FeatureError:
    return FeatureError(
        "FEA-523",
        f"the label map has {known} labels of known regions.",
        subject=scan,
        seen=f"labels {', '.join(str(label) for label in np.asarray(value['labels'])[:8])} …",
        expected=f"{_FEWEST} or more of FreeSurfer's, as in aparc+aseg.mgz or synthseg.nii.gz",
        advice="give the look-up table of the map as features.lut",
    )
