"""The command ``normwise``: its verbs, its help, and the boundary at which errors become exit codes.

=====  ==========================================================
code   meaning
=====  ==========================================================
0      done
1      done, but some subjects failed (``cohort.tsv`` names them), or
       ``--strict`` and something was warned of
2      refused; the error says what was seen and what to do
130    interrupted; the same command goes on where it was
=====  ==========================================================
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from cyclopts import App, CycloptsError, Group

from normwise import __version__
from normwise.cli.output import make_console, print_error
from normwise.errors import CommandError, NormwiseError

if TYPE_CHECKING:
    from types import FrameType

    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

__all__ = ["VERBS", "main", "make_app"]

REFUSED, INTERRUPTED = 2, 130
PIPE_CLOSED = 141  # what a shell reports of a program whose reader went away
_WIDEST_LABEL = 32  # leaves 44 of 80 columns for what it means

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("Start", "Simulate a cohort, and evaluate, train and report on it."),
    "doctor": ("Start", "Show versions, extras, cores, memory and atlases."),
    "cache": ("Start", "Show, prune or verify what is kept of finished work."),
    "cohort": ("Start", "Make a participants table and images out of DICOM folders."),
    "init": ("Start", "Write a study file for a folder or a table."),
    "check": ("Study", "Read a study and its table, and say what would be run."),
    "extract": ("Study", "Measure the features of every image."),
    "app": ("Study", "Measure or evaluate a BIDS dataset, in the form of BIDS Apps."),
    "shards": ("Study", "Say what of a study measured in shards is missing."),
    "evaluate": ("Study", "Test the procedure honestly, beside five other ways to treat demographics."),
    "train": ("Study", "Train on everybody and save the model."),
    "report": ("Study", "Write the report of a run."),
    "checklist": ("Study", "Fill the reporting checklists and the model card from a run."),
    "compare": ("Study", "Compare finished runs, in pairs where the people are the same."),
    "normalize": ("Study", "Write what is normal for everybody, and how far each departs from it."),
    "descent": ("Study", "Draw gradient descent at a low, an adequate and a high rate."),
    "view": ("Study", "Look at a slide in the browser, with what was measured on it."),
    "test": ("Model", "Test a saved model on a labelled cohort that it has not seen."),
    "adapt": ("Model", "Measure a new site by a few of its normal people."),
    "predict": ("Model", "Decide about new people."),
    "export": ("Model", "Write a model as one ONNX graph, for other programs."),
    "reference": ("Norm", "Write what is normal as a file, without anybody's data."),
    "collect": ("Norm", "Write sums over a hospital's normal people, to be merged with others'."),
    "merge": ("Norm", "Add the sums of several hospitals to one reference."),
    "score": ("Norm", "Hold new people against a reference, or a model: W-scores."),
}
"""Every verb with its group and its line in help; a verb lives in the module of its name."""

USAGES = {
    "compare": "normwise compare [OPTIONS] RUN RUN…",
    "demo": "normwise demo [OPTIONS] [RUN]",
    "cache": "normwise cache [OPTIONS] size|prune|verify [RUN]",
    "cohort": "normwise cohort from-dicom [OPTIONS] FOLDER",
    **{
        verb: f"normwise {verb} [OPTIONS] STUDY [RUN]\n       normwise {verb} [OPTIONS] RUN"
        for verb in ("extract", "shards", "evaluate", "train", "normalize", "descent")
    },
    "app": "normwise app BIDS_DIR OUT participant|group [OPTIONS]",
    "merge": "normwise merge [OPTIONS] SUMS… --out FILE",
    "score": (
        "normwise score [OPTIONS] NORM IMAGE… --set NAME=VALUE…\n"
        "       normwise score [OPTIONS] NORM --table NEW.tsv"
    ),
    "adapt": "normwise adapt [OPTIONS] MODEL --table CONTROLS.tsv --out CARD\n       normwise adapt MODEL",
    "predict": (
        "normwise predict [OPTIONS] MODEL IMAGE… --set NAME=VALUE…\n"
        "       normwise predict [OPTIONS] MODEL --table NEW.tsv"
    ),
}
"""Usage lines that say more than the arguments' names."""

ABOUT = """\
Classify medical images against what is normal for a person's age and sex, and
decide conservatively."""

EPILOGUE = """\
Every key of a study file is a flag too: `normwise check --help` lists them.
Exit codes: 0 done, 1 done but some subjects failed or --strict found something,
2 refused."""


