"""Pages of a run show what models without the person said, and nothing that has learnt from them."""

from __future__ import annotations

import pytest

from normwise.model.people_pages import out_of_fold
from normwise.report import Scored
from normwise.results import Contribution, Prediction

OWN = Prediction(
    "a", {"normal": 0.01, "AD": 0.99}, "AD", "", 0.5, [Contribution("f", 1.0, 2.0, -3.0, 0.1, 0.5)]
)


def scored(**decisions: int) -> Scored:
    return Scored("a", "AD", {"normal": 0.7, "AD": 0.3}, decisions, {"too old": 1} if "" in decisions else {})


def test_the_models_own_probability_and_decision_are_not_shown() -> None:
    prediction = out_of_fold(scored(normal=4, AD=1), OWN)
    assert prediction.probabilities == {"normal": 0.7, "AD": 0.3}
    assert prediction.decision == "normal"
    assert prediction.threshold is None
    assert prediction.reason == "decided normal in 4 of 5 tests, AD in 1"
    assert prediction.contributions == OWN.contributions


@pytest.mark.parametrize(
    ("decisions", "decision"), [({"AD": 2, "normal": 2}, None), ({"": 3, "AD": 2}, None), ({"AD": 1}, "AD")]
)
def test_a_tie_or_mostly_nothing_is_no_decision(decisions: dict[str, int], decision: str | None) -> None:
    prediction = out_of_fold(scored(**decisions), OWN)
    assert prediction.decision == decision
    assert ("too old" in prediction.reason) == ("" in decisions)
