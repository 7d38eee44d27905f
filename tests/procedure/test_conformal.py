"""Conformal sets: each class keeps its coverage, and whoever has not one likely class is referred."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from normwise.procedure.conformal import least_probabilities, likely_classes, lower_quantile
from normwise.procedure.decision import DecisionRule, choose_rule, describe_rule
from normwise.procedure.fit import fit_procedure
from normwise.schema import CostPair, DecisionSection, Study

CLASSES = ("normal", "AD")


def rule(**changes: Any) -> DecisionRule:
    return DecisionRule(CLASSES, "normal", 0.5, None, "", coverage=0.9, **({"least": (0.3, 0.4)} | changes))


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_every_class_is_covered_also_the_rare_one(coverage: float) -> None:
    rng = np.random.default_rng(0)
    held = {name: [] for name in CLASSES}
    for _ in range(600):
        labels = np.array(["normal"] * 60 + ["AD"] * 25, dtype=object)
        scores = 1 / (1 + np.exp(-rng.normal(np.where(labels == "AD", 0.8, -0.8))))
        table = np.column_stack([1 - scores, scores])
        least = least_probabilities(table[1:-1], labels[1:-1], CLASSES, coverage)
        held["normal"].append(table[0, 0] >= least[0])
        held["AD"].append(table[-1, 1] >= least[1])
    for name in CLASSES:
        assert np.mean(held[name]) == pytest.approx(coverage, abs=0.04)
        assert np.mean(held[name]) > coverage - 0.03


def test_too_few_people_of_a_class_leave_it_always_possible() -> None:
    table = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    labels = np.array(["normal", "normal", "AD"], dtype=object)
    assert least_probabilities(table, labels, CLASSES, 0.9) == (0.0, 0.0)


def test_one_likely_class_is_decided_and_others_are_referred_with_the_reason() -> None:
    table = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [np.nan, np.nan]])
    assert rule().decide(table).tolist() == ["normal", None, "AD", None]
    reasons = rule().referrals(table)
    assert reasons[1] == "refer to a specialist: both normal and AD are likely at a coverage of 0.9"
    assert reasons[[0, 2, 3]].tolist() == ["", "", ""]
    strict = rule(least=(0.8, 0.8))
    assert "no class is likely" in strict.referrals(np.array([[0.6, 0.4]]))[0]


def test_where_rule_and_set_disagree_a_specialist_decides() -> None:
    # 0.45 lies below the rule's threshold, and normal is not likely.
    one = np.array([[0.55, 0.45]])
    found = rule(least=(0.6, 0.4))
    assert found.decide(one).tolist() == [None]
    assert "only AD is likely, and the rule would decide normal" in found.referrals(one)[0]


def test_three_likely_classes_are_all_named() -> None:
    three = DecisionRule(("normal", "MCI", "AD"), "normal", 0.5, None, "", None, 0.9, (0.1, 0.1, 0.1))
    assert "normal, MCI and AD are all likely" in three.referrals(np.full((1, 3), 1 / 3))[0]


def test_without_referral_nothing_changes() -> None:
    table, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array(["normal", "AD"], dtype=object)
    section = DecisionSection(cost=CostPair(missed=2, false_alarm=1))
    plain = choose_rule(section, table, labels, CLASSES, "normal")
    assert (plain.least, plain.coverage, plain.scaling) == (None, None, None)
    assert plain.referrals(table).tolist() == ["", ""]
    assert plain.likely(table) is None
    assert "referred" not in describe_rule(section)
    assert "coverage of 0.9 is referred" in describe_rule(DecisionSection(refer=0.9))


def test_the_limits_come_from_inner_folds_of_the_training_people(small: Any) -> None:
    study = Study.model_validate(small.study.model_dump() | {"decision": {"refer": 0.8}})
    fitted = fit_procedure(study, small.roles, small.X, small.labels, small.groups, arm="normalized", seed=0)
    assert fitted.rule.coverage == 0.8
    assert fitted.rule.least is not None
    # The threshold of sensitivity 0.9 and the patients' limit are quantiles of the same probabilities.
    assert fitted.rule.threshold is not None
    assert fitted.rule.least[1] >= fitted.rule.threshold
    decided = fitted.rule.decide(fitted.probabilities(small.X))
    assert 0 < sum(name is None for name in decided) < len(decided)


def test_a_probability_at_the_limit_is_likely_and_one_below_it_is_not() -> None:
    table = np.array([[0.6, 0.4], [np.nextafter(0.6, 0.0), 0.4]])
    assert likely_classes(table, (0.6, 0.5)).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize(("members", "limit"), [(3, 0.1), (2, 0.0)])
def test_a_class_is_limited_from_the_smallest_number_on_that_allows_a_miss(
    members: int, limit: float
) -> None:
    probabilities = np.array([0.1, 0.2, 0.3])[:members]
    assert lower_quantile(probabilities, 0.75) == limit
