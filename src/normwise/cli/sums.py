"""What reference, collect and merge share: sums written and described."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from normwise.cli.regression import refuse_number
from normwise.cli.session import read_given_study
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.cli.session import Session
    from normwise.cli.study_flags import StudyFlags
    from normwise.normalize import NormalCounts, Reference

__all__ = ["print_sums", "write_sums"]


def write_sums(
    session: Session,
    study: Path,
    keys: StudyFlags,
    file: Path,
    *,
    fewest: int | None,
    norm: Path | None = None,
) -> int:
    """Sum over the normal people of a study, or count them, write that, and end the command.

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
    norm : Path, optional
        The reference by which they are counted.
    """
    from normwise.engine import cache_place
    from normwise.files import check_writable
    from normwise.model import count_study, make_reference
    from normwise.normalize import read_reference, write_reference

    check_writable(file)
    run = RunFolder(study)
    resources = session.resources
    if resources["cache_dir"] is None and run.is_run:
        own = run / run.CACHE
        resources["cache_dir"] = own if (own / "results").is_dir() else cache_place()
    given = read_given_study(study, keys)
    refuse_number(session.verb, given)
    sums: Reference | NormalCounts
    if norm is None or fewest is None:
        sums, cohort = make_reference(given, fewest=fewest, **resources)
    else:
        sums, cohort = count_study(given, read_reference(norm), fewest=fewest, **resources)
    write_reference(sums, file)
    print_sums(session, sums)
    if norm is None and fewest is not None and given.normalizer.tails != "gaussian":
        session.output.row("tails", "in a second round, by collect --norm and the merged reference")
    failed = cohort.ledger[cohort.ledger["status"] == "failed"]
    session.warn_of_failures(
        [(str(row.id), str(row.code), str(row.reason)) for row in failed.itertuples(index=False)]
    )
    return session.end(file)


def print_sums(session: Session, sums: Reference | NormalCounts) -> None:
    """Print on whom a reference is, or counts are, and of how many numbers it consists."""
    facts = sums.facts()
    for label, name in (
        ("normals", "normals"), ("features", "features"), ("design", "demographics"), ("sites", "sites"),
        ("tails", "tails"), ("norm", "norm"),
    ):  # fmt: skip
        if name in facts:
            session.output.row(label, facts[name])
    names = "no person's name" if "sites" in facts else "no name"
    session.output.row("numbers", f"{sums.n_values}, and {names}, path or time")
    session.output.number("normals", sums.n_normals)
    session.output.number("features", len(sums.features))
    session.output.number("numbers", sums.n_values)
