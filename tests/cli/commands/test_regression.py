"""A study of a number from the command line: what does it, and what refuses it by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.evaluate.regression.test_study import study_of

from normwise.cli.main import main
from normwise.cohort import study_to_toml


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "cohort"
    file = folder / "study.toml"
    content = study_of(folder)
    file.write_text(study_to_toml(content), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(study) -> Path:
    folder = study.parent.parent / "run"
    assert main(["evaluate", str(study), str(folder), "--repeats", "1", "--quiet"]) == 0
    return folder


def test_check_says_what_would_be_predicted(study, capsys):
    assert main(["check", str(study)]) == 0
    out = capsys.readouterr().out
    assert "score: " in out
    assert "CDR == 0" in out
    assert "ridge" in out


def test_evaluate_prints_every_arm_coverage_and_regression_to_the_mean(study, tmp_path, capsys):
    assert main(["evaluate", str(study), str(tmp_path / "run"), "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    for text in (
        "MAE",
        "normalized*",
        "demographics",
        "80% holds",
        "90% holds",
        "to the mean",
        "regression.json",
    ):
        assert text in out


def test_its_numbers_are_in_the_json_object_too(study, tmp_path, capsys):
    assert main(["evaluate", str(study), str(tmp_path / "run"), "--repeats", "1", "--json-log"]) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert end["mae"]["normalized"] < end["mae"]["demographics"]
    assert set(end["coverage"]) == {"80%", "90%"}


def test_the_run_s_own_study_is_gone_on_with(run):
    assert main(["evaluate", str(run), "--quiet"]) == 0
    assert main(["check", str(run), "--quiet"]) == 0


@pytest.mark.parametrize("verb", ["extract", "normalize"])
def test_what_needs_no_prediction_takes_the_study(study, tmp_path, verb):
    assert main([verb, str(study), str(tmp_path / "run"), "--quiet"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["train", "STUDY", "NEW"],
        ["descent", "STUDY", "NEW"],
        ["reference", "STUDY", "NEW.npz"],
        ["evaluate", "STUDY", "NEW", "--people"],
        ["checklist", "RUN"],
    ],
)
def test_commands_of_classes_refuse_it_by_name_and_leave_nothing(study, run, tmp_path, words, capsys):
    places = {"STUDY": study, "RUN": run, "NEW": tmp_path / "new", "NEW.npz": tmp_path / "new.npz"}
    assert main([str(places.get(word, word)) for word in words]) == 2
    err = capsys.readouterr().err
    assert "CLI-111" in err
    assert f"normwise {words[0]}" in err
    assert not list(tmp_path.iterdir())


def test_compare_refuses_runs_of_numbers(run, tmp_path, capsys):
    assert main(["compare", str(run), str(run), "--out", str(tmp_path / "out")]) == 2
    assert "EVA-110" in capsys.readouterr().err


def test_a_number_named_as_label_says_what_to_write(study, capsys):
    table = str(study.parent / "people.csv")
    assert main(["check", table, "--id", "ID", "--label", "score", "--extractor", "table"]) == 2
    err = capsys.readouterr().err
    assert "STU-121" in err
    assert "name it as target" in err