def make_app(verb: str | None = None) -> App:
    """Make the app; a verb's module is imported only when the verb is used.

    Parameters
    ----------
    verb : str, optional
        The verb that will be used: its help is its own docstring, in place of its line in the list.
    """
    groups = {
        name: Group(name, sort_key=place)
        for place, name in enumerate(("Start", "Study", "Model", "Norm", "Shell"))
    }
    app = App(
        name="normwise",
        help=ABOUT,
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        help_formatter=HelpFormatter(),
        version=__version__,
        help_flags=("--help", "-h"),
        group_commands=groups["Shell"],
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for place, (name, (group, about)) in enumerate(VERBS.items()):
        app.command(
            f"normwise.cli.commands.{name}:{name}",
            name=name,
            help=None if name == verb else about,
            usage=USAGES.get(name),
            group=groups[group],
            sort_key=place,
            help_epilogue="",
        )
    app.register_install_completion_command(help="Install completion for your shell.", group=groups["Shell"])
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; default: those of this process.

    Returns
    -------
    int
        The exit code.
    """
    if arguments is None:
        # Otherwise the interpreter looks through every object once more before it ends: a second for nothing.
        atexit.register(gc.freeze)
    words = list(sys.argv[1:] if arguments is None else arguments)
    _make_streams_robust()
    with _noted_interrupts() as interrupts:
        code = _run(words)
    if interrupts and code == REFUSED:
        # A library that is interrupted while it is loaded may say that its loading failed.
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("\ninterrupted; a run that was begun goes on with the same command\n")
    return code


@contextmanager
def _noted_interrupts() -> Iterator[list[int]]:
    """Note each interrupt, beside what Python does of it; nothing where others have a say in that."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield seen
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(words: Sequence[str]) -> int:
    """Run a command, and return its exit code; what went wrong is printed."""
    try:
        code = make_app(_verb_in(words))(
            words, console=make_console(sys.stdout), exit_on_error=False, print_error=False
        )
        sys.stdout.flush()  # so that a full disk is reported by this command
    except CycloptsError as error:
        return _refuse(_usage_error(error, words), words)
    except NormwiseError as error:
        return _refuse(error, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return PIPE_CLOSED
    except OSError as error:
        from normwise.cli.session import machine_refusal

        _drop_stdout()
        return _refuse(machine_refusal(error), words, cause=error)
    except Exception as error:  # noqa: BLE001 - the last boundary: nobody is shown a bare traceback
        from normwise.cli.session import RunLog, unexpected_error

        return _refuse(unexpected_error(error, RunLog("command")), words, cause=error)
    return code if isinstance(code, int) else 0


def _make_streams_robust() -> None:
    """Let no character and no closed stream stop a command, whatever the terminal's encoding."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _drop_stdout() -> None:
    """Redirect stdout to the null device: Python flushes it at exit, and a closed pipe would be an error."""
    with suppress(OSError):  # a stream in memory has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(error: NormwiseError, words: Sequence[str], cause: BaseException | None = None) -> int:
    if "--debug" in words:
        traceback.print_exception(cause or error.__cause__ or error)
    print_error(error, sys.stderr, as_json="--json-log" in words)
    return REFUSED


def _verb_in(words: Sequence[str]) -> str | None:
    return next((word for word in words if word in VERBS), None)


def _usage_error(error: CycloptsError, words: Sequence[str]) -> CommandError:
    """Return a usage error in the project's own form."""
    verb = _verb_in(words)
    text = " ".join(str(error).split())
    return CommandError(
        "CLI-101",
        text if text.endswith((".", "?")) else f"{text}.",
        advice=f"normwise {verb} --help shows how" if verb else "normwise --help lists the commands",
    )


class HelpFormatter:
    """Prints help without boxes, one line a flag, readable at 80 columns."""

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:  # noqa: ARG002 - protocol
        """Print the usage line."""
        if usage:
            console.print(f"Usage: {_plain(usage).removeprefix('Usage: ')}\n", markup=False, highlight=False)

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:  # noqa: ARG002 - protocol
        """Print what the command does."""
        # A docstring is broken at the source's width; only its blank lines mean something.
        text = "\n\n".join(" ".join(part.split()) for part in _plain(description).split("\n\n"))
        if text:
            console.print(f"{text}\n", markup=False, highlight=False)

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002 - protocol
        """Print one group of flags."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        if not panel.entries:
            return
        console.print(Text(_plain(panel.title), style="bold"))
        labels = [_label(entry) for entry in panel.entries]
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=min(max(map(len, labels)), _WIDEST_LABEL), overflow="fold")
        grid.add_column()
        for label, entry in zip(labels, panel.entries, strict=True):
            grid.add_row(Text(label, style="cyan"), Text(_plain(entry.description)))
        console.print(Padding(grid, (0, 0, 0, 2), expand=False))
        console.print()


def _label(entry: HelpEntry) -> str:
    """Return a flag's shortest long name with what it takes; its other name is its key in full."""
    if entry.positional_label:
        return entry.positional_label
    name = min(entry.names, key=len) if entry.names else entry.shorts[0]
    if entry.shorts and entry.names:
        name = f"{name}, {entry.shorts[0]}"
    if entry.choices:
        return f"{name} {'|'.join(entry.choices)}"
    if _is_table(entry.type):
        return f"{name}.NAME VALUE"
    return f"{name} {entry.metavar}" if entry.metavar else name


def _is_table(kind: Any) -> bool:
    return any(dict in (option, get_origin(option)) for option in (kind, *get_args(kind)))


def _plain(text: Any) -> str:
    if text is None:
        return ""
    inner = getattr(text, "primary_renderable", text)  # docstrings come wrapped with their metadata
    plain: str = inner.plain if hasattr(inner, "plain") else str(inner)
    return plain.strip()
