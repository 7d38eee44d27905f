"""`normwise train`: train on everybody and save the model."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.regression import print_trained
from normwise.cli.run_flags import USUAL, OverwriteFlag, RunFlags
from normwise.cli.session import open_session
from normwise.cli.study_flags import NO_KEY, StudyFlags

__all__ = ["train"]


def train(
    study: Path,
    run: Path | None = None,
    /,
    *,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Train normalizer, classifier and threshold, or regressor, on everybody, and save them in RUN/model.

    Parameters
    ----------
    study : Path
        A study.toml, a BIDS folder, a participants table, or a run.
    run : Path
        The run folder, made where it is missing; default: STUDY-run beside the study. A run alone is gone on
        with.
    overwrite : bool
        Replace the results of another study.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("train", running) as session:
        from normwise.model import train_regression, train_study
        from normwise.report import threshold

        resolved, folder = session.begin_study(study, keys, run, overwrite=overwrite)
        if resolved.cohort.target is not None:
            regression = train_regression(resolved, folder.path, **session.resources)
            print_trained(session.output, regression)
            session.findings.add(regression.procedure.notes)
            session.print_failures(folder.path)
            return session.end(folder / folder.MODEL)
        model = train_study(resolved, folder.path, **session.resources)
        training = model.training
        counts = ", ".join(f"{name} {count}" for name, count in training["scans_per_class"].items())
        session.output.row("trained on", f"{training['people']} people, {training['scans']} scans: {counts}")
        chosen = model.procedure.setting.get("classifier", resolved.classifier.name)
        session.output.row(
            "classifier", f"{chosen} on {len(model.procedure.selected) or len(model.feature_names)} features"
        )
        cut = model.procedure.rule.threshold
        if cut is not None:
            positive = next(name for name in model.classes if name != model.procedure.rule.negative)
            session.output.row("threshold", f"{positive} from a probability of {threshold(cut)}")
        session.output.number("people", training["people"])
        session.output.number("threshold", cut)
        session.findings.add(model.procedure.notes)
        session.print_failures(folder.path)
        return session.end(folder / folder.MODEL)
