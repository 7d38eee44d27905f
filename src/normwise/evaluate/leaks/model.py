"""Alarms about what the model seems to have learnt."""

from __future__ import annotations

from normwise.evaluate.leaks.inputs import LeakInputs
from normwise.results import Alarm

__all__ = ["age_in_disguise", "errors_depend_on_demographics"]

_AS_GOOD, _NOTICED = 0.02, 0.1


def age_in_disguise(evidence: LeakInputs) -> list[Alarm]:
    """Alarm where demographics alone tell the classes apart as well as the model does."""
    arms = evidence.found.arms
    if "demographics" not in arms or evidence.main == "demographics":
        return []
    alone, model = arms["demographics"].auc, arms[evidence.main].auc
    if alone.estimate is None or model.estimate is None or alone.low is None or alone.low <= 0.5:
        return []
    gain = evidence.found.differences[f"{evidence.main}-demographics"]["auc"]
    better = gain.low is not None and gain.low > 0
    names = ", ".join(evidence.prepared.cohort.roles.demographics)
    seen = f"{names} alone reach an AUC of {alone.estimate:.2f}, the model {model.estimate:.2f}"
    advice = "match the classes by age and sex, or restrict them to a common range (cohort.include)"
    if alone.estimate >= model.estimate - _AS_GOOD:
        return [Alarm("EVA-303", "severe", "Age and sex do as well as the model", seen, advice)]
    if not better:
        seen += "; the difference could be chance"
        return [Alarm("EVA-303", "caution", "Age and sex do nearly as well as the model", seen, advice)]
    return []


def errors_depend_on_demographics(evidence: LeakInputs) -> list[Alarm]:
    """Alarm where the errors of the model run with a demographic (Falahati's check)."""
    found = []
    for association in evidence.found.arms[evidence.main].errors:
        rho = association.rho
        if rho.estimate is None or rho.low is None or rho.high is None:
            continue
        if rho.low <= 0 <= rho.high or abs(rho.estimate) < _NOTICED:
            continue
        way = "too often called patients" if rho.estimate < 0 else "too rarely called patients"
        found.append(
            Alarm(
                "EVA-309",
                "caution",
                f"Errors depend on {association.demographic}",
                f"rank correlation of error and {association.demographic} {rho.estimate:+.2f}"
                f" ({rho.low:+.2f} to {rho.high:+.2f}): with high values people are {way}",
                "look at the subgroups; normalize on it, try design = spline, or say whom the model is for",
            )
        )
    return found
