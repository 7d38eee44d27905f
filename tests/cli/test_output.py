"""Closing lines: text, silence or JSON; errors in their own words."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from normwise.cli.output import CommandOutput, print_arms, print_error
from normwise.errors import CommandError
from normwise.results import Arm, Curve, Estimate, Evaluation

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
    printed = capsys.readouterr()
    assert printed.out == "people      3 of 4\n     AUC\nraw  0.8\nrun/features.tsv\n"
    assert printed.err == "sub-04 was left out\n"


def test_quiet_says_nothing(capsys):
    say_everything(CommandOutput("extract", quiet=True))
    assert capsys.readouterr() == ("", "")


def test_json_is_one_object(capsys):
    say_everything(CommandOutput("extract", as_json=True, quiet=True))
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "event": "end",
        "command": "extract",
        "exit": 1,
        "people": 3,
        "wrote": ["run/features.tsv"],
    }
    assert printed.err == ""


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
        "normwise.cli.output.make_console",
        lambda stream: Console(file=stream, width=40, force_terminal=False),
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


def arm(auc, undecided=0.0):
    shares = Estimate(0.8, 0.7, 0.9)
    return Arm(
        title="", auc=Estimate(auc, auc - 0.05, auc + 0.05), balanced_accuracy=shares, sensitivity=shares,
        specificity=Estimate(None, None, None), confusion=[], roc=Curve([], []), thresholds=[], settings=[],
        undecided=undecided,
    )  # fmt: skip


def evaluation(arms, differences=None):
    return Evaluation(
        kind="crossval", classes=["normal", "AD"], negative="normal", positives=["AD"], n_people=40,
        n_scans=40, n_per_class={"normal": 22, "AD": 18}, folds=5, repeats=5, seed=0,
        confidence=0.95, decision="a rule", main_arm="normalized", arms=arms, differences=differences or {},
    )  # fmt: skip


def test_every_arm_has_its_line_and_the_main_one_its_gain(capsys):
    gain = {
        "normalized-raw": {"auc": Estimate(0.08, 0.01, 0.15)},
        "normalized-appended": {"auc": Estimate(0, 0, 0)},
    }
    print_arms(CommandOutput("evaluate"), evaluation({"raw": arm(0.8), "normalized": arm(0.88, 0.021)}, gain))
    text = capsys.readouterr().out
    assert "raw              0.80 .75–.85" in text
    assert "normalized*      0.88 .83–.93" in text
    assert "+0.08 (+0.01 to +0.15) over raw" in text
    assert "appended" not in text
    assert "2.1%" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("scans", "people", "undecided"),
    [
        (40, "people      40: normal 22, AD 18", "of people"),
        (41, "people      40 with 41 scans: ", "of scans"),
    ],
)
def test_counts_of_people_and_of_scans_are_told_apart(capsys, scans, people, undecided):
    found = replace(evaluation({"normalized": arm(0.88, 0.1)}), n_scans=scans)
    print_arms(CommandOutput("test"), found)
    text = capsys.readouterr().out
    assert people in text
    assert f"10.0% {undecided}" in text


def test_the_adjusted_auc_has_its_line_and_its_gain_where_there_is_one(capsys):
    adjusted = replace(arm(0.88), adjusted_auc=Estimate(0.84, 0.77, 0.9))
    gain = {"normalized-raw": {"auc": Estimate(0.08, 0.01, 0.15), "adjusted_auc": Estimate(0.05, -0.01, 0.1)}}
    print_arms(CommandOutput("evaluate"), evaluation({"raw": arm(0.8), "normalized": adjusted}, gain))
    text = capsys.readouterr().out
    assert "AUC         0.84 .77–.90 among people of the same demographics (adjusted AUC)" in text
    assert "            +0.05 (-0.01 to +0.10) over raw among people of the same demographics" in text


def test_a_test_of_one_arm_needs_no_star(capsys):
    print_arms(CommandOutput("test"), evaluation({"normalized": arm(0.88)}))
    text = capsys.readouterr().out
    assert "*" not in text
    assert "gained" not in text
