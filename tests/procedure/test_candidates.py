"""Candidates: classifiers are chosen inside, and within one standard error the simplest is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normwise.errors import ClassifierError
from normwise.procedure.candidates import candidates_of, choose_candidate
from normwise.procedure.fit import fit_procedure
from normwise.schema import Study


def study_of(small: Any, **classifier: Any) -> Study:
    return Study.model_validate(small.study.model_dump() | {"classifier": classifier})


def test_the_better_classifier_is_chosen_inside(small: Any) -> None:
    rng = np.random.default_rng(0)
    X = small.X.copy()
    # Patients lie on both sides of the normals: no line tells them.
    side = rng.choice([-1.0, 1.0], len(X)) * (small.labels == "AD")
    X["hippocampus_left.volume_mm3"] = 20.0 * side + rng.normal(0, 2, len(X))
    study = study_of(small, choices=["logistic", "svm"], grid={"C": [0.01, 1.0]})
    study = study.model_copy(update={"classifier": study.classifier.model_copy(update={"grid": {}})})
    rbf = Study.model_validate(
        study.model_dump()
        | {"classifier": {"name": "svm", "choices": ["logistic", "svm"], "parameters": {"kernel": "rbf"}}}
    )
    fitted = fit_procedure(rbf, small.roles, X, small.labels, small.groups, arm="normalized", seed=0)
    assert fitted.setting["classifier"] == "svm"
    assert fitted.pipeline.named_steps["classify"].kernel == "rbf"
    line = fit_procedure(study, small.roles, small.X, small.labels, small.groups, arm="normalized", seed=0)
    assert line.setting["classifier"] in ("logistic", "svm")


def test_fixed_settings_belong_to_the_named_classifier(small: Any) -> None:
    study = study_of(small, name="svm", choices=["logistic", "svm"], parameters={"kernel": "rbf"})
    found = candidates_of(study, 0, select=False)
    assert list(found.classifiers) == ["logistic", "svm"]
    assert found.classifiers["svm"].kernel == "rbf"
    with pytest.raises(ClassifierError) as caught:
        candidates_of(study_of(small, choices=["logistic", "tarot"]), 0, select=False)
    assert caught.value.code == "CLS-101"


def test_one_classifier_is_no_choice(small: Any) -> None:
    fitted = fit_procedure(
        small.study, small.roles, small.X, small.labels, small.groups, arm="normalized", seed=0
    )
    assert set(fitted.setting) == {"C"}


def test_one_standard_error_takes_the_simplest_that_is_as_good() -> None:
    by_fold = np.array([[0.70, 0.72, 0.71], [0.50, 0.56, 0.53], [0.49, 0.55, 0.52], [0.48, 0.58, 0.50]])
    losses = by_fold.mean(axis=1)
    assert choose_candidate(losses, by_fold, "best") == 2 or losses.argmin() == 2
    assert choose_candidate(losses, by_fold, "one_standard_error") == 1


def test_equal_losses_go_to_the_simplest() -> None:
    same = np.full((3, 4), 0.5)
    for rule in ("best", "one_standard_error"):
        assert choose_candidate(same.mean(axis=1), same, rule) == 0


def test_the_rule_of_one_standard_error_is_never_richer(small: Any) -> None:
    chosen = {}
    for rule in ("best", "one_standard_error"):
        study = study_of(small, rule=rule)
        fitted = fit_procedure(
            study, small.roles, small.X, small.labels, small.groups, arm="normalized", seed=0
        )
        chosen[rule] = fitted.setting["C"]
    assert chosen["one_standard_error"] <= chosen["best"]


def test_the_order_is_from_the_simplest_to_the_richest(small: Any) -> None:
    study = Study.model_validate(
        {
            "classifier": {"choices": ["linear", "logistic"]},
            "selection": {"name": "mrmr", "features": [20, 5]},
        }
    )
    listed = candidates_of(study, 0, select=True).list()
    assert [name for name, _, _ in listed] == ["linear"] * 10 + ["logistic"] * 10
    assert [count for _, count, _ in listed[:10]] == [5] * 5 + [20] * 5
    assert listed[10][2]["C"] < listed[14][2]["C"]


@pytest.mark.parametrize(("first", "chosen"), [(0.5999, 0), (0.6001, 1)])
def test_one_standard_error_is_the_limit_itself(first: float, chosen: int) -> None:
    by_fold = np.array([[0.7, 0.7], [0.4, 0.6]])  # the best: mean 0.5, standard error 0.1
    assert choose_candidate(np.array([first, 0.5]), by_fold, "one_standard_error") == chosen


@pytest.mark.parametrize(("folds", "chosen"), [(1, 1), (2, 0)])
def test_one_fold_has_no_standard_error(folds: int, chosen: int) -> None:
    by_fold = np.array([[0.55, 0.55], [0.4, 0.6]])[:, :folds]
    assert choose_candidate(np.array([0.55, 0.5]), by_fold, "one_standard_error") == chosen
