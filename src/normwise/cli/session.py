"""One command at work: study, run folder, progress, warnings, log and closing lines."""

from __future__ import annotations

import csv
import errno
import logging
import logging.handlers
import os
import stat
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from normwise.cli.findings import Findings
from normwise.cli.open_run import open_run, own_study, refuse_other_files, settle_study
from normwise.cli.output import CommandOutput
from normwise.cli.regression import refuse_number
from normwise.cli.run_flags import OutputFlags, RunFlags, memory_bytes
from normwise.cli.run_hold import RunHold
from normwise.errors import CommandError, NormwiseError, NormwiseWarning, without_folders
from normwise.run_folder import RunFolder
from normwise.schema import listed

if TYPE_CHECKING:
    from normwise.cli.study_flags import StudyFlags
    from normwise.engine import Limits, Progress
    from normwise.runs import Purpose
    from normwise.schema import Roles, Study

__all__ = [
    "DONE",
    "SOME_FAILED",
    "RunLog",
    "Session",
    "failed_scans",
    "limits_from",
    "machine_refusal",
    "open_session",
    "read_given_study",
    "unexpected_error",
]

DONE, SOME_FAILED, FOUND = 0, 1, 1
_NAMED_FAILURES = 5  # more are counted; cohort.tsv names them all
_MANY = 1_000_000  # records before the folder of the log is known


PURPOSES: dict[str, Purpose] = {"demo": "evaluate", "evaluate": "evaluate", "train": "train", "test": "test"}
"""What a command needs the features for, where it is more than to have them."""


class Resources(TypedDict):
    """Keyword arguments of functions that go over subjects or folds."""

    jobs: int
    progress: Progress
    limits: Limits
    cache_dir: Path | None


@dataclass
class Session:
    """What a verb works with.

    Attributes
    ----------
    verb : str
        The command.
    flags : OutputFlags
        How it runs and prints.
    progress : Progress
        Where progress is shown; it is logged as well.
    log : RunLog
        The log file.
    output : CommandOutput
        The closing lines.
    findings : Findings
        Warnings, and severe alarms; printed at the end.
    hold : RunHold
        Keeps other commands out of the run folder.
    held : ExitStack
        What ends with the command.
    code : int
        The exit code.
    """

    verb: str
    flags: OutputFlags
    progress: Progress
    log: RunLog
    output: CommandOutput
    findings: Findings
    hold: RunHold
    held: ExitStack
    code: int = field(default=DONE)

    @property
    def resources(self) -> Resources:
        """How the work may be done: keyword arguments of functions that go over subjects or folds."""
        from normwise.engine import chosen_cache

        flags = self.flags if isinstance(self.flags, RunFlags) else RunFlags()
        return {
            "jobs": flags.workers,
            "progress": self.progress,
            "limits": limits_from(flags),
            "cache_dir": chosen_cache(flags.cache),
        }

    def begin_study(
        self,
        study: Path,
        keys: StudyFlags,
        run: Path | None,
        *,
        overwrite: bool,
        labelled: bool = True,
        roles: Roles | None = None,
        shared: bool = False,
    ) -> tuple[Study, RunFolder]:
        """Read a study with the flags that stand for its keys, and open its run folder.

        Parameters
        ----------
        study : Path
            A study file, a BIDS folder, or a run.
        keys : StudyFlags
            As parsed.
        run : Path, optional
            The run folder; default: that of a run whose own study is gone on with, or one beside the study,
            which is said.
        overwrite, labelled, roles, shared
            As `open_run`.
        """
        source, folder = own_study(study, run)
        resolved = read_given_study(source, keys)
        refuse_number(self.verb, resolved)
        if run is None and folder not in (study, study.parent):
            self.output.row("run", str(folder))
        resolved, opened = self.open_run(
            folder, resolved, overwrite=overwrite, labelled=labelled, roles=roles, shared=shared
        )
        self.say_taken(study, resolved)
        if resolved.engine.name != "local":
            from normwise.engine import use_engine

            self.held.enter_context(use_engine(resolved.engine))
        return resolved, opened

    def say_taken(self, source: Path, study: Study) -> None:
        """Print what is taken of a folder or table that stands in place of a study file."""
        from normwise.cli.taken import describe_taken

        text = describe_taken(source, study)
        if text:
            self.output.row("taken", text)

    def open_run(
        self,
        folder: Path,
        study: Study,
        *,
        overwrite: bool,
        beside: tuple[str, ...] = (),
        labelled: bool = True,
        roles: Roles | None = None,
        shared: bool = False,
    ) -> tuple[Study, RunFolder]:
        """Make the run folder, or go on in it, and begin the log in it.

        The cohort is read, and what would stop the command is refused, before anything is written: a refused
        command leaves no trace that the corrected one would have to get past.

        Parameters
        ----------
        folder : Path
            The run folder.
        study : Study
            As given.
        overwrite : bool
            Whether the results of another study may be replaced.
        beside : tuple of str
            Names of other files that the folder may hold.
        labelled : bool
            Whether a diagnosis is needed.
        roles : Roles, optional
            Of the model that is tested.
        shared : bool
            Whether commands that measure other parts of the same study may work in the folder.

        Returns
        -------
        study : Study
            Resolved, with the run's own values of keys that this command does not use.
        run : RunFolder
            Begun.
        """
        from normwise.runs import read_plan

        refuse_other_files(folder, beside=beside)
        purpose = PURPOSES.get(self.verb, "extract")
        at = RunFolder(folder)
        study, cohort = read_plan(study, purpose=purpose, labelled=labelled, roles=roles, folder=at)
        if (at / at.RATINGS).exists():
            from normwise.runs import RATED_OUT

            rated = cohort.ledger["id"][cohort.ledger["code"] == RATED_OUT].tolist()
            named = f": {listed(rated, most=_NAMED_FAILURES)}" if rated else ""
            self.output.row("ratings", f"{len(rated)} excluded in {at / at.RATINGS}{named}")
        study = settle_study(folder, study, verb=self.verb, overwrite=overwrite, beside=beside)
        run = open_run(
            folder, study, verb=self.verb, overwrite=overwrite, beside=beside, hold=self.hold, shared=shared
        )
        self.log.open(run / run.LOGS)
        return study, run

    def open_finished_run(self, folder: Path) -> RunFolder:
        """Refuse a folder that is not there, and begin the log in it.

        Raises
        ------
        CommandError
            CLI-203; CLI-111 for a run that predicts a number, where the command is for classes.
        """
        if not folder.is_dir():
            raise CommandError(
                "CLI-203",
                "there is no such run.",
                subject=str(folder),
                expected="a folder that normwise evaluate, train or test wrote",
                advice="check the path",
            )
        run = RunFolder(folder)
        if (run / run.REGRESSION).is_file():
            refuse_number(self.verb, run=str(folder))
        self.log.open(run / run.LOGS)
        return run

    def print_failures(self, run: Path) -> None:
        """Name the scans whose image or measurement failed; the command ends with exit code 1."""
        self.warn_of_failures(failed_scans(run), f", each with its reason in {run / RunFolder.COHORT}")

    def warn_of_failures(self, failed: Sequence[tuple[str, str, str]], where: str = "") -> None:
        """Name some of the scans that failed; the command ends with exit code 1 if there are any.

        Parameters
        ----------
        failed : sequence of (str, str, str)
            Scan id, code and reason.
        where : str
            Where the others are found, behind their number.
        """
        if not failed:
            return
        self.code = SOME_FAILED
        self.output.number("failed", [name for name, _, _ in failed])
        for name, code, reason in failed[:_NAMED_FAILURES]:
            self.output.warn(f"{name} was left out: {code} {reason}")
            self.log.add(f"{name} failed: {code}")
        more = len(failed) - _NAMED_FAILURES
        if more > 0:
            self.output.warn(f"and {more} more{where}")

    def end(self, *wrote: Path) -> int:
        """Print what was found and where the results are, and return the exit code."""
        code = self.finish()
        for path in wrote:
            self.output.path(path)
        self.output.number("findings", self.findings.rows())
        self.output.close(code)
        return code

    def finish(self) -> int:
        """Print what was found, and return the exit code; alone where stdout holds the result."""
        self.findings.print()
        if self.findings.fails and self.code == DONE:
            self.code = FOUND
        return self.code


