"""`normwise collect`: sums over a hospital's normal people, which may leave it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.cli.sums import write_sums
from normwise.errors import CommandError

__all__ = ["collect"]

SUMS = Group("[sums]", sort_key=5)


def collect(
    study: Path,
    sums: Path,
    /,
    *,
    fewest: Annotated[
        int,
        Parameter(
            name="--fewest", group=SUMS, show_default=False, metavar="N", help="normal people needed (5)"
        ),
    ] = 5,
    norm: Annotated[
        Path | None,
        Parameter(
            name="--norm",
            group=SUMS,
            help="count people's W by the merged REFERENCE instead, for tails",
            metavar="REFERENCE",
        ),
    ] = None,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Write sums over the normal people of a study, which `normwise merge` adds to those of others.

    The file holds counts, and sums of products of features and demographics: no names, paths or times. With
    --norm, in a second round, it holds how many people have each W by the reference of everybody's sums.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    sums : Path
        Where to write.
    fewest : int
        With fewer normal people nothing is written.
    norm : Path
        The merged reference, by which W is counted for the tails of the study.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("collect", running) as session:
        if fewest < 1:
            raise CommandError(
                "CLI-104", "sums are over one person at least.", subject="--fewest", seen=f"{fewest}",
                expected="1 or more",
            )  # fmt: skip
        return write_sums(session, study, keys, sums, fewest=fewest, norm=norm)
