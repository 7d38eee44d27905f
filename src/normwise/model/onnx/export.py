"""Write a trained model as one ONNX graph: normalizer, classifier and the score that the rule decides by.

The graph is in double precision, and compared with the model before it is written. It gives probabilities,
and NaN for somebody whose demographics or features are missing or unknown. It does not
refuse a person outside the normal group's range or a feature that is absurdly large, as Normwise does; the
ranges are in its metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.errors import ModelError
from normwise.extras import need_packages
from normwise.files import write_bytes
from normwise.model.model import Model
from normwise.model.onnx.classifiers import add_classifier
from normwise.model.onnx.graph import Graph
from normwise.model.onnx.preprocessing import add_preprocessing

__all__ = ["TOLERANCE", "export_onnx"]

TOLERANCE = 1e-6
"""The largest difference of a probability between graph and model that is accepted."""

_FLOOR = 1e-12  # as `normwise.procedure.calibration` clips a probability before it takes the logarithm
_PROBES = 200


def export_onnx(model: Model, path: str | Path) -> float:
    """Write a model as one ONNX graph.

    Parameters
    ----------
    model : Model
        As `normwise.load_model` opens it.
    path : str or Path
        Where to write; the file is written whole or not at all.

    Returns
    -------
    float
        The largest difference of a probability between graph and model over people drawn at random.

    Raises
    ------
    ModelError
        MDL-201 without the packages, MDL-202 for a model with a part that can't be written as a graph,
        MDL-203 where graph and model differ.
    """
    need_packages(("onnx", "onnxruntime"), "MDL-201", ModelError, subject="export")
    graph = Graph()
    procedure, rule = model.procedure, model.procedure.rule
    features = _features_name(model)
    n_features = 0 if procedure.arm == "demographics" else len(model.feature_names)
    rows, usable, basis = add_preprocessing(graph, procedure.pipeline, n_features, features)
    unordered = add_classifier(graph, procedure.pipeline.named_steps["classify"], rows)
    order = [list(procedure.pipeline.classes_).index(name) for name in rule.classes]
    probabilities = graph.add("Gather", unordered, np.array(order), axis=1)
    if procedure.score is not None and procedure.score.slopes:
        slopes = np.zeros((len(procedure.score.slopes) + 1, len(rule.classes)))
        others = np.arange(len(rule.classes)) != procedure.score.negative
        slopes[1:, others] = procedure.score.slopes
        logs = graph.add("Sub", _logarithm(graph, probabilities), graph.add("MatMul", basis, slopes))
        probabilities = graph.add("Softmax", logs, axis=-1)
    if rule.scaling is not None:
        slope, *offsets = rule.scaling
        logs = graph.add("Mul", _logarithm(graph, probabilities), slope)
        probabilities = graph.add("Softmax", graph.add("Add", logs, np.array(offsets)), axis=-1)
    probabilities = graph.add("Where", usable, probabilities, np.array(np.nan))
    positive = [place for place, name in enumerate(rule.classes) if name != rule.negative]
    score = graph.add("ReduceSum", graph.add("Gather", probabilities, np.array(positive), axis=1),
                      np.array([1]), keepdims=0)  # fmt: skip
    graph.output(probabilities, "probabilities", len(rule.classes))
    graph.output(score, "score", None)
    content = graph.model("normwise", _facts(model, features)).SerializeToString(deterministic=True)
    gap = _largest_difference(model, content, features)
    if not gap <= TOLERANCE:
        raise ModelError(
            "MDL-203",
            "the graph and the model differ.",
            subject=str(path),
            seen=f"a probability by {gap:.3g}, over {_PROBES} people drawn at random",
            expected=f"at most {TOLERANCE:g}",
            advice="use the model folder itself; the graph was not written",
        )
    write_bytes(Path(path), content)
    return gap


def _logarithm(graph: Graph, probabilities: str) -> str:
    return graph.add("Log", graph.add("Min", graph.add("Max", probabilities, _FLOOR), 1.0))


def _features_name(model: Model) -> str:
    """Return the name of the features' input, which no demographic has."""
    name = "features"
    while name in model.roles.demographics:
        name += "_"
    return name


def _facts(model: Model, features: str) -> dict[str, str]:
    """Return what a user of the graph must know, as JSON by name."""
    from importlib.metadata import version

    procedure, rule = model.procedure, model.procedure.rule
    normalizer = procedure.normalizer
    parts = () if normalizer is None else normalizer.design_.parts
    demographics = {
        part.name: {"levels": list(part.levels)}
        if hasattr(part, "levels")
        else {"lowest": part.low, "highest": part.high}
        for part in parts
    }
    facts = {
        "normwise": version("normwise"),
        "arm": procedure.arm,
        "classes": rule.classes,
        "negative": rule.negative,
        "threshold": rule.threshold,
        "costs": rule.costs,
        "rule": rule.text,
        "referred_below": rule.least,
        "features_input": features,
        "feature_names": model.feature_names,
        "feature_hash": model.feature_hash,
        "demographics": demographics,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}


def _largest_difference(model: Model, content: bytes, features: str) -> float:
    """Return the largest difference between graph and model over people drawn at random."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    people = _probes(model)
    given: dict[str, NDArray[Any]] = {}
    for each in session.get_inputs():
        if each.name == features:
            given[each.name] = people[list(model.feature_names)].to_numpy(dtype=np.float64)
        else:
            kind = object if each.type == "tensor(string)" else np.float64
            given[each.name] = people[[each.name]].to_numpy(dtype=kind)
    theirs = session.run(["probabilities"], given)[0]
    ours = model.procedure.probabilities(people)
    if (np.isnan(ours) != np.isnan(theirs)).any():
        return float("inf")
    return float(np.nanmax(np.abs(ours - theirs)))


def _probes(model: Model) -> pd.DataFrame:
    """Draw people around the normal group: demographics over its range, features with twice its deviation."""
    draw = np.random.default_rng(0)
    normalizer = model.procedure.normalizer
    columns: dict[str, Any] = {}
    for part in () if normalizer is None else normalizer.design_.parts:
        if hasattr(part, "levels"):
            columns[part.name] = draw.choice(np.array(part.levels, dtype=object), _PROBES)
        else:
            columns[part.name] = draw.uniform(part.low, part.high, _PROBES)
    regression = None if normalizer is None else normalizer.regression_
    scaler = model.procedure.pipeline.named_steps.get("scale")
    count = len(model.feature_names)
    if regression is not None:
        center, spread = regression.center, np.where(regression.spread > 0, regression.spread, 1.0)
    else:
        center, spread = (part[:count] for part in (scaler.mean_, scaler.scale_))
        if len(center) < count:  # demographics alone: features are not used
            center, spread = np.zeros(count), np.ones(count)
    values = center + 2.0 * spread * draw.normal(size=(_PROBES, count))
    table = pd.DataFrame(values, columns=list(model.feature_names))
    for name in model.roles.demographics:
        table[name] = columns.get(name, np.zeros(_PROBES))
    return table
