"""`run_subjects`: one function over many subjects, each in a child of its own, each result kept."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from normwise.engine.cache import Cache, result_key
from normwise.engine.cache_folders import ELSEWHERE
from normwise.engine.executor import (
    CURRENT,
    DEFAULT_LIMITS,
    Executor,
    Finished,
    FunctionName,
    Limits,
    Outcome,
    Task,
    Work,
    name_function,
)
from normwise.engine.fingerprints import Fingerprints
from normwise.engine.local import LocalExecutor
from normwise.engine.progress import LogProgress, Progress, State
from normwise.engine.serialization import DAMAGED, UNWRITTEN, DamagedError, Stored, decode, encode_value
from normwise.errors import EngineError, NormwiseError, NormwiseWarning

__all__ = ["run_subjects"]

_NAME = "\ufffc"
"""Stands in kept warnings for the name of what was read: others may find them under the same bytes."""


def run_subjects(
    function: Callable[..., object],
    tasks: Sequence[Task],
    *,
    version: str,
    cache_dir: Path | None,
    also: Path | None = None,
    copies: bool = False,
    jobs: int = 1,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    executor: Executor | None = None,
    title: str = "subjects",
    preload: Sequence[str] = (),
    packages: Sequence[str] = (),
) -> list[Outcome]:
    """Call a function for many subjects; an error, a crash or a limit costs one subject only.

    Parameters
    ----------
    function : callable
        Defined at the top of an importable module; called as ``function(**task.arguments)`` in a child
        process; returns a dict of arrays, numbers, texts and lists. Its arguments and inputs alone decide
        what it returns.
    tasks : sequence of Task
        One a subject.
    version : str
        Raised by the function's author whenever its results change: it is part of the cache's key.
    cache_dir : Path or None
        Where results are kept by content; None keeps nothing. Failures are never kept.
    also : Path, optional
        A second cache, which is read where the first has no result, and written where the first can't be.
    copies : bool
        Whether results that only the second has are written into the first as well.
    jobs : int
        Children at once.
    limits : Limits
        Wall clock, memory and threads of each child.
    progress : Progress, optional
        Where it is shown; default: nowhere.
    executor : Executor, optional
        Where children run; default: as `use_engine` says, else this machine.
    title : str
        Of the bar.
    preload : sequence of str
        Modules that children need and that take long to import: imported once.
    packages : sequence of str
        Further packages whose versions key the cache.

    Returns
    -------
    list of Outcome
        In the order of ``tasks``; the same for any number of jobs, and from the cache.

    Raises
    ------
    EngineError
        ENG-101 to ENG-106, ENG-301: nothing can be run at all.

    Warns
    -----
    NormwiseWarning
        ENG-302, ENG-303 and ENG-305 about the cache; what the function warned of, each code once, with the
        number of subjects.

    Examples
    --------
    >>> from normwise.files import sha256_file  # any function of a module
    >>> task = Task("sub-01", {"path": "absent"})
    >>> [outcome] = run_subjects(sha256_file, [task], version="1", cache_dir=None)
    >>> outcome.subject, outcome.value, outcome.error.code
    ('sub-01', None, 'ENG-205')
    """
    _check(tasks, jobs)
    cache = Cache(cache_dir, also, copies=copies) if cache_dir is not None else None
    run = _Run(tasks, cache, progress or LogProgress(), title)
    folders = _folders_of(tasks, cache_dir)
    work = Work(name_function(function), run.left, limits, jobs, tuple(preload), folders=folders)
    run.progress.start(title, len(tasks))
    try:
        run.take_from_cache(work.function, version, packages, jobs)
        if run.left:
            with closing((executor or CURRENT.get() or LocalExecutor()).execute(work)) as results:
                for finished in results:
                    run.take(finished)
    finally:
        run.progress.finish(title)
    run.warn()
    return [run.outcomes[position] for position in range(len(tasks))]


def _check(tasks: Sequence[Task], jobs: int) -> None:
    if jobs < 1:
        raise EngineError(
            "ENG-103", "at least one job is needed.", seen=f"{jobs} jobs", advice="give 1 or more"
        )
    for task in tasks:
        try:
            json.dumps({**task.arguments, **task.aside})
        except (TypeError, ValueError) as error:
            raise EngineError(
                "ENG-102",
                "an argument can't be passed to a child process.",
                subject=task.subject,
                seen=str(error),
                expected="what JSON can hold: texts, numbers, lists, dicts",
                advice="give a path as text",
            ) from error


def _folders_of(tasks: Sequence[Task], cache_dir: Path | None) -> tuple[str, ...]:
    """Return the folders of the cache and of some inputs, which whoever works must see."""
    inputs = [path.parent for task in (tasks[0], tasks[-1]) for path in task.inputs] if tasks else []
    folders = [*([] if cache_dir is None else [cache_dir]), *inputs]
    return tuple(dict.fromkeys(str(each.absolute()) for each in folders))


class _Run:
    """The state of one call of `run_subjects`."""

    def __init__(self, tasks: Sequence[Task], cache: Cache | None, progress: Progress, title: str) -> None:
        self.tasks = tasks
        self.progress = progress
        self.outcomes: dict[int, Outcome] = {}
        self.left = {position: {**task.arguments, **task.aside} for position, task in enumerate(tasks)}
        self._title = title
        self._cache = cache
        self._keys: dict[int, str] = {}
        self._fingerprints = Fingerprints(cache.fingerprints if cache else None)

    def take_from_cache(
        self, function: FunctionName, version: str, packages: Sequence[str], jobs: int
    ) -> None:
        """Compute the key of every result, and take the results that are in the cache."""
        if self._cache is None:
            return
        hashes = self._hash_inputs(jobs)
        for position, task in enumerate(self.tasks):
            inputs = [hashes[path] for path in task.inputs if path in hashes]
            if len(inputs) < len(task.inputs):
                continue  # the function has the better error for a file that can't be read
            key = self._keys[position] = result_key(function, version, task, inputs, packages)
            if stored := self._cache.get(key):
                del self.left[position]
                self._keep(
                    position,
                    Outcome(
                        task.subject,
                        stored.value,
                        cached=True,
                        warnings=tuple(_with_name(each, task) for each in stored.warnings),
                        key=key,
                        digest=stored.digest,
                    ),
                )

    def take(self, finished: Finished) -> None:
        """Keep the value of a child that has ended, or the error why there is none."""
        task = self.tasks[finished.position]
        content, stored = self._read(finished, task)
        error = finished.error or (stored.error if stored else _damaged())
        key = self._keys.get(finished.position)
        if error is None and key and not all(map(self._fingerprints.is_unchanged, task.inputs)):
            error = EngineError(
                "ENG-208",
                "an input changed while it was being read.",
                advice="run again when nothing writes to the images any more",
            )
        kept = error is None and self._cache is not None and key is not None and content is not None
        if kept and self._cache and key and content:
            self._cache.put(key, content)
        self._keep(
            finished.position,
            Outcome(
                subject=task.subject,
                value=stored.value if stored and error is None else None,
                error=_with_subject(task.subject, error) if error else None,
                seconds=finished.seconds,
                peak_bytes=finished.peak_bytes,
                warnings=tuple(_with_name(each, task) for each in stored.warnings) if stored else (),
                key=key if kept and key else "",
                digest=stored.digest if kept and stored else "",
            ),
        )

    def warn(self) -> None:
        """Warn once of what concerns the cache, and once of each code that children warned with."""
        if self._cache is not None:
            self._fingerprints.save()
            if damaged := self._cache.damaged:
                _warn(DAMAGED, f"{damaged} results in the cache were damaged and have been computed again.")
            if unwritten := self._cache.unwritten:
                _warn(UNWRITTEN, f"{unwritten} results could not be written into the cache.")
            if elsewhere := self._cache.elsewhere:
                _warn(
                    ELSEWHERE, f"{elsewhere} results could not be written into the cache; the run keeps them."
                )
        by_code: dict[str, list[NormwiseWarning]] = {}
        for position in sorted(self.outcomes):
            for warning in self.outcomes[position].warnings:
                by_code.setdefault(warning.code, []).append(warning)
        for code, raised in by_code.items():
            count = f" ({code} came {len(raised)} times in {len(self.tasks)} subjects)"
            _warn(code, raised[0].text + (count if len(raised) > 1 else ""))

    def _hash_inputs(self, jobs: int) -> dict[Path, str]:
        def hash_or_none(path: Path) -> str | None:
            try:
                return self._fingerprints.of(path)
            except OSError:
                return None

        paths = list(dict.fromkeys(path for task in self.tasks for path in task.inputs))
        with ThreadPoolExecutor(jobs) as pool:  # hashing frees the interpreter for other threads
            digests = zip(paths, pool.map(hash_or_none, paths), strict=True)
            return {path: digest for path, digest in digests if digest is not None}

    def _read(self, finished: Finished, task: Task) -> tuple[bytes | None, Stored | None]:
        content = finished.content
        try:
            stored = decode(content) if content else None
        except DamagedError:
            return None, None
        raised = stored.warnings if stored else ()
        codes = [warning.code for warning in raised if warning.code in (DAMAGED, UNWRITTEN)]
        named = any(warning.subject is not None for warning in raised)
        if stored and (codes or named) and self._cache:
            # It happened in this run, and says nothing of the subject: the next run's result is the same.
            self._cache.damaged += codes.count(DAMAGED)
            self._cache.unwritten += codes.count(UNWRITTEN)
            left = (each for each in raised if each.code not in codes)
            stored = replace(stored, warnings=tuple(_without_name(each, task) for each in left))
            if stored.error is None:
                content = encode_value(stored.value, stored.warnings)
                stored = decode(content)
        return content, stored

    def _keep(self, position: int, outcome: Outcome) -> None:
        self.outcomes[position] = outcome
        state: State = "failed" if outcome.error else "cached" if outcome.cached else "done"
        code = outcome.error.code if outcome.error else ""
        self.progress.advance(self._title, outcome.subject, state, code)


def _with_subject(subject: str, error: NormwiseError) -> NormwiseError:
    """Return the error with the subject; the file that it named goes into the sentence."""
    if error.subject in (None, subject):
        return error.for_subject(subject)
    fields = error.to_dict()
    fields.pop("branch")
    return type(error)(**{**fields, "subject": subject, "problem": f"{error.subject}: {error.problem}"})  # type: ignore[arg-type] # code and problem are never None


def _without_name(warning: NormwiseWarning, task: Task) -> NormwiseWarning:
    """Return a warning in which an input's place among the task's stands for its name."""
    name = warning.subject
    if name is None:
        return warning
    names = [path.name for path in task.inputs]
    place = str(names.index(name)) if name in names else ""
    text = _NAME + warning.text.removeprefix(name) if warning.text.startswith(f"{name}: ") else warning.text
    return NormwiseWarning(warning.code, text, subject=_NAME + place, value=warning.value)


def _with_name(warning: NormwiseWarning, task: Task) -> NormwiseWarning:
    """Return a warning with the name of the task's own input, or of its subject."""
    place = (warning.subject or "").removeprefix(_NAME)
    if warning.subject in (None, place):
        return warning
    name = task.inputs[int(place)].name if place else task.subject
    text = name + warning.text[1:] if warning.text.startswith(_NAME) else warning.text
    return NormwiseWarning(warning.code, text, subject=name, value=warning.value)


def _damaged() -> EngineError:
    return EngineError(
        "ENG-209",
        "the child's result was damaged on its way back.",
        advice="look for a full or failing disk under the temporary folder",
    )


def _warn(code: str, text: str) -> None:
    warnings.warn(NormwiseWarning(code, text), stacklevel=4)
