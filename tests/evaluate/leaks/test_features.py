"""Alarms about features and model on both sides of their limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from normwise.evaluate.leaks.acquisition import sites_differ
from normwise.evaluate.leaks.features import (
    age_in_disguise,
    errors_depend_on_demographics,
    few_people,
    scores_follow_demographics,
)
from normwise.results import Association, Estimate, ScoreAssociation
from predictions_of import binormal


def inputs(targets: tuple[str, ...] = ("normal", "AD"), **fields: Any) -> Any:
    """What an alarm looks at, of which each test gives what its alarm needs."""
    roles = SimpleNamespace(demographics=("Age",), normal="normal", targets=targets)
    return SimpleNamespace(
        main="normalized", prepared=SimpleNamespace(cohort=SimpleNamespace(roles=roles)), **fields
    )


def arms(model: float, alone: float, gain: float) -> Any:
    auc = {"normalized": Estimate(model, 0.7, 0.9), "demographics": Estimate(alone, 0.6, 0.9)}
    return SimpleNamespace(
        arms={name: SimpleNamespace(auc=each) for name, each in auc.items()},
        differences={"normalized-demographics": {"auc": Estimate(model - alone, gain, 0.2)}},
    )


@pytest.mark.parametrize(
    ("alone", "gain", "severity"), [(0.781, 0.01, ["severe"]), (0.779, 0.01, []), (0.779, 0.0, ["caution"])]
)
def test_age_that_does_as_well_is_alarmed(alone: float, gain: float, severity: list[str]) -> None:
    found = age_in_disguise(inputs(found=arms(0.8, alone, gain)))
    assert [alarm.severity for alarm in found] == severity


@pytest.mark.parametrize(
    ("rho", "alarmed"),
    [
        (Estimate(0.1, 0.01, 0.2), True),
        (Estimate(-0.1, -0.2, -0.01), True),
        (Estimate(0.099, 0.01, 0.2), False),
        (Estimate(0.1, 0.0, 0.2), False),
    ],
)
def test_errors_are_alarmed_from_a_correlation_of_a_tenth(rho: Estimate, *, alarmed: bool) -> None:
    arm = SimpleNamespace(errors=[Association("Age", rho)])
    found = errors_depend_on_demographics(inputs(found=SimpleNamespace(arms={"normalized": arm})))
    assert bool(found) == alarmed


def followed(*found: ScoreAssociation, **asked: Any) -> list[Any]:
    arm = SimpleNamespace(score_associations=list(found))
    predictions = {"normalized": SimpleNamespace(scores=binormal(0))}
    return scores_follow_demographics(
        inputs(found=SimpleNamespace(arms={"normalized": arm}), predictions=predictions, **asked)
    )


@pytest.mark.parametrize(
    ("rho", "alarmed"),
    [
        (Estimate(0.2, 0.01, 0.4), True),
        (Estimate(-0.2, -0.4, -0.01), True),
        (Estimate(0.199, 0.01, 0.4), False),
        (Estimate(0.2, 0.0, 0.4), False),
        (Estimate(None, None, None), False),
    ],
)
def test_scores_that_follow_age_are_alarmed_from_a_correlation_of_a_fifth(
    rho: Estimate, *, alarmed: bool
) -> None:
    found = followed(ScoreAssociation("Age", "", 30, rho))
    assert [(alarm.code, alarm.severity) for alarm in found] == [("EVA-315", "severe")] * alarmed
    assert all("adjust" in alarm.advice for alarm in found)


def test_nobody_is_advised_to_adjust_a_score_that_no_normal_person_has() -> None:
    follows = ScoreAssociation("Age", "", 30, Estimate(0.5, 0.2, 0.7))
    (alarm,) = followed(follows, targets=("MCI", "AD"))
    assert "set [decision] adjust" not in alarm.advice
    assert "PRC-308" in alarm.advice


def test_of_a_sites_levels_the_strongest_is_named_and_the_advice_is_of_sites() -> None:
    weak, strong = Estimate(0.3, 0.1, 0.5), Estimate(-0.5, -0.7, -0.2)
    (alarm,) = followed(
        *(ScoreAssociation("site", name, 9, rho) for name, rho in (("A", weak), ("B", strong)))
    )
    assert "site B -0.50" in alarm.seen
    assert "harmonize" in alarm.advice


@pytest.mark.parametrize(("high", "alarmed"), [(0.799, True), (0.8, False)])
def test_new_sites_are_alarmed_where_their_interval_lies_below(high: float, *, alarmed: bool) -> None:
    there = SimpleNamespace(auc=Estimate(0.7, 0.6, high))
    assert bool(sites_differ(inputs(found=arms(0.8, 0.6, 0.1), by_site=there))) == alarmed


@pytest.mark.parametrize(("people", "codes"), [(98, ["EVA-313"]), (100, [])])
def test_fifty_people_a_class_are_enough(people: int, codes: list[str]) -> None:
    scores = binormal(0, people=people)
    given = inputs(
        found=arms(0.8, 0.6, 0.1), kind="crossval", predictions={"normalized": SimpleNamespace(scores=scores)}
    )
    given.prepared.groups = np.arange(people).astype(object)
    given.prepared.features = SimpleNamespace(values=np.zeros((people, 4)))
    assert [alarm.code for alarm in few_people(given)] == codes
