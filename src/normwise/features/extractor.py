"""What an extractor is: a title and a function from a cohort to a table of features."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from normwise.cohort import Cohort
from normwise.engine import Limits, Progress
from normwise.features.feature_table import FeatureTable
from normwise.schema import Study

__all__ = ["ExtractionContext", "Extractor", "hash_of"]


@dataclass(frozen=True)
class ExtractionContext:
    """What an extractor may use.

    Attributes
    ----------
    cache_dir : Path or None
        Where finished work is kept.
    jobs : int
        Subjects at the same time.
    progress : Progress or None
        Where it is shown.
    limits : Limits
        What one subject may take.
    wanted : sequence of str or None
        The features that a trained model needs, and no others.
    run : Path or None
        The run folder, for images that are kept beside the features.
    """

    cache_dir: Path | None = None
    jobs: int = 1
    progress: Progress | None = None
    limits: Limits = field(default_factory=Limits)
    wanted: Sequence[str] | None = None
    run: Path | None = None

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a folder for what several subjects share; without a cache it goes when the block ends."""
        if self.cache_dir is not None:
            folder = self.cache_dir / "shared"
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
        else:
            with tempfile.TemporaryDirectory(prefix="normwise-") as name:
                yield Path(name)


@dataclass(frozen=True)
class Extractor:
    """One kind of features.

    Attributes
    ----------
    title : str
        What it measures, in words.
    extract : callable
        ``extract(cohort, study, means)`` returns a `FeatureTable`. What goes wrong with one scan goes into
        its ``failures``; what is wrong with the study is raised.
    learn : callable or None
        ``learn(study, seed)`` returns a scikit-learn transformer for what has to be learnt inside each
        training fold, or nothing has to.
    check : callable or None
        ``check(study)`` raises what can be told to be wrong without a single scan.
    """

    title: str
    extract: Callable[[Cohort, Study, ExtractionContext], FeatureTable]
    learn: Callable[[Study, int], Any] | None = None
    check: Callable[[Study], None] | None = None


def hash_of(**settings: Any) -> str:
    """Return the SHA-256 of how features are made.

    Parameters
    ----------
    **settings
        What JSON can say.

    Examples
    --------
    >>> hash_of(extractor="table", columns=["a"]) == hash_of(columns=["a"], extractor="table")
    True
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
