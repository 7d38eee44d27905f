"""Evaluate a study of a number by cross-validation, and write the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from normwise.cohort import read_study
from normwise.engine import Limits, Progress, on_engine_of, worker_count
from normwise.errors import EvaluationError
from normwise.evaluate.cross_validation import summarize_notes
from normwise.evaluate.inference.intervals import draw_people
from normwise.evaluate.regression.cross_validation import NumberPredictions, cross_validate_number
from normwise.evaluate.regression.estimates import compare_errors, estimate_number
from normwise.procedure import LEVELS, arms_of, draw_target_repeats, keys_of, main_arm, seed_for
from normwise.report import write_report
from normwise.results import Note, Regression, RegressionArm, RegressionPoint
from normwise.runs import PreparedRun, prepare_run, record_run
from normwise.schema import EVERYBODY, Study

__all__ = ["evaluate_regression"]

_DISGUISE = 0.98  # rank correlation of a feature with the target
_ORDINARY = 0.1  # rank correlation of the corrected gap with the target that chance leaves
_BOOTSTRAP = 3  # place of the draws in the path of seeds


@on_engine_of(read_study)
def evaluate_regression(
    study: Study | str | Path,
    run: str | Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    cache_dir: Path | None = None,
) -> Regression:
    """Predict a number out of fold, by every arm on the same folds.

    Parameters
    ----------
    study : Study or path
        A study with ``cohort.target``, or its file.
    run : path
        The run folder.
    jobs : int, optional
        Subjects extracted, and folds worked on, at the same time; default: one a CPU that this process
        may use.
    progress : Progress, optional
        Where progress is shown.
    limits : Limits, optional
        What one subject may take; default: the engine's.
    cache_dir : Path, optional
        Where finished work is kept for all runs; default: as `normwise.engine.cache_place`.

    Returns
    -------
    Regression
        Also written as ``regression.json``, with ``predictions.tsv``, ``run.json`` and ``report.html``.

    Raises
    ------
    NormwiseError
        Where study, cohort or folds can't be used.
    """
    jobs = worker_count(jobs)
    prepared = prepare_run(
        study, run, purpose="evaluate", number=True,
        jobs=jobs, progress=progress, limits=limits, cache_dir=cache_dir,
    )  # fmt: skip
    study, roles, section = prepared.study, prepared.cohort.roles, prepared.study.evaluation
    values, labels, groups = prepared.numbers, prepared.labels, prepared.groups
    arms = arms_of(roles, study.features)
    keys = keys_of(study, prepared.cohort, prepared.features.values.index)
    repeats = draw_target_repeats(section, values, labels, groups, keys)
    found = cross_validate_number(
        study, roles, prepared.frame, values, labels, groups,
        arms=arms, repeats=repeats, jobs=jobs, progress=progress,
    )  # fmt: skip
    regression = summarize_regression("crossval", prepared, found, main_arm(study, roles))
    record_run(prepared, "evaluate", regression.notes)
    write_report(prepared.folder.path)
    return regression


def summarize_regression(
    kind: str,
    prepared: PreparedRun,
    found: dict[str, NumberPredictions],
    main: str,
    notes: Sequence[Note] = (),
) -> Regression:
    """Estimate, compare, look for what is wrong, and write.

    Parameters
    ----------
    kind : str
        ``"crossval"`` or ``"test"``.
    prepared : PreparedRun
        The run.
    found : dict of str to NumberPredictions
        The arms.
    main : str
        The arm that is trained and saved.
    notes : sequence of Note
        What was found on the way, beside the warnings of the fits.

    Raises
    ------
    EvaluationError
        EVA-107 where nobody has a prediction.
    """
    section, roles = prepared.study.evaluation, prepared.cohort.roles
    labels, groups = prepared.labels, prepared.groups
    if not np.isfinite(found[main].predicted).any():
        reasons = Counter(str(text) for text in found[main].reasons.ravel() if text).most_common(3)
        raise EvaluationError(
            "EVA-107",
            "nobody can be predicted.",
            subject=str(prepared.folder),
            seen="; ".join(text for text, _ in reasons),
            expected="demographics and sites as in the training",
            advice="see to the reasons"
            + (", or split people in another way" if kind == "crossval" else ", or choose other people"),
        )
    weights = draw_people(
        labels,
        groups,
        np.asarray((found[main].folds >= 0).any(axis=0)),
        draws=section.bootstrap,
        rng=np.random.default_rng(seed_for(section.seed, _BOOTSTRAP)),
    )
    arms = {
        arm: estimate_number(
            one, labels, groups, weights,
            normal=roles.normal, levels=LEVELS, confidence=section.confidence,
        )
        for arm, one in found.items()
    }  # fmt: skip
    normal = prepared.study.cohort.normal
    regression = Regression(
        kind=kind,
        target=str(roles.target),
        normal="" if normal == EVERYBODY else normal,
        n_people=len(set(groups)),
        n_scans=len(labels),
        n_per_group={name: int((labels == name).sum()) for name in roles.classes},
        folds=int(found[main].folds.max()) + 1,
        repeats=len(found[main].folds),
        seed=section.seed,
        confidence=section.confidence,
        split=section.split if kind == "crossval" else "test",
        main_arm=main,
        arms=arms,
        differences={
            arm: compare_errors(found[main], one, weights, section.confidence)
            for arm, one in found.items()
            if arm != main
        },
        notes=[*summarize_notes(found), *notes, *_findings(prepared, found[main], arms[main])],
        points=_points(found[main], labels, roles.normal),
    )
    run = prepared.folder
    ids = prepared.features.values.index.to_numpy(dtype=object)
    run.write(run.PREDICTIONS, _predictions(found, ids, groups, labels))
    run.write_result(run.REGRESSION, regression)
    return regression


def _findings(prepared: PreparedRun, found: NumberPredictions, arm: RegressionArm) -> list[Note]:
    """Return what a reader has to know before a figure is used."""
    notes = []
    target = str(prepared.cohort.roles.target)
    beyond = int(found.beyond.sum())
    if beyond:
        text = (
            f"{arm.beyond:.1%} of the predictions of {target} lie beyond the range of the training people's: "
            "they are extrapolated"
        )
        notes.append(Note("EVA-109", text, target, arm.beyond))
    rho = arm.corrected_rho
    away = rho.low is not None and rho.high is not None and not rho.low <= 0.0 <= rho.high
    if rho.estimate is not None and abs(rho.estimate) > _ORDINARY and away:
        text = (
            f"the corrected gap of normal people still follows {target} (rho {rho.estimate:+.2f}):"
            " the straight line of the correction does not fit"
        )
        notes.append(Note("EVA-316", text, target, rho.estimate))
    for one in arm.intervals:
        if one.share.high is not None and one.share.high < one.level:
            text = (
                f"prediction intervals of {one.level:.0%} hold {one.share.estimate:.1%} of the true numbers: "
                "people who were not trained on differ from the others"
            )
            notes.append(Note("EVA-317", text, target, one.share.estimate))
    ranks = rankdata(prepared.numbers)
    features = prepared.features.values
    same = {
        str(name): abs(float(np.corrcoef(rankdata(column), ranks)[0, 1]))
        for name, column in features.items()
        if np.isfinite(column).all() and np.ptp(column) > 0.0
    }
    disguised = [name for name, rho_of in same.items() if rho_of >= _DISGUISE]
    if disguised:
        text = (
            f"the feature {disguised[0]} follows {target} at a rank correlation of {same[disguised[0]]:.3f}: "
            "it may be the target in disguise; leave it out unless it is known without the target"
        )
        notes.append(Note("EVA-318", text, disguised[0], same[disguised[0]]))
    return notes


def _points(found: NumberPredictions, labels: NDArray[np.object_], normal: str) -> list[RegressionPoint]:
    rows = np.flatnonzero(np.isfinite(found.predicted).any(axis=0))
    predicted, corrected = (np.nanmean(part[:, rows], axis=0) for part in (found.predicted, found.corrected))
    columns = zip(
        found.values[rows].tolist(), predicted.tolist(), corrected.tolist(), labels[rows], strict=True
    )
    return [RegressionPoint(true, value, gap, label == normal) for true, value, gap, label in columns]


def _predictions(
    found: dict[str, NumberPredictions],
    ids: NDArray[np.object_],
    groups: NDArray[np.object_],
    labels: NDArray[np.object_],
) -> str:
    """Return the table as tab-separated text; ``n/a`` stands for what is not there."""
    frames = []
    for arm, one in found.items():
        for repeat, folds in enumerate(one.folds):
            rows = np.flatnonzero(folds >= 0)
            predicted, true = one.predicted[repeat, rows], one.values[rows]
            reasons = one.reasons[repeat, rows]
            columns: dict[str, object] = {
                "arm": arm, "repeat": repeat, "fold": folds[rows], "id": ids[rows], "group": groups[rows],
                "status": labels[rows], "true": true, "predicted": predicted,
            }  # fmt: skip
            for place, level in enumerate(LEVELS):
                width = one.half_widths[repeat, rows, place]
                columns[f"low_{level:.0%}".rstrip("%")] = predicted - width
                columns[f"high_{level:.0%}".rstrip("%")] = predicted + width
            columns["gap"] = predicted - true
            columns["corrected_gap"] = one.corrected[repeat, rows]
            remark = np.where(one.beyond[repeat, rows], "beyond the training people's range", "n/a")
            columns["remark"] = np.where(reasons == "", remark, reasons)
            frames.append(pd.DataFrame(columns))
    table = pd.concat(frames, ignore_index=True)
    return table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
