"""Which folders may be written into: an empty one, or a run of the same study."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from normwise.errors import CommandError, NormwiseError
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.schema import Study

__all__ = ["open_run", "refuse_other_files"]

_NAMED = 4  # differing keys a message names


def open_run(
    folder: Path, study: Study, *, overwrite: bool = False, beside: Collection[str] = ()
) -> RunFolder:
    """Make a run folder, or go on in the one that is there.

    The resolved study is written at once, so that an interrupted run is known again.

    Parameters
    ----------
    folder : Path
        The run folder.
    study : Study
        The resolved study.
    overwrite : bool
        Whether the results of another study may be replaced. The cache stays, since it is keyed by content.
    beside : collection of str
        Names of other files that the folder may hold.

    Returns
    -------
    RunFolder
        The run.

    Raises
    ------
    CommandError
        CLI-201: not a folder, no run and not empty, or where the study's own table lies. CLI-202: a run of
        another study.
    """
    from normwise.cohort import study_to_toml

    text, run = study_to_toml(study), RunFolder(folder)
    _refuse_own_cohort(folder, study)
    refuse_other_files(folder, beside=beside)
    there = run / run.STUDY
    if run.is_run and there.is_file():
        changed = _changed(_study_in(there), text)
        if changed and not overwrite:
            _refuse_another_study(folder, changed)
        if changed:
            run.clear()
    run.begin(beside)
    run.write(run.STUDY, text)
    return run


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


def _study_in(file: Path) -> str:
    """Return a run's study as this version writes it; 0.1.0 wrote keys that no extractor of it reads."""
    from normwise.cohort import read_study, study_to_toml

    try:
        return study_to_toml(read_study(file))
    except NormwiseError:
        return file.read_text(encoding="utf-8", errors="replace")


def _changed(before: str, after: str) -> list[str]:
    """List every key in which two study files differ; a key left out and an empty list are the same."""
    old, new = (
        {key: value for key, value in _flat(_parsed(text)) if value not in ([], "")}
        for text in (before, after)
    )
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return [f"{key}: {_value(old, key)} → {_value(new, key)}" for key in keys]


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
