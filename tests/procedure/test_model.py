"""A model in use: columns by name, reasons for no decision, contributions that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import ProcedureError
from simulated import model_of


def test_columns_are_taken_by_name_in_any_order(small: Any) -> None:
    model = model_of(small)
    shuffled = small.X[small.X.columns[::-1]].assign(unused=1.0)
    assert model.predict(shuffled) == model.predict(small.X)


def test_a_prediction_does_not_depend_on_who_else_is_asked(small: Any) -> None:
    model = model_of(small)
    together = model.predict(small.X)
    assert model.predict(small.X.iloc[[7]]) == [together[7]]


def test_a_missing_column_is_named_with_its_likeness(small: Any) -> None:
    with pytest.raises(ProcedureError) as caught:
        model_of(small).predict(small.X.rename(columns={"pons.mean": "pons.maen"}))
    assert caught.value.code == "PRC-401"
    assert "did you mean pons.maen" in str(caught.value)


def test_reasons_for_no_decision(small: Any) -> None:
    people = small.X.iloc[:3].copy()
    people.iloc[0, 0] = np.nan
    people.iloc[1, people.columns.get_loc("age")] = 20.0
    first, second, third = model_of(small).predict(people)
    assert first.decision is None
    assert "hippocampus_left.volume_mm3 is missing" in first.reason
    assert first.probabilities == {}
    assert second.decision is None
    assert "age" in second.reason
    assert set(second.probabilities) == {"normal", "AD"}
    assert third.decision in {"normal", "AD"}
    assert third.reason == ""


@pytest.mark.parametrize("order", [("normal", "AD"), ("normal", "patient")])
def test_weights_point_at_the_patients(order: tuple[str, str], small: Any) -> None:
    from dataclasses import replace

    labels = np.where(small.labels == "AD", order[1], "normal").astype(object)
    roles = replace(small.roles, classes=order, targets=order)
    model = model_of(replace(small, labels=labels, roles=roles))
    patients = [told for told, label in zip(model.predict(small.X), labels, strict=True) if label == order[1]]
    hippocampus = [
        item
        for told in patients
        for item in told.contributions
        if item.feature == "hippocampus_left.volume_mm3"
    ]
    # Atrophy speaks for disease: negative W, positive contribution.
    assert np.mean([item.w for item in hippocampus]) < -1
    assert np.mean([item.weight for item in hippocampus]) > 0


def test_contributions_are_the_linear_score(small: Any) -> None:
    model = model_of(small)
    pipeline = model.procedure.pipeline
    told = model.predict(small.X, top=100)
    score = pipeline.decision_function(small.X)
    # scikit-learn's score points at "normal", the last class of the alphabet; ours at the patients.
    added = np.array([sum(item.weight for item in person.contributions) for person in told])
    assert np.allclose(added + score, (added + score)[0])


def test_rows_of_one_name_keep_their_own_contributions(small: Any) -> None:
    model = model_of(small)
    alike = small.X.iloc[[0, 41]].set_axis(["s", "s"], axis=0)
    for row, told in enumerate(model.predict(alike)):
        alone = model.predict(alike.iloc[[row]])[0]
        assert [item.feature for item in told.contributions] == [item.feature for item in alone.contributions]
        assert [item.value for item in told.contributions] == [item.value for item in alone.contributions]


@pytest.mark.parametrize("value", ["torn", None, pd.NA])
def test_a_feature_that_is_no_number_is_missing_and_costs_that_row_only(small: Any, value: object) -> None:
    model = model_of(small)
    people = small.X.iloc[:2].astype(object)
    people.iloc[0, 0] = value
    first, second = model.predict(people)
    assert first.decision is None
    assert "hippocampus_left.volume_mm3 is missing" in first.reason
    assert second == model.predict(small.X.iloc[[1]])[0]


def test_people_without_named_columns_are_refused(small: Any) -> None:
    with pytest.raises(ProcedureError) as caught:
        model_of(small).predict(small.X.to_numpy())
    assert caught.value.code == "PRC-401"
