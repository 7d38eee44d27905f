"""Explanations: importances of features, contributions to one person's score, normal trajectories."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.classify import importances
from normwise.cohort import cap_ages
from normwise.procedure import FittedProcedure, FittedSteps, arm_frame, encodable_rows
from normwise.results import Contribution, FeatureNote, Importance, Trajectory

__all__ = [
    "attributions_of",
    "contributions_of",
    "importances_of",
    "mean_attributions",
    "most_unusual",
    "trajectories_of",
]

Floats = NDArray[np.float64]

CENTILES = (5, 25, 75, 95)
"""Centiles of the normal group, in percent, that a trajectory shows beside the expected value."""

_GRID_POINTS = 41  # enough for a smooth spline on a page


def feature_weights(procedure: FittedSteps) -> tuple[NDArray[np.float64], str] | None:
    """Return one weight a column and the kind of weight; signed ones point at the last target.

    Of a number they point at larger ones.

    Returns
    -------
    tuple of ndarray of shape (n_columns,) and str, or None
        Of every column that the classifier could have been given, 0 where it was not selected; None where
        the classifier has no weights of its own.
    """
    weighted = importances(procedure.pipeline[-1])
    if weighted is None:
        return None
    weights, kind = weighted
    classes = procedure.rule.classes if isinstance(procedure, FittedProcedure) else ()
    # scikit-learn's sign points at the last class in alphabetic order, ours at the study's last target.
    if len(classes) == 2 and max(classes) != classes[-1]:
        weights = -weights
    return _over_all_columns(procedure, weights), kind


def _over_all_columns(procedure: FittedSteps, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the weights of selected columns among zeros for the others."""
    step = procedure.pipeline.named_steps.get("select")
    if step is None:
        return weights
    spread = np.zeros(step.n_features_in_)
    spread[step.kept_] = weights
    return spread


def _inputs(procedure: FittedProcedure, known: pd.DataFrame) -> NDArray[np.float64]:
    """Return every column that the classifier could be given, from the normalizer's input."""
    inputs: Any = known
    for title, step in procedure.pipeline.steps[:-1]:
        if title not in ("extract", "harmonize", "select"):
            inputs = step.transform(inputs)
    return np.asarray(inputs, dtype=float)


