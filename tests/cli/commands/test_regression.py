"""A study of a number from the command line: what does it, and what refuses it by name."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.evaluate.regression.test_study import people, study_of

from normwise.cli.main import main
from normwise.cohort import study_to_toml
from normwise.model import RegressionModel, load_model
from normwise.schema import Study


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


@pytest.fixture(scope="module")
def trained(study) -> Path:
    folder = study.parent.parent / "trained"
    assert main(["train", str(study), str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def new(tmp_path) -> Path:
    """A table of six new people: as the others, outside the range, without a feature, of odd numbers."""
    table = people(seed=3).head(6).assign(ID=list("abcdef"), Age=70.0)
    table["score"] = ["27.5", "", "n/a", "many", "27", "99"]
    table.loc[1, "Age"] = 99.0
    table["f0"] = table["f0"].astype(object)
    table.loc[2, "f0"] = ""
    table.drop(columns="CDR").to_csv(tmp_path / "new.csv", index=False)
    return tmp_path / "new.csv"


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
        ["descent", "STUDY", "NEW"],
        ["reference", "STUDY", "NEW.npz"],
        ["evaluate", "STUDY", "NEW", "--people"],
        ["test", "MODEL", "STUDY", "NEW", "--people"],
        ["predict", "MODEL", "TABLE", "--people", "NEW"],
        ["export", "MODEL", "NEW.onnx"],
        ["checklist", "RUN"],
    ],
)
def test_commands_of_classes_refuse_it_by_name_and_leave_nothing(
    study, run, trained, tmp_path, words, capsys
):
    places = {
        "STUDY": study, "RUN": run, "NEW": tmp_path / "new", "NEW.npz": tmp_path / "new.npz",
        "NEW.onnx": tmp_path / "new.onnx", "MODEL": trained, "TABLE": study.parent / "people.csv",
    }  # fmt: skip
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


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in csv.DictReader(text.splitlines(), delimiter="\t")}


def test_train_says_on_whom_and_how_wide_its_intervals_are(study, tmp_path, capsys):
    assert main(["train", str(study), str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    for text in (
        "150 people",
        "normal 100, others 50",
        "score, trained from",
        "ridge on 3",
        "90% ±",
        "model",
    ):
        assert text in out
    assert main(["train", str(tmp_path / "run"), "--json-log"]) == 0  # the run's own study
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert end["people"] == 150
    assert 0 < end["half_widths"][0] < end["half_widths"][1]


def test_predict_gives_number_intervals_gap_and_a_word(trained, new, capsys):
    assert main(["predict", str(trained), str(new)]) == 1  # one can't be computed with
    rows = rows_of(capsys.readouterr().out)
    assert list(rows) == list("abcdef")
    assert list(rows["a"]) == [
        "id", "predicted", "low_80", "high_80", "low_90", "high_90", "true", "gap", "corrected_gap", "remark",
    ]  # fmt: skip
    model = load_model(trained)
    assert isinstance(model, RegressionModel)
    found = {name: float(rows["a"][name]) for name in list(rows["a"])[1:-1]}
    assert found["true"] == 27.5
    assert found["gap"] == pytest.approx(found["predicted"] - 27.5, abs=1e-4)
    wide = model.procedure.half_widths
    assert found["high_90"] - found["predicted"] == pytest.approx(wide[1], abs=1e-3)
    assert found["predicted"] - found["low_80"] == pytest.approx(wide[0], abs=1e-3)
    line = model.procedure.gap
    expected = found["gap"] - line.intercept - line.slope * 27.5
    assert found["corrected_gap"] == pytest.approx(expected, abs=1e-3)
    assert rows["a"]["remark"] == "n/a"
    for name, word in (("b", "Age"), ("c", "f0 is missing")):
        assert set(list(rows[name].values())[1:6]) == {"n/a"}
        assert word in rows[name]["remark"]
    assert rows["d"]["true"] == rows["d"]["gap"] == "n/a"
    assert rows["d"]["predicted"] != "n/a"
    assert "COH-206" in rows["d"]["remark"]
    assert "EVA-109 the true number lies beyond" in rows["f"]["remark"]


def test_predict_needs_no_true_number(trained, new, tmp_path, capsys):
    table = pd.read_csv(new).drop(columns="score").iloc[[0, 3]]
    table.to_csv(tmp_path / "bare.csv", index=False)
    assert (
        main(["predict", str(trained), str(tmp_path / "bare.csv"), "--out", str(tmp_path / "out.tsv")]) == 0
    )
    rows = rows_of((tmp_path / "out.tsv").read_text(encoding="utf-8"))
    assert (
        {row["true"] for row in rows.values()} == {row["corrected_gap"] for row in rows.values()} == {"n/a"}
    )
    assert "2 of 2 scans" in capsys.readouterr().out


def test_predict_names_scans_that_were_trained_on(study, trained, capsys):
    assert main(["predict", str(trained), str(study.parent / "people.csv")]) == 0
    out, err = capsys.readouterr()
    assert all("EVA-102" in row["remark"] for row in rows_of(out).values())
    assert "EVA-102" in err


def test_test_prints_the_figures_of_other_people(trained, tmp_path, capsys):
    folder = tmp_path / "other"
    content = study_of(folder, people(seed=9).head(60))
    (folder / "study.toml").write_text(study_to_toml(content), encoding="utf-8")
    words = ["test", str(trained), str(folder / "study.toml"), str(tmp_path / "run")]
    assert main(words) == 0
    out = capsys.readouterr().out
    for text in ("MAE", "80% holds", "90% holds", "to the mean", "regression.json", "report.html"):
        assert text in out
    assert "demographics" not in out


def test_a_model_and_a_study_of_other_kinds_are_refused_and_leave_nothing(study, trained, tmp_path, capsys):
    folder = tmp_path / "classes"
    content = study_of(folder, people()).model_dump()
    content["cohort"] |= {"target": None, "label": "CDR", "normal": "0"}
    content["classifier"] = {"name": "linear", "grid": {"alpha": [1.0]}}
    (folder / "study.toml").write_text(study_to_toml(Study.model_validate(content)), encoding="utf-8")
    assert main(["train", str(folder / "study.toml"), str(tmp_path / "model"), "--quiet"]) == 0
    capsys.readouterr()
    for model, other in ((trained, folder / "study.toml"), (tmp_path / "model", study)):
        assert main(["test", str(model), str(other), str(tmp_path / "run")]) == 2
        assert "CLI-112" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_score_holds_people_against_the_norm_of_a_model_of_a_number(trained, new, capsys):
    main(["score", str(trained), "--table", str(new)])
    rows = rows_of(capsys.readouterr().out)
    assert abs(float(rows["a"]["f2"])) < 5
    assert "Age" in rows["b"]["outside_support"]


@pytest.fixture(scope="module")
def of_pictures(tmp_path_factory) -> Path:
    """A model of a number that is read off pictures of 16 pixels, whose brightness follows it."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    table = people().head(40).assign(Age=np.resize([60.0, 70.0, 80.0], 40)).loc[:, ["ID", "Age", "score"]]
    for name, score in zip([*table["ID"], "new", "other"], [*table["score"], 27.0, 24.0], strict=True):
        pixels = 6 * score + rng.normal(0, 3, (4, 4))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes(b"nothing of the kind")
    table.to_csv(folder / "people.csv", index=False)
    content = {
        "cohort": {"root": folder, "table": "people.csv", "id": "ID", "target": "score",
                   "demographics": ["Age"], "images": "{ID}.png"},
        "features": {"extractor": "images"}, "classifier": {"grid": {"alpha": [10.0]}},
        "evaluation": {"inner_folds": 3},
    }  # fmt: skip
    (folder / "study.toml").write_text(study_to_toml(Study.model_validate(content)), encoding="utf-8")
    assert main(["train", str(folder / "study.toml"), str(folder / "run"), "--quiet", "--jobs", "1"]) == 0
    return folder


