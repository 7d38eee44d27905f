"""What a command found that does not stop it: warnings and severe alarms, a line a code at its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from normwise.cli.output import make_console
from normwise.errors import NormwiseWarning

if TYPE_CHECKING:
    from normwise.cli.run_flags import OutputFlags
    from normwise.results import Alarm, Note

__all__ = ["Finding", "Findings"]


@dataclass(frozen=True)
class Finding:
    """A warning, or a severe alarm.

    Attributes
    ----------
    severity : {"severe", "warning"}
        Whether it is an alarm that has to be cleared up before a number is used.
    code, text, subject, value
        As in `normwise.results.Note`; the code is empty where a library warned.
    """

    severity: Literal["severe", "warning"]
    code: str
    text: str
    subject: str | None = None
    value: float | None = None


class Findings:
    """Gathers findings while a command works, and prints them when it ends.

    Parameters
    ----------
    flags : OutputFlags
        ``quiet`` prints nothing unless ``strict`` makes the findings the reason of the exit code.
    """

    def __init__(self, flags: OutputFlags) -> None:
        self._flags = flags
        self._found: dict[tuple[str, str], Finding] = {}
        self._printed = False

    def warn(self, warning: NormwiseWarning | Note) -> None:
        """Add a warning; the same one counts once."""
        finding = Finding("warning", warning.code, warning.text, warning.subject, warning.value)
        self._found.setdefault((finding.code, finding.text), finding)

    def add(self, notes: Iterable[Note] = (), alarms: Iterable[Alarm] = ()) -> None:
        """Add what a run's results hold: every warning of its fits, and the alarms that are severe."""
        for alarm in alarms:
            if alarm.severity == "severe":
                text = f"{alarm.title}: {alarm.seen}; {alarm.advice}"
                self._found.setdefault((alarm.code, text), Finding("severe", alarm.code, text))
        for note in notes:
            self.warn(note)

    @property
    def fails(self) -> bool:
        """Whether the command was asked to be strict, and something was found."""
        return self._flags.strict and bool(self._found)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a line, the severe first: the finding, and how many there were of its kind."""
        return [{**asdict(alike[0]), "count": len(alike)} for alike in self._by_kind()]

    def print(self) -> None:
        """Print one line a code on stderr, once: the first finding, and how many more there are."""
        if self._printed:
            return
        self._printed = True
        if self._flags.json_log:
            for row in self.rows():
                sys.stderr.write(json.dumps({"event": "finding", **row}, ensure_ascii=False) + "\n")
        elif self.fails or not self._flags.quiet:
            for alike in self._by_kind():
                _print_line(alike)

    def _by_kind(self) -> list[list[Finding]]:
        """Gather warnings of one code: every fold and every scan may have given one; alarms are one each."""
        kinds: dict[str, list[Finding]] = {}
        for finding in sorted(self._found.values(), key=lambda finding: finding.severity != "severe"):
            code = finding.code if finding.severity == "warning" else ""
            kinds.setdefault(code or finding.text, []).append(finding)
        return list(kinds.values())


def _print_line(alike: list[Finding]) -> None:
    first = alike[0]
    more = f" (and {len(alike) - 1} more of this kind)" if len(alike) > 1 else ""
    code = f"{first.code}  " if first.code else ""
    text = f"{first.severity:<7}  {code}{' '.join(first.text.split())}{more}"
    style = "bold red" if first.severity == "severe" else "yellow"
    make_console(sys.stderr).print(text, style=style, soft_wrap=not sys.stderr.isatty())
