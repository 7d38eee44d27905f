"""Alarms about features, model and decisions: diagnosis or age in disguise, everybody decided alike …."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm, rankdata

from normwise.evaluate.leaks.inputs import LeakInputs, listed
from normwise.evaluate.out_of_fold import Floats
from normwise.procedure import is_saturated
from normwise.results import Alarm, Estimate, ScoreAssociation

__all__ = [
    "age_in_disguise",
    "decided_alike",
    "diagnosis_in_disguise",
    "errors_depend_on_demographics",
    "few_people",
    "follows_too_much",
    "learnt_on_everybody",
    "scores_follow_demographics",
    "single_areas",
]

_DISGUISED = 0.98
_CHANCE = 1e-3
_EXACT = 1e-6  # tables are written with about so many digits
_MOST_COLUMNS = 20_000  # an eigenvalue or a rank of more voxels is not what these alarms are for
_CELLS = 2**19  # values that are ranked at a time
_EVENTS = 10.0  # people of the smaller class a feature: Peduzzi et al. 1996
_FEWEST = 50


def diagnosis_in_disguise(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where one feature alone tells the classes apart almost perfectly: a test score, a rating."""
    values = inputs.prepared.features.values
    rows = np.flatnonzero(inputs.tested)
    if values.shape[1] > _MOST_COLUMNS:
        return []
    blocks = (values.iloc[:, part].to_numpy(dtype=float)[rows] for part in _column_blocks(*values.shape))
    areas = np.concatenate([single_areas(block, inputs.patient[rows]) for block in blocks])
    patients = int(inputs.patient[rows].sum())
    others = len(rows) - patients
    if not patients or not others:
        return []
    # Of very many features in very few people, one gets this far by chance.
    error = np.sqrt((patients + others + 1) / (12 * patients * others))
    expected = 2 * norm.sf((areas - 0.5) / error) * len(areas)
    guilty = np.flatnonzero((areas > _DISGUISED) & (expected < _CHANCE))
    if not len(guilty):
        return []
    order = guilty[np.argsort(-areas[guilty], kind="stable")]
    return [
        Alarm(
            "EVA-307",
            "severe",
            "The diagnosis in disguise",
            "alone each tells the classes apart: "
            + listed([f"{values.columns[column]} (AUC {areas[column]:.3f})" for column in order]),
            "leave out what the diagnosis was made from, such as MMSE, CDR or another rating",
        )
    ]


