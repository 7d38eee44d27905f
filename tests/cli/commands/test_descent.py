"""Gradient descent on a study's own data, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.lecture_table import write_eight

from normwise.cli.main import main


@pytest.fixture
def study(tmp_path: Path) -> str:
    return str(write_eight(tmp_path / "study", "[decision]\ncost = { missed = 2, false_alarm = 1 }\n"))


def test_both_costs_three_rates_and_ones_own_are_on_one_page(study: str, tmp_path: Path, capsys) -> None:
    assert main(["descent", study, str(tmp_path / "run"), "--rate", "0.01", "--json-log"]) == 0
    end = json.loads(capsys.readouterr().out)
    page = (tmp_path / "run" / "descent.html").read_text()
    for cost in ("squared", "cross_entropy"):
        assert f'data-figure="cost-{cost}"' in page
        assert [f'data-figure="weight-{cost}-{place}"' in page for place in range(4)] == [True] * 4
        limit = end[cost]["largest_stable_rate"]
        assert f"<strong>{limit:.4g}</strong>" in page
        assert limit == min(end[cost]["by_arm"].values())
        assert f"adequate rate {limit / 2:.3g}" in page
    assert page.count("your rate 0.01") >= 4
    assert end["squared"]["weight"] == "f2"  # which separates by itself


def test_a_weight_is_chosen_by_name(study: str, tmp_path: Path, capsys) -> None:
    run = str(tmp_path / "run")
    assert main(["descent", study, run, "--function", "squared", "--weight", "f1", "--quiet"]) == 0
    page = (tmp_path / "run" / "descent.html").read_text()
    assert "that of f1" in page
    assert "cross_entropy" not in page
    assert main(["descent", study, run, "--weight", "f4"]) == 2
    assert "CLI-108" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [("--rate", "0"), ("--rate", "-1"), ("--steps", "0")])
def test_no_rate_and_no_steps_are_refused(flag: tuple[str, str], study: str, tmp_path: Path, capsys) -> None:
    assert main(["descent", study, str(tmp_path / "run"), *flag]) == 2
    assert "CLI-104" in capsys.readouterr().err
