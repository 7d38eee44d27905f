"""`normwise init`: write a study file for a folder or a table, and say what it would do."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from normwise.cli.commands.check import look_at_features, print_plan
from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags, overrides_from
from normwise.errors import CommandError, NormwiseError, NormwiseWarning

if TYPE_CHECKING:
    from normwise.cohort import Cohort, Table
    from normwise.schema import Study

__all__ = ["init"]

INIT = Group("[init]", sort_key=5)


def init(
    folder: Path,
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(name="--out", group=INIT, metavar="FILE", help="the study to write (FOLDER/study.toml)"),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(name="--overwrite", negative=(), group=INIT, help="replace a study that is there")
    ] = False,
    keys: StudyFlags = NO_KEY,
    running: OutputFlags = PLAIN,
) -> int:
    """Write a commented study.toml for a folder or a table, and say what it would do.

    Diagnosis, normal class and demographics are those of the flags; on a terminal they are asked for, and
    elsewhere taken where only one column can be meant.

    Parameters
    ----------
    folder : Path
        A BIDS dataset, another folder with a table of people, or the table.
    out : Path, optional
        The file to write.
    overwrite : bool
        Replace a file that is there.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("init", running) as session:
        from normwise.cohort import commented_toml, likely_features, read_study, read_table
        from normwise.files import write_text
        from normwise.runs import read_plan

        folder = folder.absolute()
        place = folder if folder.is_dir() else folder.parent
        file = out.absolute() if out is not None else place / "study.toml"
        asks = _on_terminal() and not running.quiet and not running.json_log
        if (
            file.exists()
            and not overwrite
            and not (asks and _ask(f"{file} is there; replace it", "no") == "yes")
        ):
            raise CommandError(
                "CLI-218",
                "the study file is there already.",
                subject=str(file),
                advice="name another with --out, or replace it with --overwrite",
            )
        changes = overrides_from(keys)
        if (folder / "study.toml").is_file() and "cohort.root" not in changes:
            folder, table_named = _people_of(folder)
            changes = {**table_named, **changes}
        if asks:
            changes |= _answers(folder, changes)
        study, cohort = read_plan(read_study(folder, changes, afresh=True), purpose="extract")
        people = (study.cohort.root or place) / study.cohort.table
        table = read_table(people)
        used = {study.cohort.id, study.cohort.label, str(study.cohort.site), *study.cohort.demographics}
        numbers = likely_features(table, used)
        root = None if file.parent == study.cohort.root else study.cohort.root
        written = study.model_copy(update={"cohort": study.cohort.model_copy(update={"root": root})})
        session.say_taken(people, study)  # and not the folder, which is one of a study now
        write_text(file, commented_toml(written, numbers=numbers))
        cohort, refusal = _judge(study, cohort)
        print_plan(session.output, study, cohort)
        session.output.row("next", f"look at {file.name}, then normwise evaluate {file}")
        if refusal is not None:  # the study is written, and tells what is still to be done
            text = f"an evaluation would be refused: {refusal.code} {refusal.problem} {refusal.advice}"
            warnings.warn(NormwiseWarning("CLI-219", text, subject=file.name), stacklevel=2)
        return session.end(file)


def _judge(study: Study, cohort: Cohort) -> tuple[Cohort, NormwiseError | None]:
    """Look at a few images or the table's cells: return who is left, and why a run would be refused."""
    from normwise.runs import check_people

    try:
        cohort = look_at_features(study, cohort)
        check_people(study, cohort, "evaluate")
    except NormwiseError as error:
        return cohort, error
    return cohort, None


def _people_of(folder: Path) -> tuple[Path, dict[str, str]]:
    """Return where the people of the study to be replaced lie, and their table if it is no dataset's own."""
    from normwise.cohort import read_study

    with suppress(NormwiseError):
        cohort = read_study(folder).cohort
        root = (cohort.root or folder).resolve()
        if root.is_dir() and (root / cohort.table).is_file():
            source = folder if root == folder.resolve() else root
            return source, {} if cohort.table == "participants.tsv" else {"cohort.table": cohort.table}
    return folder, {}


def _answers(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    """Ask for what no flag gives: label, normal class and demographics."""
    from normwise.cohort import (
        describe_table,
        label_choices,
        likely_labels,
        likely_normals,
        read_study,
        read_table,
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is taken here is asked for
        given = {"cohort.demographics": [], **changes}
        study = read_study(folder, given, afresh=True)
        try:
            demographics = read_study(folder, changes, afresh=True).cohort.demographics
        except NormwiseError:  # several columns may be meant
            demographics = []
    table = describe_table(read_table((study.cohort.root or Path()) / study.cohort.table))
    answers: dict[str, Any] = {}
    label = str(changes.get("cohort.label", ""))
    if not label and "cohort.target" not in changes:
        likely = [study.cohort.label] if study.cohort.label in table.frame.columns else likely_labels(table)
        _list("Columns that may be the diagnosis:", label_choices(table))
        label = answers["cohort.label"] = _choose("diagnosis", likely, list(table.frame.columns))
    if label and not {"cohort.normal", "cohort.classes"} & set(changes) and label in table.frame.columns:
        answers["cohort.normal"] = _normal(table, label, likely_normals(table, label))
    if "cohort.demographics" not in changes:
        text = _ask(
            "demographics to correct for, with commas between them", ", ".join(demographics) or "none"
        )
        names = [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()]
        answers["cohort.demographics"] = names
    return answers


def _normal(table: Table, label: str, likely: Sequence[str]) -> str:
    from normwise.cohort import values_of

    values = [value.partition(" = ") for value in values_of(table, label)]
    words = {code: word or code for code, _, word in values}
    guess = words[likely[0]] if len(likely) == 1 else ""
    return _choose(
        f"the value of {label} that is normal ({', '.join(words.values())})", [guess] if guess else [], []
    )


def _list(title: str, choices: Sequence[tuple[str, Sequence[str]]]) -> None:
    from normwise.schema import listed

    sys.stdout.write(title + "\n")
    for name, values in choices:
        sys.stdout.write(f"  {name:<16} {listed(values, most=6)}\n")


def _choose(what: str, likely: Sequence[str], known: Sequence[str]) -> str:
    """Ask until a name is given that is known, where names are."""
    while True:
        answer = _ask(what, likely[0] if len(likely) == 1 else "")
        if answer and (not known or answer in known):
            return answer
        sys.stdout.write(f"  there is no {answer!r}\n" if answer else "  please name one\n")


def _ask(what: str, default: str) -> str:
    """Ask on the terminal; an empty line takes what stands in brackets."""
    try:
        answer = input(f"{what} [{default}]: " if default else f"{what}: ")
    except EOFError:
        raise KeyboardInterrupt from None
    return answer.strip() or default


def _on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
