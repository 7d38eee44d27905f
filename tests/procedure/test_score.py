"""The score without what demographics explain of it: exactly what it says, and no birthday decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from normwise.procedure import SharedFits, make_fitters
from normwise.procedure.score import InnerScores, ScoreNormalizer, fit_score, measure_separation
from normwise.schema import Roles, Study, check_parts


def table_of(odds: Any) -> Any:
    positive = 1.0 / (1.0 + np.exp(-np.asarray(odds, dtype=float)))
    return np.stack([1.0 - positive, positive], axis=1)


def fitted_arms(
    data: Any, study: Study | None = None, arms: tuple[str, ...] = ("normalized", "adjusted")
) -> dict[str, Any]:
    study, shared = data.study if study is None else study, SharedFits()
    rows = np.arange(len(data.labels))
    fitters = make_fitters(study, data.roles, data.X, arms)
    return {
        arm: each.fit(data.labels, data.groups, rows, seed=0, shared=shared) for arm, each in fitters.items()
    }


def test_the_two_arms_share_one_fit_and_differ_in_the_score_alone(small: Any) -> None:
    arms = fitted_arms(small)
    assert arms["adjusted"].pipeline is arms["normalized"].pipeline
    assert arms["normalized"].score is None
    assert arms["adjusted"].rule.scaling is not None
    raw, own = (arms[name].probabilities(small.X) for name in ("normalized", "adjusted"))
    assert np.allclose(own.sum(axis=1), 1.0)
    assert not np.allclose(raw, own)


@pytest.mark.parametrize("cohort", ["small", "three"])
def test_the_share_of_demographics_is_what_stands_between_the_two(
    cohort: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(cohort)
    arms = fitted_arms(data)
    raw = arms["normalized"].pipeline.predict_proba(data.X)
    raw = raw[:, [list(arms["normalized"].pipeline.classes_).index(name) for name in data.roles.targets]]
    shares = arms["adjusted"].shares(data.X, arms["adjusted"].probabilities(data.X))
    for place, name in enumerate(data.roles.targets[1:], start=1):
        own = [row[place - 1] for row in shares]
        assert {each.name for each in own} == {name}
        assert np.allclose([each.log_odds for each in own], np.log(raw[:, place] / raw[:, 0]))
        assert np.std([each.explained for each in own]) > 0.0
        assert own[0].adjusted == own[0].log_odds - own[0].explained


def test_demographics_explain_nothing_of_the_mean_normal_person(small: Any) -> None:
    adjusted = fitted_arms(small)["adjusted"]
    normals = small.X[small.labels == "normal"]
    shares = adjusted.shares(normals, adjusted.probabilities(normals))
    assert np.mean([row[0].explained for row in shares]) == pytest.approx(0.0, abs=1e-9)


def test_somebody_unknown_has_no_share(small: Any) -> None:
    people = small.X.iloc[:3].copy()
    people.iloc[0, people.columns.get_loc("sex")] = "X"
    adjusted = fitted_arms(small)["adjusted"]
    table = adjusted.probabilities(people)
    assert np.isnan(table[0]).all()
    assert [len(row) for row in adjusted.shares(people, table)] == [0, 1, 1]


def test_rows_of_the_frame_give_what_a_frame_of_them_does(small: Any) -> None:
    study, rows = small.study, np.arange(len(small.labels))
    fitter = make_fitters(study, small.roles, small.X, ("adjusted",))["adjusted"]
    fitted = fitter.fit(small.labels, small.groups, rows[10:], seed=0)
    assert np.allclose(fitter.predict(fitted, rows[:10]), fitted.probabilities(small.X.iloc[:10]))


@given(
    sizes=st.lists(st.floats(0.01, 3.0), min_size=2, max_size=2),
    shifts=st.lists(st.floats(-2.0, 2.0), min_size=2, max_size=2),
)
def test_how_large_the_log_odds_of_one_inner_classifier_are_does_not_matter(
    sizes: list[float], shifts: list[float]
) -> None:
    """As those of a support vector machine, which are scaled on few rows of each fit."""
    rng = np.random.default_rng(0)
    age = rng.normal(size=40)
    odds, own = 0.5 * age + rng.normal(0, 0.3, 40), np.array([-1.0, -0.8, 0.7, 1.1])
    half, columns = np.arange(40) % 2, np.array([0, 0, 1, 1])

    def slope(sizes: list[float], shifts: list[float]) -> float:
        size, shift = np.array(sizes)[half], np.array(shifts)[half]
        pairs = zip(sizes, shifts, strict=True)
        separation = np.stack(
            [measure_separation(table_of(each * own + at), columns, 0) for each, at in pairs]
        )
        inner = InnerScores(table_of(size * odds + shift), separation[half])
        return fit_score(inner, np.stack([np.ones(40), age], axis=1), 0, np.array([2.0])).slopes[0][0]

    assert slope(sizes, shifts) == pytest.approx(slope([1.0, 1.0], [0.0, 0.0]), rel=1e-6)


def test_a_classifier_that_tells_nothing_apart_is_not_adjusted() -> None:
    inner = InnerScores(table_of(np.linspace(-1, 1, 20)), np.tile([[0.0], [2.0]], (20, 1, 1)))
    basis = np.stack([np.ones(20), np.linspace(-1, 1, 20)], axis=1)
    assert fit_score(inner, basis, 0, np.array([0.0])).slopes == ((0.0,),)
    blind = InnerScores(inner.probabilities, np.zeros((20, 2, 1)))
    assert fit_score(blind, basis, 0, np.array([2.0])).slopes == ((0.0,),)


def test_no_demographic_leaves_the_score_as_it_is() -> None:
    table = table_of([-1.0, 0.0, 2.0])
    assert np.allclose(ScoreNormalizer(0, ()).apply(table, np.ones((3, 1))), table)


@pytest.mark.parametrize(
    ("negative", "slopes"),
    [(-1, ((1.0,),)), (0, ((float("nan"),),)), (0, ((1e9,),)), (0, (("a",),)), (0, 1.0)],
)
def test_slopes_that_no_regression_has_are_refused(negative: int, slopes: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        check_parts(ScoreNormalizer(negative, slopes))


def test_without_signal_the_score_of_new_normals_follows_age_less() -> None:
    """Patients are older, features are noise: the normalizer's own errors are all there is to learn."""
    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age",))
    settings = {"features": {"extractor": "table"}, "classifier": {"grid": {"C": [0.01]}}}
    study, found = Study.model_validate(settings), []
    for seed in range(4):
        rng = np.random.default_rng(seed)

        def draw(people: int, rng: np.random.Generator = rng) -> tuple[pd.DataFrame, Any]:
            ill = np.arange(people) % 2 == 1
            X = pd.DataFrame(rng.normal(size=(people, 150))).add_prefix("f")
            return X.assign(age=rng.normal(np.where(ill, 74, 64), 9)), np.where(ill, "patient", "normal")

        (X, y), (new, truth) = draw(100), draw(1000)
        y, people, shared = y.astype(object), X.index.astype(str).to_numpy(object), SharedFits()
        normal = truth == "normal"
        for fitter in make_fitters(study, roles, X, ("normalized", "adjusted")).values():
            fitted = fitter.fit(y, people, np.arange(100), seed=0, shared=shared)
            score = fitted.probabilities(new[normal])[:, 1]
            found.append(spearmanr(score, new["age"][normal]).statistic)
    follows = np.reshape(found, (4, 2)).mean(axis=0)
    assert follows[0] > 0.3
    assert abs(follows[1]) < follows[0] / 2


