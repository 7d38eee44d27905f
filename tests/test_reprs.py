"""What a session shows of an object is short, and a notebook shows a table of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluated import people, study_of
from normwise.cohort import read_cohort
from normwise.features import extract_features
from normwise.images import Volume
from normwise.model import train_study
from normwise.report import read_run
from normwise.reprs import interval
from normwise.results import Arm, Curve, Estimate, Evaluation, Explanation, Importance
from normwise.runs import prepare_run

LONGEST = 600


def evaluation() -> Evaluation:
    line = Curve([i / 5000 for i in range(5000)], [i / 5000 for i in range(5000)])
    arm = Arm(
        title="", auc=Estimate(0.814, 0.75, 0.87), balanced_accuracy=Estimate(0.8, 0.7, 0.9),
        sensitivity=Estimate(None, None, None), specificity=Estimate(0.6, None, None), confusion=[],
        roc=line, thresholds=line.x, settings=[], undecided=0.0,
    )  # fmt: skip
    return Evaluation(
        kind="crossval", classes=["normal", "<AD>"], negative="normal", positives=["<AD>"], n_people=40,
        n_scans=44, n_per_class={"normal": 20, "<AD>": 24}, folds=5, repeats=3, seed=0, confidence=0.95,
        decision="", main_arm="normalized", arms={"raw": arm, "normalized": arm}, differences={},
    )  # fmt: skip


def shown(thing: Any) -> str:
    text, page = repr(thing), thing._repr_html_()
    assert len(text) <= LONGEST
    assert "\n" not in text
    assert text.startswith(f"{type(thing).__name__}(")
    assert f"<b>{type(thing).__name__}</b>" in page
    assert page.count("<tr>") >= len(thing.facts()) - len(getattr(thing, "arms", ()))
    return text


def test_an_evaluation_says_who_was_tested_and_how_well() -> None:
    text = shown(evaluation())
    assert "scans: 44 of 40 people" in text
    assert "AUC normalized*: 0.81 (0.75 to 0.87)" in text
    assert "&lt;AD&gt; 24" in evaluation()._repr_html_()


def test_an_adjusted_auc_stands_beside_the_auc_where_there_is_one() -> None:
    whole = evaluation()
    assert "adjusted" not in shown(whole)
    arm = replace(whole.arms["normalized"], adjusted_auc=Estimate(0.79, 0.7, 0.86))
    assert "AUC normalized*: 0.81 (0.75 to 0.87), adjusted 0.79" in shown(
        replace(whole, arms={"normalized": arm})
    )


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((None, None, None), "not defined"),
        ((0.6, None, None), "0.60"),
        ((0.6, 0.5, 0.7), "0.60 (0.50 to 0.70)"),
    ],
)
def test_an_estimate_is_written_with_its_interval(estimate: tuple[Any, Any, Any], text: str) -> None:
    assert interval(Estimate(*estimate)) == text


def test_voxels_and_weights_are_not_printed() -> None:
    assert "40 × 50 × 60" in shown(Volume(np.zeros((40, 50, 60)), np.diag([2.0, 2.0, 3.0, 1.0])))
    many = [Importance(f"region_{number}.mean", number / 7, "", None) for number in range(500)]
    assert "500" in shown(Explanation(many, "coefficient", []))


def test_what_a_run_is_made_of_is_short(tmp_path: Path) -> None:
    study = study_of(tmp_path, people())
    cohort = read_cohort(study)
    assert f"scans: {len(cohort.frame)} of {len(cohort.ledger)}" in shown(cohort)
    shown(study)
    shown(extract_features(cohort, study))
    shown(prepare_run(study, tmp_path / "run"))
    assert "trained on" in shown(train_study(study, tmp_path / "run"))
    shown(read_run(tmp_path / "run"))
