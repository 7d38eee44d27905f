"""``shapes``: the shape of a mask, or of every region of a label map, of every scan."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from normwise.cohort import Cohort
from normwise.engine import Task
from normwise.errors import FeatureError, NormwiseError
from normwise.features.absent_regions import fill_or_drop, find_lost, may_be_absent
from normwise.features.atlases import names_of, read_lookup
from normwise.features.columns import choose_columns, frame_of_rows, select_complete
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import FeatureTable
from normwise.features.shapes.measure import SHAPE_VERSION, measure_map_shapes
from normwise.features.shapes.names import DEFAULT_COLUMNS, MEASURES
from normwise.files import sha256_file
from normwise.results import FeatureNote
from normwise.schema import ShapesSection, Study

__all__ = ["MASK", "check", "extract"]

MASK = "mask"
"""Name of the region of maps that hold one label each."""

_Shapes = Mapping[int, dict[str, float]]


def check(study: Study) -> None:
    """Raise what is wrong with the columns or the look-up table."""
    section = study.features_of(ShapesSection)
    lut = _lut(study, section)
    if lut is not None:
        regions = list(names_of(list(read_lookup(lut)), lut).values())
    else:
        regions = [MASK, "label_1", *re.findall(r"label_\d+", " ".join(section.columns))]
    known = dict.fromkeys(f"{region}.{measure}" for region in regions for measure in MEASURES)
    choose_columns(section.columns, known, (), "the measures of shapes")


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure the regions of one map a scan."""
    images = image_paths(cohort, "shapes are measured on masks and label maps", '"masks/{ID}.nii.gz"')
    section = study.features_of(ShapesSection)
    lut = _lut(study, section)
    outcomes = context.run_scans(
        measure_map_shapes,
        [Task(scan, {"image": path}, (Path(path),)) for scan, path in images.items()],
        version=SHAPE_VERSION,
        title="shapes",
        preload=(
            "nibabel.orientations",
            "scipy.ndimage",
            "scipy.spatial",
            "skimage.measure",
            "skimage.morphology",
        ),
    )
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    shapes: dict[str, _Shapes] = {}
    voxels: dict[str, dict[int, int]] = {}
    for each in outcomes:
        if each.value:
            labels = [int(label) for label in np.asarray(each.value["labels"])]
            rows = np.asarray(each.value["values"], dtype=np.float64).tolist()
            shapes[each.subject] = {
                label: dict(zip(MEASURES, row, strict=True)) for label, row in zip(labels, rows, strict=True)
            }
            counts = np.asarray(each.value["voxels"]).tolist()
            voxels[each.subject] = dict(zip(labels, counts, strict=True))
    wanted = {name.rpartition(".")[0] for name in context.wanted or ()}
    one = lut is None and (
        MASK in wanted if context.wanted is not None else all(len(each) == 1 for each in shapes.values())
    )
    if one:
        failures |= {scan: _several(scan, each) for scan, each in shapes.items() if len(each) > 1}
    shapes = {scan: each for scan, each in shapes.items() if scan not in failures}
    names = dict.fromkeys((label for each in shapes.values() for label in each), MASK)
    if not one:
        names = names_of(sorted(names), lut, sorted(wanted))
    if shapes and not names:
        raise FeatureError(
            "FEA-103",
            "no label of the maps is a region of the look-up table.",
            subject=str(section.lut),
            seen=f"labels {sorted({label for each in shapes.values() for label in each})[:8]}",
            advice="give the look-up table that belongs to the maps as features.lut",
        )
    tiny = {scan: _tiny(each, names, section.may_be_absent) for scan, each in shapes.items()}
    rows_of = {scan: _row(each, names, tiny[scan]) for scan, each in shapes.items()}
    values = frame_of_rows(rows_of)
    regions = list(dict.fromkeys(names.values()))
    values = values.reindex(columns=[f"{region}.{measure}" for region in regions for measure in MEASURES])
    lost = find_lost(values)
    values, failures = select_complete(
        values,
        failures,
        section.columns or DEFAULT_COLUMNS,
        "the maps",
        context.wanted,
        prepare=partial(
            fill_or_drop, lost=lost, further=section.may_be_absent, keep=context.wanted is not None
        ),
        absent=lambda chosen: chosen.isna() & lost.reindex(columns=chosen.columns, fill_value=False),
    )
    for scan, error in failures.items():
        if error.code == "FEA-204" and tiny.get(scan):
            failures[scan] = _no_shape(scan, tiny[scan], voxels[scan])
    label_of = {name: label for label, name in names.items()}
    notes = {}
    for name in values.columns:
        region, _, measure = str(name).rpartition(".")
        if measure in MEASURES:
            unit, text = MEASURES[measure]
            notes[name] = FeatureNote(
                unit, f"{text}: {region}", region, None if one else label_of.get(region)
            )
    made = hash_settings(
        extractor="shapes",
        version=SHAPE_VERSION,
        columns=section.columns,
        may_be_absent=section.may_be_absent,
        lut=sha256_file(lut) if lut is not None else None,
    )
    return FeatureTable(values, notes, failures, made)


def _lut(study: Study, section: ShapesSection) -> Path | None:
    return (study.cohort.root or Path()) / section.lut if section.lut is not None else None


def _tiny(shapes: _Shapes, names: Mapping[int, str], further: Sequence[str]) -> dict[int, str]:
    """Return the regions that are there, should have a shape, and have none."""
    return {
        label: names[label]
        for label, found in shapes.items()
        if label in names and np.isnan(found["elongation"]) and not may_be_absent(names[label], further)
    }


def _row(shapes: _Shapes, names: Mapping[int, str], tiny: Mapping[int, str]) -> dict[str, float]:
    return {
        f"{names[label]}.{measure}": value
        for label, found in shapes.items()
        if label in names and label not in tiny
        for measure, value in found.items()
    }


def _no_shape(scan: str, tiny: Mapping[int, str], voxels: Mapping[int, int]) -> FeatureError:
    label, region = next(iter(tiny.items()))
    more = f" and {len(tiny) - 1} more regions" if len(tiny) > 1 else ""
    return FeatureError(
        "FEA-310",
        f"{region}{more} has too few voxels for a shape." if not more else f"{region}{more} have no shape.",
        subject=scan,
        seen=f"{region}: {voxels[label]} voxel{'s' if voxels[label] != 1 else ''} in one plane",
        expected="voxels in two or more planes along every axis",
        advice="look at the segmentation: it failed, or its voxels are too coarse for the region",
    )


def _several(scan: str, shapes: _Shapes) -> FeatureError:
    return FeatureError(
        "FEA-311",
        "the map has several labels, and the model was trained on masks of one.",
        subject=scan,
        seen=f"labels {', '.join(str(label) for label in list(shapes)[:8])}",
        expected="one label beside the background",
        advice="give a mask of the region that the model was trained on",
    )
