"""Which folders may be written into: an empty one, or a run of the same study."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from normwise.cli.run_hold import RunHold
from normwise.errors import CommandError, NormwiseError
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.schema import Study

__all__ = ["open_run", "own_study", "refuse_other_files", "settle_study"]

_NAMED = 4  # differing keys a message names


def settle_study(
    folder: Path, study: Study, *, verb: str = "", overwrite: bool = False, beside: Collection[str] = ()
) -> Study:
    """Return the study with which a folder can be gone on in, or refuse the folder; nothing is written.

    Two studies differ where the command and the results in the folder both use a key. A key that only the
    results use keeps the run's value; a folder without results is free.

    Parameters
    ----------
    folder : Path
        The run folder.
    study : Study
        The resolved study.
    verb : str
        The command, which may use some keys only.
    overwrite : bool
        Whether the results of another study may be replaced.
    beside : collection of str
        Names of other files that the folder may hold.

    Raises
    ------
    CommandError
        CLI-201: not a folder, no run and not empty, or where the study's own table lies. CLI-202: a run of
        another study.
    """
    return _settle(folder, study, verb=verb, overwrite=overwrite, beside=beside)[0]


def _settle(
    folder: Path, study: Study, *, verb: str, overwrite: bool, beside: Collection[str]
) -> tuple[Study, bool]:
    """Return the study, and whether what another one has left is to be replaced."""
    _refuse_own_cohort(folder, study)
    refuse_other_files(folder, beside=beside)
    run = RunFolder(folder)
    changed, verbs = _changed_keys(run, study), _verbs_with_results(run)
    held = [key for key in changed if any(_uses(each, key) for each in verbs)]
    apart = [key for key in held if _uses(verb, key)]
    if apart and not overwrite:
        _refuse_another_study(folder, [changed[key] for key in apart])
    if apart or not verbs:  # without results there is at most the begin of a run that was refused
        return study, bool(changed)
    return (_with_values_of(_study_in(run), study, held) if held else study), False


def open_run(
    folder: Path,
    study: Study,
    *,
    verb: str = "",
    overwrite: bool = False,
    beside: Collection[str] = (),
    hold: RunHold | None = None,
    shared: bool = False,
) -> RunFolder:
    """Make a run folder, or go on in the one that is there.

    The resolved study is written at once, so that an interrupted run is known again.

    Parameters
    ----------
    folder, study, verb, overwrite, beside
        As in `settle_study`, whose study this takes. The cache stays in any case, since it is keyed by
        content.
    hold : RunHold, optional
        Keeps other commands out of the folder before anything in it is changed.
    shared : bool
        Whether commands that measure other parts of the same study may be at work in it.

    Returns
    -------
    RunFolder
        The run.

    Raises
    ------
    CommandError
        As `settle_study`; CLI-204, another command writes into the folder.
    """
    from normwise.cohort import study_to_toml

    study, replaces = _settle(folder, study, verb=verb, overwrite=overwrite, beside=beside)
    run = RunFolder(folder)
    run.mark(beside)
    if hold is not None:
        hold.take(run, shared=shared and not replaces)
    if replaces:
        run.clear()
    if replaces or not shared:
        run.begin(beside)
    if hold is not None and replaces and shared:
        hold.take(run, shared=True)
    run.write(run.STUDY, study_to_toml(study))
    return run


def own_study(study: Path, run: Path | None) -> tuple[Path, Path]:
    """Return where the study and its run lie; a run alone brings its own study.

    Parameters
    ----------
    study : Path
        A study file, a folder, a participants table, or a run or its study file.
    run : Path, optional
        The run folder; default: beside the study, with ``-run`` behind its name.

    Raises
    ------
    CommandError
        CLI-101, nothing can lie beside the study.

    Examples
    --------
    >>> own_study(Path("ward/study.toml"), None)[1].as_posix(), own_study(Path("ds"), None)[1].as_posix()
    ('ward/study-run', 'ds-run')
    """
    if run is not None:
        return study, run
    place = study.parent if study.name == RunFolder.STUDY else study
    if RunFolder(place).is_run and (place / RunFolder.STUDY).is_file():
        return study, place
    if study.is_dir() and (study / RunFolder.STUDY).is_file():
        study /= RunFolder.STUDY
    if study.name in ("", ".."):  # a place that has its name from elsewhere
        study = study.resolve()
    if not study.name:
        raise CommandError(
            "CLI-101",
            "the run folder is not named.",
            subject=str(study),
            expected="STUDY RUN, since nothing can lie beside this folder",
            advice="name a new folder for the run after the study",
        )
    name = study.stem if study.is_file() or study.name == RunFolder.STUDY else study.name
    return study, study.with_name(f"{name}-run")


def refuse_other_files(folder: Path, *, beside: Collection[str] = ()) -> None:
    """Refuse a folder in which something else lies that a run would be mixed with.

    Parameters
    ----------
    folder : Path
        The run folder; it need not be there.
    beside : collection of str
        Names that may lie in it.

    Raises
    ------
    CommandError
        CLI-201: not a folder, or no run and not empty.
    """
    if folder.exists() and not folder.is_dir():
        raise CommandError(
            "CLI-201",
            "the run folder's name is taken by a file.",
            subject=str(folder),
            advice="name another folder",
        )
    files = RunFolder(folder).other_files(beside)
    if files:
        more = ", …" if len(files) > _NAMED else ""
        raise CommandError(
            "CLI-201",
            "the folder is neither empty nor a run.",
            subject=str(folder),
            seen=", ".join(files[:_NAMED]) + more,
            expected="an empty folder, a new one, or a run of the same study",
            advice="name another folder for the run",
        )


def _refuse_own_cohort(folder: Path, study: Study) -> None:
    """Refuse the folder that the study reads from: a run's files have names that a cohort's may have too."""
    if study.cohort.root is None:
        return
    root = Path(study.cohort.root)
    if folder.resolve() in (root.resolve(), (root / study.cohort.table).resolve().parent):
        raise CommandError(
            "CLI-201",
            "the folder is the study's own cohort.",
            subject=str(folder),
            expected="an empty folder, a new one, or a run of the same study",
            advice="name another folder for the run",
        )


_MEASURED = ("cohort", "features")
_FITTED = (*_MEASURED, "normalizer", "sites", "selection", "classifier", "decision")
_LEARNT = (*_FITTED, "evaluation.seed", "evaluation.inner_folds")
_KEYS = {
    "extract": _MEASURED,
    "normalize": (*_MEASURED, "normalizer", "sites", "evaluation.seed"),
    "descent": (*_MEASURED, "normalizer", "sites", "classifier", "evaluation.seed"),
    "train": _LEARNT,
    "test": (*_MEASURED, "evaluation"),
}
"""Sections and keys that a command uses; the others use all but the title."""


def _uses(verb: str, key: str) -> bool:
    keys = _KEYS.get(verb, (*_FITTED, "evaluation"))
    return key in keys or key.partition(".")[0] in keys


def _verbs_with_results(run: RunFolder) -> list[str]:
    """List the commands whose results lie in a folder; what a refused one leaves is no result."""
    verbs = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        verbs.append(str(json.loads((run / run.RECORD).read_bytes())["command"]))
    if ((run / run.EVALUATION).exists() or (run / run.REGRESSION).exists()) and "test" not in verbs:
        verbs.append("evaluate")
    if (run / run.MODEL).exists():
        verbs.append("train")
    if (run / run.SHARDS).exists() and "extract" not in verbs:
        verbs.append("extract")
    return verbs


def _study_in(run: RunFolder) -> Study:
    """Return a run's study as this version reads it."""
    from normwise.cohort import read_study

    return read_study(run / run.STUDY, saved=True)


