"""``regions``: statistics of every labelled region of every image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import Outcome, Task
from normwise.errors import FeatureError, NormwiseError
from normwise.features.absent_regions import fill_absent
from normwise.features.atlases import IMAGE_SUFFIXES, Atlas, load_atlas, names_of, pack_atlas
from normwise.features.columns import choose_columns, select_complete
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import FeatureTable
from normwise.features.modality import refuse_other_contrast
from normwise.features.path_templates import check_columns, fill, has_columns
from normwise.features.regions.measure import MEASURE_VERSION, measure_regions
from normwise.features.regions.statistics import STATISTICS, TISSUE_STATISTICS
from normwise.files import sha256_file
from normwise.results import FeatureNote
from normwise.schema import RegionsSection, Study, did_you_mean, listed

__all__ = ["check", "default_statistics", "extract", "region_table"]

_MEASURED_ELSEWHERE = dict.fromkeys(
    ("thickness", "thickness_mm"),
    'thickness is measured by extractor = "brain": on raw heads, or on label maps of your own that '
    'features.labels names, as "freesurfer/{ID}/mri/aparc+aseg.mgz"',
)


def default_statistics(atlas: str) -> list[str]:
    """Return the statistics that are measured where none are named.

    On a template's atlas each label has the same volume in everybody, and intensity has no unit; atrophy
    shows as fluid where tissue was, and as a smaller share of grey matter. On a person's own label map it is
    the volume.

    Parameters
    ----------
    atlas : str
        As `normwise.schema.RegionsSection.atlas`.

    Examples
    --------
    >>> default_statistics("neuromorphometrics"), default_statistics("labels/{ID}.nii.gz")
    (['csf_share', 'gm_share'], ['volume_mm3'])
    """
    return ["volume_mm3"] if has_columns(atlas) else ["csf_share", "gm_share"]


def check(study: Study) -> None:
    """Raise what is wrong with statistics, atlas or look-up table."""
    section, root = study.features_of(RegionsSection), study.cohort.root or Path()
    statistics = _statistics(section)
    if shares := [name for name in statistics if name in TISSUE_STATISTICS]:
        refuse_other_contrast(study, f"shares of tissues ({listed(shares)})")
    if not has_columns(section.atlas):
        atlas = _load(section, root, _lut(section, root))
        names = [f"{name}.{statistic}" for name in atlas.names.values() for statistic in statistics]
        choose_columns(section.columns, names, (), section.atlas)


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure the regions of one atlas, or of a label map a scan, on every image."""
    images = image_paths(cohort, "regions are measured on images", '"volumes/{ID}.nii.gz"')
    section, root = study.features_of(RegionsSection), study.cohort.root or Path()
    statistics, lut = _statistics(section), _lut(section, root)
    settings = {"extractor": "regions", "version": MEASURE_VERSION, "statistics": statistics}
    settings["columns"] = section.columns
    if has_columns(section.atlas):
        check_columns(section.atlas, "features.atlas", cohort.raw.columns)
        maps = [root / name for name in fill(section.atlas, cohort.raw)]
        tasks = [
            Task(
                scan, {"image": image, "statistics": statistics, "labels": str(labels)}, (Path(image), labels)
            )
            for (scan, image), labels in zip(images.items(), maps, strict=True)
        ]
        outcomes = _run(tasks, context)
        measured = [np.asarray(each.value["labels"]) for each in outcomes if each.value]
        present = sorted({int(label) for labels in measured for label in labels})
        names = names_of(present, lut, [name.rpartition(".")[0] for name in context.wanted or ()])
        settings |= {"may_be_absent": section.may_be_absent} if section.may_be_absent else {}
        made = hash_settings(**settings, lut=sha256_file(lut) if lut is not None else None)
    else:
        atlas = _load(section, root, lut)
        names = atlas.names
        with context.folder() as folder:
            packed = pack_atlas(atlas, folder)
            tasks = [
                Task(
                    scan,
                    {"image": image, "statistics": statistics, "atlas": str(packed)},
                    (Path(image), packed),
                )
                for scan, image in images.items()
            ]
            outcomes = _run(tasks, context)
        made = hash_settings(**settings, atlas=packed.stem, names=list(names.items()))
    return region_table(outcomes, names, statistics, section, made, context.wanted)


