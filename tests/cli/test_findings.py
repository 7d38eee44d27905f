"""What a command found: a line a code at its end, JSON for programs, exit code 1 where it is strict."""

from __future__ import annotations

import json
import warnings

import pytest

from normwise.cli.findings import Findings
from normwise.cli.run_flags import OutputFlags, RunFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError, NormwiseWarning
from normwise.results import Alarm, Note

ALARMS = [
    Alarm("EVA-313", "caution", "Few people", "12 people", "test more"),
    Alarm("EVA-307", "severe", "The diagnosis in disguise", "MMSE (AUC 1.000)", "leave it out"),
]


def warn(text: str) -> None:
    warnings.warn(NormwiseWarning("NRM-203", text, subject="age", value=3.0), stacklevel=2)


def test_warnings_and_severe_alarms_are_a_line_each_at_the_end(capsys) -> None:
    with open_session("evaluate", RunFlags()) as session:
        warn("thinly covered")
        assert capsys.readouterr().err == ""
        session.findings.add(
            [Note("NRM-203", "thinly covered, too"), Note("CLS-201", "not\nconverged")], ALARMS
        )
        assert session.end() == 0
    assert capsys.readouterr().err.splitlines() == [
        "severe   EVA-307  The diagnosis in disguise: MMSE (AUC 1.000); leave it out",
        "warning  NRM-203  thinly covered (and 1 more of this kind)",
        "warning  CLS-201  not converged",
    ]


@pytest.mark.parametrize(("strict", "code"), [(True, 1), (False, 0)])
def test_strict_ends_with_1(strict: bool, code: int, capsys) -> None:  # noqa: FBT001 - a case
    with open_session("train", RunFlags(strict=strict, quiet=True)) as session:
        warn("thinly covered")
        assert session.end() == code
    # With strict the line is the reason of the exit code, which quiet does not hide.
    assert ("NRM-203" in capsys.readouterr().err) == strict


def test_strict_ends_with_0_where_nothing_was_found() -> None:
    with open_session("train", RunFlags(strict=True)) as session:
        session.findings.add(alarms=ALARMS[:1])
        assert session.end() == 0


def test_programs_read_findings_as_objects(capsys) -> None:
    with open_session("evaluate", OutputFlags(json_log=True)) as session:
        warn("thinly covered")
        session.findings.add(alarms=ALARMS)
        session.end()
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in err.splitlines()]
    assert [(row["event"], row["severity"], row["code"]) for row in rows] == [
        ("finding", "severe", "EVA-307"),
        ("finding", "warning", "NRM-203"),
    ]
    assert (rows[1]["subject"], rows[1]["value"]) == ("age", 3.0)
    assert [row["code"] for row in json.loads(out)["findings"]] == ["EVA-307", "NRM-203"]


def test_a_refused_command_names_its_warnings_first(capsys) -> None:
    def refuse() -> None:
        with open_session("check", OutputFlags()):
            warn("thinly covered")
            raise CommandError("CLI-101", "no.")

    with pytest.raises(CommandError):
        refuse()
    assert capsys.readouterr().err == "warning  NRM-203  thinly covered\n"


def test_the_same_warning_counts_once(capsys) -> None:
    findings = Findings(OutputFlags())
    for _ in range(2):
        findings.add([Note("CLS-201", "not converged")])
    findings.print()
    findings.print()
    assert capsys.readouterr().err == "warning  CLS-201  not converged\n"
