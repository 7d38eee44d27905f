"""A network's contributions and importances: they add up, point the right way, and find what tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from normwise.model.explain import attributions_of, importances_of, trajectories_of
from normwise.results import FeatureNote
from simulated import model_of, simulate

ARMS = ["normalized", "raw", "appended", "demographics"]


@pytest.fixture(scope="module")
def small():
    return simulate()


def test_a_persons_contributions_add_up_to_their_log_odds_against_somebody_as_expected(small):
    model = model_of(small, "neural")
    procedure = model.procedure
    inputs = procedure.pipeline[:-1].transform(small.X)
    shares = attributions_of(procedure, inputs, "AD")
    columns = list(procedure.rule.classes)
    both = procedure.pipeline[-1].predict_proba(np.vstack([inputs, np.zeros(inputs.shape[1])]))
    odds = logit(both[:, list(procedure.pipeline.classes_).index("AD")])
    assert columns == ["normal", "AD"]  # not in the order of the alphabet, as the classifier has them
    np.testing.assert_allclose(shares.sum(axis=1), odds[:-1] - odds[-1], atol=1e-3)
    for row, person in enumerate(model.predictions(small.X, top=6)):
        weights = {each.feature: each.weight for each in person.contributions}
        assert sum(weights.values()) == pytest.approx(shares[row].sum(), abs=1e-9)
        sizes = [abs(weight) for weight in weights.values()]
        assert sizes == sorted(sizes, reverse=True)


def test_a_small_hippocampus_speaks_for_the_disease(small):
    people = model_of(small, "neural").predictions(small.X)
    pairs = [
        (each.w, each.weight)
        for person in people
        for each in person.contributions
        if each.feature == "hippocampus_left.volume_mm3"
    ]
    w, weight = np.array(pairs).T
    assert np.corrcoef(w, weight)[0, 1] < -0.7


@pytest.mark.parametrize("arm", ARMS)
def test_the_feature_that_tells_weighs_most(small, arm):
    model = model_of(small, "neural", arm=arm)
    rows, kind = importances_of(model.procedure, model.notes, small.X)
    assert kind == "integrated gradients, mean size"
    assert all(row.weight >= 0.0 for row in rows)
    assert len(rows) == {"appended": 8, "demographics": 2}.get(arm, 6)
    assert rows[0].feature == ("age" if arm == "demographics" else "hippocampus_left.volume_mm3")


def test_several_classes_are_asked_one_by_one():
    three = simulate(90, classes=("normal", "mci", "AD"))
    model = model_of(three, "neural")
    rows, _ = importances_of(model.procedure, model.notes, three.X)
    assert rows[0].feature == "hippocampus_left.volume_mm3"
    assert all(
        each.weight is None for person in model.predictions(three.X[:3]) for each in person.contributions
    )


def test_classifiers_that_can_not_say_say_nothing(small):
    model = model_of(small, "svm")
    kernel = model.procedure.pipeline.named_steps["classify"].kernel
    if kernel == "rbf":
        assert importances_of(model.procedure, model.notes, small.X) == ([], "")
    assert attributions_of(model.procedure, np.zeros((1, 6)), "AD") is None


@pytest.mark.parametrize("unit", ["share", "mm³"])
def test_the_band_of_a_share_stays_between_0_and_1(small, unit):
    frame, name = small.X.copy(), "hippocampus_left.volume_mm3"
    values = frame[name] - frame[name][small.labels == "normal"].mean()
    frame[name] = values / np.ptp(values)  # normals around 0
    model = model_of(replace(small, X=frame))
    notes = {name: FeatureNote(unit, "", "", None)}
    (curves,) = trajectories_of(model.procedure, frame, small.labels, notes, [name])
    lowest = min(min(line) for band in curves.centiles.values() for line in band.values())
    assert (lowest == 0.0) if unit == "share" else (lowest < 0.0)


@pytest.mark.parametrize(("most", "of_people"), [(59, 60), (60, 0), (None, 0)])
def test_of_more_people_than_asked_for_some_are_shown_beside_lines_of_all(small, most, of_people):
    name = "hippocampus_left.volume_mm3"
    model = model_of(small)
    assert len(small.X) == 60
    (curves,) = trajectories_of(model.procedure, small.X, small.labels, {}, [name], most)
    (everybody,) = trajectories_of(model.procedure, small.X, small.labels, {}, [name])
    assert (len(curves.people_x), curves.of_people) == (most or 60, of_people)
    assert curves.expected == everybody.expected
    shown = set(zip(curves.people_x, curves.people_y, curves.people_class, strict=True))
    assert shown <= set(zip(everybody.people_x, everybody.people_y, everybody.people_class, strict=True))
