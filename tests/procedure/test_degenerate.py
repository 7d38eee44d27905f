"""Rules that decide everybody alike, saturated thresholds, and numbers of people that can't be weighed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from normwise.errors import NormwiseWarning
from normwise.procedure import choose_rule, is_saturated, warn_of_few_images, warn_of_numbers
from normwise.schema import DecisionSection, Study

CLASSES = ("normal", "AD")
PEOPLE = np.array(["normal"] * 20 + ["AD"] * 20, dtype=object)


def codes_of(section: DecisionSection, scores: np.ndarray, labels: np.ndarray = PEOPLE) -> list[str]:
    """Return the codes that choosing the rule on these scores warns with."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        choose_rule(section, np.column_stack([1 - scores, scores]), labels, CLASSES, "normal")
    return [item.message.code for item in caught if isinstance(item.message, NormwiseWarning)]


def warned(section: DecisionSection, **people: int) -> list[str]:
    """Return the codes that numbers of people alone warn with."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_numbers(section, people, "normal")
    return [item.message.code for item in caught if isinstance(item.message, NormwiseWarning)]


def test_a_rule_that_tells_people_apart_is_not_warned_of() -> None:
    scores = np.concatenate([np.linspace(0.1, 0.6, 20), np.linspace(0.4, 0.9, 20)])
    assert codes_of(DecisionSection(sensitivity=0.9), scores) == []
    assert codes_of(DecisionSection(cost={"missed": 2, "false_alarm": 1}), scores) == []


@pytest.mark.parametrize(
    "section",
    [
        DecisionSection(sensitivity=0.9),
        DecisionSection(cost={"missed": 50, "false_alarm": 1}),
        DecisionSection(cost={"missed": 1, "false_alarm": 50}),
        DecisionSection(cost_matrix={"normal": {"AD": 1}, "AD": {"normal": 9}}),
        DecisionSection(cost_matrix={"normal": {"AD": 9}, "AD": {"normal": 1}}),
    ],
)
def test_everybody_or_nobody_ill_is_warned_of(section: DecisionSection) -> None:
    scores = np.full(40, 0.5)  # nothing was learnt
    assert codes_of(section, scores) == ["PRC-305"]


@pytest.mark.parametrize(("lowest", "codes"), [(1e-170, ["PRC-305"]), (0.9e-6, ["PRC-305"]), (1.1e-6, [])])
def test_a_threshold_next_to_0_is_warned_of(lowest: float, codes: list[str]) -> None:
    scores = np.concatenate([np.full(20, 0.0), np.full(20, lowest)])
    assert codes_of(DecisionSection(sensitivity=0.9), scores) == codes


def test_saturation_has_two_ends() -> None:
    assert is_saturated(0.999_999_5)
    assert not is_saturated(0.999_998)


@pytest.mark.parametrize(("people", "codes"), [(18, ["PRC-306"]), (19, [])])
def test_a_coverage_needs_people_of_every_class(people: int, codes: list[str]) -> None:
    section = DecisionSection(refer=0.95, cost={"missed": 1, "false_alarm": 1})
    assert warned(section, normal=40, AD=people) == codes
    assert warned(section, normal=people, AD=40) == codes
    labels = np.array(["normal"] * 30 + ["AD"] * people, dtype=object)
    scores = np.concatenate([np.linspace(0.1, 0.6, 30), np.linspace(0.4, 0.9, people)])
    assert codes_of(section, scores, labels) == codes


@pytest.mark.parametrize(
    ("missed", "alarm", "codes"), [(20, 1, []), (21, 1, ["PRC-307"]), (1, 10, []), (1, 11, ["PRC-307"])]
)
def test_costs_that_so_few_people_cannot_weigh_are_warned_of(
    missed: float, alarm: float, codes: list[str]
) -> None:
    section = DecisionSection(cost={"missed": missed, "false_alarm": alarm})
    assert warned(section, normal=20, AD=10) == codes


@pytest.mark.parametrize(
    ("features", "classifier", "people", "warned"),
    [
        ({"extractor": "images"}, {"name": "conv"}, 399, True),
        ({"extractor": "images"}, {"name": "conv"}, 400, False),
        ({"extractor": "images"}, {"name": "conv", "parameters": {"start_from": "a.safetensors"}}, 60, False),
        ({"extractor": "trunk"}, {"name": "logistic"}, 60, True),
        ({"extractor": "trunk", "network": {"start_from": "a.safetensors"}}, {"name": "logistic"}, 60, False),
        ({"extractor": "autoencoder"}, {"name": "logistic"}, 60, True),
        ({"extractor": "regions"}, {"name": "logistic"}, 60, False),
    ],
)
def test_few_people_for_a_network_made_afresh_are_said(features, classifier, people, warned):
    study = Study.model_validate({"features": features, "classifier": classifier})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_few_images(study, people)
    assert [each.message.code for each in caught] == ["CLS-205"] * warned
