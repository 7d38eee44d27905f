"""Decisions: the wished sensitivity is kept on new people, costs move the threshold, gaps get no decision."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normwise.errors import NormwiseWarning, ProcedureError
from normwise.procedure.decision import (
    DecisionRule,
    check_costs,
    check_promise,
    choose_rule,
    threshold_for_costs,
    threshold_for_sensitivity,
)
from normwise.schema import CostPair, DecisionSection

CLASSES = ("normal", "MCI", "AD")


@pytest.mark.parametrize("sensitivity", [0.8, 0.9, 0.95])
def test_new_patients_are_found_as_often_as_wished(sensitivity: float) -> None:
    rng = np.random.default_rng(0)
    reached = []
    for _ in range(2000):
        scores = rng.normal(size=31)
        threshold = threshold_for_sensitivity(scores[:30], np.ones(30, dtype=bool), sensitivity)
        reached.append(scores[30] >= threshold)
    assert np.mean(reached) >= sensitivity - 0.02


def test_too_few_patients_for_a_miss_flag_everybody() -> None:
    assert threshold_for_sensitivity(np.array([0.4, 0.6]), np.ones(2, dtype=bool), 0.9) == 0.0


@pytest.mark.parametrize(
    ("sensitivity", "needed", "highest"), [(None, 9, "0.88"), (0.95, 19, "0.94"), (0.5, 1, "0")]
)
def test_a_sensitivity_is_promised_from_enough_patients_on(
    sensitivity: float | None, needed: int, highest: str
) -> None:
    section = DecisionSection(sensitivity=sensitivity)
    check_promise(section, needed)
    with pytest.raises(ProcedureError) as caught:
        check_promise(section, needed - 1)
    assert caught.value.code == "PRC-303"
    assert f"{needed} patients at least; {needed - 1} can promise {highest} at most" in str(caught.value)
    if needed > 1:
        check_promise(DecisionSection(sensitivity=float(highest)), needed - 1)


def test_costs_promise_no_sensitivity() -> None:
    check_promise(DecisionSection(cost=CostPair(missed=10, false_alarm=1)), 1)


@pytest.mark.parametrize(("patients", "enough"), [(8, False), (9, True)])
def test_a_part_with_too_few_patients_says_so_and_never_calls_everybody_ill(
    patients: int,
    enough: bool,  # noqa: FBT001
) -> None:
    scores = np.r_[np.linspace(0.0, 0.2, 30), np.linspace(0.3, 0.9, patients)]
    labels = np.repeat(np.array(["normal", "AD"], dtype=object), [30, patients])
    table = np.column_stack([1 - scores, scores])
    # Two scans of one person are one patient.
    doubled = [np.concatenate([part, part[-1:]]) for part in (table, labels, np.arange(len(labels)))]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rules = [
            choose_rule(DecisionSection(), table, labels, ("normal", "AD"), "normal"),
            choose_rule(DecisionSection(), *doubled[:2], ("normal", "AD"), "normal", doubled[2]),
        ]
    assert [rule.threshold for rule in rules] == [0.3, 0.3]
    codes = [warned.message.code for warned in caught if isinstance(warned.message, NormwiseWarning)]
    assert codes == ([] if enough else ["PRC-304"] * 2)
    assert all(("too few" in rule.text) != enough for rule in rules)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=40),
    st.floats(0.1, 20),
    st.floats(0.1, 20),
)
def test_no_other_threshold_costs_less(people: list[tuple[float, bool]], missed: float, alarm: float) -> None:
    scores = np.array([score for score, _ in people])
    patient = np.array([is_patient for _, is_patient in people])

    def cost(threshold: float) -> float:
        flagged = scores >= threshold
        return missed * (patient & ~flagged).sum() + alarm * (~patient & flagged).sum()

    chosen = threshold_for_costs(scores, patient, missed, alarm)
    others = [0.0, *scores.tolist(), 1.1]
    assert cost(chosen) <= min(cost(other) for other in others) + 1e-9


def test_where_alarms_are_dear_not_even_a_sure_score_is_flagged() -> None:
    dear = DecisionSection(cost=CostPair(missed=0.5, false_alarm=1))
    probabilities = np.array([[0.8, 0.2], [0.0, 1.0]])
    labels = np.array(["AD", "normal"], dtype=object)
    with pytest.warns(NormwiseWarning, match=r"PRC-305 .* nobody"):
        rule = choose_rule(dear, probabilities, labels, ("normal", "AD"), "normal")
    assert rule.decide(probabilities).tolist() == ["normal", "normal"]


def test_neighbouring_scores_are_parted() -> None:
    scores = np.array([0.0, np.nextafter(0.0, 1.0)])
    threshold = threshold_for_costs(scores, np.array([False, True]), 1, 1)
    assert (scores >= threshold).tolist() == [False, True]


def test_a_dearer_miss_lowers_the_threshold() -> None:
    rng = np.random.default_rng(1)
    patient = np.arange(200) % 2 == 0
    scores = np.clip(rng.normal(0.4 + 0.2 * patient, 0.15), 0, 1)
    cheap, dear = (threshold_for_costs(scores, patient, missed, 1) for missed in (1, 10))
    assert dear < cheap


def test_three_classes_by_threshold_then_by_the_likeliest_disease() -> None:
    rule = DecisionRule(CLASSES, "normal", 0.4, None, "")
    table = np.array([[0.7, 0.1, 0.2], [0.55, 0.25, 0.2], [0.1, 0.2, 0.7], [np.nan] * 3])
    assert rule.decide(table).tolist() == ["normal", "MCI", "AD", None]


def test_a_cost_matrix_decides_by_expected_cost() -> None:
    matrix = {
        "normal": {"MCI": 1.0, "AD": 1.0},
        "MCI": {"normal": 5.0, "AD": 1.0},
        "AD": {"normal": 10.0, "MCI": 2.0},
    }
    labels = np.array(CLASSES, dtype=object)
    rule = choose_rule(DecisionSection(cost_matrix=matrix), np.eye(3), labels, CLASSES, "normal")
    # Expected costs: normal .8·0 + .1·5 + .1·10 = 1.5; MCI .8 + .2 = 1.0; AD .8 + .1 = .9.
    assert rule.decide(np.array([[0.8, 0.1, 0.1], [0.95, 0.03, 0.02]])).tolist() == ["AD", "normal"]


@pytest.mark.parametrize("matrix", [{"normal": {"MCI": 1.0}}, {name: {"healthy": 1.0} for name in CLASSES}])
def test_a_cost_matrix_that_does_not_fit_is_refused(matrix: dict[str, dict[str, float]]) -> None:
    with pytest.raises(ProcedureError) as caught:
        choose_rule(
            DecisionSection(cost_matrix=matrix), np.eye(3), np.array(CLASSES, dtype=object), CLASSES, "normal"
        )
    assert caught.value.code == "PRC-301"


@pytest.mark.parametrize(
    "section",
    [
        DecisionSection(cost=CostPair(missed=0, false_alarm=0)),
        DecisionSection(cost_matrix={"normal": {"AD": 1.0}, "AD": {"AD": 10.0, "normal": 1.0}}),
    ],
)
def test_costs_that_reward_a_mistake_are_refused(section: DecisionSection) -> None:
    with pytest.raises(ProcedureError) as caught:
        check_costs(section, ("normal", "AD"))
    assert caught.value.code == "PRC-302"
    check_costs(DecisionSection(cost=CostPair(missed=10)), ("normal", "AD"))


def test_the_rule_sees_only_rows_with_probabilities() -> None:
    labels = np.array(["normal", "AD", "AD", "control"], dtype=object)
    table = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [np.nan, np.nan]])
    rule = choose_rule(DecisionSection(cost=CostPair(missed=1)), table, labels, ("normal", "AD"), "normal")
    assert rule.threshold == pytest.approx(0.45)


def test_a_score_at_the_threshold_is_flagged_and_one_below_it_is_not() -> None:
    rule = DecisionRule(("normal", "AD"), "normal", 0.4, None, "")
    scores = np.array([0.4, np.nextafter(0.4, 0.0)])
    assert rule.decide(np.column_stack([1.0 - scores, scores])).tolist() == ["AD", "normal"]


@pytest.mark.parametrize(("patients", "threshold"), [(9, 1.0), (8, 0.0)])
def test_the_lowest_of_nine_patients_is_the_first_that_may_be_missed(patients: int, threshold: float) -> None:
    """(9 + 1)(1 - 0.9) is 1 in the reals, and just below it in floating point."""
    scores = np.arange(1.0, patients + 1)
    assert threshold_for_sensitivity(scores, np.ones(patients, dtype=bool), 0.9) == threshold


@pytest.mark.parametrize(("false_alarm", "code"), [(1e-9, None), (0.0, "PRC-302")])
def test_a_wrong_decision_must_cost_something(false_alarm: float, code: str | None) -> None:
    section = DecisionSection.model_validate({"cost": {"missed": 1.0, "false_alarm": false_alarm}})
    if code is None:
        check_costs(section, ("normal", "AD"))
        return
    with pytest.raises(ProcedureError, match=code):
        check_costs(section, ("normal", "AD"))


def test_log_odds_are_those_before_calibration() -> None:
    table = np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])
    rule = DecisionRule(("AD", "normal", "MCI"), "normal", 0.5, None, "", (0.6, 0.3, -0.2, -0.1))
    odds = np.log(table[:, [0, 2]] / table[:, [1]])
    assert np.allclose(rule.log_odds(rule.calibrate(table)), odds)
    assert np.allclose(replace(rule, scaling=None).log_odds(table), odds)


def test_probabilities_of_two_classes_are_calibrated_where_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    positive = rng.uniform(0.01, 0.99, 200)
    # Far too sure: the truth follows a score a third as long.
    truth = rng.uniform(size=200) < 1.0 / (1.0 + np.exp(-np.log(positive / (1.0 - positive)) / 3.0))
    table, labels = np.c_[1.0 - positive, positive], np.where(truth, "AD", "normal").astype(object)
    plain, scaled = (
        choose_rule(DecisionSection(), table, labels, ("normal", "AD"), "normal", calibrate=each)
        for each in (False, True)
    )
    assert plain.scaling is None
    assert scaled.scaling is not None
    assert 0.2 < scaled.scaling[0] < 0.6
    # The threshold is the same person's, on the new scale.
    decided = [(rule.decide(rule.calibrate(table)) == "AD").tolist() for rule in (plain, scaled)]
    assert decided[0] == decided[1]
