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

__all__ = ["check", "look_at_features", "print_plan"]

_SHOWN_READINGS = 12
_SHOWN_REASONS = 110  # characters of a reason that fit on a line


def check(study: Path, /, *, keys: EveryStudyFlag = NO_KEY_OF_ALL, running: OutputFlags = PLAIN) -> int:
    """Read a study and its table, and say what would be run.

    Nothing is written. Everybody who would be left out is counted with the reason; features in tables are
    read, and up to three images looked at.

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
        from normwise.procedure import warn_of_few_images
        from normwise.runs import check_people, read_plan

        resolved, cohort = read_plan(read_given_study(study, keys), purpose="evaluate")
        cohort = look_at_features(resolved, cohort)
        session.say_taken(study, resolved)
        print_plan(session.output, resolved, cohort)
        check_people(resolved, cohort, "evaluate")
        warn_of_few_images(resolved, int(cohort.groups.nunique()))
        return session.end()


def look_at_features(study: Study, cohort: Cohort) -> Cohort:
    """Look at a few images, or read the tables; return the cohort without those whose cells can't be used.

    Parameters
    ----------
    study : Study
        With its extractor.
    cohort : Cohort
        Who takes part.

    Raises
    ------
    NormwiseError
        What would stop the run.
    """
    from normwise.features import check_images, extract_features

    if study.features.reads_images:
        check_images(study, cohort)
        return cohort
    # Tables are read at once, which shows what is wrong with names and cells.
    return cohort.leave_out(extract_features(cohort, study, jobs=1).failures)


def print_plan(output: CommandOutput, study: Study, cohort: Cohort) -> None:
    """Print what a study would do with whom, and who is left out.

    Parameters
    ----------
    output : CommandOutput
        Where to.
    study : Study
        With its extractor.
    cohort : Cohort
        Who takes part, labelled.
    """
    labels = cohort.labels
    assert labels is not None, "check reads a labelled cohort"
    if study.title:
        output.row("study", study.title)
    ledger = cohort.ledger
    output.row(
        "scans", f"{len(cohort.frame)} of the table's {len(ledger)}, of {cohort.groups.nunique()} people"
    )
    counts = {name: int((labels == name).sum()) for name in cohort.roles.classes}
    people = {name: int(cohort.groups[labels == name].nunique()) for name in cohort.roles.classes}
    sizes = {
        name: f"{count}" if people == counts else f"{people[name]} people with {count} scans"
        for name, count in counts.items()
    }
    notes = {cohort.roles.normal: " (defines normal)"}
    if cohort.target is not None:
        mean, spread = cohort.target.mean(), cohort.target.std()
        span = f"{cohort.target.min():g} to {cohort.target.max():g}, mean {mean:.4g}, SD {spread:.3g}"
        output.row("target", f"{cohort.roles.target}: {span}")
        output.row("normal", "everybody" if len(counts) == 1 else study.cohort.normal)
    output.row(
        "people" if cohort.target is not None else "classes",
        ", ".join(f"{name} {size}{notes.get(name, '')}" for name, size in sizes.items()),
    )
    output.row("corrected", f"for {', '.join(cohort.roles.demographics) or 'nothing'}")
    output.row("features", _features_of(study))
    output.row(
        "classifier" if cohort.target is None else "regressor",
        ", ".join(study.classifier.choices) or study.classifier.name,
    )
    plan = study.evaluation
    output.row("test", f"{plan.folds} folds, drawn {plan.repeats} times, seed {plan.seed}")
    for place, reading in enumerate(cohort.readings[:_SHOWN_READINGS]):
        output.row("read" if place == 0 else "", reading)
    _print_left_out(output, cohort)
    output.number("scans", len(cohort.frame))
    output.number("people", int(cohort.groups.nunique()))
    output.number("classes", counts)
    output.number("people_per_class", people)


def _features_of(study: Study) -> str:
    """Return the extractor and what it measures on: an atlas, or label maps with their images or without."""
    from normwise.schema import BrainSection

    section = study.features
    if isinstance(section, BrainSection) and section.labels is not None:
        text = f"{section.extractor}, on label maps {section.labels}"
        if study.cohort.images is None:
            return f"{text}, without images"
        chosen = ", as far as features.columns has them" if section.columns else ""
        return f"{text}, with intensity and thickness of {study.cohort.images}{chosen}"
    atlas, _ = section.atlas_in(study.cohort.root)
    return section.extractor + (f" on atlas {atlas}" if atlas else "")


def _print_left_out(output: CommandOutput, cohort: Cohort) -> None:
    from normwise.runs import count_reasons

    out = cohort.ledger[cohort.ledger["status"] != "included"]
    output.number("left_out", {str(code): len(rows) for code, rows in out.groupby("code", sort=True)})
    for place, text in enumerate(count_reasons(cohort.ledger)):
        short = text if len(text) <= _SHOWN_REASONS else f"{text[:_SHOWN_REASONS]}…"
        output.row("left out" if place == 0 else "", short)
