"""Pages of an evaluation show predictions of models that were trained without the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import read_csv as read_table

from normwise.evaluate import evaluate_study
from normwise.report import read_run, read_scored
from normwise.report.sections.decisions import worst
from normwise.results import Evaluation, Explanation, People, read_result
from normwise.run_folder import RunFolder
from normwise.schema import Study


def study_in(folder: Path, **sections: Any) -> Study:
    rng = np.random.default_rng(3)
    rows = ["ID,Age,Sex,dx,f1,f2"]
    for number in range(60):
        ill, age = number % 2, rng.uniform(55, 85)
        rows.append(
            f"p{number:02d},{age:.1f},{'FM'[number // 2 % 2]},{'AD' if ill else 'normal'},"
            f"{100 - 0.8 * age - 8 * ill + rng.normal(0, 4):.3f},{rng.normal():.3f}"
        )
    (folder / "people.csv").write_text("\n".join(rows) + "\n")
    cohort = {
        "root": folder,
        "table": "people.csv",
        "id": "ID",
        "label": "dx",
        "demographics": ["Age", "Sex"],
    }
    evaluation = {"folds": 3, "repeats": 2, "inner_folds": 2, "bootstrap": 100}
    features = {"extractor": "table", "columns": ["f*"]}
    return Study.model_validate(
        {"cohort": cohort, "features": features, "evaluation": evaluation, **sections}
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    descent = {"name": "logistic", "solver": "gradient_descent", "grid": {"C": [1.0]}}
    evaluate_study(study_in(folder, classifier=descent), folder / "run", people=True)
    return folder / "run"


def test_pages_hold_the_mean_over_models_without_the_person(run: Path) -> None:
    people = read_result(People, run / "people.json")
    main = read_result(Evaluation, run / "evaluation.json").main_arm
    scored = {row.subject: row for row in read_scored(RunFolder(run), main)}
    assert people.out_of_fold
    assert people.models == 2
    assert len(people.people) == len(scored) == 60
    for person in people.people:
        assert person.prediction.probabilities == scored[person.prediction.subject].probabilities
        assert person.label == scored[person.prediction.subject].label
        assert person.prediction.contributions
    assert len(list((run / "people").glob("*.html"))) == 61


def test_a_classifier_fitted_by_descent_leaves_its_cost_curve(run: Path) -> None:
    explanation = read_result(Explanation, run / "explanation.json")
    [curve] = explanation.cost_curves.values()
    assert len(curve.x) == len(curve.y) > 2
    assert curve.y[-1] < curve.y[0]
    assert 'id="descent"' in (run / "report.html").read_text(encoding="utf-8")
    assert (run / "figures" / "cost.svg").is_file()


def test_people_on_trajectories_keep_their_sex(run: Path) -> None:
    for trajectory in read_result(Explanation, run / "explanation.json").trajectories:
        assert len(trajectory.people_level) == len(trajectory.people_x)
        assert set(trajectory.people_level) == set(trajectory.expected) == {"F", "M"}


def test_whom_the_report_names_gets_a_page_that_it_links_to(tmp_path: Path) -> None:
    study = study_in(tmp_path, evaluation={"folds": 2, "repeats": 1, "inner_folds": 2, "bootstrap": 100})
    evaluation = evaluate_study(study, tmp_path / "run", people=None)
    run = read_run(tmp_path / "run")
    missed, alarms = worst(run.scored, evaluation.classes, evaluation.negative)
    of_parts = {row.mistaken for row in run.main.subgroups if row.mistaken}
    wrong = {
        row.subject: abs((row.label != "normal") - (1 - row.probabilities["normal"]))
        for row in run.scored
        if row.decisions.keys() - {row.label, ""}
    }
    # Of the women, and of the men, the one whose wrong decision was surest.
    sex = read_table(tmp_path / "people.csv").set_index("ID")["Sex"]
    for row in run.main.subgroups:
        if row.name == "Sex":
            own = {scan: error for scan, error in wrong.items() if sex[scan] == row.level}
            assert row.mistaken == max(own, key=lambda scan: own[scan], default="")
    named = {row.subject for row in (*missed, *alarms)} | of_parts
    assert named
    people = read_result(People, tmp_path / "run" / "people.json")
    assert people.named
    assert {each.prediction.subject for each in people.people} == named < {row.subject for row in run.scored}
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(page.count(f'href="people/{name}.html"') for name in named)
    listed = (tmp_path / "run" / "people" / "index.html").read_text(encoding="utf-8")
    assert "whom the report names" in listed
    # Nobody is asked for: the pages of before would say what does not hold any more.
    evaluate_study(study, tmp_path / "run", people=False)
    assert not (tmp_path / "run" / "people.json").exists()
    assert not (tmp_path / "run" / "people").exists()
    assert "people/" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
