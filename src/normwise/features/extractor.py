"""What an extractor is: what others must know of it, and the module that measures."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from normwise.cohort import Cohort
from normwise.engine import Limits, Outcome, Progress, Task
from normwise.errors import FeatureError, NormwiseError
from normwise.extras import need_packages
from normwise.features.feature_table import FeatureTable
from normwise.files import image_files
from normwise.run_folder import RunFolder
from normwise.schema import Study

__all__ = ["SHARED", "ExtractionContext", "Extractor", "hash_settings", "image_paths"]

SHARED = "shared"
"""Folder of a cache for what the subjects of several runs share."""


@dataclass(frozen=True)
class ExtractionContext:
    """What an extractor may use.

    Attributes
    ----------
    cache_dir : Path or None
        The cache of finished work, which other runs use at the same time.
    jobs : int
        Subjects at the same time.
    progress : Progress or None
        Where it is shown.
    limits : Limits
        What one subject may take.
    wanted : sequence of str or None
        The features that a trained model needs, and no others.
    run : Path or None
        The run folder, for images that are written beside the features.
    also : Path or None
        A second cache, which is read where the first has nothing.
    kept : dict of str to str
        SHA-256 of each result that was taken from the cache or put there, by its key.
    part : frozenset of str or None
        The scans that are measured; None is all of them. What is learnt of the images as a whole, as the grid
        of the first, is that of the cohort in any case. Results go into the run folder, where who gathers
        finds them.
    outcomes : dict of str to NormwiseError or None
        How each scan that was measured has ended: with a result, or with the error.
    """

    cache_dir: Path | None = None
    jobs: int = 1
    progress: Progress | None = None
    limits: Limits = field(default_factory=Limits)
    wanted: Sequence[str] | None = None
    run: Path | None = None
    also: Path | None = None
    kept: dict[str, str] = field(default_factory=dict)
    part: frozenset[str] | None = None
    outcomes: dict[str, NormwiseError | None] = field(default_factory=dict)

    def run_scans(
        self,
        function: Callable[..., object],
        tasks: Sequence[Task],
        *,
        version: str,
        title: str,
        **options: Any,
    ) -> list[Outcome]:
        """Call a function for every scan, each in a process of its own.

        Parameters
        ----------
        function : callable
            The work on one scan, at the top of a module.
        tasks : sequence of Task
            One a scan.
        version : str
            Raised whenever the numbers change: it keys the cache.
        title : str
            Of the progress bar.
        **options
            As of `normwise.engine.run_subjects`; the cache, processes, limits and progress are those of the
            context where they are not given.
        """
        from normwise.engine import run_subjects

        # What is kept of a scan depends on both files of a pair; DICOM files are called .img, too.
        whole = [
            replace(
                task,
                inputs=tuple(
                    file
                    for path in task.inputs
                    for file in image_files(path)
                    if file == path or file.is_file()
                ),
            )
            for task in tasks
            if self.part is None or task.subject in self.part
        ]

        own: dict[str, Any] = {
            "cache_dir": self.cache_dir,
            "also": self.also,
            "jobs": self.jobs,
            "limits": self.limits,
            "progress": self.progress,
        }
        own |= options
        if self.part is not None and own["cache_dir"] is not None:
            other = self.cache_dir if self.cache_dir != self.own else self.also
            own |= {"cache_dir": self.own, "also": other, "copies": True}
        outcomes = run_subjects(function, whole, version=version, title=title, **own)
        self.kept.update({each.key: each.digest for each in outcomes if each.key})
        for each in outcomes:
            self.outcomes[each.subject] = self.outcomes.get(each.subject) or each.error
        return outcomes

    @property
    def own(self) -> Path | None:
        """The folder of what only this run uses, beside its results; None without a cache."""
        if self.run is None or self.cache_dir is None:
            return self.cache_dir
        return RunFolder(self.run) / RunFolder.CACHE

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give an empty folder for what subjects unpack; it is removed at the block's end.

        What a killed run left there, a person's images, goes with the next run on the same folder that no
        other works on.
        """
        # Without a run the folder is everybody's, and what lies there may be in use.
        place = None if self.run is None or self.own is None else self.own / "scratch"
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
            for left in place.iterdir() if self.part is None else ():
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="unpacked-", dir=place, ignore_cleanup_errors=True) as name:
            yield Path(name)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a folder for what several subjects share; without a cache it is removed at the block's end."""
        if self.cache_dir is not None:
            folder = self.cache_dir / SHARED
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
        else:
            with tempfile.TemporaryDirectory(prefix="normwise-") as name:
                yield Path(name)


@dataclass(frozen=True)
class Extractor:
    """One kind of features: all that the rest of the program knows of it.

    Attributes
    ----------
    title : str
        What it measures, in words, for help and reference pages.
    module : str
        The module that measures, imported when it is first used. Its ``extract(cohort, study, context)``
        returns a `FeatureTable`: what goes wrong with one scan is in its ``failures``, what is wrong with the
        study is raised. It may have a ``check(study)`` that raises what is wrong before a scan is read.
    learnt : str or None
        Key of `normwise.learnt.LEARNT`: the transformer that learns from the extracted columns inside each
        training fold; None where nothing is learnt.
    baseline : mapping of str to value
        Parameters under which that transformer learns nothing, which are compared as an arm of their own.
    """

    title: str
    module: str
    learnt: str | None = None
    baseline: Mapping[str, Any] = field(default_factory=dict)

    def extract(self, cohort: Cohort, study: Study, context: ExtractionContext) -> FeatureTable:
        """Measure every scan of a cohort."""
        _need_packages_of(study)
        table: FeatureTable = import_module(self.module).extract(cohort, study, context)
        return table

    def check(self, study: Study) -> None:
        """Raise what is wrong with a study, as far as it shows without a scan."""
        _need_packages_of(study)
        check = getattr(import_module(self.module), "check", None)
        if check is not None:
            check(study)


def _need_packages_of(study: Study) -> None:
    """Refuse before the module is imported, or a child process finds out for every scan anew."""
    section = study.features
    need_packages(section.packages, "FEA-110", FeatureError, subject=f"extractor {section.extractor}")


def image_paths(cohort: Cohort, what: str, example: str) -> dict[str, str]:
    """Return the image of every scan.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    what : str
        What is measured on images, for the error.
    example : str
        How images may be named.

    Raises
    ------
    FeatureError
        FEA-107, the study names no images.
    """
    if cohort.images is None:
        raise FeatureError(
            "FEA-107",
            f"the study names no images, and {what}.",
            advice=f"give cohort.images, as {example}, or another features.extractor",
        )
    return {str(scan): str(image) for scan, image in cohort.images.items()}


def hash_settings(**settings: Any) -> str:
    """Return the SHA-256 of how features are made.

    Parameters
    ----------
    **settings
        Values that JSON can hold.

    Examples
    --------
    >>> hash_settings(extractor="table", columns=["a"]) == hash_settings(columns=["a"], extractor="table")
    True
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
