"""Run folders of every kind that a report must tell well, made from simulated results."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from normwise.results import (
    METRIC_NAMES,
    Curve,
    Estimate,
    Evaluation,
    Explanation,
    FlowStep,
    Importance,
    Note,
    RunRecord,
    write_result,
)
from report.full_results import add_scans, full_evaluation, full_explanation, full_record
from report.simulated_results import make_evaluation, make_explanation, make_record

HOSTILE = "<script>alert('x')</script>&\"'"


def save(
    folder: Path,
    record: RunRecord,
    evaluation: Evaluation | None = None,
    explanation: Explanation | None = None,
    *,
    prefix: str = "sub-",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_result(record, folder / "run.json")
    ledger = ["id\tstatus\tcode\treason"]
    ledger += [f"{prefix}{number:04d}\tincluded\tn/a\tn/a" for number in range(record.n_included)]
    (folder / "cohort.tsv").write_text("\n".join(ledger) + "\n", encoding="utf-8")
    if evaluation is not None:
        write_result(evaluation, folder / "evaluation.json")
        rows = ["arm\trepeat\tfold\tid\tgroup\tlabel\tthreshold\tdecision\treason"]
        rows += [
            f"{arm}\t0\t0\t{prefix}{number}\t{prefix}{number}\tnormal\t0.3\tn/a\t{reason}"
            for arm in evaluation.arms
            for number, reason in enumerate(
                ["Age 96 lies outside the normal group's range (60 to 94)"] * 3 + ["a failed image"]
            )
        ]
        (folder / "predictions.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    if explanation is not None:
        write_result(explanation, folder / "explanation.json")
        notes = {
            row.feature: {"Description": f"Volume of the label: {row.place}", "Units": "mm3"}
            for row in explanation.importances
            if row.label is not None
        }
        about = {"id": {"Description": "scan"}, "GeneratedBy": {"Name": "Normwise"}, **notes}
        (folder / "features.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


TWO = {"normal": 98, "dementia": 100}
THREE = {"normal": 70, "MCI": 60, "AD": 41}


def two_classes(folder: Path) -> Path:
    return save(folder, make_record(TWO), make_evaluation(TWO), make_explanation(TWO))


def three_classes(folder: Path) -> Path:
    explanation = make_explanation(THREE)
    importances = [replace(row, weight=abs(row.weight)) for row in explanation.importances]
    explanation = replace(explanation, importances=importances, importance_kind="mean absolute coefficient")
    return save(folder, make_record(THREE), make_evaluation(THREE), explanation)


def tested_elsewhere(folder: Path) -> Path:
    sizes = {"normal": 44, "dementia": 31}
    whole = make_evaluation(sizes)
    arm = replace(whole.arms["normalized"], thresholds=[0.307], settings=[{"C": 0.1}])
    arms = {"normalized": arm}
    evaluation = replace(
        whole, kind="test", folds=1, repeats=1, arms=arms, differences={}, notes=[], n_scans=75, n_people=71
    )
    return save(
        folder, replace(make_record(sizes), command="test", warnings=[]), evaluation, make_explanation(sizes)
    )


def few_features(folder: Path) -> Path:
    explanation = make_explanation(TWO, features=3, levels=("",))
    importances = [replace(row, place="", label=None) for row in explanation.importances]
    explanation = replace(
        explanation, importances=importances, trajectories=explanation.trajectories[:3], atlas=None
    )
    record = replace(make_record(TWO, features=3), extractor="table", flow=[], n_listed=198, title="")
    return save(folder, record, make_evaluation(TWO), explanation)


def long_names(folder: Path) -> Path:
    """Names that an export from a database may hold, and more people than points can be drawn one by one."""
    sizes = {
        "cognitively_unimpaired_with_subjective_complaints": 700,
        "dementia_of_the_Alzheimer_type_probable_or_possible": 420,
    }
    normal = next(iter(sizes))
    rename = (
        "lh_superior_frontal_gyrus_and_adjacent_white_matter_within_5mm_of_the_pial_surface"
        ".gm_share_partial_volume_corrected_"
    )
    explanation = make_explanation(sizes, levels=tuple(f"female at site {number}" for number in range(6)))
    importances = [
        replace(row, feature=f"{rename}{number}", place=rename[:70], label=None)
        for number, row in enumerate(explanation.importances)
    ]
    trajectories = [
        replace(
            row,
            feature=f"{rename}{number}",
            unit="millilitres per litre of estimated total intracranial volume",
        )
        for number, row in enumerate(explanation.trajectories)
    ]
    explanation = replace(explanation, importances=importances, trajectories=trajectories)
    record = replace(
        make_record(sizes),
        normal=normal,
        demographics=["Age_at_the_day_of_the_examination", "M/F", "Years of formal education"],
    )
    return save(folder, record, make_evaluation(sizes, negative=normal), explanation)


def missing_estimates(folder: Path) -> Path:
    nothing = Estimate(None, None, None)
    whole = make_evaluation({"normal": 12, "dementia": 9})
    arms = {
        name: replace(
            arm,
            auc=nothing,
            sensitivity=nothing,
            roc=Curve([], []),
            thresholds=[],
            settings=[],
            confusion=[[0.0] * 3] * 2,
        )
        for name, arm in whole.arms.items()
    }
    arms["raw"] = replace(arms["raw"], auc=Estimate(0.6, None, None))
    differences = {key: dict.fromkeys(METRIC_NAMES, nothing) for key in whole.differences}
    evaluation = replace(whole, arms=arms, differences=differences)
    record = replace(
        make_record({"normal": 12, "dementia": 9}),
        composition=[{"class": "normal", "people": 12, "scans": 12, "Age": None}],
    )
    return save(folder, record, evaluation, replace(make_explanation(TWO), importances=[], trajectories=[]))


def trained_only(folder: Path) -> Path:
    return save(folder, replace(make_record(TWO), command="train"), None, make_explanation(TWO))


def extracted_only(folder: Path) -> Path:
    return save(folder, replace(make_record(TWO), command="extract", classes=[], composition=[], warnings=[]))


def everything(folder: Path) -> Path:
    """Every section has something to say."""
    explanation = full_explanation(make_explanation(TWO))
    save(folder, full_record(make_record(TWO)), full_evaluation(make_evaluation(TWO)), explanation)
    add_scans(folder, list(TWO))
    return folder


def hostile(folder: Path) -> Path:
    """Markup in every text that a user's table or study may bring."""
    sizes = {"normal": 20, HOSTILE: 20}
    whole = make_evaluation(sizes)
    arms = {
        name: replace(arm, title=HOSTILE, settings=[{HOSTILE: HOSTILE}] * 2)
        for name, arm in whole.arms.items()
    }
    evaluation = replace(whole, arms=arms, notes=[Note("", HOSTILE)], decision=HOSTILE)
    explanation = make_explanation(sizes, levels=(HOSTILE,))
    explanation = replace(
        explanation,
        importances=[Importance(HOSTILE, 1.0, HOSTILE, None)],
        importance_kind=HOSTILE,
        trajectories=[
            replace(row, feature=HOSTILE, unit=HOSTILE, demographic=HOSTILE)
            for row in explanation.trajectories
        ],
        atlas=HOSTILE,
    )
    record = replace(
        make_record(sizes),
        title=HOSTILE,
        command=HOSTILE,
        extractor=HOSTILE,
        demographics=[HOSTILE],
        readings=[HOSTILE],
        warnings=[Note("COH-101", HOSTILE)],
        hashes={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        flow=[FlowStep(HOSTILE, HOSTILE, HOSTILE, 2)],
        n_listed=42,
        composition=[{"class": HOSTILE, "people": 20, "scans": 20, HOSTILE: {HOSTILE: 3}}],
    )
    explanation = full_explanation(explanation)
    save(folder, full_record(record), _hostile_details(evaluation), explanation, prefix=HOSTILE)
    add_scans(folder, list(sizes), prefix=HOSTILE, count=12)
    return folder


def _hostile_details(evaluation: Evaluation) -> Evaluation:
    whole = full_evaluation(evaluation)
    arms = {
        name: replace(
            arm,
            subgroups=[replace(row, name=HOSTILE, level=HOSTILE) for row in arm.subgroups],
            errors=[replace(row, demographic=HOSTILE) for row in arm.errors],
            score_associations=[replace(row, variable=HOSTILE) for row in arm.score_associations],
            stability=[replace(row, feature=f"{HOSTILE}{row.feature}") for row in arm.stability],
        )
        for name, arm in whole.arms.items()
    }
    alarms = [replace(row, code=HOSTILE, title=HOSTILE, seen=HOSTILE, advice=HOSTILE) for row in whole.alarms]
    tests = [replace(row, test=HOSTILE, metric=HOSTILE) for row in whole.comparisons]
    return replace(whole, arms=arms, alarms=alarms, comparisons=tests)


EXAMPLES: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker
    for maker in (
        two_classes,
        everything,
        three_classes,
        tested_elsewhere,
        few_features,
        long_names,
        missing_estimates,
        trained_only,
        extracted_only,
        hostile,
    )
}
