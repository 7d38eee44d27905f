"""The covariate-adjusted AUC against its definition, computed slowly, and against the jackknife."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from normwise.evaluate.metrics.adjusted import Covariates, adjusted_area, pair_scores
from normwise.evaluate.metrics.ranking import area_influence
from normwise.evaluate.out_of_fold import OutOfFold
from predictions_of import binormal


def older_patients(
    seed: int, people: int = 60, disease: float = 1.0, repeats: int = 1, folds: int = 1
) -> tuple[OutOfFold, Covariates]:
    """Patients are a year of SD older, and the score follows age; sex shifts it."""
    rng = np.random.default_rng(seed)
    patient = np.arange(people) % 2 == 1
    age, sex = rng.normal(size=people) + patient, rng.integers(0, 2, people)
    score = np.tile(rng.normal(size=people) + disease * patient + age + 0.5 * sex, (repeats, 1))
    layers = np.stack([rng.permutation(people // 2).repeat(2) % folds for _ in range(repeats)])
    labels = np.where(patient, "AD", "normal").astype(object)
    table = np.stack([1 - expit(score), expit(score)], axis=2)
    scores = OutOfFold(labels, ("normal", "AD"), "normal", table, (score > 0).astype(np.intp), layers)
    return scores, Covariates({"age": 70 + 8 * age}, {"sex": np.array(["F", "M"], dtype=object)[sex]})


@given(st.integers(0, 300))
def test_without_demographics_it_is_the_auc(seed: int) -> None:
    scores = binormal(seed, repeats=2, folds=3)
    area, influence = adjusted_area(scores, Covariates())
    expected, of_auc = area_influence(scores)
    assert area == expected
    assert (influence == of_auc).all()


@given(st.integers(0, 300))
def test_a_patient_is_placed_among_normals_of_the_same_demographics(seed: int) -> None:
    """Janes and Pepe's definition: the normals' regression, then each patient's share of their residuals."""
    scores, people = older_patients(seed)
    age, male = people.numbers["age"], people.categories["sex"] == "M"
    columns = np.stack([np.ones(60), age, male], axis=1)
    score = logit(scores.scores[0])
    normal = ~scores.patient
    slopes = np.linalg.lstsq(columns[normal], score[normal])[0]
    residual = score - columns @ slopes
    placed = [(residual[normal] < each).mean() for each in residual[scores.patient]]
    assert adjusted_area(scores, people)[0] == pytest.approx(np.mean(placed))


def test_a_score_that_follows_age_alone_has_no_adjusted_area() -> None:
    scores, people = older_patients(1, people=1000, disease=0.0, folds=5)
    assert area_influence(scores)[0] > 0.7
    assert adjusted_area(scores, people)[0] == pytest.approx(0.5, abs=0.05)


def test_a_score_that_is_age_itself_is_a_tie() -> None:
    scores, people = older_patients(2)
    score = expit(0.3 * (people.numbers["age"] - 70) / 8)[None]
    by_age = replace(scores, probabilities=np.stack([1 - score, score], axis=2))
    assert adjusted_area(by_age, people)[0] == 0.5


def test_a_scale_and_a_shift_of_a_folds_model_change_nothing() -> None:
    scores, people = older_patients(3, people=120, repeats=2, folds=3)
    factor, shift = np.array([0.3, 1.0, 2.0])[scores.folds], np.array([-1.0, 0.0, 2.0])[scores.folds]
    moved = expit(0.5 * factor * logit(scores.scores) + shift)
    other = replace(scores, probabilities=np.stack([1 - moved, moved], axis=2))
    assert adjusted_area(other, people)[0] == pytest.approx(adjusted_area(scores, people)[0])


def test_whom_no_normal_person_is_like_is_left_out() -> None:
    scores, people = older_patients(4)
    patients = np.flatnonzero(scores.patient)
    sex, age = people.categories["sex"].copy(), people.numbers["age"].copy()
    sex[patients[0]], age[patients[1]] = "unknown", np.nan
    kept = np.setdiff1d(np.arange(60), patients[:2])
    area, influence = adjusted_area(scores, Covariates({"age": age}, {"sex": sex}))
    assert area == pytest.approx(adjusted_area(scores.take(kept), people.take(kept))[0])
    assert (influence[patients[:2]] == 0).all()


