"""``slides``: nuclei and tissue of whole-slide images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from normwise.cohort import Cohort
from normwise.engine import (
    Outcome,
    Task,
    run_subjects,
)
from normwise.errors import FeatureError, NormwiseError
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import Drawing, FeatureTable
from normwise.features.slides.drawings import CAPTIONS
from normwise.features.slides.export import export_slide
from normwise.features.slides.settings import SlideSettings
from normwise.features.slides.slide_features import TILE_NAMES, slide_notes
from normwise.features.slides.tile_table import TileTable, tiles_place
from normwise.features.slides.worker import SLIDES_VERSION, measure_slide
from normwise.features.tables.columns import choose_columns, settle
from normwise.results import Quality
from normwise.schema import Study

__all__ = ["SLIDES"]

_HOURS = 6 * 3600.0
"""Wall clock of one slide: ten gigapixels of tissue take one; what is finished of it is kept anyway."""

_PACKAGES = ("opencv-python-headless", "scikit-image", "openslide-python", "tifffile")


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section = study.features
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            "the study names no images, and nuclei are measured on slides.",
            advice='give cohort.images, as "slides/{ID}.svs", or another features.extractor',
        )
    settings = SlideSettings.of(section)
    images = {str(scan): Path(image) for scan, image in cohort.images.items()}
    tasks = [_task(scan, path, settings, means) for scan, path in images.items()]
    outcomes = _run(measure_slide, tasks, means, cache_dir=means.cache_dir)
    notes = slide_notes(solidity=settings.solidity)
    measured = {each.subject: each.value for each in outcomes if each.value}
    failures: dict[str, NormwiseError] = {each.subject: each.error for each in outcomes if each.error}
    values = pd.DataFrame(
        [np.asarray(value["vector"], np.float64) for value in measured.values()],
        index=pd.Index(list(measured), name="id", dtype=object),
        columns=list(notes),
    )
    values = values[choose_columns(section.columns, notes, (), "slides")]
    if len(values):
        values, failures = settle(values, failures, "slides", means.wanted)
    made = hash_of(
        extractor="slides", version=SLIDES_VERSION, settings=settings.as_json(), columns=section.columns
    )
    files: dict[str, bytes | Path] = {
        tiles_place(scan): _tiles(value).to_bytes() for scan, value in measured.items()
    }
    if section.export:
        files |= _exported([task for task in tasks if task.subject in measured], list(section.export), means)
    return FeatureTable(
        values,
        {name: notes[name] for name in values.columns if name in notes},
        failures,
        made,
        quality={
            scan: [Quality(*row) for row in _list(value["quality"])] for scan, value in measured.items()
        },
        drawings={scan: _drawings(value) for scan, value in measured.items()},
        files=files,
    )


def _task(scan: str, path: Path, settings: SlideSettings, means: ExtractionContext) -> Task:
    # A slide's own settings say nothing of where its unfinished work lies.
    name = hashlib.sha256(f"{scan}\0{settings.as_json()}".encode()).hexdigest()[:24]
    kept = means.cache_dir / "slides" / name if means.cache_dir is not None else None
    return Task(
        scan,
        {"image": str(path), "settings": settings.as_json()},
        (path, *_companions(path)),
        {"kept": str(kept) if kept else None},
    )


def _companions(path: Path) -> list[Path]:
    """Return the files that a MIRAX slide keeps in the folder of its name."""
    folder = path.with_suffix("")
    if path.suffix.lower() != ".mrxs" or not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_file())


def _run(
    function: Any, tasks: list[Task], means: ExtractionContext, *, cache_dir: Path | None
) -> list[Outcome]:
    return run_subjects(
        function,
        tasks,
        version=SLIDES_VERSION,
        cache_dir=cache_dir,
        jobs=means.jobs,
        limits=replace(means.limits, seconds=max(means.limits.seconds, _HOURS)),
        progress=means.progress,
        preload=("cv2", "openslide", "scipy.ndimage", "skimage.segmentation._watershed"),
        title="slides" if function is measure_slide else "exports",
        packages=_PACKAGES,
    )


def _exported(tasks: list[Task], kinds: list[str], means: ExtractionContext) -> dict[str, bytes | Path]:
    """Write the exports beside the kept blocks, from which they are made, and hand their paths on."""
    files: dict[str, bytes | Path] = {}
    with means.folder() as folder:
        target = folder / "exports"
        jobs = [
            replace(
                task,
                arguments={**task.arguments, "kinds": kinds, "scan": task.subject, "folder": str(target)},
            )
            for task in tasks
        ]
        for outcome in _run(export_slide, jobs, means, cache_dir=None):
            if outcome.error:
                raise outcome.error
            assert outcome.value is not None
            for name in _list(outcome.value["files"]):
                path = target / name
                files[f"nuclei/{name}"] = path if means.cache_dir is not None else path.read_bytes()
    return files


def _tiles(value: Mapping[str, Any]) -> TileTable:
    return TileTable(TILE_NAMES, value["tiles"], value["xy"], int(value["side"]))


def _drawings(value: Mapping[str, Any]) -> list[Drawing]:
    return [
        Drawing(stage, title, alt, value[f"drawing_{stage}"].tobytes())
        for stage, (title, alt) in CAPTIONS.items()
    ]


def _list(value: Any) -> list[Any]:
    return list(value)


SLIDES = Extractor("Nuclei and tissue of whole-slide images", _extract)
