"""What reference, collect and merge share: sums written and described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from normwise.cli.session import SOME_FAILED, read_given_study
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.cli.session import Session
    from normwise.cli.study_flags import StudyFlags
    from normwise.normalize import Reference

__all__ = ["print_reference", "write_sums"]

_NAMED = 5  # failures that are named


def write_sums(session: Session, study: Path, keys: StudyFlags, file: Path, *, fewest: int | None) -> int:
    """Sum over the normal people of a study, write the sums, and end the command.

    Parameters
    ----------
    session : Session
        The command.
    study : Path
        A study file, a folder, a table, or a run, whose finished extractions are used.
    keys : StudyFlags
        As parsed.
    file : Path
        Where to write.
    fewest : int, optional
        As of `normwise.model.make_reference`.
    """
    from normwise.cli.commands.predict import probe
    from normwise.model import make_reference
    from normwise.normalize import write_reference

    probe(file)
    run = RunFolder(study)
    reference, cohort = make_reference(
        read_given_study(study, keys),
        fewest=fewest,
        cache_dir=run / run.CACHE if run.is_run else None,
        **session.resources,
    )
    write_reference(reference, file)
    print_reference(session, reference)
    failed = cohort.ledger[cohort.ledger["status"] == "failed"]
    if len(failed):
        session.code = SOME_FAILED
        session.output.number("failed", failed["id"].tolist())
        for row in failed.head(_NAMED).itertuples(index=False):
            session.output.warn(f"{row.id} was left out: {row.code} {row.reason}")
        if len(failed) > _NAMED:
            session.output.warn(f"and {len(failed) - _NAMED} more")
    return session.end(file)


def print_reference(session: Session, reference: Reference) -> None:
    """Print on whom a reference is, and how many numbers it consists of."""
    facts = reference.facts()
    for label, name in (("normals", "normals"), ("features", "features"), ("design", "demographics")):
        session.output.row(label, facts[name])
    session.output.row("numbers", f"{reference.sums.n_values}, and no name, path or time")
    session.output.number("normals", reference.n_normals)
    session.output.number("features", len(reference.features))
    session.output.number("numbers", reference.sums.n_values)
