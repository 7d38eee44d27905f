"""`normwise reference`: what is normal, as a file without anybody's data."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.cli.sums import write_sums

__all__ = ["reference"]


def reference(study: Path, file: Path, /, *, keys: StudyFlags = NO_KEY, running: RunFlags = USUAL) -> int:
    """Write what is normal for people's demographics as a file, without a classifier and without anybody.

    The table may hold normal people only. Features of a run that `normwise extract` wrote are measured once.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    file : Path
        Where to write.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("reference", running) as session:
        return write_sums(session, study, keys, file, fewest=None)
