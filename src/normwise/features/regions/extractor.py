"""``regions``: statistics of every labelled region of every image."""

from __future__ import annotations

from pathlib import Path

from normwise.cohort import Cohort, did_you_mean
from normwise.engine import (
    Outcome,
    Task,
    run_subjects,
)
from normwise.errors import FeatureError
from normwise.features.atlases.atlas import (
    IMAGE_SUFFIXES,
    Atlas,
    load_atlas,
    names_of,
)
from normwise.features.atlases.placement import pack_atlas
from normwise.features.extractor import (
    ExtractionContext,
    Extractor,
    hash_of,
)
from normwise.features.feature_table import FeatureTable
from normwise.features.path_templates import (
    check_columns,
    fill,
    has_columns,
)
from normwise.features.regions.measure import MEASURE_VERSION, measure_regions
from normwise.features.regions.region_table import region_table
from normwise.features.regions.statistics import STATISTICS
from normwise.files import sha256_file
from normwise.schema import FeaturesSection, Study

__all__ = ["REGIONS", "default_statistics"]


def default_statistics(atlas: str) -> list[str]:
    """Return the few statistics that tell people apart.

    On a template's atlas each label has the same volume in everybody, and intensity has no unit; what shrinks
    with age and disease shows as fluid where tissue was, and as the share of grey matter. On a person's own
    label map the volume says it all.

    Parameters
    ----------
    atlas : str
        As `normwise.schema.FeaturesSection.atlas`.

    Examples
    --------
    >>> default_statistics("neuromorphometrics"), default_statistics("labels/{ID}.nii.gz")
    (['csf_share', 'gm_share'], ['volume_mm3'])
    """
    return ["volume_mm3"] if has_columns(atlas) else ["csf_share", "gm_share"]


def _extract(cohort: Cohort, study: Study, means: ExtractionContext) -> FeatureTable:
    section = study.features
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            "the study names no images, and regions are measured on images.",
            advice='give cohort.images, as "volumes/{ID}.nii.gz", or another features.extractor',
        )
    root = study.cohort.root or Path()
    statistics = _statistics(section)
    lut = root / section.lut if section.lut is not None else None
    if has_columns(section.atlas):
        return _on_own_labels(cohort, section, root, lut, statistics, means)
    return _on_one_atlas(cohort, section, root, lut, statistics, means)


def _check(study: Study) -> None:
    section = study.features
    root = study.cohort.root or Path()
    _statistics(section)
    if not has_columns(section.atlas):
        _load(section, root, root / section.lut if section.lut is not None else None)


def _load(section: FeaturesSection, root: Path, lut: Path | None) -> Atlas:
    named = section.atlas.lower().endswith(IMAGE_SUFFIXES)
    return load_atlas(root / section.atlas if named else section.atlas, lut)


def _statistics(section: FeaturesSection) -> list[str]:
    unknown = [name for name in section.statistics if name not in STATISTICS]
    if unknown:
        raise FeatureError(
            "FEA-104",
            f"there is no statistic called {unknown[0]!r}.",
            expected=", ".join(STATISTICS),
            advice=did_you_mean(unknown[0], STATISTICS),
        )
    wanted = set(section.statistics or default_statistics(section.atlas))
    return [name for name in STATISTICS if name in wanted]


def _on_one_atlas(
    cohort: Cohort,
    section: FeaturesSection,
    root: Path,
    lut: Path | None,
    statistics: list[str],
    means: ExtractionContext,
) -> FeatureTable:
    """Measure the regions of an atlas that is placed on every image."""
    atlas = _load(section, root, lut)
    assert cohort.images is not None
    with means.folder() as folder:
        packed = pack_atlas(atlas, folder)
        tasks = [
            Task(
                str(scan),
                {"image": image, "statistics": statistics, "atlas": str(packed)},
                (Path(image), packed),
            )
            for scan, image in cohort.images.items()
        ]
        outcomes = _run(tasks, means)
        made = hash_of(
            extractor="regions",
            version=MEASURE_VERSION,
            atlas=packed.stem,
            names=list(atlas.names.items()),
            statistics=statistics,
            columns=section.columns,
        )
    return region_table(outcomes, atlas.names, statistics, section, made, means.wanted)


def _on_own_labels(
    cohort: Cohort,
    section: FeaturesSection,
    root: Path,
    lut: Path | None,
    statistics: list[str],
    means: ExtractionContext,
) -> FeatureTable:
    """Measure each image on a label map of its own, whose path is told by columns in braces."""
    assert cohort.images is not None
    check_columns(section.atlas, "features.atlas", cohort.raw.columns)
    tasks = []
    maps = fill(section.atlas, cohort.raw)
    for (scan, image), name in zip(cohort.images.items(), maps, strict=True):
        labels = root / name
        arguments = {"image": image, "statistics": statistics, "labels": str(labels)}
        tasks.append(Task(str(scan), arguments, (Path(image), labels)))
    outcomes = _run(tasks, means)
    present = sorted({int(label) for each in outcomes if each.value for label in each.value["labels"]})  # type: ignore[union-attr] # labels is an array
    names = names_of(present, lut)
    made = hash_of(
        extractor="regions",
        version=MEASURE_VERSION,
        lut=sha256_file(lut) if lut is not None else None,
        statistics=statistics,
        columns=section.columns,
    )
    return region_table(outcomes, names, statistics, section, made, means.wanted)


def _run(tasks: list[Task], means: ExtractionContext) -> list[Outcome]:
    return run_subjects(
        measure_regions,
        tasks,
        version=MEASURE_VERSION,
        cache_dir=means.cache_dir,
        jobs=means.jobs,
        limits=means.limits,
        progress=means.progress,
        title="regions",
        preload=("nibabel.orientations",),
    )


REGIONS = Extractor("Statistics of labelled regions of an image", _extract, check=_check)
