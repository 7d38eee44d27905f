"""``voxels``: every voxel of the brain as a feature, smoothed and on one coarse grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import (
    Progress,
    Task,
    run_subjects,
)
from normwise.errors import (
    FeatureError,
    ImageError,
    NormwiseError,
)
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.voxels.row_matrix import RowMatrix
from normwise.features.voxels.sampling import (
    SAMPLING_VERSION,
    Sampling,
    make_sampling,
    pack_sampling,
    sample_voxels,
)
from normwise.images import Grid, read_volume
from normwise.results import FeatureNote
from normwise.schema import Study

__all__ = ["VOXELS", "first_grid", "run_sampling"]

_AT_ONCE = 64  # images whose voxels are in memory at the same time


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section = study.features
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            "the study names no images, and voxels come from images.",
            advice='give cohort.images, as "volumes/{ID}.nii.gz", or another features.extractor',
        )
    mask = (study.cohort.root or Path()) / section.mask if section.mask is not None else None
    grid = first_grid(list(cohort.images)) if section.voxel_size_mm == 0 else None
    sampling = make_sampling(mask, section.voxel_size_mm, section.smoothing_mm, grid)
    made = hash_of(extractor="voxels", version=SAMPLING_VERSION, sampling=sampling.digest())
    with means.folder() as folder:
        packed = pack_sampling(sampling, folder)
        tasks = [
            Task(str(scan), {"image": image, "sampling": str(packed)}, (Path(image), packed))
            for scan, image in cohort.images.items()
        ]
        values, scans, failures = run_sampling(tasks, sampling, means, made)
    frame = pd.DataFrame(values, index=pd.Index(scans, name="id"), columns=sampling.names(), copy=False)
    note = FeatureNote("intensity", "Intensity at this place in mm to the right, front and top, smoothed")
    return FeatureTable(frame, {"voxel_*": note}, failures, made)


def run_sampling(
    tasks: list[Task],
    sampling: Sampling,
    means: ExtractionContext,
    made: str,
    *,
    measure: Callable[..., object] = sample_voxels,
    version: str = SAMPLING_VERSION,
    title: str = "voxels",
) -> tuple[NDArray[np.float32], list[str], dict[str, NormwiseError]]:
    """Sample the images in batches, each appended to the file before the next begins.

    Parameters
    ----------
    tasks : list of Task
        One a scan.
    sampling : Sampling
        The places.
    means : ExtractionContext
        What may be used.
    made : str
        How the rows are made.
    measure, version, title
        What a child does, its version, and the bar's title.

    Returns
    -------
    tuple of ndarray of shape (n_scans, n_points), list of str and dict
        The rows, whose they are, and by scan why there is none.
    """
    width = len(sampling.points)
    scans: list[str] = []
    failures: dict[str, NormwiseError] = {}
    shown = _OneBar(means.progress, len(tasks)) if means.progress is not None else None
    with RowMatrix(means.cache_dir, width, made, [task.subject for task in tasks]) as rows:
        for start in range(0, len(tasks), _AT_ONCE):
            outcomes = run_subjects(
                measure,
                tasks[start : start + _AT_ONCE],
                version=version,
                cache_dir=means.cache_dir,
                jobs=means.jobs,
                limits=means.limits,
                progress=shown,
                title=title,
                preload=("nibabel.orientations", "scipy.ndimage"),
            )
            for outcome in outcomes:
                if outcome.value is None:
                    assert outcome.error is not None
                    failures[outcome.subject] = outcome.error
                else:
                    rows.append(np.asarray(outcome.value["voxels"], dtype=np.float32))
                    scans.append(outcome.subject)
    if shown is not None:
        shown.close()
    return rows.array(), scans, failures


def first_grid(images: list[str]) -> Grid:
    """Return the grid of the first image that can be read: the others are brought onto it."""
    for image in images:
        try:
            return read_volume(image)
        except ImageError:
            continue
    raise FeatureError(
        "FEA-306",
        "not one image can be read, so there is no grid to keep.",
        seen=f"{len(images)} images",
        advice="check cohort.images, or give features.voxel_size_mm",
    )


class _OneBar:
    """Progress of several batches as one bar.

    Parameters
    ----------
    progress : Progress
        Where it is shown.
    total : int
        Subjects in all batches.
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._title = ""

    def start(self, title: str, total: int) -> None:  # noqa: ARG002 - a batch's total is not the cohort's
        """Open the bar with the first batch."""
        if not self._title:
            self._title = title
            self._progress.start(title, self._total)

    def advance(self, *step: Any, **words: Any) -> None:
        """Pass a step on."""
        self._progress.advance(*step, **words)

    def finish(self, title: str) -> None:
        """Keep the bar open: the next batch may follow."""

    def message(self, text: str) -> None:
        """Pass a line on."""
        self._progress.message(text)

    def close(self) -> None:
        """Close the bar."""
        if self._title:
            self._progress.finish(self._title)


def _learn(study: Study, seed: int) -> Any:
    from normwise.learnt import VoxelComponents

    return VoxelComponents(
        n_components=study.features.components,
        demographics=tuple(study.cohort.demographics),
        random_state=seed,
    )


VOXELS = Extractor("Smoothed voxels of the brain, with components learnt inside each fold", _extract, _learn)
