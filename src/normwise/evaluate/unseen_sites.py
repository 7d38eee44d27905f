"""Leave-one-site-out beside any other split: how the procedure does where it was not trained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.engine import Progress
from normwise.errors import NormwiseError
from normwise.evaluate.cross_validation import ArmPredictions, cross_validate_arms
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import fewest_to_train, leave_group_out
from normwise.results import Note
from normwise.runs import PreparedRun

__all__ = ["leave_sites_out", "one_class_note"]


def leave_sites_out(
    prepared: PreparedRun, main: str, *, jobs: int = 1, progress: Progress | None = None
) -> tuple[ArmPredictions | None, list[Note]]:
    """Test the main arm on each site after training on all others.

    Parameters
    ----------
    prepared : PreparedRun
        The run, whose people are at several sites.
    main : str
        The arm.
    jobs : int
        Sites worked on at the same time.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    tuple of ArmPredictions or None, and list of Note
        The predictions, and a note where it could not be done.
    """
    sites = prepared.cohort.sites
    assert sites is not None, "asked of people at sites"
    study, roles, labels, groups = prepared.study, prepared.cohort.roles, prepared.labels, prepared.groups
    keys = sites.loc[prepared.features.values.index].to_numpy(dtype=object)
    try:
        fewest = fewest_to_train(study.decision, roles)
        folds = leave_group_out(labels, groups, roles.targets, keys, fewest=fewest)
        predictions = cross_validate_arms(
            study, roles, prepared.frame, labels, groups,
            arms=(main,), repeats=[folds], jobs=jobs, progress=progress, title="leave one site out",
        )[main]  # fmt: skip
    except NormwiseError as error:
        # What one site lacks must not cost the evaluation that was asked for.
        text = f"leave-one-site-out could not be done: {error.subject or ''} {error.problem}"
        return None, [Note("EVA-103", text, error.subject)]
    return predictions, one_class_note(predictions.scores, keys)


def one_class_note(scores: OutOfFold, keys: NDArray[np.object_]) -> list[Note]:
    """Say which sites or groups hold one class only, so that nobody there is compared for the AUC."""
    named = keys.astype(str)
    alone = []
    for key in np.unique(named[scores.tested]):
        held = set(scores.labels[scores.tested & (named == key)]) & set(scores.classes)
        if len(held) == 1:
            alone.append(f"{key} ({held.pop()})")
    if not alone or len(alone) == len(np.unique(named[scores.tested])):
        return []
    text = (
        f"one class only in {', '.join(alone)}: tested and counted in sensitivity and specificity, and"
        " left out of the AUC, which compares people of one site"
    )
    return [Note("EVA-104", text, value=len(alone))]
