"""What the trained classifier does: over its one or two columns, and the first tree of a forest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from normwise.procedure import FittedProcedure, arm_frame, encodable_rows
from normwise.results import ClassifierMap, TreeNode

__all__ = ["first_tree", "map_classifier"]

Floats = NDArray[np.float64]

_POINTS = 56  # along each side: a curved boundary looks smooth, and a page grows by some tens of kilobytes
_ROUND = 5  # digits behind the point of a score
_TOLERANCE = 2e-3  # of the solver, whose support vectors lie this near to the ends of the margin


def map_classifier(
    procedure: FittedProcedure, frame: pd.DataFrame, labels: NDArray[np.object_]
) -> ClassifierMap | None:
    """Return the score over the one or two columns that the classifier is given; None where they are more.

    Parameters
    ----------
    procedure : FittedProcedure
        Fitted.
    frame : DataFrame of shape (n_scans, n_columns)
        People to show on it, with features and demographics.
    labels : ndarray of shape (n_scans,)
        Their classes; others than the procedure's are not shown.
    """
    classifier = procedure.pipeline.named_steps["classify"]
    if getattr(classifier, "n_features_in_", 0) not in (1, 2):
        return None
    own = arm_frame(frame, procedure.roles, procedure.arm)
    shown = np.isin(labels, procedure.rule.classes) & encodable_rows(procedure.pipeline, own)
    people = np.asarray(Pipeline(procedure.pipeline.steps[:-1]).transform(own[shown]), dtype=np.float64)
    low, high = people.min(axis=0), people.max(axis=0)
    padding = 0.08 * np.where(high > low, high - low, 1.0)
    x, *others = (np.linspace(*ends, _POINTS) for ends in zip(low - padding, high + padding, strict=True))
    grid = np.column_stack([np.tile(x, _POINTS), np.repeat(others[0], _POINTS)]) if others else x[:, None]
    order = [list(classifier.classes_).index(name) for name in procedure.rule.classes]
    score = procedure.rule.score(procedure.rule.calibrate(classifier.predict_proba(grid)[:, order]))
    margin = _margin(classifier, grid)
    support: list[bool] = []
    if margin is not None:
        sides = np.where(labels[shown] == classifier.classes_[1], 1.0, -1.0)
        inside = _margin(classifier, people)
        support = (sides * inside <= 1.0 + _TOLERANCE).tolist() if inside is not None else []
    names = procedure.selected or tuple(str(name) for name in procedure.inputs())
    return ClassifierMap(
        [str(name) for name in names],
        x.tolist(),
        others[0].tolist() if others else [],
        _rows(score),
        [] if margin is None else _rows(margin),
        people[:, 0].tolist(),
        people[:, 1].tolist()
        if others
        else (labels[shown] != procedure.rule.negative).astype(float).tolist(),
        [str(name) for name in labels[shown]],
        support,
        procedure.rule.threshold,
        bool(procedure.score and procedure.score.slopes),
    )


def _margin(classifier: Any, rows: Floats) -> Floats | None:
    """Return the own score of a machine for two classes, ±1 at the ends of its margin; None of any other."""
    slope = getattr(classifier, "slope_", None)
    if not hasattr(classifier, "offset_") or slope is None or len(classifier.classes_) != 2 or slope[0] <= 0:
        return None
    found: Floats = (classifier.decision_function(rows) - classifier.offset_[0]) / slope[0]
    return found


def _rows(values: Floats) -> list[list[float]]:
    table: list[list[float]] = np.round(values.reshape(-1, _POINTS), _ROUND).tolist()
    return table


def first_tree(procedure: FittedProcedure) -> list[TreeNode]:
    """Return the nodes of a forest's first tree, in the units of the columns; empty for other classifiers.

    Parameters
    ----------
    procedure : FittedProcedure
        Fitted.
    """
    classifier = procedure.pipeline.named_steps["classify"]
    forest = getattr(classifier, "forest_", None)
    if forest is None:
        return []
    tree = forest.estimators_[0].tree_
    names = [str(name) for name in (procedure.selected or procedure.inputs())]
    negative = list(classifier.classes_).index(procedure.rule.negative)
    nodes = []
    for place in range(tree.node_count):
        column = int(tree.feature[place])
        leaf = tree.children_left[place] < 0
        counts = tree.value[place, 0]
        cut = (
            0.0
            if leaf
            else float(tree.threshold[place] * classifier.scale_[column] + classifier.centre_[column])
        )
        nodes.append(
            TreeNode(
                "" if leaf else names[column],
                cut,
                int(tree.children_left[place]),
                int(tree.children_right[place]),
                float(1.0 - counts[negative] / counts.sum()),
                int(tree.n_node_samples[place]),
            )
        )
    return nodes
