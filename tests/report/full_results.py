"""A run in which everything that a report can show was done."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from normwise.results import (
    Abstention,
    Alarm,
    Arm,
    Association,
    Band,
    ClassifierMap,
    Comparison,
    Curve,
    Estimate,
    Evaluation,
    Explanation,
    LearningCurve,
    Permutation,
    Picture,
    Pictures,
    Quality,
    RunRecord,
    ScoreAssociation,
    Stability,
    Subgroup,
    TreeNode,
    write_result,
)
from report.simulated_results import around

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""One pixel."""

SITES = ("Edinburgh", "Lund", "São Paulo")


def full_arm(arm: Arm, *, sites: tuple[str, ...] = SITES) -> Arm:
    rng = np.random.default_rng(5)
    metrics = {
        "auc": arm.auc,
        "adjusted_auc": arm.adjusted_auc,
        "balanced_accuracy": arm.balanced_accuracy,
        "sensitivity": arm.sensitivity,
        "specificity": arm.specificity,
        "average_precision": around(0.78, 0.07),
        "ppv": around(0.7, 0.08),
        "npv": around(0.8, 0.08),
        "f1": around(0.75, 0.06),
        "f1_macro": around(0.72, 0.06),
        "mcc": Estimate(0.48, -0.01, 0.6),
        "brier": around(0.19, 0.03),
        "log_loss": around(0.55, 0.06),
        "calibration_slope": Estimate(0.85, 0.6, 1.1),
        "calibration_intercept": Estimate(0.04, -0.3, 0.35),
        "expected_cost": Estimate(None, None, None),
    }
    x = np.linspace(0.05, 0.95, 10)
    y = np.clip(x + rng.normal(0, 0.04, 10), 0, 1)
    recall = np.linspace(0, 1, 60)
    net = np.linspace(0.01, 0.99, 99)
    parts = [("M/F", "F"), ("M/F", "M"), *(("Age", third) for third in ("60–70", "70–79", "79–96"))]
    parts += [("site", site) for site in sites]
    return replace(
        arm,
        metrics=metrics,
        precision_recall=Curve(recall.tolist(), (1 - 0.5 * recall**2).tolist()),
        calibration=Band(
            x.tolist(), y.tolist(), (y - 0.1).clip(0).tolist(), (y + 0.1).clip(0, 1).tolist(), [19] * 10
        ),
        decision_curve={
            "model": Curve(net.tolist(), (0.45 - 0.5 * net**2).clip(-0.4).tolist()),
            "everybody": Curve(net.tolist(), (0.5 - 0.5 * net / (1 - net)).tolist()),
            "nobody": Curve(net.tolist(), [0.0] * len(net)),
        },
        subgroups=[
            Subgroup(
                name,
                level,
                30 + 7 * place,
                14 + 3 * place,
                {
                    "auc": around(0.7 + 0.02 * place, 0.12),
                    "sensitivity": around(0.9, 0.08),
                    "specificity": Estimate(None, None, None) if place == 1 else around(0.5, 0.2),
                },
            )
            for place, (name, level) in enumerate(parts)
        ],
        errors=[
            Association("Age", Estimate(0.21, 0.07, 0.34)),
            Association("M/F", Estimate(-0.03, -0.17, 0.11)),
        ],
        score_associations=[
            ScoreAssociation("Age", "", 97, Estimate(0.54, 0.38, 0.67)),
            ScoreAssociation("site", "A", 40, Estimate(0.05, -0.2, 0.29)),
            ScoreAssociation("site", "B", 57, Estimate(-0.11, -0.34, 0.14)),
        ],
        abstention=Abstention(
            0.9, Estimate(0.91, 0.87, 0.95), Estimate(0.34, 0.28, 0.4), {"auc": around(0.9, 0.05)}
        ),
        stability=[
            Stability(f"left_hippocampus.f{place}", max(0.04, 1 - 0.04 * place)) for place in range(30)
        ],
    )


def full_evaluation(evaluation: Evaluation) -> Evaluation:
    rng = np.random.default_rng(6)
    arms = {name: full_arm(arm) for name, arm in evaluation.arms.items()}
    main = arms[evaluation.main_arm]
    change = Estimate(0.041, 0.012, 0.07)
    return replace(
        evaluation,
        arms=arms,
        alarms=[
            Alarm("EVA-301", "note", "Sessions of one person", "12 people have two scans", ""),
            Alarm(
                "EVA-302",
                "severe",
                "The site tells the diagnosis",
                "AUC 0.97 (0.93 to 0.99) from the column site alone",
                "balance the sites, or test across them",
            ),
            Alarm(
                "EVA-303",
                "caution",
                "Age alone is as good as the model",
                "AUC 0.79 against 0.80",
                "match by age",
            ),
        ],
        comparisons=[
            Comparison("normalized", "raw", "auc", "DeLong", change, 0.0061),
            Comparison("normalized", "raw", "auc", "Nadeau–Bengio corrected t", change, None),
            Comparison("normalized", "demographics", "auc", "DeLong", Estimate(0.2, 0.1, 0.3), 1e-9),
        ],
        permutation=Permutation("auc", 0.81, rng.normal(0.5, 0.05, 200).round(4).tolist(), 1 / 201),
        learning_curve=LearningCurve(
            "auc",
            Band(
                [20, 40, 80, 158], [0.68, 0.74, 0.78, 0.81], [0.6, 0.68, 0.72, None], [0.75, 0.8, 0.84, None]
            ),
            "At this slope about 400 people would be needed for an AUC of 0.85.",
        ),
        by_site=full_arm(replace(main, subgroups=[])),
    )