def _with_values_of(other: Study, study: Study, keys: Collection[str]) -> Study:
    """Return a study with another's values of some keys."""
    for key in keys:
        name, _, inner = key.partition(".")
        value = getattr(other, name)
        if inner:
            inner = inner.partition(".")[0]
            fields = type(value).model_fields
            inner = next((each for each, field in fields.items() if field.alias == inner), inner)
            value = getattr(study, name).model_copy(update={inner: getattr(value, inner)})
        study = study.model_copy(update={name: value})
    return study


def _changed_keys(run: RunFolder, study: Study) -> dict[str, str]:
    """Return every key in which a run's study differs, with both values.

    A key left out and an empty list are the same; 0.1.0 wrote keys that no extractor of it reads.
    """
    from normwise.cohort import study_to_toml

    file = run / run.STUDY
    if not (run.is_run and file.is_file()):
        return {}
    try:
        before = study_to_toml(_study_in(run))
    except NormwiseError:
        before = file.read_text(encoding="utf-8", errors="replace")
    old, new = (
        {key: value for key, value in _flat(_parsed(text)) if value not in ([], "")}
        for text in (before, study_to_toml(study))
    )
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return {key: f"{key}: {_value(old, key)} → {_value(new, key)}" for key in keys}


def _refuse_another_study(folder: Path, changed: list[str]) -> None:
    more = [f"and {len(changed) - _NAMED} more"] if len(changed) > _NAMED else []
    raise CommandError(
        "CLI-202",
        "the folder is a run of another study.",
        subject=str(folder),
        seen="; ".join([*changed[:_NAMED], *more]),
        advice="name another folder, or replace its results with --overwrite (finished extractions are kept)",
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _flat(section: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _value(values: dict[str, Any], key: str) -> str:
    return str(values[key]) if key in values else "(default)"
