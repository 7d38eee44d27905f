"""DeLong's variance against its definition, computed slowly; parts of the cohort; and what an arm holds.

No published table of scores can be typed in without doubt, so DeLong is checked by the definition itself:
every pair of people compared one by one (DeLong, DeLong and Clarke-Pearson 1988, equations 3 to 5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.inference.estimates import (
    People,
    delong,
    delong_difference,
    draw_values,
    estimate_arm,
    parts_of,
)
from normwise.evaluate.inference.intervals import draw_people
from normwise.evaluate.metrics.ranking import area_influence, placements
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.results import Arm
from normwise.schema import Roles
from predictions_of import binormal

PEOPLE = np.arange(60).astype(object)


def components(score: np.ndarray, patient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V10 and V01 from every pair, by the definition."""
    kernel = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in score[~patient]] for x in score[patient]]
    return np.mean(kernel, axis=1), np.mean(kernel, axis=0)


def by_definition(one: np.ndarray, other: np.ndarray, patient: np.ndarray) -> tuple[float, float]:
    """Difference of two AUCs and its standard error."""
    (v10, v01), (w10, w01) = components(one, patient), components(other, patient)
    s10, s01 = np.cov(v10, w10), np.cov(v01, w01)
    contrast = np.array([1.0, -1.0])
    variance = contrast @ (s10 / len(v10) + s01 / len(v01)) @ contrast
    return float(v10.mean() - w10.mean()), float(np.sqrt(variance))


@given(st.integers(0, 1000))
def test_placements_are_the_structural_components(seed: int) -> None:
    scores = binormal(seed, digits=1)
    patient, score = scores.patient, scores.scores[0]
    found = placements(score[patient], score[~patient])
    for mine, slow in zip(found, components(score, patient), strict=True):
        assert mine == pytest.approx(slow)


@given(st.integers(0, 1000))
def test_a_difference_is_delongs(seed: int) -> None:
    one, other = binormal(seed), binormal(seed + 1)
    gap, error = by_definition(one.scores[0], other.scores[0], one.patient)
    found, p = delong_difference(one, other, PEOPLE, 0.95)
    assert found.estimate == pytest.approx(gap)
    assert found.high - found.low == pytest.approx(2 * norm.ppf(0.975) * error)
    assert p == pytest.approx(2 * norm.sf(abs(gap) / error))


@given(st.integers(0, 1000))
def test_the_interval_is_symmetric_on_the_logit_scale(seed: int) -> None:
    scores = binormal(seed)
    v10, v01 = components(scores.scores[0], scores.patient)
    area = v10.mean()
    error = np.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)) / (area * (1 - area))
    found = delong(scores, PEOPLE, 0.95)
    low, high = (np.log(end / (1 - end)) for end in (found.low, found.high))
    assert high - low == pytest.approx(2 * norm.ppf(0.975) * error)
    assert found.estimate == pytest.approx(area)


@given(st.integers(0, 300))
def test_influences_are_the_derivative_of_the_metric(seed: int) -> None:
    """With folds and repeats: a little more weight on a person moves the AUC by the influence."""
    scores = binormal(seed, repeats=3, folds=4)
    area, influence = area_influence(scores)
    statistic = METRICS["auc"](scores)
    assert area == pytest.approx(statistic(np.ones((1, 60)))[0])
    step = 1e-6
    moved = statistic(1.0 + step * np.eye(60)[:8])
    assert (moved - area) / step == pytest.approx(influence[:8], abs=1e-5)


def test_three_classes_have_an_influence_too() -> None:
    rng = np.random.default_rng(5)
    labels = np.array(["a", "b", "c"], dtype=object)[np.arange(60) % 3]
    table = rng.dirichlet(np.ones(3), size=(2, 60))
    scores = OutOfFold(
        labels, ("a", "b", "c"), "a", table, table.argmax(axis=2), np.zeros((2, 60), dtype=int)
    )
    area, influence = area_influence(scores)
    moved = METRICS["auc"](scores)(1.0 + 1e-6 * np.eye(60)[:5])
    assert (moved - area) / 1e-6 == pytest.approx(influence[:5], abs=1e-5)


