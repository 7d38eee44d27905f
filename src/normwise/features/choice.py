"""The extractor of a study that names none, by what lies there; and whether images suit the extractor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.cohort import Cohort
from normwise.engine import Task
from normwise.errors import NormwiseWarning
from normwise.features.extractor import ExtractionContext
from normwise.features.modality import is_t1_weighted
from normwise.features.path_templates import has_columns
from normwise.schema import (
    AtlasSection,
    BrainSection,
    ImagesSection,
    NucleiSection,
    RegionsSection,
    ShapesSection,
    SlidesSection,
    Study,
    TableSection,
    listed,
)

__all__ = ["check_images", "choose_extractor", "look_at_volume"]

_LOOKED_AT = 3
"""Images that are looked at: one can be an exception."""

_LEAST_FLAT = 0.7  # of neighbours that are no background: .9 and more in label maps, below .3 in heads


def choose_extractor(study: Study, cohort: Cohort) -> Study:
    """Return the study with an extractor that suits what lies there, where it names none.

    Without images it is ``table``; heads that were never registered to MNI152 are measured by ``brain``,
    masks and label maps by ``shapes``, where the keys that are given allow it; slides by ``slides``;
    everything else by ``regions``.

    Parameters
    ----------
    study : Study
        Its ``[features]`` may name an extractor, which then stays.
    cohort : Cohort
        Who takes part.

    Warns
    -----
    NormwiseWarning
        FEA-906, what was chosen and why.
    """
    given = study.features.model_dump(include=study.features.model_fields_set)
    if "extractor" in given or not len(cohort.frame):
        return study
    section: type[AtlasSection | TableSection | NucleiSection | ShapesSection] = RegionsSection
    if cohort.images is None:
        section, why = TableSection, "the study names no images"
    elif _are_slides(cohort.images):
        section, why = NucleiSection, f"the images are slides, as {Path(cohort.images.iloc[0]).name}"
    else:
        seen = _look_at_volumes(cohort) if _is_on_template(study) else {}
        raw = _unlike_template(seen)
        if seen and all(look["labels"] for look in seen.values()):
            section, why = ShapesSection, f"{next(iter(seen))} is a mask or a label map"
        elif raw is not None:
            section, why = BrainSection, f"{raw[0]} is no brain in MNI152 space (correlation {raw[1]:.2f})"
    if section is RegionsSection or set(given) - set(section.model_fields):
        return study
    chosen = section.model_validate(given | {"extractor": section.model_fields["extractor"].default})
    text = f"no extractor is named: {chosen.extractor!r} was chosen, since {why}."
    warnings.warn(NormwiseWarning("FEA-906", text, subject="features.extractor"), stacklevel=2)
    return study.model_copy(update={"features": chosen})


def check_images(study: Study, cohort: Cohort) -> None:
    """Look at a few images, and refuse what the extractor can't measure.

    That is heads as the scanner gave them where the atlas needs MNI152 space, and files of which none can be
    read.

    Parameters
    ----------
    study : Study
        With its extractor.
    cohort : Cohort
        Who takes part.

    Raises
    ------
    FeatureError
        FEA-302, none of those looked at lies in MNI152 space; FEA-308 and FEA-309, pictures of several sizes,
        or too large.
    ImageError
        That of the first image, where none of those looked at can be read.

    Warns
    -----
    NormwiseWarning
        FEA-908, some of those looked at can't be read.
    """
    if cohort.images is None:
        return
    if isinstance(study.features, ImagesSection):
        from normwise.features.voxels.pictures import look_at_pictures

        look_at_pictures(_some_images(cohort.images))
    else:
        slides = isinstance(study.features, SlidesSection)
        mpp = study.features.mpp if isinstance(study.features, SlidesSection) else None
        _refuse_unreadable(_some_images(cohort.images, slides=slides, mpp=mpp))
    if _is_on_template(study) and (raw := _unlike_template(_look_at_volumes(cohort))) is not None:
        from normwise.features.atlases import not_in_mni_space

        raise not_in_mni_space(raw[1]).for_subject(raw[0])


def _are_slides(images: pd.Series[str]) -> bool:
    """Return whether all images are slides by their names."""
    from normwise.images import SLIDE_SUFFIXES  # tables need none

    return all(str(path).lower().endswith(SLIDE_SUFFIXES) for path in images)


def _is_on_template(study: Study) -> bool:
    """Return whether an installed atlas would be laid on the images as they are."""
    section = study.features
    if not isinstance(section, RegionsSection) or not is_t1_weighted(study):
        return False
    from normwise.features.atlases import IMAGE_SUFFIXES  # tables need no atlas

    return not has_columns(section.atlas) and not section.atlas.lower().endswith(IMAGE_SUFFIXES)


def _look_at_volumes(cohort: Cohort) -> dict[str, dict[str, float]]:
    """Return, of a few images, how far each is like the template, and whether it is a label map."""
    if cohort.images is None:
        return {}
    outcomes = ExtractionContext().run_scans(
        look_at_volume, _some_images(cohort.images), version="3", title="a look at the images"
    )
    return {
        each.subject: {name: float(str(value)) for name, value in each.value.items()}
        for each in outcomes
        if each.value
    }


def _unlike_template(seen: Mapping[str, Mapping[str, float]]) -> tuple[str, float] | None:
    """Return a scan and its correlation if no image that was looked at, and could be read, is like MNI152."""
    from normwise.features.atlases import LEAST_CORRELATION

    likeness = {name: look["correlation"] for name, look in seen.items()}
    if not likeness or max(likeness.values()) >= LEAST_CORRELATION:
        return None
    scan = max(likeness, key=lambda name: likeness[name])
    return scan, likeness[scan]


def _some_images(images: pd.Series[str], **settings: Any) -> list[Task]:
    """Return the work on a few of the images that are there, from the first to the last."""
    paths = {str(scan): Path(str(path)) for scan, path in images.items() if Path(str(path)).is_file()}
    step = max(len(paths) // _LOOKED_AT, 1)
    return [
        Task(scan, {"image": str(path), **settings}, (path,)) for scan, path in list(paths.items())[::step]
    ][:_LOOKED_AT]


def _refuse_unreadable(tasks: Sequence[Task]) -> None:
    outcomes = ExtractionContext().run_scans(open_image, tasks, version="1", title="a look at the images")
    errors = {each.subject: each.error for each in outcomes if each.error is not None}
    if errors and len(errors) == len(outcomes):
        raise next(iter(errors.values()))
    if errors:
        said = (f"{scan} ({error.code}, {error.problem.rstrip('.')})" for scan, error in errors.items())
        text = (
            f"{len(errors)} of the {len(outcomes)} images that were looked at can't be read: {listed(said)}."
        )
        warnings.warn(NormwiseWarning("FEA-908", text, value=len(errors)), stacklevel=3)


def open_image(image: str, *, slides: bool, mpp: float | None) -> dict[str, bool]:
    """Read a volume, DICOM files, or open a slide; the work of one process.

    Parameters
    ----------
    image : str
        The file.
    slides : bool
        Whether it is a slide.
    mpp : float, optional
        Micrometres a pixel of a slide that does not say it.
    """
    from normwise.images import open_slide, read_head

    if slides:
        with open_slide(image, mpp):
            return {"read": True}
    read_head(image)  # DICOM files in an archive, too
    return {"read": True}


def look_at_volume(image: str) -> dict[str, float]:
    """Return how far an image is like the MNI152 template, and whether it is labels; the work of one process.

    Parameters
    ----------
    image : str
        A volume.
    """
    from normwise.features.atlases import mni_correlation, mni_landmarks, voxels_around
    from normwise.images import read_volume

    volume = read_volume(image)
    points, brightness = mni_landmarks()
    correlation = mni_correlation(volume, voxels_around(volume, points), brightness)
    return {"correlation": correlation, "labels": float(_are_labels(volume.voxels))}


def _are_labels(voxels: NDArray[Any]) -> bool:
    """Return whether voxels are whole numbers, none below 0, that are the same from neighbour to neighbour.

    Background, which is the same everywhere in heads as well, is the number that most voxels have.
    """
    if not np.isfinite(voxels).all() or (voxels < 0).any() or (voxels != np.rint(voxels)).any():
        return False
    numbers, counts = np.unique(voxels, return_counts=True)
    background = numbers[counts.argmax()]
    inside = (voxels[1:] != background) & (voxels[:-1] != background)
    pairs = int(np.count_nonzero(inside))
    same = int(np.count_nonzero((voxels[1:] == voxels[:-1]) & inside))
    return bool(pairs) and same >= _LEAST_FLAT * pairs
