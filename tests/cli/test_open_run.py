"""Run folders: new, taken up, refused; and what `--overwrite` may and may not remove."""

import json
from pathlib import Path

import pytest

from normwise.cli.open_run import open_run, own_study, refuse_other_files, settle_study
from normwise.errors import CommandError
from normwise.run_folder import RunFolder
from normwise.schema import Study


def study(root, **sections):
    return Study.model_validate({"cohort": {"root": root}, **sections})


@pytest.fixture
def run(tmp_path):
    """A run that was begun and has results, a cache and a log."""
    folder = tmp_path / "run"
    open_run(folder, study(tmp_path))
    for name in ("logs/a.log", ".cache/ab/cd.npz", "model/manifest.json", "evaluation.json", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def codes(caught):
    return caught.value.code


def test_a_new_or_empty_folder_is_begun(tmp_path):
    for name in ("new", "deep/er", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        open_run(tmp_path / name, study(tmp_path))
        assert (tmp_path / name / "study.toml").is_file()


def test_a_run_of_the_same_study_is_taken_up(run, tmp_path):
    open_run(run, study(tmp_path))
    assert (run / "evaluation.json").exists()


def test_a_run_of_another_study_is_refused_key_by_key(run, tmp_path):
    with pytest.raises(CommandError) as caught:
        open_run(run, study(tmp_path, classifier={"name": "svm"}, evaluation={"folds": 10}))
    assert codes(caught) == "CLI-202"
    assert "classifier.name: logistic → svm" in caught.value.seen
    assert "evaluation.folds: 5 → 10" in caught.value.seen
    assert (run / "evaluation.json").exists()


def test_overwrite_replaces_results_and_nothing_else(run, tmp_path):
    open_run(run, study(tmp_path, classifier={"name": "svm"}), overwrite=True)
    left = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert left == {".normwise", "study.toml", "logs/a.log", ".cache/ab/cd.npz", "notes.txt"}
    assert "svm" in (run / "study.toml").read_text()


def test_overwrite_of_the_same_study_keeps_its_results(run, tmp_path):
    open_run(run, study(tmp_path), overwrite=True)
    assert (run / "evaluation.json").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "names", [["letter.txt"], ["study.toml", "participants.tsv", "dataset_description.json"]]
)
def test_a_folder_that_is_no_run_is_never_written_into(tmp_path, names, overwrite):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("mine")
    with pytest.raises(CommandError) as caught:
        open_run(folder, study(tmp_path), overwrite=overwrite)
    assert codes(caught) == "CLI-201"
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(names, "mine")


@pytest.mark.parametrize("name", [".", "tables"])
def test_a_studys_own_cohort_is_never_made_a_run_even_where_it_is_marked(tmp_path, name):
    (tmp_path / "tables").mkdir()
    own = study(tmp_path)
    own = own.model_copy(update={"cohort": own.cohort.model_copy(update={"table": "tables/people.tsv"})})
    (tmp_path / name / ".normwise").touch()
    (tmp_path / name / "cohort.tsv").write_text("mine")
    with pytest.raises(CommandError) as caught:
        open_run(tmp_path / name, own, overwrite=True)
    assert codes(caught) == "CLI-201"
    assert (tmp_path / name / "cohort.tsv").read_text() == "mine"


def test_a_cohort_that_looks_like_a_run_is_not_cleared(tmp_path):
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    for name in ("study.toml", "cohort.tsv", "run.json", "features.tsv"):
        (data / name).write_text("mine")
    with pytest.raises(CommandError) as caught:
        open_run(data, study(tmp_path), overwrite=True)
    assert codes(caught) == "CLI-201"
    assert (data / "features.tsv").read_text() == "mine"


def test_a_key_left_out_and_an_empty_list_are_the_same_study(run, tmp_path):
    file = run / "study.toml"
    text = file.read_text()
    assert "include = []\n" in text
    file.write_text(text.replace("include = []\n", ""))
    open_run(run, study(tmp_path))
    assert (run / "evaluation.json").exists()


def test_keys_of_another_extractor_that_0_1_0_wrote_are_no_other_study(run, tmp_path):
    file = run / "study.toml"
    text = file.read_text()
    assert 'extractor = "regions"\n' in text
    file.write_text(text.replace('extractor = "regions"\n', 'extractor = "regions"\nsmoothing_mm = 8.0\n'))
    open_run(run, study(tmp_path))
    assert (run / "evaluation.json").exists()


def left_by(folder, root, command, *names, **sections):
    """A run with a study and the results of a command."""
    own = study(root, **sections)
    open_run(folder, own, verb=command)
    (folder / "run.json").write_text(json.dumps({"command": command}))
    for name in names:
        (folder / name).mkdir() if name == "model" else (folder / name).touch()
    return own


def test_a_key_that_the_command_does_not_use_keeps_the_runs_value(tmp_path):
    run = tmp_path / "run"
    left_by(run, tmp_path, "evaluate", "evaluation.json", evaluation={"repeats": 1})
    settled = settle_study(run, study(tmp_path, evaluation={"repeats": 7}), verb="train")
    assert settled.evaluation.repeats == 1
    open_run(run, study(tmp_path, evaluation={"repeats": 7}), verb="train")
    assert "repeats = 1\n" in (run / "study.toml").read_text()
    assert (run / "evaluation.json").exists()


@pytest.mark.parametrize("key", ["inner_folds", "seed"])
def test_a_key_that_both_use_still_tells_two_studies_apart(tmp_path, key):
    run = tmp_path / "run"
    left_by(run, tmp_path, "evaluate", "evaluation.json")
    with pytest.raises(CommandError) as caught:
        open_run(run, study(tmp_path, evaluation={key: 9}), verb="train")
    assert codes(caught) == "CLI-202"


def test_a_key_that_only_the_command_uses_is_taken_and_costs_no_results(tmp_path):
    run = tmp_path / "run"
    left_by(run, tmp_path, "train", "model")
    open_run(run, study(tmp_path, evaluation={"repeats": 1}), verb="evaluate")
    assert "repeats = 1\n" in (run / "study.toml").read_text()
    assert (run / "model").exists()


def test_extracted_features_serve_every_classifier_but_not_other_people(tmp_path):
    run = tmp_path / "run"
    left_by(run, tmp_path, "extract", "features.tsv")
    open_run(run, study(tmp_path, classifier={"name": "svm"}), verb="evaluate")
    assert (run / "features.tsv").exists()
    other = study(tmp_path)
    other = other.model_copy(update={"cohort": other.cohort.model_copy(update={"label": "dx"})})
    with pytest.raises(CommandError):
        open_run(run, other, verb="train")


def test_what_a_refused_command_has_begun_is_in_nobodys_way(tmp_path):
    run = tmp_path / "run"
    open_run(run, study(tmp_path), verb="evaluate")
    (run / "cohort.tsv").touch()
    open_run(run, study(tmp_path, classifier={"name": "svm"}), verb="evaluate")
    assert "svm" in (run / "study.toml").read_text()
    assert not (run / "cohort.tsv").exists()


def test_a_title_is_no_other_study(tmp_path):
    run = tmp_path / "run"
    left_by(run, tmp_path, "evaluate", "evaluation.json")
    open_run(run, study(tmp_path, title="a better one"), verb="evaluate")
    assert "a better one" in (run / "study.toml").read_text()


def test_a_run_alone_brings_its_study_and_anything_else_is_run_beside_itself(tmp_path, monkeypatch):
    run = tmp_path / "run"
    open_run(run, study(tmp_path))
    assert own_study(run, None) == (run, run)
    assert own_study(run, tmp_path) == (run, tmp_path)
    assert own_study(run / "study.toml", None) == (run / "study.toml", run)
    dataset = tmp_path / "ds.v2"
    dataset.mkdir()
    assert own_study(dataset, None)[1] == tmp_path / "ds.v2-run"
    monkeypatch.chdir(dataset)
    assert own_study(Path(), None)[1] == tmp_path / "ds.v2-run"
    (dataset / "people.tsv").touch()
    assert own_study(dataset / "people.tsv", None)[1] == dataset / "people-run"
    (dataset / "study.toml").touch()
    for given in (dataset, dataset / "study.toml"):
        assert own_study(given, None)[1] == dataset / "study-run"
    with pytest.raises(CommandError) as caught:
        own_study(Path("/"), None)
    assert codes(caught) == "CLI-101"


def test_a_run_begun_in_python_is_known_to_the_command_line(table_run):
    assert RunFolder(table_run).is_run
    refuse_other_files(table_run)


def test_a_name_taken_by_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(CommandError) as caught:
        open_run(tmp_path / "run", study(tmp_path))
    assert codes(caught) == "CLI-201"


def test_what_may_lie_beside_a_run_does_not_make_it_foreign(tmp_path):
    (tmp_path / "cohort").mkdir()
    refuse_other_files(tmp_path, beside=("cohort",))
    with pytest.raises(CommandError):
        refuse_other_files(tmp_path)


def test_an_interrupted_run_is_known_again(tmp_path):
    open_run(tmp_path / "run", study(tmp_path))
    (tmp_path / "run" / "logs").mkdir()
    assert RunFolder(tmp_path / "run").is_run
    assert not RunFolder(tmp_path).is_run
