"""`normwise check`: read a study and its table, and say what would be run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session, read_given_study
from normwise.cli.study_flags import NO_KEY_OF_ALL, EveryStudyFlag

if TYPE_CHECKING:
    from normwise.cli.output import CommandOutput
    from normwise.cohort import Cohort
    from normwise.schema import Study

__all__ = ["check"]

_SHOWN_READINGS = 12
_SHOWN_REASONS = 60  # characters of a reason that fit beside its code


def check(study: Path, /, *, keys: EveryStudyFlag = NO_KEY_OF_ALL, running: OutputFlags = PLAIN) -> int:
    """Read a study and its table, and say what would be run.

    Nothing is written. Everybody who would be left out is counted with the reason.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    keys : EveryStudyFlag
        Flags that stand for keys of the study file.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("check", running) as session:
        from normwise.runs import read_plan

        resolved, cohort = read_plan(read_given_study(study, keys), purpose="evaluate")
        _print_plan(session.output, resolved, cohort)
        return session.end()


def _print_plan(output: CommandOutput, study: Study, cohort: Cohort) -> None:
    labels = cohort.labels
    assert labels is not None, "check reads a labelled cohort"
    if study.title:
        output.row("study", study.title)
    ledger = cohort.ledger
    output.row(
        "scans", f"{len(cohort.frame)} of the table's {len(ledger)}, of {cohort.groups.nunique()} people"
    )
    counts = {name: int((labels == name).sum()) for name in cohort.roles.classes}
    notes = {cohort.roles.normal: " (defines normal)"}
    output.row("classes", ", ".join(f"{name} {count}{notes.get(name, '')}" for name, count in counts.items()))
    output.row("corrected", f"for {', '.join(cohort.roles.demographics) or 'nothing'}")
    atlas, _ = study.features.atlas_in(study.cohort.root)
    output.row("features", study.features.extractor + (f" on atlas {atlas}" if atlas else ""))
    output.row("classifier", ", ".join(study.classifier.choices) or study.classifier.name)
    plan = study.evaluation
    output.row("test", f"{plan.folds} folds, drawn {plan.repeats} times, seed {plan.seed}")
    for place, reading in enumerate(cohort.readings[:_SHOWN_READINGS]):
        output.row("read" if place == 0 else "", reading)
    _print_left_out(output, cohort)
    output.number("scans", len(cohort.frame))
    output.number("people", int(cohort.groups.nunique()))
    output.number("classes", counts)


def _print_left_out(output: CommandOutput, cohort: Cohort) -> None:
    out = cohort.ledger[cohort.ledger["status"] != "included"]
    output.number("left_out", {str(code): len(rows) for code, rows in out.groupby("code", sort=True)})
    for place, (code, rows) in enumerate(out.groupby("code", sort=True)):
        reason = str(rows["reason"].iloc[0])
        short = reason if len(reason) <= _SHOWN_REASONS else f"{reason[:_SHOWN_REASONS]}…"
        output.row(
            "left out" if place == 0 else "", f"{len(rows)} by {code}, as {rows['id'].iloc[0]}: {short}"
        )
