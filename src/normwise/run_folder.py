"""The folder of a run: the name of every file in it, its marker, and SHA-256 digests of its results.

``run.json`` holds the digest of every result, and of itself. Whatever reads a run reads it through
`RunFolder`: a file that is no longer what was written is an error, never a number in a report. Runs of
version 0.1.0 have no digests and are read as they are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from normwise.errors import RunError
from normwise.files import remove_parts, replacing, sha256_file, write_bytes
from normwise.results import RunRecord

__all__ = ["RunFolder"]

ResultT = TypeVar("ResultT")

_WITH_DIGESTS = 2
"""``schema_version`` of a run whose results have digests."""

_BLANK = "0" * 64
"""Stands for the digest of ``run.json`` while it is computed."""


class RunFolder:
    """A run on disk.

    Parameters
    ----------
    path : path
        The folder; it need not be there.

    Examples
    --------
    >>> import tempfile
    >>> run = RunFolder(tempfile.mkdtemp())
    >>> run.begin()
    >>> run.write(RunFolder.CHECKLIST, "{}")
    >>> run.read(RunFolder.CHECKLIST)
    b'{}'
    """

    MARKER = ".normwise"
    MARK = b"a Normwise run\n"
    CACHE = ".cache"
    LOGS = "logs"

    STUDY = "study.toml"
    DESCRIPTION = "dataset_description.json"
    COHORT = "cohort.tsv"
    RECORD = "run.json"
    FEATURES = "features.tsv"
    FEATURE_NOTES = "features.json"
    FEATURE_MATRIX = "features.npy"
    KEPT = "cache.json"
    EVALUATION = "evaluation.json"
    REGRESSION = "regression.json"
    PREDICTIONS = "predictions.tsv"
    EXPLANATION = "explanation.json"
    PEOPLE = "people.json"
    PICTURES = "pictures.json"
    PICTURE_FOLDER = "pictures"
    TILE_FOLDER = "tiles"
    NUCLEI_FOLDER = "nuclei"
    NORMALIZED = "normalized"

    RATINGS = "ratings.tsv"
    """What a person says of scans; a user's own file, which no command removes."""

    SHARDS = "shards"

    MODEL = "model"
    DERIVATIVES = "derivatives"

    REPORT = "report.html"
    FIGURES = "figures"
    PAGES = "people"
    DESCENT = "descent.html"
    CHECKLIST = "checklist.json"
    CHECKLIST_PAGE = "checklist.html"
    MODEL_CARD = "MODEL_CARD.md"
    MODEL_CARD_PAGE = "model_card.html"

    RESULTS = (
        STUDY, DESCRIPTION, COHORT, RECORD, FEATURES, FEATURE_NOTES, FEATURE_MATRIX, KEPT, EVALUATION,
        REGRESSION,
        PREDICTIONS, EXPLANATION, PEOPLE, PICTURES, PICTURE_FOLDER, TILE_FOLDER, NUCLEI_FOLDER,
        NORMALIZED,
    )  # fmt: skip
    """Files with a digest, and folders of such files. The model has checksums of its own."""

    PAGES_AND_COPIES = (
        SHARDS, MODEL, DERIVATIVES, REPORT, FIGURES, PAGES, DESCENT, CHECKLIST, CHECKLIST_PAGE, MODEL_CARD,
        MODEL_CARD_PAGE,
    )  # fmt: skip
    """What is made from the results, or checked elsewhere."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def __str__(self) -> str:
        return str(self.path)

    @property
    def is_run(self) -> bool:
        """Whether the folder holds the marker, which no command writes into a folder with a user's files."""
        return (self / self.MARKER).is_file()

    def other_files(self, beside: Collection[str] = ()) -> list[str]:
        """Return the names of what lies in a folder that is not a run yet, other than caches and logs.

        Parameters
        ----------
        beside : collection of str
            Further names that may lie there.
        """
        if self.is_run or not self.path.is_dir():
            return []
        allowed = {*beside, self.LOGS, self.CACHE}
        return sorted(path.name for path in self.path.iterdir() if path.name not in allowed)

    def mark(self, beside: Collection[str] = ()) -> None:
        """Make the folder, and mark it as a run unless somebody's files lie in it.

        Parameters
        ----------
        beside : collection of str
            Names that may lie there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.is_run and not self.other_files(beside):
            # Never over another's: a command that holds the run holds this very file.
            with suppress(FileExistsError), (self / self.MARKER).open("xb") as file:
                file.write(self.MARK)

    def begin(self, beside: Collection[str] = ()) -> None:
        """Make and mark the folder, and remove what a killed command left half-written in a run.

        Parameters
        ----------
        beside : collection of str
            Names that may lie there.
        """
        self.mark(beside)
        if self.is_run:
            folders = (
                self.PICTURE_FOLDER,
                self.TILE_FOLDER,
                self.NUCLEI_FOLDER,
                self.NORMALIZED,
                self.MODEL,
                self.FIGURES,
                self.PAGES,
            )
            people = (self / self.DERIVATIVES).glob("sub-*")
            for place in (self.path, *(self / name for name in folders), *people):
                remove_parts(place)

    def clear(self) -> None:
        """Remove everything that a run leaves; the cache, the logs and a user's own files stay."""
        for name in (*self.RESULTS, *self.PAGES_AND_COPIES):
            path = self / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a path that becomes a result when the block ends, and keep its digest.

        Parameters
        ----------
        name : str
            One of `RESULTS`, or a file in one of its folders.

        Yields
        ------
        Path
            Where to write.
        """
        with replacing(self / name) as part:
            yield part
        self._update_digest(name)

    def write(self, name: str, content: str | bytes) -> None:
        """Write a result whole or not at all; text is written as UTF-8."""
        with self.writing(name) as part:
            part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def write_result(self, name: str, result: object) -> None:
        """Write one of the dataclasses of `normwise.results` as JSON."""
        self.write(name, TypeAdapter(type(result)).dump_json(result, indent=2) + b"\n")

    def remove(self, name: str) -> None:
        """Remove a result that does not hold any more."""
        (self / name).unlink(missing_ok=True)
        self._update_digest(name)

    def remove_people(self) -> None:
        """Remove the pages of people, and what they are drawn from, of an earlier call."""
        self.remove(self.PEOPLE)
        shutil.rmtree(self / self.PAGES, ignore_errors=True)

    def write_record(self, record: RunRecord) -> None:
        """Write ``run.json`` with the digest of every result in the folder.

        Digests that are there already stay, so that damage since then is still noticed.
        """
        try:
            before = self._digests()
        except (OSError, RunError):
            before = {}
        digests = {name: before.get(name) or sha256_file(self / name) for name in self._present()}
        self._write_sealed(json.loads(TypeAdapter(RunRecord).dump_json(replace(
            record, schema_version=_WITH_DIGESTS, digests=digests
        ))))  # fmt: skip

    def read(self, name: str) -> bytes:
        """Return a result's bytes.

        Parameters
        ----------
        name : str
            As it was written.

        Raises
        ------
        FileNotFoundError
            There is none, and ``run.json`` does not list one.
        RunError
            RUN-101, the file is not what was written; RUN-102, it is listed and not there.
        """
        if name == self.RECORD:
            content = (self / name).read_bytes()
            with suppress(ValueError):  # a file that is no record is refused by who reads it as one
                self._digests_in(content)
            return content
        digests = self._digests()
        try:
            content = (self / name).read_bytes()
        except FileNotFoundError:
            if name in digests:
                raise self._missing(name) from None
            raise
        if name in digests and hashlib.sha256(content).hexdigest() != digests[name]:
            raise self._damaged(name)
        return content

    def read_result(self, kind: type[ResultT], name: str) -> ResultT:
        """Read one of the dataclasses of `normwise.results`.

        Raises
        ------
        FileNotFoundError, RunError
            As `read`.
        pydantic.ValidationError
            The file is no such result.
        """
        return TypeAdapter(kind).validate_json(self.read(name))

    def read_kept(self) -> dict[str, str]:
        """Return the SHA-256 of each result that the run took from the cache or put there, by its key.

        Raises
        ------
        RunError
            RUN-101, RUN-102: as `read`.
        """
        try:
            kept = json.loads(self.read(self.KEPT))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged(self.KEPT) from error
        return {str(key): str(digest) for key, digest in kept.items()}

    def check(self, *names: str) -> None:
        """Compare results with their digests.

        Parameters
        ----------
        *names : str
            Which; default: every result that ``run.json`` lists.

        Raises
        ------
        RunError
            RUN-101, a file is not what was written; RUN-102, it is not there any more.
        """
        for name, digest in self._digests().items():
            if name == self.RECORD or (names and name not in names):
                continue
            if not (self / name).is_file():
                raise self._missing(name)
            if sha256_file(self / name) != digest:
                raise self._damaged(name)

    def _present(self) -> list[str]:
        """List the results in the folder, but ``run.json``."""
        names = []
        for name in self.RESULTS:
            path = self / name
            if path.is_dir():
                names += [f"{name}/{each.name}" for each in path.iterdir() if each.is_file()]
            elif path.is_file() and name != self.RECORD:
                names.append(name)
        return sorted(names)

    def _digests(self) -> dict[str, str]:
        """Return the digests in ``run.json``; empty for a folder without it, or of version 0.1.0."""
        try:
            return self._digests_in((self / self.RECORD).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged(self.RECORD) from error

    def _digests_in(self, content: bytes) -> dict[str, str]:
        record = json.loads(content)
        if not isinstance(record, dict):
            return {}
        digests = record.get("digests")
        # Two fields say that there are digests, so that no damage to one of them hides the others.
        if not digests and record.get("schema_version", 1) == 1:
            return {}
        own = digests.get(self.RECORD) if isinstance(digests, dict) else None
        if not isinstance(digests, dict) or not isinstance(own, str) or _seal_of(content, own) != own:
            raise self._damaged(self.RECORD)
        return digests

    def _update_digest(self, name: str) -> None:
        """Keep ``run.json`` in step with a result that was written or removed after it."""
        try:
            digests = self._digests()
            if not digests:
                return
            content = json.loads((self / self.RECORD).read_bytes())
        except (OSError, RunError):
            return
        path = self / name
        digest = sha256_file(path) if path.is_file() else None
        if digests.get(name) == digest:
            return
        content["digests"] = {each: value for each, value in digests.items() if each != name}
        if digest is not None:
            content["digests"][name] = digest
        self._write_sealed(content)

    def _write_sealed(self, content: dict[str, Any]) -> None:
        digests = {**content["digests"], self.RECORD: _BLANK}
        text = json.dumps({**content, "digests": dict(sorted(digests.items()))}, indent=2, ensure_ascii=False)
        blank = text.encode("utf-8") + b"\n"
        own = hashlib.sha256(blank).hexdigest()
        write_bytes(self / self.RECORD, blank.replace(_BLANK.encode(), own.encode()))

    def _damaged(self, name: str) -> RunError:
        return RunError(
            "RUN-101",
            "the file is not what was written: its SHA-256 differs from the one in run.json.",
            subject=str(self / name),
            advice="give the command that wrote the run again; finished extractions are kept",
        )

    def _missing(self, name: str) -> RunError:
        return RunError(
            "RUN-102",
            "run.json lists the file, and it is not there.",
            subject=str(self / name),
            advice="put it back, or give the command that wrote the run again",
        )


def _seal_of(content: bytes, own: str) -> str:
    """Return the digest of ``run.json`` with its own digest blanked."""
    return hashlib.sha256(content.replace(own.encode(), _BLANK.encode())).hexdigest()
