"""Closing lines: text, silence or JSON; errors in their own words."""

import io
import json
from pathlib import Path

from rich.console import Console

from normwise.cli.output import CommandOutput, print_error
from normwise.errors import CommandError

ERROR = CommandError("CLI-101", "that is wrong.", subject="--x", seen="1", expected="2", advice="write 2")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def say_everything(teller):
    teller.row("people", "3 of 4")
    teller.table(["", "AUC"], [["raw", "0.8"]])
    teller.warn("sub-04 was left out")
    teller.number("people", 3)
    teller.path(Path("run/features.tsv"))
    teller.close(1)


def test_text(capsys):
    say_everything(CommandOutput("extract"))
    told = capsys.readouterr()
    assert told.out == "people      3 of 4\n     AUC\nraw  0.8\nrun/features.tsv\n"
    assert told.err == "sub-04 was left out\n"


def test_quiet_says_nothing(capsys):
    say_everything(CommandOutput("extract", quiet=True))
    assert capsys.readouterr() == ("", "")


def test_json_is_one_object(capsys):
    say_everything(CommandOutput("extract", as_json=True, quiet=True))
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "event": "end",
        "command": "extract",
        "exit": 1,
        "people": 3,
        "wrote": ["run/features.tsv"],
    }
    assert told.err == ""


def test_long_text_stays_on_its_line_in_a_file(capsys):
    CommandOutput("check").row("left out", "word " * 60)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_markup_in_a_name_is_only_text(capsys):
    CommandOutput("check").row("classes", "[bold]AD[/bold] 3")
    assert "[bold]AD[/bold] 3" in capsys.readouterr().out


def test_an_error_in_a_file_is_its_own_text():
    stream = io.StringIO()
    print_error(ERROR, stream)
    assert stream.getvalue() == f"{ERROR}\n"


def test_an_error_on_a_terminal_has_the_same_words_at_its_width(monkeypatch):
    monkeypatch.setattr(
        "normwise.cli.output._console", lambda stream: Console(file=stream, width=40, force_terminal=False)
    )
    long = CommandError("CLI-101", "that is wrong, " * 5, seen="1", advice="write 2")
    stream = Terminal()
    print_error(long, stream)
    lines = stream.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 40
    assert " ".join(stream.getvalue().split()) == " ".join(str(long).split())


def test_an_error_as_json():
    stream = io.StringIO()
    print_error(ERROR, stream, as_json=True)
    assert json.loads(stream.getvalue())["advice"] == "write 2"
