"""Metrics of the decisions, each a function of the weighted confusion table.

"No decision" is no hit and no miss: the table holds decisions alone. *Patients* are all classes but the
negative one; with more than two, a patient counts as found when called any of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from normwise.evaluate.out_of_fold import Floats, OfSums, OutOfFold, Statistic, ratio
from normwise.schema import DecisionSection

__all__ = [
    "balanced_accuracy",
    "costs_of",
    "expected_cost",
    "f1",
    "f1_macro",
    "mcc",
    "npv",
    "ppv",
    "sensitivity",
    "specificity",
]


def costs_of(
    section: DecisionSection, classes: tuple[str, ...], negative: str
) -> tuple[tuple[float, ...], ...] | None:
    """Return the study's cost by true, then decided class; None where it names none.

    Examples
    --------
    >>> costs_of(DecisionSection(cost={"missed": 10, "false_alarm": 1}), ("normal", "AD"), "normal")
    ((0.0, 1.0), (10.0, 0.0))
    """
    matrix, pair = section.cost_matrix, section.cost
    if matrix is not None:
        return tuple(tuple(matrix.get(true, {}).get(called, 0.0) for called in classes) for true in classes)
    if pair is None:
        return None
    return tuple(
        tuple(
            0.0 if (true == negative) == (called == negative) else pair.false_alarm if true == negative
            else pair.missed
            for called in classes
        )
        for true in classes
    )  # fmt: skip


def sensitivity(scores: OutOfFold) -> Statistic:
    """Share of decided patients who were not called the negative class."""
    return _of_two(scores, lambda found, missed, _alarms, _clear: ratio(found, found + missed))


def specificity(scores: OutOfFold) -> Statistic:
    """Share of decided people of the negative class who were called so."""
    return _of_two(scores, lambda _found, _missed, alarms, clear: ratio(clear, clear + alarms))


def balanced_accuracy(scores: OutOfFold) -> Statistic:
    """Mean over the classes of the share of decided people who were called by their class."""

    def value(table: Floats) -> Floats:
        recall = ratio(np.diagonal(table, axis1=1, axis2=2), table.sum(axis=2))
        mean: Floats = recall.mean(axis=1)
        return mean

    return _of_table(scores, value)


def ppv(scores: OutOfFold) -> Statistic:
    """Share of patients among those called patients, at the stated prevalence (Altman and Bland 1994)."""

    def value(found: Floats, missed: Floats, alarms: Floats, clear: Floats) -> Floats:
        patients, others = _prevalence(scores, found + missed, alarms + clear)
        hits, false = patients * ratio(found, found + missed), others * ratio(alarms, alarms + clear)
        return ratio(hits, hits + false)

    return _of_two(scores, value)


def npv(scores: OutOfFold) -> Statistic:
    """Share of the negative class among those called so, at the stated prevalence."""

    def value(found: Floats, missed: Floats, alarms: Floats, clear: Floats) -> Floats:
        patients, others = _prevalence(scores, found + missed, alarms + clear)
        right, lost = others * ratio(clear, alarms + clear), patients * ratio(missed, found + missed)
        return ratio(right, right + lost)

    return _of_two(scores, value)


def f1(scores: OutOfFold) -> Statistic:
    """Harmonic mean of sensitivity and positive predictive value, of patients at the cohort's prevalence."""
    return _of_two(
        scores, lambda found, missed, alarms, _clear: ratio(2 * found, 2 * found + missed + alarms)
    )


def f1_macro(scores: OutOfFold) -> Statistic:
    """Mean over the classes of each class's F1."""

    def value(table: Floats) -> Floats:
        right = np.diagonal(table, axis1=1, axis2=2)
        mean: Floats = ratio(2 * right, table.sum(axis=1) + table.sum(axis=2)).mean(axis=1)
        return mean

    return _of_table(scores, value)


def mcc(scores: OutOfFold) -> Statistic:
    """Matthews' correlation of true and decided class, for any number of classes (Gorodkin 2004, eq. 8).

    Zero where everybody is called the same; not defined where everybody is the same.
    """

    def value(table: Floats) -> Floats:
        true, called, total = table.sum(axis=2), table.sum(axis=1), table.sum(axis=(1, 2))
        right = np.trace(table, axis1=1, axis2=2)
        above = right * total - (true * called).sum(axis=1)
        spread_true, spread_called = (total**2 - (part**2).sum(axis=1) for part in (true, called))
        below = np.sqrt(np.maximum(spread_true * spread_called, 0.0))
        correlation = np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)
        return np.where(spread_true > 0, correlation, np.nan)

    return _of_table(scores, value)


def expected_cost(scores: OutOfFold) -> Statistic:
    """Mean cost a person by the study's costs, at the stated prevalence; 1 a wrong decision without costs."""
    size = len(scores.classes)
    costs = np.ones((size, size)) - np.eye(size) if scores.costs is None else np.asarray(scores.costs)
    negative = scores.classes.index(scores.negative)

    def value(table: Floats) -> Floats:
        people = table.sum(axis=2)
        others = people[:, negative]
        patients = people.sum(axis=1) - others
        spent = (table * costs).sum(axis=2)
        share, rest = _prevalence(scores, patients, others)
        of_patients = ratio(spent.sum(axis=1) - spent[:, negative], patients)
        mean: Floats = share * of_patients + rest * ratio(spent[:, negative], others)
        return mean

    return _of_table(scores, value)


def _prevalence(scores: OutOfFold, patients: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return the shares of patients and of the negative class that a metric is stated at."""
    if scores.prevalence is not None:
        share = np.full(np.shape(patients), scores.prevalence)
        return share, 1.0 - share
    total = patients + others
    return ratio(patients, total), ratio(others, total)


def _of_table(scores: OutOfFold, value: Callable[[Floats], Floats]) -> Statistic:
    """Make a statistic of the confusion table of shape (n_draws, n_classes, n_classes), true by decided."""
    size = len(scores.classes)
    # How often, over the repeats, each scan was called each class; nothing for those that only train.
    called = np.stack([(scores.decided == column).sum(axis=0) for column in range(size)], axis=1)
    true = np.stack([(scores.labels == name) & scores.tested for name in scores.classes], axis=1)
    cells = (true[:, :, None] * called[:, None, :]).astype(float)
    return OfSums(cells.reshape(len(scores.labels), -1), lambda sums: value(sums.reshape(-1, size, size)))


def _of_two(scores: OutOfFold, value: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Statistic:
    """Make a statistic of patients found and missed, false alarms, and others left in peace."""
    negative = scores.classes.index(scores.negative)

    def collapsed(table: Floats) -> Floats:
        others = table[:, negative]
        clear = others[:, negative]
        alarms = others.sum(axis=1) - clear
        missed = table[:, :, negative].sum(axis=1) - clear
        found = table.sum(axis=(1, 2)) - alarms - clear - missed
        return value(found, missed, alarms, clear)

    return _of_table(scores, collapsed)
