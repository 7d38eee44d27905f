"""`normwise normalize`: everybody held against the normal group of the study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from normwise.cli.run_flags import USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags

if TYPE_CHECKING:
    from normwise.runs import Departures

__all__ = ["normalize"]

_NAMED = 5


def normalize(
    study: Path,
    run: Path | None = None,
    /,
    *,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Write what is normal for everybody, and how far each departs from it.

    The regression is fitted on the study's normals; nobody is classified.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    overwrite : bool
        Replace the results of another study.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("normalize", running) as session:
        from normwise.runs import SCORES, normalize_study

        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite)
        found = normalize_study(resolved, folder.path, **session.resources)
        scans, features = found.tables["w"].shape
        normals, inside = found.normalizer.n_normals_, int((found.outside == "").sum())
        session.output.row("normals", f"{normals} people, on whom {features} features are regressed")
        session.output.row("inside", f"{inside} of {scans} scans lie inside their range")
        for place, text in enumerate(farthest(found)):
            session.output.row("farthest" if place == 0 else "", text)
        for name, value in (("normals", normals), ("scans", scans), ("inside", inside)):
            session.output.number(name, value)
        session.print_failures(folder.path)
        return session.end(*(folder / folder.NORMALIZED / f"{what}.tsv" for what in SCORES))


def farthest(found: Departures) -> list[str]:
    """Name the scans whose W-scores are largest, each with its own largest one.

    Parameters
    ----------
    found : Departures
        Of everybody.
    """
    import numpy as np

    w = found.tables["w"]
    sizes = np.nan_to_num(np.abs(w.to_numpy()), nan=-1.0)
    if not sizes.size:
        return []
    columns = sizes.argmax(axis=1)
    order = np.argsort(-sizes.max(axis=1), kind="stable")[:_NAMED]
    return [
        f"{w.index[row]}: {w.columns[columns[row]]} W={w.to_numpy()[row, columns[row]]:+.2f}"
        for row in order
        if sizes[row, columns[row]] >= 0
    ]
