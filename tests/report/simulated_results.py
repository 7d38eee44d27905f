"""Results as a study leaves them, simulated: nothing is fitted, everything is plausible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from normwise.results import (
    METRIC_NAMES,
    Arm,
    Curve,
    Estimate,
    Evaluation,
    Explanation,
    FlowStep,
    Importance,
    Note,
    RunRecord,
    Trajectory,
)

TITLES = {
    "raw": "Raw features",
    "normalized": "Normalized on the normal group",
    "normalized_all": "Normalized on everybody",
    "appended": "Demographics appended to the features",
    "demographics": "Demographics alone",
}
GAPS = {"raw": 0.90, "normalized": 1.05, "normalized_all": 0.92, "appended": 0.97, "demographics": 0.22}
REGIONS = (
    "Left Hippocampus",
    "Right Hippocampus",
    "Left Amygdala",
    "Right Amygdala",
    "Left Inf Lat Vent",
    "Right Inf Lat Vent",
    "Left Ent entorhinal area",
    "Right Ent entorhinal area",
    "Left Lateral Ventricle",
    "Right Lateral Ventricle",
    "3rd Ventricle",
    "Left PHG parahippocampal gyrus",
    "Right Thalamus Proper",
    "Left MTG middle temporal gyrus",
    "Right PCu precuneus",
)
LABELS = (48, 47, 32, 31, 50, 49, 117, 116, 52, 51, 4, 171, 59, 155, 168)
STATISTICS = (("gm_share", ""), ("csf_share", ""), ("mean", "a.u."), ("p5", "a.u."))


def around(value: float, half: float) -> Estimate:
    return Estimate(round(value, 4), round(max(0.0, value - half), 4), round(min(1.0, value + half), 4))


def make_arm(title: str, gap: float, sizes: dict[str, int], negative: str, rng: np.random.Generator) -> Arm:
    classes = list(sizes)
    patient = np.repeat([name != negative for name in classes], list(sizes.values()))
    scores = rng.normal(size=len(patient)) + gap * patient
    order = np.argsort(-scores, kind="stable")
    hits, alarms = np.cumsum(patient[order]) / patient.sum(), np.cumsum(~patient[order]) / (~patient).sum()
    area = float(np.mean(scores[patient][:, None] > scores[~patient][None, :]))
    threshold = float(np.quantile(scores[patient], 0.1))
    found, cleared = (
        float((scores[patient] >= threshold).mean()),
        float((scores[~patient] < threshold).mean()),
    )
    confusion = []
    for name, size in sizes.items():
        lost = round(0.02 * size, 1)
        right = (cleared if name == negative else found / (len(classes) - 1) ** 0.5) * (size - lost)
        wrong = (size - lost - right) / (len(classes) - 1)
        confusion.append([round(right if other == name else wrong, 1) for other in classes] + [lost])
    return Arm(
        title=title,
        auc=around(area, 0.065),
        balanced_accuracy=around((found + cleared) / 2, 0.06),
        sensitivity=around(found, 0.06),
        specificity=around(cleared, 0.1),
        confusion=confusion,
        roc=Curve([0.0, *alarms.round(4).tolist()], [0.0, *hits.round(4).tolist()]),
        thresholds=[round(float(value), 3) for value in rng.normal(0.31, 0.03, 25)],
        settings=[{"C": float(value)} for value in rng.choice([0.01, 0.1, 1.0], 25, p=[0.5, 0.4, 0.1])],
        undecided=0.02,
        adjusted_auc=around(area - 0.02, 0.07),
    )


def make_evaluation(sizes: dict[str, int], *, negative: str = "normal", seed: int = 7) -> Evaluation:
    rng = np.random.default_rng(seed)
    arms = {
        name: make_arm(TITLES[name], gap, sizes, negative, np.random.default_rng(seed))
        for name, gap in GAPS.items()
    }
    differences = {}
    for other, arm in arms.items():
        if other == "normalized":
            continue
        change = {}
        for metric in METRIC_NAMES:
            gain = getattr(arms["normalized"], metric).estimate - getattr(arm, metric).estimate
            half = 0.09 if other == "demographics" else 0.022 + 0.004 * float(rng.random())
            change[metric] = Estimate(round(gain, 4), round(gain - half, 4), round(gain + half, 4))
        differences[f"normalized-{other}"] = change
    total = sum(sizes.values())
    return Evaluation(
        kind="crossval",
        classes=list(sizes),
        negative=negative,
        positives=[name for name in sizes if name != negative],
        n_people=total,
        n_scans=total,
        n_per_class=dict(sizes),
        folds=5,
        repeats=5,
        seed=0,
        confidence=0.95,
        decision="threshold for a sensitivity of 0.9, chosen inside the training part",
        wished_sensitivity=0.9,
        main_arm="normalized",
        arms=arms,
        differences=differences,
        notes=[
            Note(
                "NRM-203",
                "62 normals carry 3 parameters in fold 2 of repeat 1: fewer than a spline should have.",
            )
        ],
    )


def make_record(sizes: dict[str, int], *, features: int = 60) -> RunRecord:
    rng = np.random.default_rng(3)
    composition = []
    for name, size in sizes.items():
        ages = rng.normal(74 + 2 * (name != "normal"), 8, size).clip(60, 96).round()
        women = int(0.6 * size)
        composition.append(
            {
                "class": name,
                "people": size,
                "scans": size,
                "Age": {
                    "mean": float(ages.mean()),
                    "sd": float(ages.std()),
                    "min": float(ages.min()),
                    "max": float(ages.max()),
                },
                "M/F": {"F": women, "M": size - women},
            }
        )
    flow = [
        FlowStep("left out", "COH-301", "does not satisfy Age >= 60", 218),
        FlowStep("left out", "COH-305", "a later session of a person who is in already", 20),
        FlowStep("left out", "IMG-107", "the gzip stream's checksum does not match: the file is damaged", 1),
    ]
    included = sum(sizes.values())
    return RunRecord(
        title="OASIS-1: dementia after 60",
        command="evaluate",
        versions={
            "normwise": "0.1.0",
            "python": "3.11.9",
            "numpy": "2.3.5",
            "pandas": "3.1.1",
            "scikit-learn": "1.9.1",
        },
        seed=0,
        classes=list(sizes),
        normal="normal",
        demographics=["Age", "M/F"],
        extractor="regions",
        n_features=features,
        n_listed=included + sum(step.scans for step in flow),
        n_included=included,
        flow=flow,
        composition=composition,
        readings=[
            "oasis_cross-sectional.csv: comma-separated, UTF-8, 436 rows",
            "Age: numbers, 60 to 96",
            "M/F: categories F, M",
            "CDR: 0 is normal; 0.5, 1, 2 are dementia; 201 empty values are missing",
        ],
        warnings=[
            Note(
                "FEA-207",
                "3 regions have fewer than 50 voxels in some scans: their p5 is uncertain.",
                value=3,
            )
        ],
        hashes={
            "table": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
            "features": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        },
        settings={
            "title": "OASIS-1: dementia after 60",
            "cohort": {
                "table": "oasis_cross-sectional.csv",
                "id": "ID",
                "group": "ID",
                "group_pattern": "^(OAS1_\\d+)_",
                "images": "volumes/{ID}.nii.gz",
                "label": "CDR",
                "classes": {"normal": ["0"], "dementia": ["0.5", "1", "2"]},
                "normal": "normal",
                "demographics": ["Age", "M/F"],
                "include": ["Age >= 60"],
                "sessions": "first",
                "site": None,
            },
            "features": {"extractor": "regions", "atlas": "neuromorphometrics", "lut": None},
            "normalizer": {"design": "linear", "scale": "w", "reference": "normal", "mode": "replace"},
            "classifier": {"name": "logistic", "grid": {}},
            "decision": {"sensitivity": None, "cost": None},
            "evaluation": {"folds": 5, "repeats": 5, "seed": 0, "bootstrap": 2000, "confidence": 0.95},
        },
    )


def make_explanation(
    sizes: dict[str, int],
    *,
    features: int = 60,
    levels: tuple[str, ...] = ("F", "M"),
    people: int | None = None,
) -> Explanation:
    rng = np.random.default_rng(11)
    names = [
        (f"{region.replace(' ', '_').lower()}.{statistic}", region, label)
        for statistic, _ in STATISTICS
        for region, label in zip(REGIONS, LABELS, strict=True)
    ][:features]
    weights = rng.normal(0, 0.12, len(names)) - 0.5 * (np.arange(len(names)) < 4)
    importances = sorted(
        (
            Importance(name, round(float(weight), 4), place, label)
            for (name, place, label), weight in zip(names, weights, strict=True)
        ),
        key=lambda row: -abs(row.weight),
    )
    grid = np.linspace(60, 94, 41)
    labels = (
        np.repeat(list(sizes), list(sizes.values())) if people is None else rng.choice(list(sizes), people)
    )
    ages = rng.normal(75, 8, len(labels)).clip(60, 94).round()
    trajectories = []
    for place, row in enumerate(importances[:6]):
        base, slope, spread = 0.72 - 0.05 * place, -0.004, 0.03 + 0.01 * place
        expected = {level: base + slope * (grid - 75) + 0.02 * number for number, level in enumerate(levels)}
        centiles = {
            level: {
                f"{share:g}": (line + spread * z).tolist()
                for share, z in ((0.05, -1.645), (0.25, -0.674), (0.75, 0.674), (0.95, 1.645))
            }
            for level, line in expected.items()
        }
        y = base + slope * (ages - 75) + spread * rng.normal(size=len(ages)) - 0.06 * (labels != "normal")
        trajectories.append(
            Trajectory(
                row.feature,
                "share of the region",
                "Age",
                grid.tolist(),
                {level: line.tolist() for level, line in expected.items()},
                centiles,
                ages.tolist(),
                y.round(4).tolist(),
                labels.tolist(),
            )
        )
    return Explanation(importances, "coefficient", trajectories, atlas="neuromorphometrics")


@dataclass(frozen=True)
class LabelMap:
    voxels: np.ndarray
    affine: np.ndarray


@dataclass(frozen=True)
class FakeAtlas:
    labels: LabelMap


def make_atlas(*, shift_mm: float = 0.0) -> FakeAtlas:
    """A label map of 4 mm in MNI152 space: a block of 20 mm for each label, odd ones on the left."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = (-100 + shift_mm, -140, -80)
    voxels = np.zeros((50, 60, 50), dtype=np.int32)
    for place, label in enumerate(LABELS):
        x = -40 if place % 2 else 20
        corner = np.array([x, -60 + 20 * (place // 6), -10 + 20 * (place // 2 % 3)])
        i, j, k = ((corner - (-100, -140, -80)) // 4).astype(int)
        voxels[i : i + 5, j : j + 5, k : k + 5] = label
    return FakeAtlas(LabelMap(voxels, affine))