def _in_use(procedure: FittedProcedure, inputs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the columns that the classifier is given."""
    step = procedure.pipeline.named_steps.get("select")
    columns = np.arange(inputs.shape[1])
    return np.isin(columns, columns if step is None else step.kept_)


def importances_of(
    procedure: FittedSteps, notes: dict[str, FeatureNote], X: pd.DataFrame | None = None
) -> tuple[list[Importance], str]:
    """Return every feature with its weight, the heaviest first; one that was not selected weighs nothing.

    Parameters
    ----------
    procedure : FittedSteps
        The trained procedure, or regression.
    notes : dict of str to FeatureNote
        Gives place and atlas index of a feature.
    X : DataFrame of shape (n_scans, n_columns), optional
        Training people; for a classifier without weights of its own, as a network, the mean size of the
        attributions over them.

    Returns
    -------
    tuple of list of Importance and str
        Rows and the kind of weight in words; both empty where neither weights nor attributions exist.
    """
    weighted = feature_weights(procedure)
    if (
        weighted is None
        and X is not None
        and isinstance(procedure, FittedProcedure)
        and hasattr(procedure.pipeline[-1], "attributions")
    ):
        encodable = encodable_rows(procedure.pipeline, arm_frame(X, procedure.roles, procedure.arm))
        sizes = mean_attributions(procedure, _inputs(procedure, procedure.before_normalizer(X[encodable])))
        weighted = None if sizes is None else (sizes, "integrated gradients, mean size")
    if weighted is None:
        return [], ""
    weights, kind = weighted
    names = procedure.inputs()
    nowhere = FeatureNote("", "")
    rows = [
        Importance(
            str(name), float(weight), notes.get(str(name), nowhere).place, notes.get(str(name), nowhere).label
        )
        for name, weight in zip(names, weights, strict=True)
    ]
    return sorted(rows, key=lambda row: (-abs(row.weight), row.feature)), kind


def contributions_of(
    procedure: FittedProcedure, X: pd.DataFrame, *, top: int
) -> dict[Hashable, list[Contribution]]:
    r"""Return the features that contribute most to each person's score.

    Ranked by weight × input where the classifier is linear, by integrated gradients from a person exactly as
    expected where it is a network, otherwise by how far the feature lies from what is normal (\|W\|).

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    X : DataFrame of shape (n_scans, n_columns)
        Finite features beside demographics.
    top : int
        Features a person.

    Returns
    -------
    dict of list of Contribution
        By the scan's name in the index; people whose demographics can't be encoded are left out.
    """
    normalizer = procedure.normalizer
    if normalizer is None or normalizer.mode == "append" or "extract" in procedure.pipeline.named_steps:
        return {}
    encodable = encodable_rows(procedure.pipeline, X)
    if not encodable.any():
        return {}
    known = procedure.before_normalizer(X[encodable])
    inputs = _inputs(procedure, known)
    weighted = feature_weights(procedure)
    signed = weighted is not None and weighted[1] == "coefficient"
    scores = (
        inputs * weighted[0]
        if signed and weighted is not None
        else np.abs(inputs) * _in_use(procedure, inputs)
    )
    shares = attributions_of(procedure, inputs, procedure.rule.classes[-1])
    if shares is not None:
        scores, signed = shares, len(procedure.rule.classes) == 2
    chosen = np.argsort(-np.abs(scores), axis=1, kind="stable")[:, :top]
    contributions: dict[Hashable, list[Contribution]] = {}
    names = list(normalizer.get_feature_names_out())
    table = normalizer.explain(known).set_index("feature", append=False)
    per_person = len(names)
    for row, scan in enumerate(known.index):
        mine = table.iloc[row * per_person : (row + 1) * per_person]
        contributions[scan] = [
            Contribution(
                feature=names[column],
                value=float(mine["value"].iloc[column]),
                expected=float(mine["expected"].iloc[column]),
                w=float(mine["w"].iloc[column]),
                centile=float(mine["centile"].iloc[column]),
                weight=float(scores[row, column]) if signed else None,
            )
            for column in chosen[row]
        ]
    return contributions


def most_unusual(procedure: FittedProcedure, X: pd.DataFrame) -> dict[Hashable, Contribution]:
    """Return the feature of each person that departs most from what is expected.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    X : DataFrame of shape (n_scans, n_columns)
        Finite features beside demographics.

    Returns
    -------
    dict of Contribution
        By the scan's name; people whose demographics can't be encoded are left out.
    """
    normalizer = procedure.normalizer
    if normalizer is None or normalizer.mode == "append" or "extract" in procedure.pipeline.named_steps:
        return {}
    encodable = encodable_rows(procedure.pipeline, X)
    if not encodable.any():
        return {}
    known = procedure.before_normalizer(X[encodable])
    table = normalizer.explain(known).reset_index(drop=True)
    w = np.abs(table["w"].to_numpy(dtype=float)).reshape(len(known), -1)
    rows = np.where(np.isfinite(w), w, -1.0).argmax(axis=1) + w.shape[1] * np.arange(len(known))
    return {
        scan: Contribution(
            str(row.feature), float(row.value), float(row.expected), float(row.w), float(row.centile), None
        )
        for scan, row in zip(known.index, table.iloc[rows].itertuples(index=False), strict=True)
    }


def trajectories_of(
    procedure: FittedSteps,
    X: pd.DataFrame,
    labels: NDArray[np.object_],
    notes: dict[str, FeatureNote],
    features: list[str],
    most: int | None = None,
) -> list[Trajectory]:
    """Return the normative model's curves of features over the first numeric demographic, with all values.

    Parameters
    ----------
    procedure : FittedSteps
        The trained procedure, or regression, of which the normalizer is used.
    X : DataFrame of shape (n_scans, n_columns)
        Training people.
    labels : ndarray of shape (n_scans,)
        Their classes.
    notes : dict of str to FeatureNote
        Units.
    features : list of str
        Which features.
    most : int, optional
        People that are shown, evenly taken from all; default: everybody.
    """
    normalizer, roles = procedure.normalizer, procedure.roles
    numeric = [name for name in roles.demographics if name not in roles.categorical]
    if (
        normalizer is None
        or normalizer.mode == "append"
        or not numeric
        or "extract" in procedure.pipeline.named_steps
    ):
        return []
    if procedure.harmonizer is not None:
        known = encodable_rows(procedure.pipeline, X)
        X, labels = X[known], labels[known]
    inside = procedure.support(X)["supported"].to_numpy(dtype=bool)
    normals = X[(labels == roles.normal) & inside]
    if not len(normals):
        return []  # a test cohort may have nobody normal
    total = len(X)
    if most is not None and total > most:
        shown = np.linspace(0, total - 1, most).astype(np.intp)
        X, labels = X.iloc[shown], labels[shown]
    if procedure.harmonizer is not None:
        X = procedure.before_normalizer(X)  # everybody as the average site would have seen them
    grids = _grids(normals, numeric, list(roles.categorical))
    curves = {
        level: normalizer.expected(people, features=features, centiles=CENTILES)
        for level, people in grids.items()
    }
    grid = next(iter(grids.values()))[numeric[0]]
    return [
        Trajectory(
            feature=feature,
            unit=notes[feature].unit if feature in notes else "",
            demographic=numeric[0],
            grid=grid.tolist(),
            expected={level: _curve_of(table, feature, "expected", notes) for level, table in curves.items()},
            centiles={
                level: {
                    str(centile): _curve_of(table, feature, f"centile_{centile}", notes)
                    for centile in CENTILES
                }
                for level, table in curves.items()
            },
            people_x=cap_ages(numeric[0], X[numeric[0]].to_numpy(dtype=float)).tolist(),
            people_y=X[feature].astype(float).tolist(),
            people_class=[str(label) for label in labels],
            people_level=X[roles.categorical[0]].astype(str).tolist() if roles.categorical else [],
            of_people=total if total > len(X) else 0,
        )
        for feature in features
    ]


def _curve_of(table: pd.DataFrame, feature: str, column: str, notes: dict[str, FeatureNote]) -> list[float]:
    """Return one curve of a long table of them; that of a share stays between 0 and 1."""
    values = table.loc[table["feature"] == feature, column].astype(float)
    if feature in notes and notes[feature].unit == "share":
        values = values.clip(0.0, 1.0)
    line: list[float] = values.tolist()
    return line


def _grids(normals: pd.DataFrame, numeric: list[str], categorical: list[str]) -> dict[str, pd.DataFrame]:
    """Return a grid over the first demographic for each level of the first category, others constant."""
    first = cap_ages(numeric[0], normals[numeric[0]].to_numpy(dtype=float))
    base = {numeric[0]: np.linspace(first.min(), first.max(), _GRID_POINTS)}
    base |= {name: np.full(_GRID_POINTS, normals[name].astype(float).mean()) for name in numeric[1:]}
    held = {name: normals[name].mode().iloc[0] for name in categorical}
    if not categorical:
        return {"": pd.DataFrame(base)}
    levels = sorted(normals[categorical[0]].unique(), key=str)
    return {
        str(level): pd.DataFrame(base | {name: [held[name]] * _GRID_POINTS for name in categorical[1:]}
                                 | {categorical[0]: [level] * _GRID_POINTS})
        for level in levels
    }  # fmt: skip


def attributions_of(procedure: FittedProcedure, inputs: Floats, toward: str) -> Floats | None:
    """Return how much each input moves each person's log-odds of a class away from the baseline's.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    inputs : ndarray of shape (n_scans, n_columns)
        Every column that the classifier could have been given.
    toward : str
        A target.

    Returns
    -------
    ndarray of shape (n_scans, n_columns) or None
        0 for columns that were not selected; None where the classifier has no attributions.
    """
    classifier = procedure.pipeline.named_steps["classify"]
    if not hasattr(classifier, "attributions"):
        return None
    step = procedure.pipeline.named_steps.get("select")
    kept = np.arange(inputs.shape[1]) if step is None else step.kept_
    shares = np.zeros_like(inputs)
    shares[:, kept] = classifier.attributions(inputs[:, kept], np.zeros(len(kept)), toward=toward)
    return shares


def mean_attributions(procedure: FittedProcedure, inputs: Floats) -> Floats | None:
    """Return the mean size of each input's attribution over people, and over classes where there are several.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    inputs : ndarray of shape (n_scans, n_columns)
        Every column that the classifier could have been given.

    Returns
    -------
    ndarray of shape (n_columns,) or None
        None where the classifier has no attributions.
    """
    targets = procedure.rule.classes
    # Of two classes, attributions to the one are those to the other with the sign changed.
    classes = targets[-1:] if len(targets) == 2 else targets
    attributions = [attributions_of(procedure, inputs, target) for target in classes]
    sizes = [np.abs(shares).mean(axis=0) for shares in attributions if shares is not None]
    return np.mean(sizes, axis=0) if sizes else None