def full_record(record: RunRecord) -> RunRecord:
    ages = {"mean": 72.0, "sd": None, "min": 61.0, "max": 90.0}
    sites = [
        {
            "site": site,
            "classes": dict.fromkeys(record.classes, 10),
            "people": 20,
            "scans": 20,
            "Age": ages,
            "M/F": {"F": 12, "M": 8},
        }
        for site in SITES
    ]
    missing = {"Age": {record.classes[0]: 2, "class unknown": 1}, "the label": {"class unknown": 201}}
    return replace(record, sites=sites, missing=missing)


def full_explanation(explanation: Explanation) -> Explanation:
    levels = list(explanation.trajectories[0].expected)
    trajectories = [
        replace(row, people_level=[levels[place % len(levels)] for place in range(len(row.people_x))])
        for row in explanation.trajectories
    ]
    steps = list(range(200))
    cost = Curve([float(step) for step in steps], [0.3 + 0.4 * 0.97**step for step in steps])
    loss = Curve([1.0, 2.0, 3.0], [0.7, 0.5, 0.4])
    points, classes = np.linspace(-2.0, 2.0, 9), explanation.trajectories[0].people_class[:4]
    margin = points[:, None] + points
    plane = ClassifierMap(
        columns=["f1", "f2"],
        x=points.tolist(),
        y=points.tolist(),
        score=(1.0 / (1.0 + np.exp(-margin))).tolist(),
        margin=margin.tolist(),
        people_x=[-1.0, -0.5, 0.5, 1.0],
        people_y=[-1.0, 0.0, 0.0, 1.0],
        people_class=classes,
        support=[False, True, True, False],
        threshold=0.3,
    )
    tree = [
        TreeNode("f1", 0.2, 1, 2, 0.5, 40),
        TreeNode("", 0.0, -1, -1, 0.1, 22),
        TreeNode("", 0.0, -1, -1, 0.9, 18),
    ]
    return replace(
        explanation,
        trajectories=trajectories,
        cost_curves={"The final model": cost},
        loss_curves={"Network 1": loss},
        plane=plane,
        tree=tree,
    )


def add_scans(folder: Path, classes: list[str], *, prefix: str = "sub-", count: int = 40) -> None:
    """Write predictions of scans, checks of quality and pictures into a run."""
    rng = np.random.default_rng(8)
    rows = [
        "\t".join(
            [
                "arm",
                "repeat",
                "id",
                "label",
                *(f"probability_{name}" for name in classes),
                "decision",
                "reason",
            ]
        )
    ]
    quality, pictures = {}, []
    (folder / "pictures").mkdir()
    for number in range(count):
        scan = f"{prefix}{number}"
        label = classes[number % len(classes)]
        for repeat in range(3):
            shares = rng.dirichlet(np.ones(len(classes)))
            decided = classes[int(shares.argmax())]
            gone = number == 3
            rows.append(
                "\t".join(
                    [
                        "normalized",
                        str(repeat),
                        scan,
                        label,
                        *map(str, shares),
                        "n/a" if gone else decided,
                        "the image failed" if gone else "n/a",
                    ]
                )
            )
        checks = [
            Quality("mask", "volume", "ml", 1300.0 + number, 900.0, 2200.0, passed=True),
            Quality(
                "registration", "overlap", "", 0.6, 0.8, None, passed=number % 9 > 0, text="poor overlap"
            ),
        ]
        quality[scan] = [asdict(check) for check in checks]
        path = f"pictures/scan{number}_mask.png"
        (folder / path).write_bytes(PNG)
        pictures.append(Picture(scan, "mask", path, "Brain mask", "the mask's outline on three slices"))
    (folder / "predictions.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    sidecar = folder / "features.json"
    about = json.loads(sidecar.read_text()) if sidecar.is_file() else {}
    about["GeneratedBy"] = {"Name": "Normwise", "Quality": quality}
    sidecar.write_text(json.dumps(about), encoding="utf-8")
    write_result(Pictures(pictures), folder / "pictures.json")
