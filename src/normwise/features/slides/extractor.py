"""``slides``: nuclei and tissue of whole-slide images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normwise.cohort import Cohort
from normwise.engine import Outcome, Task
from normwise.errors import NormwiseError
from normwise.features.columns import choose_columns, select_complete
from normwise.features.extractor import ExtractionContext, hash_settings, image_paths
from normwise.features.feature_table import Drawing, FeatureTable, reject_implausible
from normwise.features.slides.drawings import CAPTIONS
from normwise.features.slides.export import export_slide
from normwise.features.slides.slide_features import TILE_NAMES, slide_notes
from normwise.features.slides.tile_table import TileTable, tiles_place
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.worker import PACKAGES, SLIDES_VERSION, WORKER_VERSION, measure_slide
from normwise.results import Quality
from normwise.run_folder import RunFolder
from normwise.schema import SlidesSection, Study

__all__ = ["check", "extract"]

_HOURS = 6 * 3600.0
"""Wall clock of one slide: ten gigapixels of tissue take one; what is finished of it stays on disk."""


def check(study: Study) -> None:
    """Raise what is wrong with the names of features."""
    section = study.features_of(SlidesSection)
    choose_columns(section.columns, slide_notes(solidity=section.solidity), (), "slides")


def extract(cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
    """Measure nuclei and tissue of every slide."""
    section = study.features_of(SlidesSection)
    images = image_paths(cohort, "nuclei are measured on slides", '"slides/{ID}.svs"')
    settings = SlideSettings.of(section)
    tasks = [_task(scan, Path(path), settings, context) for scan, path in images.items()]
    outcomes = _run(measure_slide, tasks, context, cache_dir=context.cache_dir)
    notes = slide_notes(solidity=settings.solidity)
    measured: dict[str, Mapping[str, Any]] = {each.subject: each.value for each in outcomes if each.value}
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    quality = {scan: [Quality(*row) for row in value["quality"]] for scan, value in measured.items()}
    failures |= reject_implausible(quality, kind="slide", code="FEA-607", keep=section.keep_implausible)
    used = {scan: value["vector"] for scan, value in measured.items() if scan not in failures}
    values = pd.DataFrame(
        [np.asarray(vector, np.float64) for vector in used.values()],
        index=pd.Index(list(used), name="id", dtype=object),
        columns=list(notes),
    )
    values, failures = select_complete(values, failures, section.columns, "slides", context.wanted)
    made = hash_settings(
        extractor="slides", version=SLIDES_VERSION, settings=settings.as_json(), columns=section.columns
    )
    files: dict[str, bytes | Path] = {
        tiles_place(scan): TileTable(TILE_NAMES, value["tiles"], value["xy"], int(value["side"])).to_bytes()
        for scan, value in measured.items()
    }
    if section.export:
        files |= _export([task for task in tasks if task.subject in measured], list(section.export), context)
    return FeatureTable(
        values,
        {name: notes[name] for name in values.columns if name in notes},
        failures,
        made,
        quality=quality,
        drawings={
            scan: [
                Drawing(stage, title, alt, value[f"drawing_{stage}"].tobytes())
                for stage, (title, alt) in CAPTIONS.items()
            ]
            for scan, value in measured.items()
        },
        files=files,
    )


def _task(scan: str, path: Path, settings: SlideSettings, context: ExtractionContext) -> Task:
    blocks = context.cache_dir / "slides" if context.cache_dir is not None else None
    return Task(
        scan,
        {"image": str(path), "settings": settings.as_json()},
        (path, *_companions(path)),
        {"blocks": str(blocks) if blocks else None},  # where work lies changes no result,
    )


def _companions(path: Path) -> list[Path]:
    """Return the files that a MIRAX slide keeps in the folder of its name."""
    folder = path.with_suffix("")
    if path.suffix.lower() != ".mrxs" or not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_file())


def _run(
    function: Any, tasks: list[Task], context: ExtractionContext, *, cache_dir: Path | None
) -> list[Outcome]:
    return context.run_scans(
        function,
        tasks,
        version=WORKER_VERSION,
        title="slides" if function is measure_slide else "exports",
        cache_dir=cache_dir,
        limits=replace(context.limits, seconds=max(context.limits.seconds, _HOURS)),
        preload=("cv2", "openslide", "scipy.ndimage", "skimage.segmentation._watershed", "tifffile"),
        packages=PACKAGES,
    )


def _export(tasks: list[Task], kinds: list[str], context: ExtractionContext) -> dict[str, bytes | Path]:
    """Write the exports from the finished blocks of tiles, and return their paths or content."""
    files: dict[str, bytes | Path] = {}
    with context.scratch() as folder:
        target = folder if context.own is None else context.own / "exports"
        jobs = [
            replace(
                task,
                arguments={**task.arguments, "kinds": kinds, "scan": task.subject, "folder": str(target)},
            )
            for task in tasks
        ]
        for outcome in _run(export_slide, jobs, context, cache_dir=None):
            if outcome.error:
                raise outcome.error
            assert outcome.value is not None
            for name in outcome.value["files"]:  # type: ignore[union-attr] # a list of names
                path = target / name
                place = f"{RunFolder.NUCLEI_FOLDER}/{name}"
                files[place] = path if context.own is not None else path.read_bytes()
    return files