def test_a_person_scanned_twice_counts_once() -> None:
    once = binormal(1)
    rows = np.repeat(np.arange(60), 2)
    twice = once.take(rows)
    alike = delong(once, PEOPLE, 0.95)
    found = delong(twice, np.repeat(PEOPLE, 2), 0.95)
    assert (found.low, found.high) == pytest.approx((alike.low, alike.high))
    taken_for_two = delong(twice, np.arange(120).astype(object), 0.95)
    assert taken_for_two.high - taken_for_two.low < 0.8 * (alike.high - alike.low)


def test_a_perfect_order_keeps_an_honest_lower_end() -> None:
    scores = binormal(0, people=20, shift=50.0, digits=9)
    scores = replace(scores, probabilities=np.stack([1 - scores.patient, scores.patient], axis=1)[None] * 1.0)
    found = delong(scores, PEOPLE[:20], 0.95)
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert 0.6 < found.low < 0.8  # Wilson for 10 of 10


def test_the_same_predictions_do_not_differ() -> None:
    found, p = delong_difference(binormal(0), binormal(0), PEOPLE, 0.95)
    assert (found.estimate, p) == (0.0, None)


def test_leave_one_out_compares_across_folds() -> None:
    scores = binormal(2)
    alone = replace(scores, folds=np.arange(60)[None])
    assert area_influence(alone)[0] == pytest.approx(area_influence(scores)[0])


ROLES = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("Age", "sex"), ("sex",), site="scanner")


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"Age": rng.uniform(60, 90, 60), "sex": rng.choice(["F", "M"], 60)})


def estimated(scores: OutOfFold, people: People) -> Arm:
    """One arm's results without folds behind it."""
    weights = draw_people(scores.labels, PEOPLE, scores.tested, draws=200, rng=np.random.default_rng(0))
    shape = scores.folds.shape
    arm = ArmPredictions(scores, np.full(shape, "", dtype=object), np.full(shape, 0.5), [], [], ())
    return estimate_arm("raw", arm, draw_values(scores, PEOPLE, weights), people, 0.95)


def test_every_division_of_the_cohort_is_whole() -> None:
    site = np.repeat(["s1", "s2", "s3"], 20).astype(object)
    parts = parts_of(frame(), ROLES, site)
    assert [part.name for part in parts] == ["sex"] * 2 + ["Age"] * 3 + ["scanner"] * 3
    for name in ("sex", "Age", "scanner"):
        rows = np.concatenate([part.rows for part in parts if part.name == name])
        assert sorted(rows) == list(range(60))
    assert {len(part.rows) for part in parts if part.name == "Age"} == {20}


def test_a_part_is_judged_by_its_own_people() -> None:
    scores = binormal(1, folds=2, repeats=2)
    parts = parts_of(frame(), ROLES, None)
    found = estimated(scores, People(PEOPLE, parts)).subgroups
    for part, subgroup in zip(parts, found, strict=True):
        own = scores.take(part.rows)
        for name in ("auc", "balanced_accuracy", "brier", "mcc"):
            by_hand = float(METRICS[name](own)(np.ones((1, len(part.rows))))[0])
            assert subgroup.metrics[name].estimate == pytest.approx(by_hand), name
            assert subgroup.metrics[name].low <= by_hand <= subgroup.metrics[name].high
        assert (subgroup.people, subgroup.positives) == (len(part.rows), int(own.patient.sum()))


def test_a_part_of_one_class_has_no_auc() -> None:
    scores = binormal(2)
    site = np.where(scores.patient, "clinic", "campus").astype(object)
    parts = [part for part in parts_of(frame(), ROLES, site) if part.name == "scanner"]
    for subgroup in estimated(scores, People(PEOPLE, parts)).subgroups:
        assert "auc" not in subgroup.metrics
        assert ("sensitivity" in subgroup.metrics) == (subgroup.level == "clinic")
