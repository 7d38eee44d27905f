"""The steps before the classifier as nodes of a graph: design, regression, W-score, scaling, selection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from normwise.errors import ModelError
from normwise.model.onnx.graph import Graph
from normwise.normalize import FeatureNormalizer, Regression

__all__ = ["add_preprocessing", "refuse_export"]

Floats = NDArray[np.float64]


def refuse_export(what: str, seen: str) -> ModelError:
    """Return the error for a model with a part that can't be written as a graph."""
    return ModelError(
        "MDL-202",
        f"this model can't be written as one graph: {what}.",
        seen=seen,
        expected="normalized features, and linear, logistic, svm, forest, perceptron or neural behind them",
        advice="use the model folder itself, with normwise predict or normwise.load_model",
    )


def add_preprocessing(
    graph: Graph, pipeline: Pipeline, n_features: int, features: str
) -> tuple[str, str, str]:
    """Add every step but the classifier, with the inputs it needs.

    Parameters
    ----------
    graph : Graph
        Gets an input of that name for the features, (n_people, n_features), and one for each demographic that
        is used, (n_people, 1), of the demographic's own name.
    pipeline : Pipeline
        Fitted.
    n_features : int
        Features that the model was trained on; 0 where it uses demographics alone.
    features : str
        Name of the features' input.

    Returns
    -------
    tuple of str
        The classifier's rows; which of them can be used at all, as bool (n_people, 1); people's coordinates
        in the normalizer's design, empty where features are not regressed.

    Raises
    ------
    ModelError
        MDL-202 for a step that can't be written as a graph.
    """
    rows, basis, usable = "", "", []
    if n_features:
        rows = graph.input(features, n_features)
        usable.append(graph.finite(rows))
    for title, step in pipeline.steps[:-1]:
        if title == "normalize":
            if isinstance(step, FeatureNormalizer):
                rows, basis, known_demographics = _normalize(graph, step, rows)
                usable += known_demographics
        elif title == "scale":
            rows = graph.standardize(rows, step.mean_, step.scale_)
        elif title == "select":
            rows = graph.add("Gather", rows, np.asarray(step.kept_), axis=1)
        else:
            raise refuse_export(f"its step {title!r} can't be written there", type(step).__name__)
    known = usable[0]
    for each in usable[1:]:
        known = graph.add("And", known, each)
    return rows, known, basis


def _normalize(graph: Graph, step: FeatureNormalizer, features: str) -> tuple[str, str, list[str]]:
    design, regression = step.design_, step.regression_
    columns_by_part, known = zip(*(_encode(graph, part) for part in design.parts), strict=True)
    columns = _concatenate(graph, [each for each in columns_by_part if each])
    widths = np.cumsum([0, *(len(part.columns) for part in design.parts)])
    names = [part.name for part in design.parts]
    products = []
    for pair in design.interactions:
        left, right = (
            graph.add("Sub", columns_by_part[place], design.means[widths[place] : widths[place + 1]])
            for place in map(names.index, pair)
        )
        wide = graph.add(
            "Mul", graph.add("Unsqueeze", left, np.array([2])), graph.add("Unsqueeze", right, np.array([1]))
        )
        products.append(graph.add("Reshape", wide, np.array([0, -1])))
    columns = _concatenate(graph, [columns, *products])
    if regression is None:
        return _concatenate(graph, [features, columns] if features else [columns]), "", list(known)
    standard = graph.standardize(columns or graph.constant(np.zeros((1, 0))), design.center, design.size)
    basis = graph.affine(standard, design.inverse[1:], design.inverse[0])
    expected = graph.affine(basis, regression.loadings, regression.center)
    residual = graph.add("Sub", features, expected)
    if step.scale == "residual":
        return residual, basis, list(known)
    spanned = basis if regression.uncertainty is None else graph.add("MatMul", basis, regression.uncertainty)
    leverage = graph.add("ReduceSum", graph.add("Mul", spanned, basis), np.array([1]), keepdims=1)
    spread = regression.spread.astype(np.float64)
    varies = spread > 0
    if regression.log_variance is None or design.variance_inverse is None:
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=varies)
        scaled = graph.add("Mul", residual, inverse)
        w = graph.add("Div", scaled, graph.add("Sqrt", graph.add("Add", leverage, 1.0)))
        return _transform_tails(graph, regression, w), basis, list(known)
    varying = graph.add("Gather", standard, np.asarray(design.variance_columns, dtype=int), axis=1)
    inverse, model = design.variance_inverse, regression.log_variance
    logs = graph.affine(varying, inverse[1:] @ model.loadings, inverse[0] @ model.loadings)
    clipped = graph.add("Min", graph.add("Max", logs, model.lowest), model.highest)
    pooled = spread**2
    constant = graph.constant(regression.determined)
    variance = graph.add("Where", constant, pooled, graph.add("Exp", clipped))
    total = graph.add("Add", variance, graph.add("Mul", leverage, pooled))
    # A feature that does not vary among the normals scores 0, and its variance of 0 is not divided by.
    deviation = graph.add("Sqrt", graph.add("Where", graph.constant(varies), total, 1.0))
    residual = graph.add("Mul", residual, varies.astype(np.float64))
    return _transform_tails(graph, regression, graph.add("Div", residual, deviation)), basis, list(known)


