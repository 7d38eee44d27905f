"""From probabilities to a decision: a wished sensitivity, or costs, and never a silent guess.

The score of a person is the probability of not being in the negative class. A threshold on it is chosen on
out-of-fold probabilities of training people only, so that the rule never saw the people it is used on. So are
the scaling of probabilities that a cost matrix weighs, and the sets of likely classes that referral goes by.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseWarning, ProcedureError
from normwise.procedure.calibration import fit_scaling, scale_probabilities
from normwise.procedure.conformal import (
    highest_coverage,
    least_probabilities,
    likely_classes,
    lower_quantile,
    scores_needed,
)
from normwise.procedure.degenerate import warn_of_alike, warn_of_coverage
from normwise.procedure.folds import FEWEST_TO_TUNE
from normwise.schema import DecisionSection, FittedParts, Roles

__all__ = [
    "DEFAULT_SENSITIVITY",
    "DecisionRule",
    "check_costs",
    "check_promise",
    "choose_rule",
    "describe_rule",
    "fewest_to_train",
    "rule_of_costs",
    "threshold_for_sensitivity",
    "wished_sensitivity",
]

DEFAULT_SENSITIVITY = 0.90
"""Used where the study names neither a sensitivity nor costs: a missed patient costs more than an alarm."""

Floats = NDArray[np.float64]

_LARGEST_COST = 1e12


@dataclass(frozen=True)
class DecisionRule:
    """A threshold on the score, or a cost matrix; pure data, kept in the saved model.

    Attributes
    ----------
    classes : tuple of str
        Order of the probability columns.
    negative : str
        The class that a false alarm is raised about.
    threshold : float or None
        A score at or above it is decided positive; None with a cost matrix.
    costs : tuple of tuple of float or None
        Cost by true class (row), then decided class (column).
    text : str
        The rule in words.
    scaling : tuple of float or None
        Slope and offsets that calibrate the classifier's probabilities; see `scale_probabilities`.
    coverage : float or None
        Stated coverage of the sets of likely classes; None where nobody is referred.
    least : tuple of float or None
        Probability from which on each class is likely enough for a person's set.
    """

    classes: tuple[str, ...]
    negative: str
    threshold: float | None
    costs: tuple[tuple[float, ...], ...] | None
    text: str
    scaling: tuple[float, ...] | None = None
    coverage: float | None = None
    least: tuple[float, ...] | None = None

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a rule that decides nothing, or everything the same; see `normwise.schema.FittedParts`."""
        classes = len(parts.texts("classes"))
        parts.expect(
            "negative", holds=classes > 1 and self.negative in self.classes, instead="one of its classes"
        )
        parts.expect("text", holds=isinstance(self.text, str), instead="a text")
        parts.expect(
            "costs", holds=(self.costs is None) != (self.threshold is None), instead="in place of a threshold"
        )
        rows = {"scaling": classes + 1, "least": classes} | dict.fromkeys(("costs",), classes)
        for name, length in rows.items():
            held = parts.part(name)
            if held is None:
                continue
            numbers = np.asarray(held, dtype=np.float64)
            shape = (length, length) if name == "costs" else (length,)
            fits = numbers.shape == shape and bool((np.abs(numbers) <= _LARGEST_COST).all())
            parts.expect(
                name,
                holds=fits and (name == "scaling" or bool((numbers >= 0).all())),
                instead=f"{shape} numbers",
            )
        if self.threshold is not None:
            parts.number("threshold", 0.0, float(np.nextafter(1.0, 2.0)))
        parts.expect(
            "least", holds=(self.least is None) == (self.coverage is None), instead="beside a coverage"
        )
        if self.coverage is not None:
            parts.number("coverage", 0.0, 1.0)

    def calibrate(self, probabilities: Floats) -> Floats:
        """Return the classifier's probabilities as the rule weighs them, of the same shape."""
        return probabilities if self.scaling is None else scale_probabilities(probabilities, self.scaling)

    def log_odds(self, calibrated: Floats) -> Floats:
        """Return the log-odds of each class against the negative one before calibration, in class order.

        Parameters
        ----------
        calibrated : ndarray of shape (n_scans, n_classes)
            What `calibrate` has returned.

        Returns
        -------
        ndarray of shape (n_scans, n_classes - 1)
        """
        slope, *offsets = self.scaling or (1.0, *(0.0 for _ in self.classes))
        logs = (np.log(np.clip(calibrated, np.finfo(float).tiny, 1.0)) - np.array(offsets)) / slope
        negative = self.classes.index(self.negative)
        odds: Floats = np.delete(logs - logs[:, [negative]], negative, axis=1)
        return odds

    def likely(self, probabilities: Floats) -> NDArray[np.bool_] | None:
        """Return which classes lie in each set, (n_scans, n_classes); None where nobody is referred."""
        return None if self.least is None else likely_classes(probabilities, self.least)

    def referrals(self, probabilities: Floats) -> NDArray[np.object_]:
        """Return why a specialist should decide on each person; an empty text where the rule does.

        Parameters
        ----------
        probabilities : ndarray of shape (n_scans, n_classes)
            Calibrated; NaN rows have no decision anyway and no referral.

        Returns
        -------
        ndarray of str of shape (n_scans,)
        """
        reasons = np.full(len(probabilities), "", dtype=object)
        likely = self.likely(probabilities)
        if likely is None:
            return reasons
        names = np.array(self.classes, dtype=object)
        chosen = self._choose(probabilities)
        for row in np.flatnonzero(np.isfinite(probabilities).all(axis=1)):
            members = names[likely[row]].tolist()
            if len(members) > 1:
                why = f"{', '.join(members[:-1])} and {members[-1]} are all likely" if len(members) > 2 else (
                    f"both {members[0]} and {members[1]} are likely"
                )  # fmt: skip
            elif not members:
                why = "no class is likely"
            elif members[0] != chosen[row]:
                why = f"only {members[0]} is likely, and the rule would decide {chosen[row]}"
            else:
                continue
            reasons[row] = f"refer to a specialist: {why} at a coverage of {self.coverage:g}"
        return reasons

    def score(self, probabilities: Floats) -> Floats:
        """Return 1 − P(negative), of shape (n_scans,)."""
        return positive_score(probabilities, self.classes, self.negative)

    def decide(self, probabilities: Floats) -> NDArray[np.object_]:
        """Decide one class a person; None where a probability is missing or the person is referred.

        Parameters
        ----------
        probabilities : ndarray of shape (n_scans, n_classes)
            Columns in the order of ``classes``; NaN rows get no decision.

        Returns
        -------
        ndarray of shape (n_scans,)
            Class names, or None.
        """
        decided = self._choose(probabilities)
        if self.least is not None:
            decided[self.referrals(probabilities) != ""] = None
        return decided

    def _choose(self, probabilities: Floats) -> NDArray[np.object_]:
        """Decide by threshold or expected cost, referral aside."""
        names = np.array(self.classes, dtype=object)
        known: NDArray[np.bool_] = np.asarray(np.isfinite(probabilities).all(axis=1))
        filled = np.where(known[:, None], probabilities, 0.0)
        if self.costs is not None:
            expected = filled @ np.asarray(self.costs)
            # Equal costs fall to the last class: the conservative side, since classes start at normal.
            chosen = len(names) - 1 - np.argmin(expected[:, ::-1], axis=1)
        else:
            column = self.classes.index(self.negative)
            positive = filled.copy()
            positive[:, column] = -1.0
            flagged = self.score(filled) >= (self.threshold if self.threshold is not None else 0.5)
            chosen = np.where(flagged, positive.argmax(axis=1), column)
        decided: NDArray[np.object_] = names[chosen]
        decided[~known] = None
        return decided


