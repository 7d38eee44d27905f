from __future__ import annotations

from dataclasses import replace

import pytest

from normwise.report import SavedRun
from normwise.report.sections.summary import limits, sentences
from normwise.results import Abstention, Estimate, Evaluation
from report.simulated_results import make_evaluation, make_explanation, make_record

TWO = {"normal": 98, "dementia": 100}


def run_of(evaluation: Evaluation | None = None) -> SavedRun:
    evaluation = evaluation or make_evaluation(TWO)
    return SavedRun(make_record(TWO), evaluation, make_explanation(TWO))


def with_difference(other: str, *ends: float | None) -> SavedRun:
    whole = make_evaluation(TWO)
    return run_of(
        replace(whole, differences=whole.differences | {f"normalized-{other}": {"auc": Estimate(*ends)}})
    )


def with_arm(**changes: object) -> SavedRun:
    whole = make_evaluation(TWO)
    arms = whole.arms | {"normalized": replace(whole.arms["normalized"], **changes)}
    return run_of(replace(whole, arms=arms))


@pytest.mark.parametrize(
    ("ends", "said", "not_said"),
    [
        ((0.03, 0.01, 0.05), "It helped", "zero"),
        ((-0.03, -0.05, -0.01), "It did harm", "helped"),
        ((0.03, -0.01, 0.07), "can't be told", "It helped"),
        ((0.01, 0.0, 0.02), "can't be told", "It helped"),
        ((None, None, None), "not defined", "help"),
        ((0.03, None, None), "can't be told", "It helped"),
    ],
)
def test_only_an_interval_without_zero_says_that_normalization_helped(
    ends: tuple[float | None, ...], said: str, not_said: str
) -> None:
    text = dict(sentences(with_difference("raw", *ends)))["Normalization"]
    assert said in text
    assert not_said not in text


def test_normalization_is_judged_among_people_of_the_same_demographics_where_that_is_known() -> None:
    """Raw features may owe their AUC to the patients' age."""
    whole = make_evaluation(TWO)
    gap = {"auc": Estimate(-0.05, -0.08, -0.02), "adjusted_auc": Estimate(0.03, 0.01, 0.05)}
    found = replace(whole, differences=whole.differences | {"normalized-raw": gap})
    text = dict(sentences(run_of(found)))["Normalization"]
    assert text.startswith("It helped")
    assert "same demographics" in text


def test_demographics_that_do_as_well_are_called_out() -> None:
    assert "be wary" in dict(sentences(with_difference("demographics", -0.1, -0.2, -0.01)))["Demographics"]
    assert "not shown" in dict(sentences(with_difference("demographics", 0.1, -0.2, 0.3)))["Demographics"]


def test_an_auc_whose_interval_holds_chance_is_said_to_show_nothing() -> None:
    assert "at all" in dict(sentences(with_arm(auc=Estimate(0.56, 0.49, 0.63))))["Result"]
    assert "at all" not in dict(sentences(with_arm(auc=Estimate(0.56, 0.51, 0.63))))["Result"]


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        (Estimate(0.7, 0.6, 0.8), "short of the wished 0.90"),
        (Estimate(0.98, 0.95, 1.0), "above the wished 0.90"),
        (Estimate(0.88, 0.8, 0.95), "0.90 lies inside"),
    ],
)
def test_the_wished_sensitivity_is_held_against_what_was_reached(reached: Estimate, said: str) -> None:
    assert said in dict(sentences(with_arm(sensitivity=reached)))["Decision"]


def test_the_words_of_the_rule_do_not_matter() -> None:
    small = replace(make_evaluation(TWO), decision="find nearly everybody", wished_sensitivity=1e-05)
    assert "above the wished 1e-05" in dict(sentences(run_of(small)))["Decision"]


def test_no_sensitivity_is_wished_where_costs_rule() -> None:
    costs = replace(make_evaluation(TWO), wished_sensitivity=None)
    assert "wished" not in dict(sentences(run_of(costs)))["Decision"]


def test_people_are_told_from_scans_where_they_differ() -> None:
    whole = make_evaluation(TWO)
    assert "198 people: " in dict(sentences(run_of(whole)))["People"]
    assert "150 people with 198 scans" in dict(sentences(run_of(replace(whole, n_people=150))))["People"]


def test_three_classes_are_not_told_as_pairs_of_two() -> None:
    evaluation = make_evaluation({"normal": 60, "MCI": 60, "AD": 60})
    lines = dict(sentences(run_of(evaluation)))
    assert "Hand and Till" in lines["Result"]
    assert "tell MCI or AD from normal" in lines["Question"]


def test_a_raw_study_speaks_of_no_normalization() -> None:
    whole = make_evaluation(TWO)
    lines = dict(
        sentences(run_of(replace(whole, arms={"raw": whole.arms["raw"]}, main_arm="raw", differences={})))
    )
    assert "Normalization" not in lines
    assert "taken out" not in lines["Question"]


def test_limits_follow_from_the_run() -> None:
    text = " ".join(limits(run_of()))
    assert "one cohort" in text
    assert "51\u00a0% of the tested scans" in text
    assert "smallest class" not in text
    small = " ".join(limits(run_of(make_evaluation({"normal": 60, "dementia": 12}))))
    assert "smallest class, dementia, has 12 scans" in small
    elsewhere = " ".join(limits(run_of(replace(make_evaluation(TWO), kind="test"))))
    assert "One other cohort" in elsewhere
    assert limits(SavedRun(make_record(TWO))) == []


def test_who_was_referred_is_told_and_not_held_against_the_wish() -> None:
    referral = Abstention(0.9, Estimate(0.9, 0.85, 0.95), Estimate(0.53, 0.46, 0.6))
    lines = dict(sentences(with_arm(abstention=referral, sensitivity=Estimate(0.7, 0.6, 0.8))))["Decision"]
    assert "53\u00a0% were referred to a specialist" in lines
    assert "short of" not in lines
