"""`normwise shards`: which scans of a study that is measured in shards have no result yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from normwise.cli.open_run import own_study, settle_study
from normwise.cli.run_flags import PLAIN, RUNNING, OutputFlags
from normwise.cli.session import DONE, SOME_FAILED, open_session, read_given_study
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.errors import CommandError
from normwise.run_folder import RunFolder

__all__ = ["shards"]


def shards(
    study: Path,
    run: Path | None = None,
    /,
    *,
    failed: Annotated[
        bool,
        Parameter(
            name="--failed",
            negative=(),
            group=RUNNING,
            help="print shard, scan and reason of what is missing",
        ),
    ] = False,
    unlabelled: Annotated[
        bool, Parameter(negative=(), group=RUNNING, help="as the shards were given it")
    ] = False,
    keys: StudyFlags = NO_KEY,
    running: OutputFlags = PLAIN,
) -> int:
    """Say how much of a study has been measured in shards, and what is missing.

    No image is read. With --failed each scan without a result is a line of three columns, so that only its
    shard is submitted again: `sbatch --array=$(normwise shards STUDY RUN --failed | cut -d/ -f1 | sort -un |
    paste -sd,)`.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder.
    failed : bool
        Print what is missing, and nothing else.
    unlabelled : bool
        Whether people without a diagnosis are measured as well.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code: 1 where anything is missing.
    """
    with open_session("shards", running) as session:
        from normwise.runs import list_states, read_plan

        source, place = own_study(study, run)
        folder = RunFolder(place)
        if not folder.is_run:
            raise CommandError(
                "CLI-203",
                "there is no such run.",
                subject=str(folder),
                expected="a folder in which normwise extract --shard has worked",
                advice="check the path",
            )
        given = read_given_study(source, keys)
        resolved = read_plan(given, purpose="extract", labelled=not unlabelled)[0]
        settle_study(place, resolved, verb="extract")
        states = list_states(resolved, place, labelled=not unlabelled)
        missing = [state for state in states if state.is_missing]
        session.code = SOME_FAILED if missing else DONE
        if failed and not running.json_log:
            sys.stdout.write("".join(f"{each.shard}\t{each.scan}\t{each.missing}\n" for each in missing))
            return session.finish()
        again = sorted({int(each.shard.partition("/")[0]) for each in missing})
        session.output.row("measured", f"{len(states) - len(missing)} of {len(states)} scans")
        if missing:
            of = missing[0].shard.rpartition("/")[2]
            session.output.row("missing", f"in {len(again)} of {of} shards; --failed lists them")
        session.output.number("measured", len(states) - len(missing))
        session.output.number("missing", [[each.shard, each.scan, each.missing] for each in missing])
        session.output.number("shards", again)
        return session.end()
