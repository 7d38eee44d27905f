"""Repeats of one scan are put together, and the worst mistakes are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from normwise.errors import ReportError
from normwise.report.saved_run import (
    Scored,
    count_reasons,
    read_run,
    read_scored,
)
from normwise.report.sections.decisions import worst
from normwise.run_folder import RunFolder
from report.example_runs import EXAMPLES

HEAD = "arm\trepeat\tid\tlabel\tprobability_normal\tprobability_AD\tdecision\treason\n"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "predictions.tsv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


def test_probabilities_are_means_of_what_is_there(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "raw\t0\ta\tAD\t0.9\t0.1\tnormal\tn/a",
        "main\t0\ta\tAD\t0.2\t0.8\tAD\tn/a",
        "main\t1\ta\tAD\t0.4\t0.6\tnormal\tn/a",
        "main\t2\ta\tAD\tn/a\tn/a\tn/a\ttoo old",
    )
    [row] = read_scored(RunFolder(path.parent), "main")
    assert row.probabilities == pytest.approx({"normal": 0.3, "AD": 0.7})
    assert row.decisions == {"AD": 1, "normal": 1, "": 1}
    assert row.tests == 3
    assert count_reasons([row]) == {"too old": 1}


def test_no_file_is_nobody(tmp_path: Path) -> None:
    assert read_scored(RunFolder(tmp_path), "main") == []


def test_a_damaged_table_is_refused_by_name(tmp_path: Path) -> None:
    run = EXAMPLES["everything"](tmp_path / "run")
    path = run / "predictions.tsv"
    path.write_text(
        path.read_text().replace("normalized\t0\tsub-1\tdementia\t", "normalized\t0\tsub-1\tx\ty")
    )
    with pytest.raises(ReportError) as caught:
        read_run(run)
    assert caught.value.code == "REP-102"


def scan(name: str, label: str, share: float, /, **decisions: int) -> Scored:
    return Scored(name, label, {"normal": share, "AD": 1 - share}, decisions, {})


def test_the_surest_mistakes_come_first() -> None:
    rows = [
        scan("mild", "AD", 0.6, normal=5),
        scan("sure", "AD", 0.95, normal=4, AD=1),
        scan("right", "AD", 0.1, AD=5),
        scan("mostly right", "AD", 0.6, AD=3, normal=2),
        scan("alarm", "normal", 0.1, AD=5),
        scan("clear", "normal", 0.9, normal=5),
        scan("undecided", "normal", 0.2, **{"": 5}),
        Scored("untested", "MCI", {}, {"AD": 1}, {}),
    ]
    missed, alarms = worst(rows, ["normal", "AD"], "normal")
    assert [row.subject for row in missed] == ["sure", "mild"]
    assert [row.subject for row in alarms] == ["alarm"]
