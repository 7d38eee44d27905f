"""Whether scores and errors follow demographics: against scipy, and on both sides of each limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import mannwhitneyu, spearmanr

from normwise.evaluate.inference.associations import (
    error_associations,
    rank_correlation,
    rank_difference,
    score_associations,
)
from normwise.evaluate.inference.intervals import draw_people
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.results import ScoreAssociation
from predictions_of import binormal


def followed(scores: OutOfFold, **columns: np.ndarray) -> list[ScoreAssociation]:
    groups = np.arange(len(scores.labels)).astype(object)
    rng = np.random.default_rng(0)
    weights = draw_people(scores.labels, groups, scores.tested, draws=400, rng=rng)
    numbers = {name: values for name, values in columns.items() if values.dtype != object}
    levels = {name: values for name, values in columns.items() if values.dtype == object}
    return score_associations(scores, groups, weights, numbers, levels, 0.95)


@given(st.integers(0, 1000), st.sampled_from([1, 9]), st.sampled_from([1, 9]))
def test_whole_weights_are_repeated_people(seed: int, digits: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=30).round(digits), rng.normal(size=30).round(others)
    counts = rng.integers(0, 3, 30)
    counts[:3] = 1
    expected = spearmanr(np.repeat(one, counts), np.repeat(other, counts)).statistic
    assert rank_correlation(one, other)(counts[None].astype(float))[0] == pytest.approx(expected)


@given(st.integers(0, 1000), st.sampled_from([1, 9]))
def test_a_rank_difference_is_that_of_mann_and_whitney(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    values, level = rng.normal(size=30).round(digits), np.arange(30) % 3 == 0
    counts = rng.integers(0, 3, 30)
    counts[:4] = 1
    above, below = (np.repeat(values[part], counts[part]) for part in (level, ~level))
    expected = 2 * mannwhitneyu(above, below).statistic / (len(above) * len(below)) - 1
    assert rank_difference(values, level)(counts[None].astype(float))[0] == pytest.approx(expected)


def test_errors_that_run_with_age_are_found() -> None:
    scores = binormal(3)
    error = scores.patient - scores.mean_score
    age = 60 + 10 * error + np.random.default_rng(1).normal(0, 1, 60)
    groups = np.arange(60).astype(object)
    weights = draw_people(scores.labels, groups, scores.tested, draws=200, rng=np.random.default_rng(0))
    (found,) = error_associations(scores, weights, {"Age": age}, 0.95)
    assert found.demographic == "Age"
    assert found.rho.low is not None
    assert found.rho.low > 0.5


def test_a_number_is_correlated_with_the_scores_of_the_negative_class_alone() -> None:
    scores = binormal(1, digits=9)
    age = np.random.default_rng(0).normal(size=60)
    age[scores.patient] = scores.scores[0][scores.patient]  # what patients do is another matter
    (found,) = followed(scores, age=age)
    normal = ~scores.patient
    assert found.rho.estimate == pytest.approx(spearmanr(scores.scores[0][normal], age[normal]).statistic)
    assert (found.variable, found.level, found.people) == ("age", "", 30)


def test_shifts_and_scales_of_folds_are_no_association() -> None:
    scores = binormal(2, people=120, folds=3, digits=9)
    moved = expit(np.array([0.5, 1, 2])[scores.folds] * logit(scores.scores) + 2.0 * scores.folds)
    other = replace(scores, probabilities=np.stack([1 - moved, moved], axis=2))
    age = np.random.default_rng(0).normal(size=120)
    assert followed(other, age=age)[0].rho.estimate == pytest.approx(
        followed(scores, age=age)[0].rho.estimate
    )


def test_sites_that_are_the_folds_are_compared_as_they_are() -> None:
    scores = binormal(2, people=120, folds=2, digits=9)
    site = np.array(["A", "B"], dtype=object)[scores.folds[0]]
    moved = expit(logit(scores.scores) + 3.0 * scores.folds)
    other = replace(scores, probabilities=np.stack([1 - moved, moved], axis=2))
    (found,) = followed(other, site=site)
    assert found.level == "B"
    assert found.rho.estimate > 0.8


def test_of_two_levels_the_second_is_compared_and_of_more_each_with_all_others() -> None:
    scores = binormal(4, people=120, digits=9)
    names = np.array(list("ABC"), dtype=object)
    of_two, of_three = names[np.arange(120) // 2 % 2], names[np.arange(120) // 2 % 3]
    two, *three = followed(scores, two=of_two, three=of_three)
    assert (two.level, two.people) == ("B", 30)
    assert [each.level for each in three] == ["A", "B", "C"]
    alone = followed(scores, two=np.where(of_three == "B", "B", "A").astype(object))[0]
    assert three[1].rho.estimate == pytest.approx(alone.rho.estimate)
    # Three intervals that hold together are wider than one that holds alone.
    assert three[1].rho.low < alone.rho.low < alone.rho.high < three[1].rho.high


@pytest.mark.parametrize(("people", "defined"), [(4, False), (5, True)])
def test_a_level_of_fewer_than_five_people_has_no_figure(people: int, *, defined: bool) -> None:
    scores = binormal(5)
    site = np.full(60, "A", dtype=object)
    site[np.flatnonzero(~scores.patient)[:people]] = "B"
    (found,) = followed(scores, site=site)
    assert found.people == people
    assert (found.rho.estimate is not None) == defined


def test_a_category_of_one_level_among_the_normals_says_nothing() -> None:
    scores = binormal(6)
    assert followed(scores, sex=np.where(scores.patient, "M", "F").astype(object)) == []


@pytest.mark.parametrize(("people", "defined"), [(4, False), (5, True)])
def test_fewer_than_five_people_with_a_number_have_no_figure(people: int, *, defined: bool) -> None:
    """Of four people the ranks often agree by chance, and so do they in every sample of them."""
    scores = binormal(5)
    age = np.full(60, np.nan)
    age[np.flatnonzero(~scores.patient)[:people]] = np.arange(people)
    (found,) = followed(scores, age=age)
    assert found.people == people
    assert (found.rho.estimate is not None) == defined