@contextmanager
def open_session(verb: str, flags: OutputFlags) -> Iterator[Session]:
    """Work on a command: warnings are listed at its end, everything is logged, no error ends in a traceback.

    Parameters
    ----------
    verb : str
        The command.
    flags : OutputFlags
        How it runs and prints.

    Yields
    ------
    Session
        What the verb works with.

    Raises
    ------
    CommandError
        CLI-301: a file or folder can't be used. CLI-901: something went wrong that no error foresaw; the log
        has the traceback.
    """
    from normwise import __version__
    from normwise.engine import make_progress

    log = RunLog(verb)
    log.add(f"normwise {verb}, version {__version__}")
    progress = make_progress(flags.quiet, flags.json_log, log=log.handler)
    held = ExitStack()
    session = Session(
        verb,
        flags,
        progress,
        log,
        CommandOutput(verb, quiet=flags.quiet, as_json=flags.json_log),
        Findings(flags),
        RunHold(f"normwise {verb}"),
        held,
    )
    with warnings.catch_warnings(), held:
        warnings.simplefilter("default")
        warnings.simplefilter("always", NormwiseWarning)
        warnings.showwarning = _show_warnings(session)
        try:
            yield session
            log.add(f"ended with exit code {session.code}")
        except NormwiseError as error:
            log.add(str(error))
            raise
        except KeyboardInterrupt:
            log.add("interrupted")
            raise
        except BrokenPipeError:
            raise
        except OSError as error:
            log.add("".join(traceback.format_exception(error)))
            raise machine_refusal(error) from error
        except Exception as error:
            raise unexpected_error(error, log) from error
        finally:
            session.findings.print()  # before the error, where the command did not come to its end
            session.hold.release()
            log.close()


