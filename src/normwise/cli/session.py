"""One command at work: its progress, its warnings, its log, and what it tells at the end."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from normwise.cli.cohort_ledger import failed_scans
from normwise.cli.log import RunLog
from normwise.cli.output import CommandOutput
from normwise.cli.run_flags import (
    OutputFlags,
    RunFlags,
    memory_bytes,
)
from normwise.cli.run_folder import open_run
from normwise.errors import (
    CommandError,
    NormwiseError,
    NormwiseWarning,
)
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.engine import Limits, Progress
    from normwise.schema import Study

__all__ = [
    "DONE",
    "SOME_FAILED",
    "Session",
    "limits_from",
    "machine_refusal",
    "open_session",
    "unexpected_error",
]

DONE, SOME_FAILED = 0, 1
_NAMED_FAILURES = 5  # more are counted; cohort.tsv names them all


@dataclass
class Session:
    """What a verb works with.

    Attributes
    ----------
    verb : str
        The command.
    flags : OutputFlags
        How it speaks.
    progress : Progress
        Where progress is shown; it is logged as well.
    log : RunLog
        The log file.
    tell : CommandOutput
        The closing lines.
    """

    verb: str
    flags: OutputFlags
    progress: Progress
    log: RunLog
    tell: CommandOutput
    code: int = field(default=DONE)

    def open_run(
        self,
        folder: Path,
        study: Study,
        *,
        overwrite: bool,
        beside: tuple[str, ...] = (),
        labelled: bool | None = None,
    ) -> RunFolder:
        """Make or take up the run folder, and begin the log in it.

        With ``labelled`` the cohort is read before results are replaced, so that a study that can't be run
        costs nothing.
        """
        if overwrite and labelled is not None and RunFolder(folder).is_run:
            from normwise.cohort import read_cohort

            read_cohort(study, labelled=labelled)
        run = open_run(folder, study, overwrite=overwrite, beside=beside)
        self.log.open(run / run.LOGS)
        return run

    def tell_failures(self, run: Path) -> None:
        """Name the scans whose image or measurement failed; the command ends with exit code 1."""
        failed = failed_scans(run)
        if not failed:
            return
        self.code = SOME_FAILED
        self.tell.number("failed", [name for name, _, _ in failed])
        for name, code, reason in failed[:_NAMED_FAILURES]:
            self.tell.warn(f"{name} was left out: {code} {reason}")
            self.log.say(f"{name} failed: {code}")
        more = len(failed) - _NAMED_FAILURES
        if more > 0:
            self.tell.warn(f"and {more} more, each with its reason in {run / RunFolder.COHORT}")

    def end(self, *wrote: Path) -> int:
        """Say where the results are, and return the exit code."""
        for path in wrote:
            self.tell.path(path)
        self.tell.close(self.code)
        return self.code


@contextmanager
def open_session(verb: str, flags: OutputFlags) -> Iterator[Session]:
    """Work on a command: warnings become notes, everything is logged, and an unexpected_error is said calmly.

    Parameters
    ----------
    verb : str
        The command.
    flags : OutputFlags
        How it speaks.

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
    log.say(f"normwise {verb}, version {__version__}")
    progress = make_progress(flags.quiet, flags.json_log, log=log.handler)
    session = Session(
        verb, flags, progress, log, CommandOutput(verb, quiet=flags.quiet, as_json=flags.json_log)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.simplefilter("always", NormwiseWarning)
        warnings.showwarning = _noting(session)
        try:
            yield session
            log.say(f"ended with exit code {session.code}")
        except NormwiseError as error:
            log.say(str(error))
            raise
        except KeyboardInterrupt:
            log.say("interrupted")
            raise
        except BrokenPipeError:
            raise
        except OSError as error:
            log.say("".join(traceback.format_exception(error)))
            raise machine_refusal(error) from error
        except Exception as error:
            raise unexpected_error(error, log) from error
        finally:
            log.close()


def limits_from(flags: RunFlags) -> Limits:
    """Return what one subject may take: the flags' limits, and the engine's where they say nothing.

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
    """Write the traceback down and return the calm message that stands for it."""
    if log.path is None:
        log.open(_unexpected_error_folder())
    log.say("".join(traceback.format_exception(error)))
    return CommandError(
        "CLI-901",
        "something went wrong inside Normwise; what was finished is kept.",
        seen=f"{type(error).__name__}: {error}".splitlines()[0],
        advice=f"the log has the details: {log.path}; --debug shows them here",
    )


def machine_refusal(error: OSError) -> CommandError:
    """Say in the project's own form that a file or folder can't be used.

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
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            return folder
    return Path(tempfile.mkdtemp(prefix="normwise-logs-"))


def _noting(session: Session) -> Callable[..., None]:
    """Return a warning hook: Normwise's own are shown once, those of libraries are only logged."""
    said: set[str] = set()

    def note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        text = str(message)
        if text in said:
            return
        said.add(text)
        session.log.say(f"{category.__name__}: {text}")
        if issubclass(category, NormwiseWarning) and not session.flags.quiet:
            session.progress.message(f"note  {text}")

    return note
