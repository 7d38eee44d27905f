"""Parts of the cohort and Falahati's check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from normwise.evaluate.cross_validation import ArmPredictions
from normwise.evaluate.inference.estimates import (
    People,
    draw_values,
    estimate_arm,
    number_columns,
    parts_of,
    weighted_rank_correlation,
)
from normwise.evaluate.inference.intervals import draw_people
from normwise.evaluate.metrics.registry import METRICS
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.results import Arm
from normwise.schema import Roles
from predictions_of import binormal

ROLES = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("Age", "sex"), ("sex",), site="scanner")
PEOPLE = np.arange(60).astype(object)


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


@given(st.integers(0, 1000))
def test_whole_weights_are_repeated_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=30).round(1), rng.normal(size=30).round(1)
    counts = rng.integers(0, 3, 30)
    counts[:3] = 1
    expected = spearmanr(np.repeat(one, counts), np.repeat(other, counts)).statistic
    assert weighted_rank_correlation(one, other, counts[None].astype(float))[0] == pytest.approx(expected)


def test_errors_that_run_with_age_are_found() -> None:
    scores = binormal(3)
    error = scores.patient - scores.mean_score
    data = frame()
    data["Age"] = 60 + 10 * error + np.random.default_rng(1).normal(0, 1, 60)
    (found,) = estimated(scores, People(PEOPLE, numbers=number_columns(data, ROLES))).errors
    assert found.demographic == "Age"
    assert found.rho.low is not None
    assert found.rho.low > 0.5