def read_given_study(study: Path, keys: StudyFlags) -> Study:
    """Read a study with the flags that stand for its keys.

    Parameters
    ----------
    study : Path
        A study file, a BIDS folder, a participants table, or a run.
    keys : StudyFlags
        As parsed.
    """
    from normwise.cli.study_flags import overrides_from
    from normwise.cohort import read_study

    return read_study(study, overrides_from(keys), saved=RunFolder(study).is_run)


def limits_from(flags: RunFlags) -> Limits:
    """Return what one subject may take: the limits of the flags, and of the engine where none is given.

    Parameters
    ----------
    flags : RunFlags
        As parsed.
    """
    from normwise.engine import Limits

    limits = Limits()
    if flags.memory is not None:
        limits = replace(limits, memory_bytes=memory_bytes(flags.memory))
    if flags.timeout is not None:
        limits = replace(limits, seconds=flags.timeout)
    return limits


def unexpected_error(error: Exception, log: RunLog) -> CommandError:
    """Write the traceback to the log and return the error that stands for it."""
    if log.path is None:
        log.open(_unexpected_error_folder())
    log.add("".join(traceback.format_exception(error)))
    return CommandError(
        "CLI-901",
        "something went wrong inside Normwise; what was finished is kept.",
        seen=f"{type(error).__name__}: {error}".splitlines()[0],
        advice=f"the log has the details: {log.path}; --debug shows them here",
    )


def machine_refusal(error: OSError) -> CommandError:
    """Return the error of a file or folder that can't be used.

    Parameters
    ----------
    error : OSError
        As the system raised it.
    """
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    name = error.filename2 or error.filename
    return CommandError(
        "CLI-301",
        "there is no room to write." if full else "a file or folder can't be used.",
        subject=os.fsdecode(name) if isinstance(name, str | bytes) else "",
        seen=error.strerror or str(error) or type(error).__name__,
        advice="free some space and give the same command again; finished extractions are kept"
        if full
        else "check the path, and that you may read and write there; finished extractions are kept",
    )


def _unexpected_error_folder() -> Path:
    """Return one folder of this user's for logs that belong to no run."""
    folder = Path(tempfile.gettempdir()) / f"normwise-logs-{os.getuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        # A name in a shared folder may be somebody else's, or lead elsewhere.
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid():
            return folder
    return Path(tempfile.mkdtemp(prefix="normwise-logs-"))


def _show_warnings(session: Session) -> Callable[..., None]:
    """Return a warning hook: Normwise's own are kept for the end, those of libraries are only logged."""
    shown: set[str] = set()

    def note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        text = str(message)
        if text in shown:
            return
        shown.add(text)
        session.log.add(f"{category.__name__}: {text}")
        if isinstance(message, NormwiseWarning):
            session.findings.warn(message)

    return note


def failed_scans(run: Path) -> list[tuple[str, str, str]]:
    """List the scans whose image or measurement failed.

    Rows that the table or the study rules out (status ``excluded``) are no failure.

    Parameters
    ----------
    run : Path
        The run folder.

    Returns
    -------
    list of (str, str, str)
        Scan id, code and reason, in the table's order.
    """
    return [
        (row["id"], row["code"], row["reason"]) for row in _rows(RunFolder(run)) if row["status"] == "failed"
    ]


def _rows(run: RunFolder) -> list[dict[str, str]]:
    try:
        text = run.read(run.COHORT).decode("utf-8").splitlines()
    except FileNotFoundError:
        return []
    # The ledger has no quotes; a quote in an id is part of it.
    return list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))


class RunLog:
    """Lines with their time, in ``RUN/logs``; a log that can't be written never stops the work.

    Parameters
    ----------
    verb : str
        The command; part of the file's name.

    Attributes
    ----------
    path : Path or None
        The file, once a folder is known.
    handler : logging.Handler
        Takes records of others too, as those of progress.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._logger = logging.Logger("normwise.run")  # noqa: LOG001 - one a command, not one a process
        self.handler = logging.handlers.MemoryHandler(_MANY, logging.CRITICAL + 1, flushOnClose=False)
        self._logger.addHandler(self.handler)
        self.path: Path | None = None

    def open(self, folder: Path) -> None:
        """Begin the file in a folder; what was logged before is written first."""
        stem = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{self._verb}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            file = _new_file(folder, stem)
            file.setFormatter(_Lines())
            self.path = Path(file.baseFilename)
            self.handler.setTarget(file)
            self.handler.flush()
            self.handler.capacity = 0  # from here on every record is written at once

    def add(self, text: str) -> None:
        """Add a text; its further lines are indented."""
        self._logger.info("%s", text.rstrip())

    def close(self) -> None:
        """End the file."""
        if self.handler.target is not None:
            self.handler.target.close()
        self.handler.close()


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return f"{stamp}  {without_folders(record.getMessage())}".replace("\n", "\n" + " " * 22)


class _File(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Do nothing: a full disk stops no work here."""


def _new_file(folder: Path, stem: str) -> logging.FileHandler:
    """Open a file that was not there; two commands of one second get two."""
    for number in range(1, 1000):
        path = folder / (f"{stem}.log" if number == 1 else f"{stem}-{number}.log")
        with suppress(FileExistsError):
            return _File(path, "x", encoding="utf-8")
    raise FileExistsError(folder)