def _column_blocks(people: int, columns: int) -> Iterator[slice]:
    """Give parts of a table's columns of so many values that ranks and copies of them stay small."""
    width = max(1, _CELLS // max(1, people))
    for first in range(0, columns, width):
        yield slice(first, first + width)


def single_areas(values: Floats, patient: np.ndarray) -> Floats:
    """Return each column's AUC, whichever way it points, of shape (n_columns,).

    Examples
    --------
    >>> single_areas(np.array([[1.0, 4], [2, 3], [3, 2]]), np.array([False, True, True])).tolist()
    [1.0, 1.0]
    """
    patients = int(patient.sum())
    others = len(patient) - patients
    if not patients or not others:
        return np.full(values.shape[1], np.nan)
    ranks = rankdata(values, axis=0)
    wins = ranks[patient].sum(axis=0) - patients * (patients + 1) / 2
    area = wins / (patients * others)
    widest: Floats = np.maximum(area, 1 - area)
    return widest


def learnt_on_everybody(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where a table of features bears the marks of a scaler or of components fitted on everybody.

    A feature made outside can have learnt from test people in ways that leave no mark; these two do.
    """
    table, section = inputs.prepared.features.values, inputs.prepared.study.features
    # Images are measured one by one here; only a table can have been made by something learnt.
    if section.reads_images:
        table = table[list(section.participant_columns)]
    people, columns = table.shape
    if not 1 < columns <= _MOST_COLUMNS:
        return []
    blocks = (table.iloc[:, part].to_numpy(dtype=float) for part in _column_blocks(people, columns))
    spread, mean, own_spread, least, most = np.concatenate(
        [
            [v.std(axis=0), v.mean(axis=0), v.std(axis=0, ddof=1), v.min(axis=0), v.max(axis=0)]
            for v in blocks
        ],
        axis=1,
    )
    varies = spread > 0
    seen = ""
    if varies.sum() > 1:
        middle = np.abs(mean[varies]) / spread[varies]
        unit = np.minimum(np.abs(spread[varies] - 1), np.abs(own_spread[varies] - 1))
        span = np.abs(least[varies]) + np.abs(most[varies] - 1)
        if (middle < _EXACT).all() and (unit < _EXACT).all():
            seen = "every feature has mean 0 and SD 1 over exactly these people"
        elif (span < _EXACT).all():
            seen = "every feature runs from 0 to 1 over exactly these people"
        elif (middle < _EXACT).all() and varies.sum() < people:
            shared = np.corrcoef(table.to_numpy(dtype=float)[:, varies], rowvar=False)
            if np.abs(shared - np.eye(len(shared))).max() < _EXACT:
                seen = (
                    "the features are centred and uncorrelated over exactly these people, as components are"
                )
    if not seen:
        return []
    return [
        Alarm(
            "EVA-308",
            "severe",
            "Features were scaled or learnt on everybody",
            seen,
            "give the features as they were measured; scales and components are learnt inside each fold here",
        )
    ]


def few_people(inputs: LeakInputs) -> list[Alarm]:
    """Note where the features are many for the people, or the people few for any certainty."""
    scores, groups = inputs.predictions[inputs.main].scores, inputs.prepared.groups
    counts = {name: len(set(groups[scores.rows(name)])) for name in scores.classes}
    scarce = min(counts, key=lambda name: counts[name])
    features = inputs.prepared.features.values.shape[1]
    found = []
    if inputs.kind == "crossval" and counts[scarce] < _EVENTS * features:
        found.append(
            Alarm(
                "EVA-312",
                "note",
                "Few people a feature",
                f"{counts[scarce]} people of class {scarce} for {features} features:"
                f" {counts[scarce] / features:.2g} events a parameter",
                "read the coefficients with care; fewer features (selection, a coarser atlas) or more people"
                f" would steady them: {_EVENTS:g} a feature without a penalty",
            )
        )
    if counts[scarce] < _FEWEST:
        auc = inputs.found.arms[inputs.main].auc
        width = f"; the AUC's interval is {auc.high - auc.low:.2f} wide" if auc.high and auc.low else ""
        found.append(
            Alarm(
                "EVA-313",
                "caution",
                "Few people",
                f"{counts[scarce]} people of class {scarce}{width}",
                f"test at least {_FEWEST} people of every class, better several hundred",
            )
        )
    return found


_NO_WORSE, _NOTICED = 0.02, 0.1


def age_in_disguise(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where demographics alone tell the classes apart as well as the model does."""
    arms = inputs.found.arms
    if "demographics" not in arms or inputs.main == "demographics":
        return []
    alone, model = arms["demographics"].auc, arms[inputs.main].auc
    if alone.estimate is None or model.estimate is None or alone.low is None or alone.low <= 0.5:
        return []
    gain = inputs.found.differences[f"{inputs.main}-demographics"]["auc"]
    better = gain.low is not None and gain.low > 0
    names = ", ".join(inputs.prepared.cohort.roles.demographics)
    seen = f"{names} alone reach an AUC of {alone.estimate:.2f}, the model {model.estimate:.2f}"
    advice = "match the classes by age and sex, or restrict them to a common range (cohort.include)"
    if alone.estimate >= model.estimate - _NO_WORSE:
        return [Alarm("EVA-303", "severe", "Age and sex do as well as the model", seen, advice)]
    if not better:
        seen += "; the difference could be chance"
        return [Alarm("EVA-303", "caution", "Age and sex do nearly as well as the model", seen, advice)]
    return []


def errors_depend_on_demographics(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the errors of the model run with a demographic (Falahati's check)."""
    found = []
    for association in inputs.found.arms[inputs.main].errors:
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


_FOLLOWS = 0.2
"""A rank correlation from which on it matters: chosen by simulation, see docs/benchmarks.md."""


_OF_SITE = "harmonize the sites on their normals (sites.harmonize), and look at leave-one-site-out"
_OF_ADJUSTED = (
    'set [decision] adjust = "demographics", which takes out of the score what they explain in'
    " normals; where it is set, match the classes; quote the adjusted AUC beside the AUC"
)
_OF_UNADJUSTED = (
    "match the classes, and quote the adjusted AUC beside the AUC; the score can't be adjusted (PRC-308),"
    " since the normal group is not one of the targets"
)


def scores_follow_demographics(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the scores of healthy people, out of fold, follow a demographic or the site.

    The AUC can't tell such a score from one that knows the disease, wherever patients differ in the
    demographic, and neither can cross-validation.
    """
    found: dict[str, ScoreAssociation] = {}
    for each in inputs.found.arms[inputs.main].score_associations:
        before = found.get(each.variable)
        if follows_too_much(each.rho) and (before is None or _size(each) > _size(before)):
            found[each.variable] = each
    negative, roles = inputs.predictions[inputs.main].scores.negative, inputs.prepared.cohort.roles
    advice = {
        name: _OF_SITE
        if name not in roles.demographics
        else _OF_ADJUSTED
        if roles.normal in roles.targets
        else _OF_UNADJUSTED
        for name in found
    }
    return [_follows(each, negative, advice[name]) for name, each in found.items()]


def follows_too_much(rho: Estimate) -> bool:
    """Return whether a rank correlation of scores matters: 0.2 or more, its interval without zero."""
    if rho.estimate is None or rho.low is None or rho.high is None:
        return False
    return not rho.low <= 0 <= rho.high and abs(rho.estimate) >= _FOLLOWS


def _size(each: ScoreAssociation) -> float:
    return abs(each.rho.estimate or 0.0)


def _follows(each: ScoreAssociation, negative: str, advice: str) -> Alarm:
    rho, what = each.rho, f"{each.variable} {each.level}".rstrip()
    kind = f"rank-biserial correlation of {what}" if each.level else f"rank correlation with {what}"
    return Alarm(
        "EVA-315",
        "severe",
        f"Scores of {negative} people follow {each.variable}",
        f"{kind} {rho.estimate:+.2f} ({rho.low:+.2f} to {rho.high:+.2f}) among {each.people} people of class"
        f" {negative}, who should score alike: the score knows {each.variable} rather than the disease",
        advice,
    )


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
                "EVA-314",
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
            "EVA-314",
            "severe",
            "The threshold can't be told from 0 or 1",
            f"{len(saturated)} of {len(found.fold_thresholds)} thresholds are within a millionth of it, as"
            f" {saturated[0]:.3g}: the classifier's probabilities are saturated",
            "use a stronger penalty, fewer epochs or another classifier",
        )
    ]