def positive_score(probabilities: Floats, classes: tuple[str, ...], negative: str) -> Floats:
    """Return the probability of any class but the negative one.

    With two classes this is the other column itself, without a rounding of 1 − p.
    """
    others = [index for index, name in enumerate(classes) if name != negative]
    # A sum of three rounded probabilities may pass 1 by its last bit.
    score: Floats = np.minimum(probabilities[:, others].sum(axis=1), 1.0)
    return score


def threshold_for_sensitivity(scores: Floats, positive: NDArray[np.bool_], sensitivity: float) -> float:
    """Return the threshold that reaches a sensitivity on people not seen yet.

    The split-conformal quantile of the patients' scores, `lower_quantile`; with too few patients for any to
    be missed, 0, at which everybody is called ill (`check_promise` refuses so few).

    Parameters
    ----------
    scores : ndarray of shape (n_scans,)
        Out-of-fold scores.
    positive : ndarray of bool of shape (n_scans,)
        Who is a patient.
    sensitivity : float
        Wished share of patients found, between 0 and 1.

    Examples
    --------
    >>> scores = np.arange(1, 21) / 20
    >>> threshold_for_sensitivity(scores, np.ones(20, dtype=bool), 0.9)
    0.1
    """
    return lower_quantile(scores[positive], sensitivity)


