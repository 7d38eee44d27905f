"""One learning rate for a whole study: what is called adequate trains in every arm, part and penalty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.classify import CostName
from normwise.errors import ClassifierError
from normwise.evaluate.cross_validation import cross_validate_arms
from normwise.procedure import arms_of, stable_rates, training_columns
from normwise.runs import PreparedRun, prepare_run
from normwise.schema import Study

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")

COHORTS = [
    {"people": 60, "features": 3, "shared": 0.0},
    {"people": 40, "features": 60, "shared": 3.0},  # one direction carries nearly everything
    {"people": 90, "features": 12, "shared": 1.0, "ill": 0.2, "parameters": {"class_weight": "balanced"}},
    {"people": 48, "features": 5, "shared": 0.5, "spread": 6.0, "normalizer": {"mode": "append"}},
    {"people": 50, "features": 8, "shared": 0.0, "unit": 1e4, "evaluation": {"folds": 2, "inner_folds": 2}},
]


def prepared(folder: Path, name: str, **made: Any) -> PreparedRun:
    """Simulate a cohort whose patients depart, some of them far."""
    rng = np.random.default_rng(5)
    count, width = made["people"], made["features"]
    ill = rng.permutation(count) < made.get("ill", 0.5) * count
    age = rng.uniform(60, 85, count)
    values = (
        rng.normal(size=(count, width)) + made["shared"] * rng.normal(size=(count, 1)) - 0.03 * age[:, None]
    )
    values -= ill[:, None] * rng.exponential(made.get("spread", 1.0), size=(count, 1))
    table = pd.DataFrame(values * made.get("unit", 1.0), columns=[f"f{place}" for place in range(width)])
    table.insert(0, "participant_id", [f"s{place}" for place in range(count)])
    table["age"], table["dx"] = age.round(1), np.where(ill, "AD", "normal")
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    classifier = {"name": name, "solver": "gradient_descent"}
    study = Study.model_validate(
        {
            "cohort": {"root": folder, "label": "dx", "demographics": ["age"]},
            "features": {"extractor": "table", "columns": ["f*"]},
            "normalizer": made.get("normalizer", {}),
            "classifier": classifier | {"parameters": {"max_steps": 60} | made.get("parameters", {})},
            "decision": {"cost": {"missed": 1.0, "false_alarm": 1.0}},
            "evaluation": {"folds": 3, "repeats": 1, "inner_folds": 3} | made.get("evaluation", {}),
        }
    )
    return prepare_run(study, folder / "run")


def limit_of(run: PreparedRun, cost: CostName) -> float:
    rates = stable_rates(run.study, run.cohort.roles, run.frame, run.labels, run.groups, costs=[cost])[cost]
    assert set(rates) == set(arms_of(run.cohort.roles))
    return min(rates.values())


def train(run: PreparedRun, rate: float) -> None:
    """Test every arm of a study with one learning rate, all penalties of the grid among them."""
    section = run.study.classifier
    section = section.model_copy(update={"parameters": {**section.parameters, "learning_rate": rate}})
    study, roles = run.study.model_copy(update={"classifier": section}), run.cohort.roles
    cross_validate_arms(study, roles, run.frame, run.labels, run.groups, arms=arms_of(roles, study.features))


@pytest.mark.parametrize("made", COHORTS)
@pytest.mark.parametrize(("name", "cost"), [("linear", "squared"), ("logistic", "cross_entropy")])
def test_an_adequate_rate_trains_in_the_whole_study(
    made: dict[str, Any], name: str, cost: CostName, tmp_path: Path
) -> None:
    run = prepared(tmp_path / "cohort", name, **made)
    train(run, limit_of(run, cost) / 2)


def test_a_rate_of_twice_the_limit_does_not(tmp_path: Path) -> None:
    run = prepared(tmp_path / "cohort", "linear", **COHORTS[1])
    with pytest.raises(ClassifierError, match="CLS-108"):
        train(run, 2 * limit_of(run, "squared"))


def test_people_whom_the_study_trains_without_are_left_out(tmp_path: Path) -> None:
    """As where a patient is of a level that nobody normal has: `ArmFitter` trains on everybody else."""
    run = prepared(tmp_path / "cohort", "linear", people=60, features=3, shared=0.0)
    sex = np.array(["F", "M"], dtype=object)[np.arange(60) // 2 % 2]
    sex[np.flatnonzero(run.labels == "AD")[0]] = "X"
    roles = replace(run.cohort.roles, demographics=("age", "sex"), categorical=("sex",))
    frame = run.frame.assign(sex=sex)
    rates = stable_rates(run.study, roles, frame, run.labels, run.groups, costs=["squared", "cross_entropy"])
    for arm, rate in rates["squared"].items():
        assert np.isfinite(rate)
        assert rates["cross_entropy"][arm] == pytest.approx(4 * rate)  # a quarter of its curvature at most
    columns, labels = training_columns(run.study, roles, frame, run.labels, "adjusted")
    assert columns.shape == (59, 3)
    assert list(labels) == list(run.labels[sex != "X"])
