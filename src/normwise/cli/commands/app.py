"""`normwise app`: measure or evaluate a BIDS dataset in the form in which BIDS Apps are called."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from normwise.cli.commands.evaluate import evaluate
from normwise.cli.commands.extract import extract
from normwise.cli.run_flags import RUNNING, USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import read_given_study
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.errors import NormwiseWarning

__all__ = ["app"]


def app(
    bids_dir: Path,
    out: Path,
    level: Literal["participant", "group"],
    /,
    *,
    participant_label: Annotated[
        list[str] | None,
        Parameter(
            name="--participant-label", group=RUNNING, consume_multiple=True, negative=(), metavar="ID",
            help="participant: measure these people only",
        ),
    ] = None,
    n_procs: Annotated[
        int | None,
        Parameter(name="--n-procs", group=RUNNING, metavar="N", help="the same as --jobs"),
    ] = None,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:  # fmt: skip
    """Measure the people of a BIDS dataset, or evaluate what was measured, as BIDS Apps are called.

    At the level participant images are measured, on as many machines as see OUT and in any order; a diagnosis
    is not needed. At the level group all of it is gathered, and evaluated where the participants table has
    the diagnosis.

    Parameters
    ----------
    bids_dir : Path
        The dataset.
    out : Path
        The run folder, which is a BIDS derivative.
    level : {"participant", "group"}
        What is done.
    participant_label : list of str
        People to measure, with or without sub-.
    n_procs : int
        People measured, or folds tested, at the same time.
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
    if n_procs is not None:
        running = replace(running, jobs=n_procs)
    if level == "participant":
        return extract(
            bids_dir,
            out,
            unlabelled=True,
            shard=None if participant_label else "1/1",
            participant_label=participant_label,
            overwrite=overwrite,
            keys=keys,
            running=running,
        )
    if _has_diagnosis(bids_dir, keys):
        return evaluate(bids_dir, out, overwrite=overwrite, keys=keys, running=running)
    return extract(bids_dir, out, unlabelled=True, overwrite=overwrite, keys=keys, running=running)


def _has_diagnosis(bids_dir: Path, keys: StudyFlags) -> bool:
    from normwise.cohort import read_table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NormwiseWarning)  # the command that follows says the same
        cohort = read_given_study(bids_dir, keys).cohort
        columns = read_table((cohort.root or bids_dir) / cohort.table).frame.columns
    # A diagnosis that is named and not there is refused.
    return cohort.target is not None or cohort.label in columns or "label" in cohort.model_fields_set
