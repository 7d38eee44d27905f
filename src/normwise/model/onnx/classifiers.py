"""Each classifier as nodes of a graph: from its rows to the probability of each of its classes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from normwise.model.onnx.graph import Graph
from normwise.model.onnx.preprocessing import refuse_export

__all__ = ["add_classifier"]

_LAST = np.array([-1])


def add_classifier(graph: Graph, classifier: Any, rows: str) -> str:
    """Add a classifier's nodes.

    Parameters
    ----------
    graph : Graph
        The graph, which is extended.
    classifier : Classifier
        Fitted.
    rows : str
        Its inputs, (n_people, n_columns).

    Returns
    -------
    str
        Probabilities in the order of ``classes_``, (n_people, n_classes).

    Raises
    ------
    ModelError
        MDL-202 for a classifier that can't be written as a graph.
    """
    build = _BUILDERS.get(type(classifier).__name__)
    if build is None:
        raise refuse_export("its classifier can't be written there", type(classifier).__name__)
    return build(graph, classifier, rows)


def _linear(graph: Graph, model: Any, rows: str) -> str:
    scores = graph.affine(rows, model.coef_.T, model.intercept_)
    if len(model.classes_) == 2:
        scores = graph.add("Concat", graph.add("Sub", 1.0, scores), scores, axis=1)
    base = model.base_rates_
    departure = graph.add("Sub", scores, base)
    logs = graph.add("Add", graph.add("Mul", departure, model.slope_ / base), np.log(base))
    return graph.add("Softmax", logs, axis=-1)


def _logistic(graph: Graph, model: Any, rows: str) -> str:
    return _of_scores(graph, graph.affine(rows, model.coef_.T, model.intercept_), len(model.classes_))


def _svm(graph: Graph, model: Any, rows: str) -> str:
    if model.kernel == "linear":
        scores = graph.affine(rows, model.coef_.T, model.intercept_)
    else:
        rows = graph.add("Sub", rows, model.centre_)
        own = graph.add("ReduceSum", graph.add("Mul", rows, rows), _LAST, keepdims=1)
        vectors = model.support_vectors_
        inner = graph.add("MatMul", rows, -2.0 * vectors.T)
        distances = graph.add("Add", graph.add("Add", own, np.einsum("ij,ij->i", vectors, vectors)), inner)
        kernel = graph.add("Exp", graph.add("Mul", graph.add("Max", distances, 0.0), -model.gamma_))
        scores = graph.affine(kernel, model.dual_coef_.T, model.intercept_)
    odds = graph.add("Add", graph.add("Mul", scores, model.slope_), model.offset_)
    count = len(model.classes_)
    if count == 2:
        return _of_scores(graph, odds, 2)
    # Minus the log-odds of each class against each other one; 0 against itself.
    against = np.zeros((count * (count - 1) // 2, count, count))
    for pair, (earlier, later) in enumerate(combinations(range(count), 2)):
        against[pair, later, earlier], against[pair, earlier, later] = -1.0, 1.0
    flat = graph.add("MatMul", odds, against.reshape(len(against), -1))
    square = graph.add("Reshape", flat, np.array([-1, count, count]))
    sums = graph.add("ReduceLogSumExp", square, _LAST, keepdims=0)
    return graph.add("Softmax", graph.add("Neg", sums), axis=-1)


def _neural(graph: Graph, model: Any, rows: str) -> str:
    signal = graph.standardize(rows, model.centre_, model.scale_)
    depth = len(model.weights_) // 2
    for place in range(depth):
        weights, shift = model.weights_[f"{place}.weight"], model.weights_[f"{place}.bias"]
        signal = graph.affine(signal, weights, shift[:, None, :])
        if place < depth - 1:
            signal = _activate(graph, model.activation, signal)
    members = _of_scores(graph, signal, len(model.classes_))
    return graph.add("ReduceMean", members, np.array([0]), keepdims=0)


def _perceptron(graph: Graph, model: Any, rows: str) -> str:
    signal, network = graph.standardize(rows, model.centre_, model.scale_), model.network_
    for place, (weights, shift) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        signal = graph.affine(signal, weights, shift)
        if place < len(network.coefs_) - 1:
            name = "sigmoid" if network.activation == "logistic" else network.activation
            signal = _activate(graph, name, signal)
    return _of_scores(graph, signal, len(model.classes_))


def _forest(graph: Graph, model: Any, rows: str) -> str:
    from onnx import numpy_helper

    # scikit-learn's trees compare values rounded to single precision with thresholds in double.
    narrow = graph.cast(graph.standardize(rows, model.centre_, model.scale_), np.float32)
    trees = [tree.tree_ for tree in model.forest_.estimators_]
    counts = [tree.node_count for tree in trees]
    left, right = (
        np.concatenate([getattr(tree, f"children_{side}") for tree in trees]) for side in ("left", "right")
    )
    number = np.repeat(np.arange(len(trees)), counts)
    node = np.concatenate([np.arange(count) for count in counts])
    leaf = left < 0
    shares = np.concatenate([tree.value[:, 0, :] for tree in trees])[leaf]
    shares = shares / shares.sum(axis=1, keepdims=True) / len(trees)
    count = shares.shape[1]
    settings: dict[str, Any] = {
        "n_targets": count,
        "nodes_treeids": number,
        "nodes_nodeids": node,
        "nodes_featureids": np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
        "nodes_truenodeids": np.where(leaf, 0, left),
        "nodes_falsenodeids": np.where(leaf, 0, right),
        "target_treeids": np.repeat(number[leaf], count),
        "target_nodeids": np.repeat(node[leaf], count),
        "target_ids": np.tile(np.arange(count), int(leaf.sum())),
    }
    settings = {name: value if isinstance(value, int) else value.tolist() for name, value in settings.items()}
    thresholds = np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in trees]))
    # The operator sums in double precision and returns single: within 6e-8.
    sums = graph.add(
        "TreeEnsembleRegressor", graph.cast(narrow, float), domain="ai.onnx.ml", aggregate_function="SUM",
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values_as_tensor=numpy_helper.from_array(thresholds, "thresholds"),
        target_weights_as_tensor=numpy_helper.from_array(shares.ravel(), "shares"), **settings,
    )  # fmt: skip
    return graph.cast(sums, float)


def _of_scores(graph: Graph, scores: str, n_classes: int) -> str:
    """Add probabilities of scores: one column by the logistic function, several by the softmax."""
    if n_classes > 2:
        return graph.add("Softmax", scores, axis=-1)
    first = graph.add("Sigmoid", graph.add("Neg", scores))
    return graph.add("Concat", first, graph.add("Sigmoid", scores), axis=-1)


def _activate(graph: Graph, name: str, signal: str) -> str:
    from normwise.networks import LEAK, MAXOUT_PIECES

    if name in ("tanh", "sigmoid", "relu"):
        return graph.add(name.capitalize(), signal)
    if name == "leaky_relu":
        return graph.add("Max", signal, graph.add("Mul", signal, LEAK))
    if name == "maxout":
        wide = graph.add("Reshape", signal, np.array([0, 0, -1, MAXOUT_PIECES]))
        return graph.add("ReduceMax", wide, _LAST, keepdims=0)
    below = graph.add("Sub", graph.add("Exp", graph.add("Min", signal, 0.0)), 1.0)
    return graph.add("Add", graph.add("Max", signal, 0.0), below)


_BUILDERS: dict[str, Callable[[Graph, Any, str], str]] = {
    "LinearClassifier": _linear,
    "LogisticClassifier": _logistic,
    "SupportVectorClassifier": _svm,
    "ForestClassifier": _forest,
    "PerceptronClassifier": _perceptron,
    "NeuralClassifier": _neural,
}