def threshold_for_costs(
    scores: Floats, positive: NDArray[np.bool_], missed: float, false_alarm: float
) -> float:
    """Return the threshold of the lowest cost on the given people; of equal ones the lowest.

    Examples
    --------
    >>> scores = np.array([0.1, 0.4, 0.35, 0.8])
    >>> patient = np.array([False, False, True, True])
    >>> round(threshold_for_costs(scores, patient, missed=10, false_alarm=1), 3)
    0.225
    """
    order = np.argsort(scores, kind="stable")
    ranked, is_patient = scores[order], positive[order]
    missed_below = np.concatenate([[0], np.cumsum(is_patient)])
    alarms_above = (~is_patient).sum() - np.concatenate([[0], np.cumsum(~is_patient)])
    cost = missed * missed_below + false_alarm * alarms_above
    # A cut between two equal scores can't be made.
    possible = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    best = int(np.flatnonzero(possible)[np.argmin(cost[possible])])
    if best == 0:
        return 0.0
    if best == len(ranked):
        return float(np.nextafter(1.0, 2.0))  # above every probability: a score of 1 would reach 1
    # Between neighbouring floats there is no middle; a score at the threshold is flagged.
    middle = float((ranked[best - 1] + ranked[best]) / 2)
    return middle if middle > ranked[best - 1] else float(ranked[best])


def check_costs(section: DecisionSection, classes: tuple[str, ...]) -> None:
    """Refuse costs that do not fit the classes, or that reward a mistake, before any image is read.

    Raises
    ------
    ProcedureError
        PRC-301 where the matrix lacks a class or names one that is no target, PRC-302 where a wrong decision
        would be as good as the right one.
    """
    if section.cost_matrix is not None:
        table = _cost_table(section.cost_matrix, classes)
        senseless = any(row[place] >= min(row[:place] + row[place + 1 :]) for place, row in enumerate(table))
    else:
        pair = section.cost
        senseless = pair is not None and min(pair.missed, pair.false_alarm) == 0
    if senseless:
        raise ProcedureError(
            "PRC-302",
            "a wrong decision costs nothing, or no more than the right one.",
            subject="decision.cost_matrix" if section.cost_matrix is not None else "decision.cost",
            expected="every wrong decision dearer than the right one",
            advice="give both costs above zero; only their ratio matters",
        )


def check_promise(section: DecisionSection, patients: int, *, where: str = "in the cohort") -> None:
    """Refuse a wished sensitivity that so few patients can't support.

    From n patients k = floor((n + 1)(1 − s)) may fall below the threshold. Where k is 0 the only threshold
    that keeps the promise is 0, and everybody would be called ill.

    Parameters
    ----------
    section : DecisionSection
        The study's ``[decision]``; costs promise no sensitivity.
    patients : int
        People of the classes but the negative one.
    where : str
        Whose number it is, for the message.

    Raises
    ------
    ProcedureError
        PRC-303 with the number of patients needed, and the highest sensitivity that can be promised.
    """
    wished = wished_sensitivity(section)
    if wished is None or patients >= scores_needed(wished):
        return
    highest = highest_coverage(patients)
    raise ProcedureError(
        "PRC-303",
        f"a sensitivity of {wished:g} can't be promised from {patients} patients: every threshold that"
        " keeps it calls everybody ill.",
        subject="decision.sensitivity",
        seen=f"{patients} patients {where}",
        expected=f"{scores_needed(wished)} patients at least; {patients} can promise {highest:g} at most",
        advice=f"set decision.sensitivity = {highest:g}, or weigh the two mistakes with decision.cost",
    )


