"""Label maps of FreeSurfer, FastSurfer and SynthSeg in place of heads: then only features are computed.

Their labels are FreeSurfer's numbers; a volume is a count of voxels, as these programs' own tables give it.
With the images beside the maps, intensity and thickness are measured too, named as by the chain of raw heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from normwise.cohort import Cohort
from normwise.engine import Outcome, Task
from normwise.errors import FeatureError, NormwiseError
from normwise.features.absent_regions import fill_or_drop, find_lost, may_be_absent
from normwise.features.brain.given_map import (
    IMAGE_MEASURES,
    WHOLE_CORTEX,
    has_parcels,
    load_map_scheme,
    measure_map,
)
from normwise.features.brain.label_schemes import LabelScheme
from normwise.features.brain.measures import asymmetries, note_of
from normwise.features.columns import choose_columns, frame_of_rows, select_complete
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import FeatureTable, reject_implausible
from normwise.features.path_templates import check_columns, fill
from normwise.files import sha256_file
from normwise.images import list_files
from normwise.results import Quality
from normwise.schema import BrainSection, Study

__all__ = ["check_map_columns", "extract_external_labels"]

_VERSION = "1"
_IMAGE_VERSION = "1"
_FEWEST = 10  # a map with fewer known regions is a mask, or has numbers of its own


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
    images = _images(cohort, study, context.wanted)
    with context.folder() as folder:
        outcomes, failures = _run(
            dict(zip(map(str, cohort.raw.index), paths, strict=True)), images, lut, folder, context
        )
    scheme = load_map_scheme(lut, whole_cortex=_is_whole(lut, outcomes))
    names = scheme.regions
    volumes: dict[str, dict[int, float]] = {}
    further: dict[str, dict[str, float]] = {}
    quality: dict[str, list[Quality]] = {}
    for each in outcomes:
        if each.value:
            volumes[each.subject] = _volumes(each.value, names)
            known = len(volumes[each.subject])
            if known < min(_FEWEST, len(names)):
                failures[each.subject] = _unknown_labels(each.subject, known, each.value)
                del volumes[each.subject]
            elif images is not None:
                value: Any = each.value
                further[each.subject] = dict(
                    zip(value["feature_names"], value["feature_values"], strict=True)
                )
                quality[each.subject] = [Quality(*row) for row in value["quality"]]
    failures |= reject_implausible(quality, kind="head", code="FEA-521", keep=section.keep_implausible)
    volumes = {scan: measured for scan, measured in volumes.items() if scan not in failures}
    needed = {name.rpartition(".")[0] for name in context.wanted or ()}
    present = {label for measured in volumes.values() for label in measured}
    # Regions that no map has are those that the maps' program does not look for.
    absent = {
        label: 0.0 if may_be_absent(name, section.may_be_absent) else np.nan
        for label, name in names.items()
        if label in present or name in needed
    }
    values = frame_of_rows(
        {
            scan: _features(measured, absent, scheme) | further.get(scan, {})
            for scan, measured in volumes.items()
        }
    )
    lost = find_lost(values)
    values, failures = select_complete(
        values,
        failures,
        section.columns,
        pattern,
        context.wanted,
        prepare=partial(
            fill_or_drop, lost=lost, further=section.may_be_absent, keep=context.wanted is not None
        ),
        absent=lambda chosen: chosen.isna() & lost.reindex(columns=chosen.columns, fill_value=False),
    )
    made = hash_settings(
        **({"may_be_absent": section.may_be_absent} if section.may_be_absent else {}),
        **({"image": _IMAGE_VERSION} if any(_is_of_image(name) for name in values.columns) else {}),
        extractor="brain labels",
        version=_VERSION,
        names=list(names.items()),
        lut=sha256_file(lut) if lut is not None else None,
        columns=section.columns,
    )
    notes = {name: note_of(name, names) for name in values.columns}
    return FeatureTable(values, notes, failures, made, quality=quality)


def check_map_columns(study: Study) -> list[str]:
    """Return every column that given maps can have and the study chooses.

    Raises
    ------
    FeatureError
        FEA-201, a name or pattern of ``features.columns`` fits none.
    """
    section, root = study.features_of(BrainSection), study.cohort.root or Path()
    lut = root / section.lut if section.lut is not None else None
    known = {"brain.volume_mm3": None}
    for whole in (False, True):
        scheme = load_map_scheme(lut, whole_cortex=whole)
        regions = scheme.regions.values()
        further = IMAGE_MEASURES if scheme.white else ()
        known |= {f"{name}.{measure}": None for name in regions for measure in (*_COUNTED, *further)}
        known |= dict.fromkeys(asymmetries(dict.fromkeys(regions, 1.0)))
    return choose_columns(section.columns, known, (), section.labels or "")


_COUNTED = ("volume_mm3", "brain_share")


def _is_of_image(name: str) -> bool:
    return name.rpartition(".")[2] in IMAGE_MEASURES


def _images(cohort: Cohort, study: Study, wanted: Sequence[str] | None) -> dict[str, str] | None:
    """Return the image of every scan where a column that is measured on it is chosen."""
    chosen = check_map_columns(study) if wanted is None else wanted
    of_image = [_is_of_image(name) for name in chosen]
    if not any(of_image) or (cohort.images is None and wanted is None and not all(of_image)):
        return None
    return image_paths(
        cohort, "intensity and thickness of given maps are measured on them", '"freesurfer/{ID}/mri/norm.mgz"'
    )


def _run(
    maps: Mapping[str, Path],
    images: Mapping[str, str] | None,
    lut: Path | None,
    folder: Path,
    context: ExtractionContext,
) -> tuple[list[Outcome], dict[str, NormwiseError]]:
    tasks, failures = [], dict[str, NormwiseError]()
    table = {"lut": str(lut)} if lut is not None else {}
    for scan, path in maps.items():
        if images is None:
            tasks.append(Task(scan, {"labels": str(path)}, (path,)))
            continue
        try:
            beside = list_files(Path(images[scan]))
        except NormwiseError as error:
            failures[scan] = error.for_subject(scan)
            continue
        inputs = (path, *([lut] if lut is not None else []), *beside)
        aside = {"labels": str(path), "image": images[scan], "scratch": str(folder / "scratch"), **table}
        tasks.append(Task(scan, {}, inputs, aside))
    outcomes = context.run_scans(
        measure_map,
        tasks,
        version=_VERSION if images is None else f"{_VERSION}/{_IMAGE_VERSION}",
        title="label maps",
        preload=("nibabel.orientations", *(["scipy.ndimage"] if images is not None else [])),
    )
    return outcomes, failures | {each.subject: each.error for each in outcomes if each.error}


def _is_whole(lut: Path | None, outcomes: Sequence[Outcome]) -> bool:
    """Return whether the cohort's maps have the cerebral cortex as one region a side."""
    if lut is not None:
        return False
    scheme = load_map_scheme(None, whole_cortex=False)
    found = [np.asarray(each.value["labels"]) for each in outcomes if each.value]
    divided = any(has_parcels(scheme, labels) for labels in found)
    return not divided and any(bool(np.isin(tuple(WHOLE_CORTEX), labels).any()) for labels in found)


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
