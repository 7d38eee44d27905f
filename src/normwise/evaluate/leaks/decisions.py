"""Alarms about the decisions: everybody decided alike, or thresholds that round to 0 or 1."""

from __future__ import annotations

import numpy as np

from normwise.evaluate.leaks.inputs import LeakInputs
from normwise.procedure import is_saturated
from normwise.results import Alarm

__all__ = ["decided_alike"]

_CODE = "EVA-314"


def decided_alike(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the rule decides patients and others all alike, or where its thresholds are saturated."""
    found = inputs.predictions[inputs.main]
    rows = np.flatnonzero(inputs.tested)
    decided, patient = found.scores.decided[:, rows], inputs.patient[rows]
    known = decided >= 0
    seen = known.any(axis=0)
    negative = list(found.scores.classes).index(found.scores.negative)
    ill = decided[known] != negative
    if patient[seen].any() and not patient[seen].all() and (ill.all() or not ill.any()):
        whom = "Everybody" if ill.all() else "Nobody"
        lost = "specificity is 0" if ill.all() else "sensitivity is 0"
        cuts = found.fold_thresholds
        where = f"; thresholds {min(cuts):.3g} to {max(cuts):.3g}" if cuts else ""
        return [
            Alarm(
                _CODE,
                "severe",
                f"{whom} is called ill",
                f"all {int(known.sum())} decisions are alike, so {lost}{where}",
                "look at the AUC: near 0.5 nothing was learnt; otherwise wish for less, or give other costs",
            )
        ]
    saturated = [cut for cut in found.fold_thresholds if is_saturated(cut)]
    if not saturated:
        return []
    return [
        Alarm(
            _CODE,
            "severe",
            "The threshold can't be told from 0 or 1",
            f"{len(saturated)} of {len(found.fold_thresholds)} thresholds are within a millionth of it, as"
            f" {saturated[0]:.3g}: the classifier's probabilities are saturated",
            "use a stronger penalty, fewer epochs or another classifier",
        )
    ]