def choose_rule(
    section: DecisionSection,
    probabilities: Floats,
    labels: NDArray[np.object_],
    classes: tuple[str, ...],
    negative: str,
    people: NDArray[np.object_] | None = None,
    *,
    calibrate: bool = False,
) -> DecisionRule:
    """Choose the decision rule on out-of-fold probabilities of training people.

    Parameters
    ----------
    section : DecisionSection
        The study's ``[decision]``.
    probabilities : ndarray of shape (n_scans, n_classes)
        Out of fold; rows with NaN are left out. Where there are none, `rule_of_costs`.
    labels : ndarray of shape (n_scans,)
        True classes.
    classes : tuple of str
        Order of the columns.
    negative : str
        The negative class.
    people : ndarray of shape (n_scans,), optional
        The person of each scan; default: each scan is a person.
    calibrate : bool
        Whether probabilities are scaled in any case; otherwise where more than two classes are weighed.

    Raises
    ------
    ProcedureError
        PRC-301 where a cost matrix lacks a class or names one that is no target.

    Warns
    -----
    NormwiseWarning
        PRC-304 where the patients are too few for the wished sensitivity: the threshold is the lowest score
        of any of them, which keeps the highest sensitivity that they can promise. PRC-305 where the rule
        decides everybody alike, or its threshold is next to 0 or 1; PRC-306 where a class has too few people
        for the coverage of referral.
    """
    text = describe_rule(section)
    people = np.arange(len(labels)).astype(object) if people is None else people
    known = np.isfinite(probabilities).all(axis=1) & np.isin(labels, classes)
    scaling, least = None, None
    by_costs = rule_of_costs(section, classes, negative)
    if by_costs is not None and not known.any():
        return by_costs
    if calibrate or (section.cost_matrix is not None and len(classes) > 2):
        columns = np.array([classes.index(label) for label in labels[known]], dtype=np.intp)
        scaling = fit_scaling(probabilities[known], columns)
        probabilities = scale_probabilities(probabilities, scaling)
    if section.refer is not None:
        least = least_probabilities(probabilities, labels, classes, section.refer)
        warn_of_coverage(section, {name: len(set(people[known & (labels == name)])) for name in classes})
    if section.cost_matrix is not None:
        costs = _cost_table(section.cost_matrix, classes)
        rule = DecisionRule(classes, negative, None, costs, text, scaling, section.refer, least)
        _warn_of_alike(rule, probabilities[known])
        return rule
    scores = positive_score(probabilities[known], classes, negative)
    positive = labels[known] != negative
    if section.cost is not None:
        threshold = threshold_for_costs(scores, positive, section.cost.missed, section.cost.false_alarm)
    else:
        wished, patients = section.sensitivity or DEFAULT_SENSITIVITY, len(set(people[known][positive]))
        threshold = threshold_for_sensitivity(scores, positive, wished)
        if patients < scores_needed(wished):
            threshold = float(scores[positive].min(initial=1.0))
            text = f"the lowest score of {patients} patients, too few for a sensitivity of {wished:g}"
            words = (
                f"{patients} patients to choose the threshold on are fewer than the {scores_needed(wished)}"
                f" that a sensitivity of {wished:g} needs: the threshold is the lowest score of any of them,"
                f" which promises {highest_coverage(patients):g}"
            )
            warnings.warn(NormwiseWarning("PRC-304", words, value=patients), stacklevel=2)
    rule = DecisionRule(classes, negative, threshold, None, text, scaling, section.refer, least)
    _warn_of_alike(rule, probabilities[known])
    return rule