def test_a_demographic_in_which_normals_do_not_differ_adds_nothing() -> None:
    scores, people = older_patients(5)
    alike = Covariates({**people.numbers, "height": np.full(60, 170.0), "months": 12 * people.numbers["age"]})
    fewer = Covariates(people.numbers)
    assert adjusted_area(scores, alike)[0] == pytest.approx(adjusted_area(scores, fewer)[0])


@pytest.mark.parametrize(("people", "defined"), [(8, False), (10, True)])
def test_two_normals_more_than_parameters_are_needed(people: int, *, defined: bool) -> None:
    scores, two = older_patients(0, people=people)
    age, spread = two.numbers["age"], np.linspace(0, 1, people)
    assert np.isfinite(adjusted_area(scores, Covariates({"age": age, "other": spread**2}))[0]) == defined


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 50))
def test_the_variance_is_the_jackknifes(seed: int) -> None:
    """Also of the regression: without its part the variance is far too small, for patients are older."""
    scores, people = older_patients(seed, people=100, repeats=2, folds=2)
    influence = adjusted_area(scores, people)[1]
    left_out = {
        row: adjusted_area(scores.take(rows), people.take(rows))[0]
        for row in range(100)
        for rows in [np.setdiff1d(np.arange(100), [row])]
    }
    mine, jackknife = 0.0, 0.0
    for part in (scores.patient, ~scores.patient):
        values = np.array([left_out[row] for row in np.flatnonzero(part)])
        jackknife += (len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()
        mine += (influence[part] ** 2).sum() * len(values) / (len(values) - 1)
    assert np.sqrt(mine) == pytest.approx(np.sqrt(jackknife), rel=0.2)


def test_three_classes_are_each_placed_among_the_normals() -> None:
    rng = np.random.default_rng(5)
    labels = np.array(["normal", "MCI", "AD"], dtype=object)[np.arange(90) % 3]
    table = rng.dirichlet(np.ones(3), size=(2, 90))
    people = Covariates({"age": rng.normal(size=90)})
    folds = np.zeros((2, 90), dtype=int)
    three = OutOfFold(labels, ("normal", "MCI", "AD"), "normal", table, table.argmax(axis=2), folds)
    areas = []
    for name, column in (("MCI", 1), ("AD", 2)):
        rows = np.flatnonzero(np.isin(labels, ["normal", name]))
        share = table[:, rows, column] / (table[:, rows, column] + table[:, rows, 0])
        pair = OutOfFold(
            labels[rows], ("normal", name), "normal", np.stack([1 - share, share], axis=2),
            (share > 0.5).astype(np.intp), folds[:, rows],
        )  # fmt: skip
        areas.append(adjusted_area(pair, people.take(rows))[0])
    assert adjusted_area(three, people)[0] == pytest.approx(np.mean(areas))


def test_certain_probabilities_have_finite_log_odds() -> None:
    scores = binormal(0)
    certain = replace(
        scores, probabilities=np.stack([1.0 - scores.patient, scores.patient], axis=1)[None] * 1.0
    )
    assert np.abs(pair_scores(certain, "AD")).max() == pytest.approx(logit(1 - 1e-6))


def test_what_two_studies_know_of_the_same_people_is_put_together() -> None:
    first, second = (
        Covariates({"age": np.zeros(2)}),
        Covariates({"age": np.ones(2)}, {"sex": np.array(["F", "M"], dtype=object)}),
    )
    both = first.with_others(second)
    assert both.numbers["age"].tolist() == [0, 0]
    assert both.categories["sex"].tolist() == ["F", "M"]


@pytest.mark.parametrize(("folds", "defined"), [(7, True), (8, False), (10, False)])
def test_the_mean_of_each_fold_is_a_parameter(folds: int, *, defined: bool) -> None:
    """With one healthy person a fold nothing is known of age, and the area would be the AUC itself."""
    scores, people = older_patients(0, people=20, repeats=2)
    layers = np.tile(np.arange(10).repeat(2) % folds, (2, 1))
    area = adjusted_area(replace(scores, folds=layers), Covariates({"age": people.numbers["age"]}))[0]
    assert np.isfinite(area) == defined
