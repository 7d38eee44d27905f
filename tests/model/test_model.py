"""A model in use: columns by name, reasons for no decision, contributions that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from normwise.errors import ProcedureError
from normwise.features import LARGEST_VALUE
from normwise.model.model import LARGEST_DEPARTURE
from simulated import model_of


def test_columns_are_taken_by_name_in_any_order(small: Any) -> None:
    model = model_of(small)
    shuffled = small.X[small.X.columns[::-1]].assign(unused=1.0)
    assert model.predictions(shuffled) == model.predictions(small.X)


def test_a_prediction_does_not_depend_on_who_else_is_asked(small: Any) -> None:
    model = model_of(small)
    together = model.predictions(small.X)
    assert model.predictions(small.X.iloc[[7]]) == [together[7]]


def test_a_missing_column_is_named_with_its_likeness(small: Any) -> None:
    with pytest.raises(ProcedureError) as caught:
        model_of(small).predictions(small.X.rename(columns={"pons.mean": "pons.maen"}))
    assert caught.value.code == "PRC-401"
    assert "did you mean pons.maen" in str(caught.value)


def test_reasons_for_no_decision(small: Any) -> None:
    people = small.X.iloc[:3].copy()
    people.iloc[0, 0] = np.nan
    people.iloc[1, people.columns.get_loc("age")] = 20.0
    first, second, third = model_of(small).predictions(people)
    assert first.decision is None
    assert "hippocampus_left.volume_mm3 is missing" in first.reason
    assert first.probabilities == {}
    assert second.decision is None
    assert "age" in second.reason
    assert set(second.probabilities) == {"normal", "AD"}
    assert third.decision in {"normal", "AD"}
    assert third.reason == ""
    assert [prediction.outcome for prediction in (first, second, third)] == [
        "failed",
        "unsupported",
        "decided",
    ]


@pytest.mark.parametrize("order", [("normal", "AD"), ("normal", "patient")])
def test_weights_point_at_the_patients(order: tuple[str, str], small: Any) -> None:
    from dataclasses import replace

    labels = np.where(small.labels == "AD", order[1], "normal").astype(object)
    roles = replace(small.roles, classes=order, targets=order)
    model = model_of(replace(small, labels=labels, roles=roles))
    patients = [
        prediction
        for prediction, label in zip(model.predictions(small.X), labels, strict=True)
        if label == order[1]
    ]
    hippocampus = [
        item
        for prediction in patients
        for item in prediction.contributions
        if item.feature == "hippocampus_left.volume_mm3"
    ]
    # Atrophy speaks for disease: negative W, positive contribution.
    assert np.mean([item.w for item in hippocampus]) < -1
    assert np.mean([item.weight for item in hippocampus]) > 0


def test_contributions_are_the_linear_score(small: Any) -> None:
    model = model_of(small)
    pipeline = model.procedure.pipeline
    predictions = model.predictions(small.X, top=100)
    score = pipeline.decision_function(small.X)
    # scikit-learn's score points at "normal", the last class of the alphabet; ours at the patients.
    added = np.array([sum(item.weight for item in person.contributions) for person in predictions])
    assert np.allclose(added + score, (added + score)[0])


def test_rows_of_one_name_keep_their_own_contributions(small: Any) -> None:
    model = model_of(small)
    alike = small.X.iloc[[0, 41]].set_axis(["s", "s"], axis=0)
    for row, prediction in enumerate(model.predictions(alike)):
        alone = model.predictions(alike.iloc[[row]])[0]
        assert [item.feature for item in prediction.contributions] == [
            item.feature for item in alone.contributions
        ]
        assert [item.value for item in prediction.contributions] == [
            item.value for item in alone.contributions
        ]


@pytest.mark.parametrize("value", ["torn", None, pd.NA])
def test_a_feature_that_is_no_number_is_missing_and_costs_that_row_only(small: Any, value: object) -> None:
    model = model_of(small)
    people = small.X.iloc[:2].astype(object)
    people.iloc[0, 0] = value
    first, second = model.predictions(people)
    assert first.decision is None
    assert "hippocampus_left.volume_mm3 is missing" in first.reason
    assert second == model.predictions(small.X.iloc[[1]])[0]


def test_people_without_named_columns_are_refused(small: Any) -> None:
    with pytest.raises(ProcedureError) as caught:
        model_of(small).predictions(small.X.to_numpy())
    assert caught.value.code == "PRC-401"


def residual_model(small: Any) -> Any:
    from dataclasses import replace

    section = small.study.normalizer.model_copy(update={"scale": "residual"})
    return model_of(replace(small, study=small.study.model_copy(update={"normalizer": section})))


@pytest.mark.parametrize(
    ("make", "unit"),
    [
        (model_of, "normal standard deviations from what is expected"),
        (residual_model, "normal standard deviations from what is expected"),
        (lambda small: model_of(small, arm="raw"), "standard deviations from the training's mean"),
        (lambda small: model_of(small, arm="appended"), "standard deviations from the training's mean"),
    ],
    ids=["w", "residual", "raw", "appended"],
)
@pytest.mark.parametrize("value", [-1e5, 1e30, 1e99])
def test_an_absurd_feature_decides_nothing_and_costs_that_row_only(
    make: Any, unit: str, value: float, small: Any
) -> None:
    model = make(small)
    people = small.X.iloc[:3].copy()
    people.iloc[1, people.columns.get_loc("noise_2.mean")] = value
    predictions = model.predictions(people)
    assert predictions[1].decision is None
    assert predictions[1].probabilities == {}
    assert predictions[1].reason.startswith("feature noise_2.mean lies ")
    assert predictions[1].reason.endswith(f" {unit}: check its unit")
    assert [predictions[0], predictions[2]] == model.predictions(small.X.iloc[[0, 2]])
    assert predictions[0].decision is not None
    assert model.predictions(people.iloc[[1]]) == [predictions[1]]


@pytest.mark.parametrize("arm", ["normalized", "appended", "raw"])
def test_a_feature_whose_square_overflows_is_named(arm: str, small: Any) -> None:
    people = small.X.iloc[:2].copy()
    people.iloc[0, 0] = -1e300
    first, second = model_of(small, arm=arm).predictions(people)
    assert first.decision is None
    assert first.reason.startswith("feature hippocampus_left.volume_mm3 is -1e+300, larger than any")
    assert second.decision is not None


def test_single_precision_holds_an_absurd_feature_too(small: Any) -> None:
    names = [name for name in small.X.columns if name not in small.roles.demographics]
    people = small.X.iloc[:2].astype(dict.fromkeys(names, np.float32))
    people.iloc[0, 0] = np.float32(3e38)
    first, second = model_of(small).predictions(people)
    assert "hippocampus_left.volume_mm3 lies" in first.reason
    assert second.decision is not None


def test_forty_deviations_are_a_patient_and_not_a_mistake(small: Any) -> None:
    people = small.X.iloc[[0]].copy()
    people.iloc[0, people.columns.get_loc("noise_0.mean")] = 40.0
    assert model_of(small).predictions(people)[0].decision is not None


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("deviations", "named"), [(14.999, []), (15.001, ["s9"])])
def test_a_value_far_from_what_is_normal_is_named(
    small: Any, deviations: float, named: list[str], sign: float
) -> None:
    model = model_of(small)
    people = small.X.iloc[[0, 0]].copy()
    place = people.columns.get_loc("noise_0.mean")
    people.iloc[:, place] = [0.0, 1.0]
    scores = model.procedure.pipeline.named_steps["normalize"].transform(people)[:, place]
    person = people.iloc[[0]].set_axis(["s9"])
    person.iloc[0, place] = (sign * deviations - scores[0]) / (scores[1] - scores[0])
    far = model.far_values(pd.concat([small.X.iloc[:3], person]))
    assert list(far) == named
    assert not named or str(far["s9"]).startswith("feature noise_0.mean lies 15 normal standard deviations")
    assert model.predictions(person)[0].outcome == "decided"


def test_predict_and_predict_proba_say_what_the_predictions_say(small: Any) -> None:
    model = model_of(small)
    people = model.predictions(small.X)
    assert model.classes_.tolist() == list(model.classes)
    assert model.predict(small.X).tolist() == [person.decision for person in people]
    probabilities = model.predict_proba(small.X)
    assert probabilities.shape == (len(small.X), len(model.classes_))
    for row, person in zip(probabilities, people, strict=True):
        assert dict(zip(model.classes_, row, strict=True)) == person.probabilities


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("deviations", "outcome"), [(99.999, "decided"), (100.001, "failed")])
def test_a_feature_is_a_mistake_beyond_a_hundred_normal_deviations(
    small: Any, deviations: float, outcome: str, sign: float
) -> None:
    model = model_of(small)
    people = small.X.iloc[[0, 0]].copy()
    place = people.columns.get_loc("noise_0.mean")
    people.iloc[:, place] = [0.0, 1.0]
    # The W-score is linear in the feature: two of them give the value that has the wanted one.
    scores = model.procedure.pipeline.named_steps["normalize"].transform(people)[:, place]
    person = people.iloc[[0]].copy()
    person.iloc[0, place] = (sign * deviations - scores[0]) / (scores[1] - scores[0])
    [prediction] = model.predictions(person)
    assert prediction.outcome == outcome
    assert ("noise_0.mean lies 100 normal" in prediction.reason) == (outcome == "failed")


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("deviations", "outcome"),
    [(LARGEST_DEPARTURE, "decided"), (np.nextafter(LARGEST_DEPARTURE, np.inf), "failed")],
)
def test_a_feature_is_a_mistake_beyond_a_hundred_deviations_of_the_training(
    small: Any, deviations: float, outcome: str, sign: float
) -> None:
    assert LARGEST_DEPARTURE == 100.0
    model = model_of(small, arm="raw")
    scaler, place = model.procedure.pipeline.named_steps["scale"], small.X.columns.get_loc("noise_0.mean")
    scaler.mean_[place], scaler.scale_[place], scaler.var_[place] = 0.0, 1.0, 1.0
    people = small.X.iloc[[0]].copy()
    people.iloc[0, place] = sign * deviations
    assert [person.outcome for person in model.predictions(people)] == [outcome]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("size", "words"),
    [(LARGEST_VALUE, "lies "), (np.nextafter(LARGEST_VALUE, np.inf), "larger than any measurement")],
)
def test_a_feature_is_looked_at_up_to_the_largest_value(
    small: Any, size: float, words: str, sign: float
) -> None:
    assert LARGEST_VALUE == 1e100
    people = small.X.iloc[[0]].copy()
    people.iloc[0, 0] = sign * size
    [prediction] = model_of(small).predictions(people)
    assert words in prediction.reason
    assert prediction.outcome == "failed"