def test_where_nobody_was_tested_inside_no_score_is_adjusted() -> None:
    nobody = InnerScores(np.empty((0, 3)), np.empty((0, 2, 2)))
    score = fit_score(nobody, np.empty((0, 2)), 0, np.array([1.0, 1.0]))
    assert score.slopes == ((0.0, 0.0),)


@pytest.mark.parametrize(
    ("section", "targets", "said"),
    [
        ({}, ("MCI", "AD"), True),
        ({}, ("normal", "AD"), False),
        ({"decision": {"adjust": "none"}}, ("MCI", "AD"), False),
        ({"normalizer": {"reference": "all"}}, ("MCI", "AD"), False),
    ],
)
def test_it_is_said_where_no_normal_person_has_a_score(
    section: dict[str, Any], targets: tuple[str, ...], three: Any, *, said: bool
) -> None:
    study = Study.model_validate(three.study.model_dump() | section)
    data = replace(three, study=study, roles=replace(three.roles, targets=targets))
    arms = fitted_arms(data) if "normal" in targets else fitted_arms(data, arms=("raw", "normalized"))
    warned = {
        arm: [note.subject for note in each.notes if note.code == "PRC-308"] for arm, each in arms.items()
    }
    assert warned == {arm: ["normal"] if said and arm == "normalized" else [] for arm in arms}
