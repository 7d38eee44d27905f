"""Images sampled in batches into one matrix on disk, so that few images are ever in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from normwise.engine import Progress, Task
from normwise.errors import NormwiseError
from normwise.features.extractor import ExtractionContext
from normwise.features.voxels.sampling import SAMPLING_VERSION, Sampling, pack_sampling, sample_voxels
from normwise.files import replacing

__all__ = ["RowMatrix", "run_rows", "run_sampling"]

_AT_ONCE = 64  # images whose voxels are in memory at the same time


def run_sampling(
    images: Mapping[str, str],
    sampling: Sampling,
    context: ExtractionContext,
    made: str,
    *,
    measure: Callable[..., object] = sample_voxels,
    version: str = SAMPLING_VERSION,
    title: str = "voxels",
) -> tuple[NDArray[np.float32], list[str], dict[str, NormwiseError]]:
    """Sample the images in batches, each appended to the file before the next begins.

    Parameters
    ----------
    images : mapping of str to str
        Image of each scan.
    sampling : Sampling
        The points.
    context : ExtractionContext
        What may be used.
    made : str
        The hash of how the rows are made.
    measure, version, title
        The work on one image, its version, and the title of the progress bar.

    Returns
    -------
    values : ndarray of shape (n_scans, n_points), float32
        One row a scan.
    scans : list of str
        The scan of each row.
    failures : dict of str to NormwiseError
        By scan, why there is no row.
    """
    with context.folder() as folder:
        packed = pack_sampling(sampling, folder)
        tasks = [
            Task(scan, {"image": image, "sampling": str(packed)}, (Path(image), packed))
            for scan, image in images.items()
        ]
        width = len(sampling.points)
        return run_rows(tasks, width, context, made, measure=measure, version=version, title=title)


def run_rows(
    tasks: Sequence[Task],
    width: int,
    context: ExtractionContext,
    made: str,
    *,
    measure: Callable[..., object],
    version: str,
    title: str,
) -> tuple[NDArray[np.float32], list[str], dict[str, NormwiseError]]:
    """Measure a row of every scan in batches, each appended to the file before the next begins.

    Parameters
    ----------
    tasks : sequence of Task
        One a scan.
    width : int
        Numbers in a row.
    context, made, measure, version, title
        As of `run_sampling`; ``measure`` returns the row as ``voxels``.

    Returns
    -------
    values, scans, failures
        As `run_sampling` returns them.
    """
    scans: list[str] = []
    failures: dict[str, NormwiseError] = {}
    progress = _JoinedProgress(context.progress, len(tasks)) if context.progress is not None else None
    with RowMatrix(context.own, width, made, [task.subject for task in tasks]) as rows:
        for start in range(0, len(tasks), _AT_ONCE):
            outcomes = context.run_scans(
                measure,
                tasks[start : start + _AT_ONCE],
                version=version,
                title=title,
                progress=progress,
                preload=("nibabel.orientations", "scipy.ndimage"),
            )
            for outcome in outcomes:
                if outcome.value is None:
                    assert outcome.error is not None
                    failures[outcome.subject] = outcome.error
                elif context.part is None:  # who gathers takes the rows from their results
                    rows.append(np.asarray(outcome.value["voxels"], dtype=np.float32))
                    scans.append(outcome.subject)
    if progress is not None:
        progress.close()
    return rows.array(), scans, failures


class _JoinedProgress:
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

    def advance(self, *step: Any, **keys: Any) -> None:
        """Show a step."""
        self._progress.advance(*step, **keys)

    def finish(self, title: str) -> None:
        """Keep the bar open: the next batch may follow."""

    def message(self, text: str) -> None:
        """Show a line."""
        self._progress.message(text)

    def close(self) -> None:
        """Close the bar."""
        if self._title:
            self._progress.finish(self._title)


class RowMatrix:
    """Rows of float32, on disk where there is a folder, else in memory.

    Parameters
    ----------
    folder : Path or None
        Where the file lies, under ``voxels/``; None keeps the rows in memory.
    width : int
        Columns.
    made : str
        How the rows are made, which with ``rows`` names the file.
    rows : list of str
        Scans whose rows they may be.

    Examples
    --------
    >>> import tempfile
    >>> with RowMatrix(Path(tempfile.mkdtemp()), 2, "made", ["a", "b"]) as matrix:
    ...     matrix.append(np.array([1, 2], np.float32))
    >>> matrix.array().tolist(), matrix.array().dtype.name
    ([[1.0, 2.0]], 'float32')
    """

    def __init__(self, folder: Path | None, width: int, made: str, rows: list[str]) -> None:
        key = hashlib.sha256("\n".join([made, *rows]).encode()).hexdigest()[:16]
        self._path = folder / "voxels" / f"voxels-{key}.npy" if folder is not None else None
        self._width = width
        self._rows: list[NDArray[np.float32]] = []
        self._count = 0
        self._open = ExitStack()
        self._handle: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            part = self._open.enter_context(replacing(self._path))
            self._handle = self._open.enter_context(part.open("wb"))
            self._write_header()
        return self

    def append(self, row: NDArray[np.float32]) -> None:
        """Add a row of shape (width,)."""
        assert row.shape == (self._width,)
        if self._handle is not None:
            self._handle.write(np.ascontiguousarray(row).tobytes())
        else:
            self._rows.append(row)
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._handle is not None:
            self._handle.seek(0)
            self._write_header()
        self._open.__exit__(kind, error, trace)

    def array(self) -> NDArray[np.float32]:
        """Return the rows, of shape (n_rows, width): a read-only memory map, or an array in memory."""
        if self._path is not None and self._count:
            return np.load(self._path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return] # numpy says Any
        return np.array(self._rows, dtype=np.float32).reshape(self._count, self._width)

    def _write_header(self) -> None:
        """Write the header; numpy pads it, so that a larger number of rows fits as well."""
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._count, self._width)}
        np.lib.format.write_array_header_2_0(self._handle, header)  # type: ignore[no-untyped-call] # numpy's stubs
