"""The demo's three sentences follow the numbers, whatever they say."""

import math
from contextlib import nullcontext

import numpy as np
import pytest

from normwise.cli.commands.demo import sentences
from normwise.cli.main import main
from normwise.errors import ProcedureError
from normwise.procedure import check_promise
from normwise.results import Arm, Curve, Estimate, Evaluation
from normwise.samples import draw_people
from normwise.schema import Study


def evaluation(gain, auc=0.88):
    def arm(value):
        return Arm(
            title="", auc=Estimate(value, value - 0.05, value + 0.05),
            balanced_accuracy=Estimate(0.8, 0.7, 0.9), sensitivity=Estimate(0.91, 0.8, 1.0),
            specificity=Estimate(0.62, 0.5, 0.7), confusion=[],
            roc=Curve([], []), thresholds=[], settings=[], undecided=0.0,
        )  # fmt: skip

    return Evaluation(
        kind="crossval", classes=["normal", "dementia"], negative="normal", positives=["dementia"],
        n_people=40, n_scans=40, n_per_class={}, folds=5, repeats=5, seed=0, confidence=0.95, decision="",
        main_arm="normalized",
        arms={"raw": arm(0.8), "normalized": arm(auc), "demographics": arm(0.6)},
        differences={"normalized-raw": {"auc": gain}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (Estimate(0.08, 0.02, 0.15), "a gain beyond"),
        (Estimate(0.08, -0.02, 0.15), "may still be chance"),
        (Estimate(-0.08, -0.15, -0.02), "a loss beyond"),
        (Estimate(None, None, None), "could not be compared"),
    ],
)
def test_the_verdict_follows_the_interval(gain, verdict):
    assert verdict in sentences(evaluation(gain))[1]


def test_the_numbers_are_those_of_the_evaluation():
    reached, _, decided = sentences(evaluation(Estimate(0.08, 0.02, 0.15), auc=0.777))
    assert "0.78 (0.73 to 0.83)" in reached
    assert "0.60 (0.55 to 0.65)" in reached
    assert "40 simulated people" in reached
    assert "91%" in decided
    assert "62%" in decided


@pytest.mark.parametrize("people", [3, 20, 25])
def test_too_few_people_are_refused_before_anything_is_announced(tmp_path, capsys, people):
    assert main(["demo", str(tmp_path / "run"), "--people", str(people)]) == 2
    text = capsys.readouterr().err
    assert text.startswith("CLI-104  ")
    assert "26 or more" in text
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("people", [25, 26, 27])
def test_the_fewest_people_are_those_whose_sensitivity_can_be_promised(people):
    folds = Study().evaluation.folds
    patients = sum(each.diagnosis == "dementia" for each in draw_people(people, np.random.default_rng(0)))
    in_training = patients - math.ceil(patients / folds)
    refused = nullcontext() if people >= 26 else pytest.raises(ProcedureError, match="PRC-303")
    with refused:
        check_promise(Study().decision, in_training)