def rule_of_costs(section: DecisionSection, classes: tuple[str, ...], negative: str) -> DecisionRule | None:
    """Return the rule that needs no out-of-fold probability; None where the study asks for more than costs.

    The decision of least expected cost calls a patient at a probability of c_false / (c_false + c_missed) and
    above (Elkan 2001, equation 2), where the probabilities are calibrated. A wished sensitivity has no such
    threshold: it is a promise about people who were not trained on.

    Parameters
    ----------
    section : DecisionSection
        The study's ``[decision]``.
    classes : tuple of str
        Order of the probability columns.
    negative : str
        The class that a false alarm is raised about.

    Examples
    --------
    >>> section = DecisionSection(cost={"missed": 3, "false_alarm": 1})
    >>> rule_of_costs(section, ("normal", "AD"), "normal").threshold
    0.25
    >>> rule_of_costs(DecisionSection(sensitivity=0.5), ("normal", "AD"), "normal") is None
    True
    """
    text = (
        "lowest expected cost by probabilities that nobody has checked: too few people to choose a threshold"
    )
    if section.refer is not None:
        return None
    if section.cost_matrix is not None:
        return DecisionRule(classes, negative, None, _cost_table(section.cost_matrix, classes), text)
    if section.cost is None:
        return None
    missed, alarm = section.cost.missed, section.cost.false_alarm
    return DecisionRule(classes, negative, alarm / (alarm + missed), None, text)


def fewest_to_train(section: DecisionSection, roles: Roles) -> int:
    """Return how many people of a class a training part needs: one where costs can decide without tuning."""
    return FEWEST_TO_TUNE if rule_of_costs(section, roles.targets, roles.negative) is None else 1


def _warn_of_alike(rule: DecisionRule, probabilities: Floats) -> None:
    """Warn of a rule that, referral aside, decides everybody alike."""
    decided = replace(rule, least=None, coverage=None).decide(probabilities)
    warn_of_alike(decided != rule.negative, rule.threshold)


def describe_rule(section: DecisionSection) -> str:
    """Describe the rule in words.

    Examples
    --------
    >>> describe_rule(DecisionSection(sensitivity=0.95))
    'threshold for a sensitivity of 0.95, chosen inside the training part'
    """
    text = _describe_choice(section)
    if section.refer is not None:
        text += f"; whoever has not one likely class at a coverage of {section.refer:g} is referred"
    return text


def _describe_choice(section: DecisionSection) -> str:
    if section.cost_matrix is not None:
        return "lowest expected cost by the study's cost matrix"
    if section.cost is not None:
        return (
            f"threshold of the lowest cost inside the training part "
            f"(missed patient {section.cost.missed:g}, false alarm {section.cost.false_alarm:g})"
        )
    wished = wished_sensitivity(section)
    return f"threshold for a sensitivity of {wished:g}, chosen inside the training part"


def wished_sensitivity(section: DecisionSection) -> float | None:
    """Return the sensitivity at which the rule aims; None where costs decide.

    Examples
    --------
    >>> wished_sensitivity(DecisionSection()), wished_sensitivity(DecisionSection(sensitivity=0.95))
    (0.9, 0.95)
    """
    costs = section.cost is not None or section.cost_matrix is not None
    return None if costs else section.sensitivity or DEFAULT_SENSITIVITY


def _cost_table(
    matrix: dict[str, dict[str, float]], classes: tuple[str, ...]
) -> tuple[tuple[float, ...], ...]:
    """Order a cost matrix by class; a right decision costs nothing unless a cost is given."""
    rows = [matrix.get(true, {}) for true in classes]
    named = set(matrix) | {decided for row in rows for decided in row}
    lacking = [
        f"{true} decided {decided}"
        for true, row in zip(classes, rows, strict=True)
        for decided in classes
        if decided != true and decided not in row
    ]
    unknown = sorted(named - set(classes))
    if lacking or unknown:
        raise ProcedureError(
            "PRC-301",
            "the cost matrix does not fit the classes told apart.",
            subject="decision.cost_matrix",
            seen=f"missing: {', '.join(lacking) or 'nothing'}; unknown: {', '.join(unknown) or 'none'}",
            expected=f"a cost for each wrong decision among {', '.join(classes)}",
            advice="give one table a true class, as cost_matrix.normal = { MCI = 1, AD = 1 }",
        )
    return tuple(tuple(row.get(decided, 0.0) for decided in classes) for row in rows)
