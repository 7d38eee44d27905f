"""The fitted procedure: nothing outside the training rows matters, targets only train, gaps are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from normwise.classify import CLASSIFIERS
from normwise.errors import ProcedureError
from normwise.procedure.fit import ArmFitter, fit_procedure
from normwise.procedure.pipeline import ARMS
from normwise.schema import Roles, Study


def fit(small: Any, arm: str = "normalized", **changes: Any) -> Any:
    study = changes.pop("study", small.study)
    roles = changes.pop("roles", small.roles)
    return fit_procedure(study, roles, small.X, small.labels, small.groups, arm=arm, seed=0)


def with_classifier(study: Study, name: str) -> Study:
    return study.model_copy(update={"classifier": study.classifier.model_copy(update={"name": name})})


@pytest.mark.parametrize("arm", list(ARMS))
def test_every_arm_gives_probabilities(small: Any, arm: str) -> None:
    fitted = fit(small, arm)
    table = fitted.probabilities(small.X)
    assert table.shape == (60, 2)
    assert np.allclose(table.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize("cohort", ["small", "three"])
def test_every_classifier_learns_the_planted_effect(
    name: str, cohort: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(cohort)
    fitted = fit(data, study=with_classifier(data.study, name))
    disease = 1.0 - fitted.probabilities(data.X)[:, 0]
    assert disease[data.labels == "AD"].mean() > disease[data.labels == "normal"].mean() + 0.1


def test_columns_follow_the_studys_order_not_the_alphabet(three: Any) -> None:
    fitted = fit(three)
    table = fitted.probabilities(three.X)
    assert fitted.rule.classes == ("normal", "MCI", "AD")
    for column, name in enumerate(fitted.rule.classes):
        others = three.labels != name
        assert table[~others, column].mean() > table[others, column].mean()


def test_demographics_alone_never_see_a_feature(small: Any) -> None:
    fitted = fit(small, "demographics")
    changed = small.X.copy()
    changed.iloc[:, :6] = 0.0
    assert np.array_equal(fitted.probabilities(small.X), fitted.probabilities(changed))


def test_normals_that_are_no_class_train_the_normalizer_only(three: Any) -> None:
    roles = Roles("dx", three.roles.classes, "normal", ("MCI", "AD"), ("age", "sex"), ("sex",))
    fitted = fit(three, roles=roles)
    assert fitted.probabilities(three.X).shape == (90, 2)
    assert fitted.rule.negative == "MCI"
    assert list(fitted.pipeline.classes_) == ["AD", "MCI"]


def test_an_unknown_level_and_an_age_outside_get_no_decision_but_the_others_do(small: Any) -> None:
    fitted = fit(small)
    people = small.X.iloc[:3].copy()
    alone = fitted.probabilities(people.iloc[[2]])
    people.iloc[0, people.columns.get_loc("sex")] = "X"
    people.iloc[1, people.columns.get_loc("age")] = 120.0
    table, support = fitted.probabilities(people), fitted.support(people)
    assert np.isnan(table[0]).all()
    assert np.isfinite(table[1]).all()
    assert support["supported"].tolist() == [False, False, True]
    assert "120" in support["reason"].iloc[1]
    assert np.array_equal(table[[2]], alone)


@pytest.mark.parametrize(
    ("arm", "scale"),
    [("normalized", "w"), ("normalized", "residual"), ("appended", "w"), ("demographics", "w")],
)
def test_patients_of_a_level_without_normals_do_not_train_and_are_told(
    small: Any, arm: str, scale: str
) -> None:
    X = small.X.copy()
    X.loc[X.index[small.labels == "AD"][:3], "sex"] = "X"
    section = small.study.normalizer.model_copy(update={"scale": scale})
    fitted = fit(replace(small, X=X), arm, study=small.study.model_copy(update={"normalizer": section}))
    assert any((note.code, note.value) == ("PRC-104", 3) for note in fitted.notes)
    assert np.isfinite(fitted.probabilities(X)).all(axis=1).sum() == 57


def test_a_class_that_nobody_is_left_of_is_named(three: Any) -> None:
    X = three.X.copy()
    X.loc[X.index[three.labels == "MCI"], "sex"] = "X"
    with pytest.raises(ProcedureError) as caught:
        fit(replace(three, X=X))
    assert caught.value.code == "PRC-105"
    assert caught.value.subject == "MCI"


def test_the_threshold_reaches_the_wished_sensitivity_inside(small: Any) -> None:
    fitted = fit(small)
    assert fitted.rule.threshold is not None
    assert 0.0 <= fitted.rule.threshold <= 1.0
    assert fitted.inner_loss < np.log(2)
    assert set(fitted.setting) <= set(CLASSIFIERS["logistic"].grid)


def test_the_same_input_gives_the_same_fit(small: Any) -> None:
    first, second = fit(small), fit(small)
    assert first.rule == second.rule
    assert np.array_equal(first.probabilities(small.X), second.probabilities(small.X))


@pytest.mark.parametrize(("smallest", "folds"), [(5, 3), (3, 3), (2, 2)])
def test_inner_folds_are_no_more_than_the_people_of_the_smallest_class(
    smallest: int, folds: int, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from normwise.procedure import folds as module

    counts: list[int] = []
    draw = module.draw_folds
    monkeypatch.setattr(
        module, "draw_folds", lambda *rows, **how: counts.append(how["folds"]) or draw(*rows, **how)
    )
    patients = np.flatnonzero(small.labels == "AD")[smallest:]
    rows = np.setdiff1d(np.arange(len(small.labels)), patients)
    ArmFitter(small.study, small.roles, small.X, "normalized").fit(small.labels, small.groups, rows, seed=0)
    assert counts == [folds]


@pytest.mark.parametrize("arm", ["normalized", "appended"])
def test_a_feature_that_is_no_number_leaves_a_patient_out_of_training(arm: str, small: Any) -> None:
    X = small.X.copy()
    patient = X.index[small.labels == "AD"][0]
    X.loc[patient, "pons.mean"] = np.nan
    fitted = fit(replace(small, X=X), arm)
    assert [(note.code, note.value) for note in fitted.notes if note.code == "PRC-104"][-1:] == [
        ("PRC-104", 1)
    ]
    assert np.isnan(fitted.probabilities(X.loc[[patient]])).all()