def _lut(section: RegionsSection, root: Path) -> Path | None:
    return root / section.lut if section.lut is not None else None


def _load(section: RegionsSection, root: Path, lut: Path | None) -> Atlas:
    named = section.atlas.lower().endswith(IMAGE_SUFFIXES)
    return load_atlas(root / section.atlas if named else section.atlas, lut)


def _statistics(section: RegionsSection) -> list[str]:
    unknown = [name for name in section.statistics if name not in STATISTICS]
    if unknown:
        raise FeatureError(
            "FEA-104",
            f"there is no statistic called {unknown[0]!r}.",
            expected=", ".join(STATISTICS),
            advice=_MEASURED_ELSEWHERE.get(unknown[0]) or did_you_mean(unknown[0], STATISTICS),
        )
    wanted = set(section.statistics or default_statistics(section.atlas))
    return [name for name in STATISTICS if name in wanted]


def _run(tasks: list[Task], context: ExtractionContext) -> list[Outcome]:
    return context.run_scans(
        measure_regions, tasks, version=MEASURE_VERSION, title="regions", preload=("nibabel.orientations",)
    )


def region_table(
    outcomes: list[Outcome],
    names: dict[int, str],
    statistics: list[str],
    section: RegionsSection,
    made: str,
    wanted: Sequence[str] | None,
) -> FeatureTable:
    """Put what was measured of every scan into one table.

    Parameters
    ----------
    outcomes : list of Outcome
        One a scan, with arrays from `measure_regions`.
    names : dict of int to str
        Region of each label, in the order of the columns; labels without a name are left out.
    statistics : list of str
        What was measured.
    section : RegionsSection
        Its ``columns`` choose among the features; its ``atlas`` is named in messages; where that is one map a
        scan, its ``may_be_absent`` says which regions a person may lack.
    made : str
        The hash of how it was measured.
    wanted : sequence of str or None
        The features that a trained model needs.

    Returns
    -------
    FeatureTable
        Columns ``region.statistic``.
    """
    measured = {each.subject: _rows(each.value, names, statistics) for each in outcomes if each.value}
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    notes = {
        f"{name}.{statistic}": FeatureNote(
            STATISTICS[statistic].unit, f"{STATISTICS[statistic].description}: {name}", name, label
        )
        for label, name in names.items()
        for statistic in statistics
    }
    values = pd.DataFrame(
        np.array([rows.ravel() for rows in measured.values()]).reshape(len(measured), len(notes)),
        index=pd.Index(list(measured), name="id", dtype=object),
        columns=list(notes),
    )
    fill = partial(fill_absent, further=section.may_be_absent, keep=wanted is not None)
    values, failures = select_complete(
        values,
        failures,
        section.columns,
        section.atlas,
        wanted,
        prepare=fill if has_columns(section.atlas) else None,  # a template's regions are nobody's own
        absent=pd.DataFrame.isna,
    )
    return FeatureTable(
        values, {name: notes[name] for name in values.columns if name in notes}, failures, made
    )


def _rows(value: Mapping[str, object], names: dict[int, str], statistics: list[str]) -> NDArray[np.float64]:
    """Return one row a region and one column a statistic, NaN for a label that the scan lacks."""
    row_of = {int(label): row for row, label in enumerate(np.asarray(value["labels"]))}
    measured = np.column_stack([np.asarray(value[name], dtype=np.float64) for name in statistics])
    rows: NDArray[np.float64] = np.concatenate([measured, np.full((1, len(statistics)), np.nan)])
    return rows[[row_of.get(label, len(measured)) for label in names]]
