"""`normwise extract`: measure the features of every image."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from normwise.cli.run_flags import RUNNING, USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import SOME_FAILED, Session, open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags
from normwise.errors import CommandError
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.schema import Study

__all__ = ["extract"]

_NAMED = 5  # more are counted; `normwise shards --failed` names them all


def extract(
    study: Path,
    run: Path | None = None,
    /,
    *,
    unlabelled: Annotated[
        bool, Parameter(negative=(), group=RUNNING, help="measure people without a diagnosis as well")
    ] = False,
    shard: Annotated[
        str | None,
        Parameter(name="--shard", group=RUNNING, metavar="K/N", help="measure the K-th of N parts, as 7/100"),
    ] = None,
    participant_label: Annotated[
        list[str] | None,
        Parameter(
            name="--participant-label",
            group=RUNNING,
            consume_multiple=True,
            negative=(),
            metavar="ID",
            help="measure these people only",
        ),
    ] = None,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Measure the features of every image, each in a process of its own.

    An interrupted run goes on where it was: what is finished is kept. With --shard or --participant-label a
    part is measured, on any machine that sees RUN; without them what all parts have measured is gathered.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    unlabelled : bool
        Measure people without a diagnosis as well.
    shard : str
        The part to measure, and how many there are.
    participant_label : list of str
        People, or scans, to measure, with or without sub-.
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
    with open_session("extract", running) as session:
        if shard is not None or participant_label:
            number = _read_shard(shard, participant_label or [])
            session.hold.what += f" --shard {shard}" if shard else " --participant-label"
            resolved, folder = session.begin_study(
                study, keys, run, overwrite=overwrite, labelled=not unlabelled, shared=True
            )
            return _measure(
                session,
                resolved,
                folder,
                number,
                participant_label or [],
                labelled=not unlabelled,
                anew=overwrite,
            )
        from normwise.runs import prepare_run, record_run

        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite, labelled=not unlabelled)
        prepared = prepare_run(resolved, folder.path, labelled=not unlabelled, **session.resources)
        record_run(prepared, "extract", [])
        scans, features = prepared.features.values.shape
        session.output.row("measured", f"{features} features of {scans} scans")
        session.output.number("scans", scans)
        session.output.number("features", features)
        session.print_failures(folder.path)
        return session.end(folder / folder.FEATURES)


def _read_shard(text: str | None, people: list[str]) -> tuple[int, int] | None:
    """Read K/N; None where people are named instead."""
    if text is None:
        return None
    match = re.fullmatch(r"0*(\d{1,9})/0*(\d{1,9})", text.strip())
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if people:
        raise CommandError("CLI-101", "--shard and --participant-label both say what is to be measured.")
    if not 1 <= number <= of:
        raise CommandError(
            "CLI-104",
            "there is no such shard.",
            subject="--shard",
            seen=text,
            expected="K/N with K from 1 to N, as 7/100",
        )
    return number, of


def _measure(
    session: Session,
    study: Study,
    folder: RunFolder,
    shard: tuple[int, int] | None,
    people: list[str],
    *,
    labelled: bool,
    anew: bool,
) -> int:
    """Measure a part, and say how to go on."""
    from normwise.runs import measure_shard

    record = measure_shard(
        study, folder.path, shard=shard, people=people, labelled=labelled, anew=anew, **session.resources
    )
    total = len(record.measured) + len(record.failed)
    session.output.row("measured", f"{len(record.measured)} of {total} scans")
    session.output.row(
        "then", "`normwise extract STUDY RUN` gathers; `normwise shards STUDY RUN` says what is missing"
    )
    session.output.number("measured", len(record.measured))
    session.output.number("failed", list(record.failed))
    session.code = SOME_FAILED if record.failed else session.code
    for scan, why in list(record.failed.items())[:_NAMED]:
        session.output.warn(f"{scan} was not measured: {why}")
    if len(record.failed) > _NAMED:
        session.output.warn(f"and {len(record.failed) - _NAMED} more")
    return session.end()
