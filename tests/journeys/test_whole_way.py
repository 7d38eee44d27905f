"""The commands as a user gives them: check, extract, evaluate, train, predict, test, report, descent."""

import csv
import json
import shutil

import pytest

from normwise.report import named_scans, read_run
from normwise.results import Evaluation, RunRecord, read_result

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(normwise, cohort, quick, tmp_path_factory):
    """A run that was extracted, evaluated and trained, one command after the other."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    extracted = normwise("extract", cohort, folder, *quick)
    assert extracted.out.splitlines()[-1] == str(folder / "features.tsv")
    evaluated = normwise("evaluate", cohort, folder, *quick)
    assert "36 from the cache" in evaluated.err
    trained = normwise("train", cohort, folder, *quick)
    assert trained.out.splitlines()[-1] == str(folder / "model")
    return folder


def rows_of(text):
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def scan(cohort, name):
    return next((cohort / name / "anat").glob("*_T1w.nii.gz"))


def test_check_says_what_would_be_run_and_writes_nothing(normwise, cohort):
    before = {path: path.stat().st_mtime_ns for path in cohort.rglob("*")}
    printed = normwise("check", cohort, "--include", "age >= 60").out
    assert "defines normal" in printed
    assert "COH-209" in printed
    assert {path: path.stat().st_mtime_ns for path in cohort.rglob("*")} == before


def test_a_run_holds_what_it_promises(run):
    names = (
        "dataset_description.json study.toml run.json cohort.tsv features.tsv features.json cache.json "
        "evaluation.json explanation.json predictions.tsv model report.html figures logs "
        "README.md .bidsignore"
    )
    named = {"people", "people.json"} if named_scans(read_run(run)) else set()  # of those who were mistaken
    assert {path.name for path in run.iterdir()} == {*names.split(), ".normwise"} | named
    assert len(list((run / "logs").iterdir())) == 3
    assert read_result(RunRecord, run / "run.json").n_included == 36


def test_the_six_arms_are_tested_on_the_same_people(run):
    evaluation = read_result(Evaluation, run / "evaluation.json")
    every = ["raw", "normalized", "adjusted", "normalized_all", "appended", "demographics"]
    assert list(evaluation.arms) == every
    assert evaluation.n_people == 36
    for arm in evaluation.arms.values():
        assert arm.auc.low <= arm.auc.estimate <= arm.auc.high
    assert "auc" in evaluation.differences["normalized-raw"]
    tested = {
        name: sorted(
            row["id"] for row in rows_of((run / "predictions.tsv").read_text()) if row["arm"] == name
        )
        for name in evaluation.arms
    }
    assert all(each == tested["raw"] for each in tested.values())


def test_the_simulated_truth_is_found(run, cohort):
    # The disease was planted in the hippocampi and around them: the normalized arm must see it there.
    evaluation = read_result(Evaluation, run / "evaluation.json")
    assert evaluation.arms["normalized"].auc.estimate > 0.7
    explanation = json.loads((run / "explanation.json").read_text())
    heaviest = [row["place"] for row in explanation["importances"][:5]]
    assert any("hippocampus" in place or "amygdala" in place for place in heaviest)


def test_predict_decides_about_an_image(normwise, run, cohort):
    person = rows_of((cohort / "participants.tsv").read_text())[0]
    name = person["participant_id"]
    flags = ["--set", f"age={person['age']}", "--set", f"sex={person['sex']}"]
    [row] = rows_of(normwise("predict", run, scan(cohort, name), *flags).out)
    assert row["decision"] in ("normal", "dementia")
    assert float(row["probability_normal"]) + float(row["probability_dementia"]) == pytest.approx(1, abs=1e-5)
    # The model's folder itself, and a table, say the same.
    [again] = rows_of(normwise("predict", run / "model", scan(cohort, name), *flags).out)
    assert again == row
    table = rows_of(normwise("predict", run, "--table", cohort / "participants.tsv").out)
    assert len(table) == 36
    assert {**table[0], "id": ""} == {**row, "id": ""}


def test_predict_outside_the_normal_range_decides_nothing_and_says_why(normwise, run, cohort):
    ending = normwise("predict", run, scan(cohort, "sub-001"), "--set", "age=20", "--set", "sex=F")
    [row] = rows_of(ending.out)
    assert row["decision"] == "no decision"
    assert "age 20" in row["reason"]


def test_predict_from_features_that_were_measured_before(normwise, run, cohort, tmp_path):
    people = {row["participant_id"]: row for row in rows_of((cohort / "participants.tsv").read_text())}
    features = rows_of((run / "features.tsv").read_text())
    key = next(iter(features[0]))
    lines = ["\t".join(["participant_id", "age", "sex", *list(features[0])[1:]])]
    for row in features:
        person = people[row[key]]
        lines.append("\t".join([row[key], person["age"], person["sex"], *list(row.values())[1:]]))
    (tmp_path / "new.tsv").write_text("\n".join(lines) + "\n")
    measured = normwise("predict", run, "--table", tmp_path / "new.tsv")
    assert "regions" not in measured.err
    assert measured.out == normwise("predict", run, "--table", cohort / "participants.tsv").out


def test_test_warns_of_people_it_was_trained_on(normwise, run, cohort, quick, tmp_path):
    ending = normwise("test", run, cohort, tmp_path / "tested", *quick)
    assert ending.out.splitlines()[-1] == str(tmp_path / "tested" / "report.html")
    evaluation = read_result(Evaluation, tmp_path / "tested" / "evaluation.json")
    assert evaluation.kind == "test"
    assert list(evaluation.arms) == ["adjusted"]
    assert any(note.code == "EVA-102" for note in evaluation.notes)


def test_report_is_made_again_from_the_run_alone(normwise, run, tmp_path):
    shutil.copytree(run, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(".cache", "report.html"))
    ending = normwise("report", tmp_path / "elsewhere")
    assert ending.out.strip() == str(tmp_path / "elsewhere" / "report.html")
    assert (tmp_path / "elsewhere" / "report.html").read_bytes() == (run / "report.html").read_bytes()


def test_descent_draws_three_rates(normwise, run, cohort, quick, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    ending = normwise("descent", cohort, tmp_path / "run", *quick)
    first = [line.split()[0] for line in ending.out.splitlines()[:4]]
    assert first == ["cost", "low", "adequate", "high"]
    assert ending.out.count("largest stable rate") == 2  # of each cost one
    assert (tmp_path / "run" / "descent.html").stat().st_size > 1000


def test_a_bids_folder_with_flags_is_a_study_too(normwise, extracted, cohort, quick, tmp_path, shared_cache):
    bids = tmp_path / "bids"
    shutil.copytree(cohort, bids, ignore=shutil.ignore_patterns("study.toml"))
    printed = normwise("check", bids, "--demographics", "age", "sex", "--label", "diagnosis").out
    assert "36 of the table's 36" in printed
    words = ("extract", bids, tmp_path / "run", "--demographics", "age", "sex", "--jobs", 2)
    ending = normwise(*words, "--cache", shared_cache)
    # Finished work is known by content, wherever the images lie.
    assert "36 from the cache" in ending.err


def test_json_log_is_json_alone(normwise, extracted, cohort, quick, tmp_path, shared_cache):
    ending = normwise("extract", cohort, tmp_path / "run", *quick, "--cache", shared_cache, "--json-log")
    events = [json.loads(line) for line in [*ending.err.splitlines(), *ending.out.splitlines()]]
    assert events[-1]["event"] == "end"
    assert events[-1]["scans"] == 36


def test_quiet_is_quiet(normwise, extracted, cohort, quick, tmp_path, shared_cache):
    ending = normwise("extract", cohort, tmp_path / "run", *quick, "--cache", shared_cache, "--quiet")
    assert (ending.out, ending.err) == ("", "")


def test_the_log_names_no_person_but_by_scan(run, cohort):
    text = "".join(path.read_text() for path in (run / "logs").iterdir())
    assert str(cohort) not in text
    assert "participants" not in text