def test_pictures_of_one_person_are_measured_and_a_broken_one_fails_alone(of_pictures, capsys):
    images = [str(of_pictures / f"{name}.png") for name in ("new", "broken", "other")]
    words = ["predict", str(of_pictures / "run"), *images, "--set", "Age=71", "--jobs", "1"]
    assert main([*words, "--set", "score=27"]) == 1
    rows = rows_of(capsys.readouterr().out)
    assert list(rows) == ["new.png", "broken.png", "other.png"]
    assert float(rows["new.png"]["predicted"]) > float(rows["other.png"]["predicted"])
    assert float(rows["new.png"]["gap"]) == pytest.approx(float(rows["new.png"]["predicted"]) - 27, abs=1e-4)
    assert rows["new.png"]["corrected_gap"] != "n/a"
    assert rows["broken.png"]["predicted"] == "n/a"
    assert rows["broken.png"]["remark"].startswith("IMG-")
    assert main(words) == 1
    assert rows_of(capsys.readouterr().out)["new.png"]["gap"] == "n/a"


def test_what_is_neither_a_demographic_nor_the_number_is_refused(of_pictures, capsys):
    words = ["predict", str(of_pictures / "run"), str(of_pictures / "new.png"), "--set", "Age=71"]
    assert main([*words, "--set", "scores=27"]) == 2
    assert "COH-107" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("normal", "cdr", "refused"), [("CDR == 0", "0", False), ("CDR == 0", "1", True), ("normal", "1", False)]
)
def test_controls_of_a_new_site_are_normal_by_the_condition_of_the_study(
    tmp_path, normal, cdr, refused, capsys
):
    folder = tmp_path / "s"
    content = study_of(
        folder, people().assign(site=np.arange(150) % 2), site="site", normal=normal
    ).model_dump()  # fmt: skip
    content["sites"] = {"harmonize": "hierarchical", "unseen": "refuse"}
    (folder / "study.toml").write_text(study_to_toml(Study.model_validate(content)), encoding="utf-8")
    assert main(["train", str(folder / "study.toml"), str(tmp_path / "run"), "--quiet"]) == 0
    controls = people(seed=4).head(8).assign(site="new", CDR="0")
    controls.loc[0, "CDR"] = cdr
    controls.to_csv(tmp_path / "controls.csv", index=False)
    card = tmp_path / "card.json"
    words = ["adapt", str(tmp_path / "run"), "--table", str(tmp_path / "controls.csv"), "--out", str(card)]
    assert (main(words) == 0) != refused
    err = capsys.readouterr().err
    assert ("NRM-" in err) == refused
    if not refused:
        words = ["predict", str(tmp_path / "run"), str(tmp_path / "controls.csv")]
        main(words)
        assert rows_of(capsys.readouterr().out)["p001x"]["predicted"] == "n/a"
        main([*words, "--site-card", str(card)])
        assert rows_of(capsys.readouterr().out)["p001x"]["predicted"] != "n/a"
