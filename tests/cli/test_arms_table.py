"""The table of the arms: every arm, its intervals, and what the main one gains."""

from normwise.cli.arms_table import print_arms
from normwise.cli.output import CommandOutput
from normwise.results import (
    Arm,
    Curve,
    Estimate,
    Evaluation,
)


def arm(auc, undecided=0.0):
    shares = Estimate(0.8, 0.7, 0.9)
    return Arm(
        title="", auc=Estimate(auc, auc - 0.05, auc + 0.05), balanced_accuracy=shares, sensitivity=shares,
        specificity=Estimate(None, None, None), confusion=[], roc=Curve([], []), thresholds=[], settings=[],
        undecided=undecided,
    )  # fmt: skip


def evaluation(arms, differences=None):
    return Evaluation(
        kind="crossval", classes=["normal", "AD"], negative="normal", positives=["AD"], n_people=40,
        n_scans=40, n_per_class={"normal": 22, "AD": 18}, folds=5, repeats=5, seed=0,
        confidence=0.95, decision="a rule", main_arm="normalized", arms=arms, differences=differences or {},
    )  # fmt: skip


def test_every_arm_has_its_line_and_the_main_one_its_gain(capsys):
    gain = {
        "normalized-raw": {"auc": Estimate(0.08, 0.01, 0.15)},
        "normalized-appended": {"auc": Estimate(0, 0, 0)},
    }
    print_arms(CommandOutput("evaluate"), evaluation({"raw": arm(0.8), "normalized": arm(0.88, 0.021)}, gain))
    told = capsys.readouterr().out
    assert "raw              0.80 .75–.85" in told
    assert "normalized*      0.88 .83–.93" in told
    assert "+0.08 (+0.01 to +0.15) over raw" in told
    assert "appended" not in told
    assert "2.1%" in told
    assert max(map(len, told.splitlines())) <= 80


def test_a_test_of_one_arm_needs_no_star(capsys):
    print_arms(CommandOutput("test"), evaluation({"normalized": arm(0.88)}))
    told = capsys.readouterr().out
    assert "*" not in told
    assert "gained" not in told
