"""`normwise train`: train on everybody and save the model."""

from __future__ import annotations

from pathlib import Path

from normwise.cli.run_flags import (
    USUAL,
    OverwriteFlag,
    RunFlags,
)
from normwise.cli.session import limits_from, open_session
from normwise.cli.study_flags import (
    NO_KEY,
    StudyFlags,
    overrides_from,
)

__all__ = ["train"]


def train(
    study: Path,
    run: Path,
    /,
    *,
    overwrite: OverwriteFlag = False,
    keys: StudyFlags = NO_KEY,
    running: RunFlags = USUAL,
) -> int:
    """Train normalizer, classifier and threshold on everybody, and save the model in RUN/model.

    Parameters
    ----------
    study : Path
        A study.toml, or a BIDS folder.
    run : Path
        The run folder; made where it is missing.
    overwrite : bool
        Replace the results of another study.
    keys : StudyFlags
        Flags that stand for keys of the study file.
    running : RunFlags
        How the command runs and speaks.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("train", running) as session:
        from normwise.cohort import read_study
        from normwise.model import train_study

        resolved = read_study(study, overrides_from(keys))
        folder = session.open_run(run, resolved, overwrite=overwrite, labelled=True)
        model = train_study(
            resolved, run, jobs=running.workers, progress=session.progress, limits=limits_from(running)
        )
        training = model.training
        counts = ", ".join(f"{name} {count}" for name, count in training["scans_per_class"].items())
        session.tell.row("trained on", f"{training['people']} people, {training['scans']} scans: {counts}")
        chosen = model.procedure.setting.get("classifier", resolved.classifier.name)
        session.tell.row(
            "classifier", f"{chosen} on {len(model.procedure.selected) or len(model.feature_names)} features"
        )
        threshold = model.procedure.rule.threshold
        if threshold is not None:
            positive = next(name for name in model.classes if name != model.procedure.rule.negative)
            session.tell.row("threshold", f"{positive} from a probability of {threshold:.2f}")
        session.tell.number("people", training["people"])
        session.tell.number("threshold", threshold)
        session.tell_failures(run)
        return session.end(folder / folder.MODEL)