def _transform_tails(graph: Graph, regression: Regression, w: str) -> str:
    """Add sinh(delta asinh((w - xi) / lambda) - epsilon), in logarithms for want of the functions."""
    tails = regression.tails
    if tails is None or not tails.changed.any():
        return w
    y = graph.add("Div", graph.add("Sub", w, tails.location), tails.scale)
    size = graph.add("Abs", y)
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", y, y), 1.0))
    arcsinh = graph.add("Mul", graph.add("Sign", y), graph.add("Log", graph.add("Add", size, root)))
    u = graph.add("Sub", graph.add("Mul", arcsinh, tails.weight), tails.skew)
    sinh = graph.add("Sub", graph.add("Exp", u), graph.add("Exp", graph.add("Neg", u)))
    z = graph.add("Mul", sinh, 0.5)
    return graph.add("Where", graph.constant(tails.changed), z, w)


def _encode(graph: Graph, part: Any) -> tuple[str, str]:
    """Add a demographic's columns, an empty name where it has none, and which rows have a known value."""
    if hasattr(part, "levels"):
        value = graph.input(part.name, 1, str)
        equal = graph.cast(graph.add("Equal", value, np.array([part.levels], dtype=object)), float)
        known = graph.cast(graph.add("ReduceMax", equal, np.array([1]), keepdims=1), bool)
        if len(part.levels) == 1:
            return "", known
        others = np.arange(1, len(part.levels))
        return graph.add("Gather", equal, others, axis=1), known
    value = graph.input(part.name, 1)
    known = graph.finite(value)
    if not part.knots:
        return value, known
    above = graph.add("Max", graph.add("Sub", value, np.array([part.knots])), 0.0)
    cubes = graph.add("Mul", graph.add("Mul", above, above), above)
    return _concatenate(graph, [value, graph.add("MatMul", cubes, _spline_weights(part.knots))]), known


def _spline_weights(knots: tuple[float, ...]) -> Floats:
    """Return the natural spline's columns as sums of cubes above the knots, (n_knots, n_knots − 2).

    Harrell (2001), equation 2.25, as `normwise.normalize` has it.
    """
    *inner, before, last = knots
    weights = np.zeros((len(knots), len(inner)))
    for column, knot in enumerate(inner):
        weights[column, column] = 1.0
        weights[-2, column] = -(last - knot) / (last - before)
        weights[-1, column] = (before - knot) / (last - before)
    return weights / (last - knots[0]) ** 2


def _concatenate(graph: Graph, parts: list[str]) -> str:
    """Join columns; an empty name where there are none, as of a single level."""
    parts = [part for part in parts if part]
    return "".join(parts) if len(parts) < 2 else graph.add("Concat", *parts, axis=1)
