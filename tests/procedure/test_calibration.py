"""Calibration for costs: overconfident probabilities are flattened, on training people alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from normwise.procedure.calibration import fit_scaling, scale_probabilities
from normwise.procedure.decision import choose_rule
from normwise.procedure.fit import fit_procedure
from normwise.schema import DecisionSection, Study

CLASSES = ("normal", "MCI", "AD")
MATRIX = {
    "normal": {"MCI": 1.0, "AD": 1.0},
    "MCI": {"normal": 5.0, "AD": 1.0},
    "AD": {"normal": 10.0, "MCI": 2.0},
}


def people(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities, drawn classes, and probabilities made three times as sure and shifted."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, 3))
    true = softmax(scores, axis=1)
    columns = np.array([rng.choice(3, p=row) for row in true])
    return true, columns, softmax(3.0 * (scores + np.array([0.5, 0.0, -0.5])), axis=1)


def test_temperature_and_offsets_are_found_again() -> None:
    true, columns, sure = people(6000)
    scaled = scale_probabilities(sure, fit_scaling(sure, columns))
    assert np.abs(scaled - true).mean() < 0.02
    assert np.abs(sure - true).mean() > 0.1


def test_few_people_do_not_run_away() -> None:
    slope, *offsets = fit_scaling(np.eye(3), np.arange(3))
    assert 0.1 < slope < 10
    assert max(map(abs, offsets)) < 1
    assert sum(offsets) == pytest.approx(0.0, abs=1e-9)


def test_calibrated_decisions_cost_less_on_new_people() -> None:
    _, columns, sure = people(400)
    _, new_columns, new = people(4000, seed=1)
    labels = np.array(CLASSES, dtype=object)
    rule = choose_rule(DecisionSection(cost_matrix=MATRIX), sure, labels[columns], CLASSES, "normal")
    costs = np.asarray(rule.costs)

    def cost(table: np.ndarray) -> float:
        decided = [CLASSES.index(name) for name in rule.decide(table)]
        return float(costs[new_columns, decided].mean())

    assert cost(rule.calibrate(new)) < cost(new) - 0.02


def test_two_classes_and_thresholds_are_left_alone() -> None:
    table = np.array([[0.9, 0.1], [0.2, 0.8]])
    labels = np.array(["normal", "AD"], dtype=object)
    matrix = {"normal": {"AD": 1.0}, "AD": {"normal": 5.0}}
    rule = choose_rule(DecisionSection(cost_matrix=matrix), table, labels, ("normal", "AD"), "normal")
    assert rule.scaling is None
    assert rule.calibrate(table) is table


def test_the_procedure_gives_calibrated_probabilities(three: Any) -> None:
    study = Study.model_validate(three.study.model_dump() | {"decision": {"cost_matrix": MATRIX}})
    fitted = fit_procedure(study, three.roles, three.X, three.labels, three.groups, arm="normalized", seed=0)
    table = fitted.probabilities(three.X)
    raw = fitted.pipeline.predict_proba(three.X)[
        :, [list(fitted.pipeline.classes_).index(c) for c in CLASSES]
    ]
    assert fitted.rule.scaling is not None
    assert np.allclose(table, scale_probabilities(raw, fitted.rule.scaling))
    assert np.isnan(fitted.rule.calibrate(np.full((1, 3), np.nan))).all()
