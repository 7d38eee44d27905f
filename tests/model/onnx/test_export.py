"""One graph for normalizer and classifier: the model's probabilities, whoever computes them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest

from normwise.errors import ModelError
from normwise.model.model import Model
from normwise.model.onnx import export as onnx_export
from normwise.model.onnx.export import export_onnx
from normwise.networks.dense import ACTIVATIONS
from normwise.procedure.fit import fit_procedure
from simulated import simulate

CLASSIFIERS = {
    "linear": {},
    "logistic": {},
    "svm": {"kernel": "linear"},
    "svm-rbf": {"kernel": "rbf"},
    "forest": {"n_estimators": 12},
    "perceptron": {},
    "neural": {"hidden": [6, 4]},
}


def train(classifier="logistic", *, classes=("normal", "AD"), arm="adjusted", one_sex=False, **sections):
    data = simulate(90 if len(classes) > 2 else 60, classes=classes)
    if one_sex:
        X = data.X.drop(columns="age").assign(sex="F")
        data = replace(data, X=X, roles=replace(data.roles, demographics=("sex",)))
    study = data.study.model_dump(mode="json")
    parameters = sections.pop("parameters", CLASSIFIERS[classifier])
    study["classifier"] |= {"name": classifier.split("-")[0], "parameters": parameters}
    if classifier == "neural":
        study["classifier"]["grid"] = {"epochs": [30]}
    for name, values in sections.items():
        study[name] |= values
    study = type(data.study).model_validate(study)
    procedure = fit_procedure(study, data.roles, data.X, data.labels, data.groups, arm=arm, seed=0)
    names = tuple(name for name in data.X.columns if name not in data.roles.demographics)
    return Model(procedure, study, names, {}, "hash", {}), data.X


def run(path, frame, names):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {
        each.name: frame[list(names)].to_numpy(dtype=float)
        if each.name == "features"
        else frame[[each.name]].to_numpy(dtype=object if each.type == "tensor(string)" else float)
        for each in session.get_inputs()
    }
    found = dict(zip([each.name for each in session.get_outputs()], session.run(None, given), strict=True))
    return found, session


def check(model, frame, path, tolerance=1e-9):
    assert export_onnx(model, path) <= tolerance
    found, session = run(path, frame, model.feature_names)
    ours = model.procedure.probabilities(frame)
    np.testing.assert_allclose(found["probabilities"], ours, atol=tolerance)
    np.testing.assert_allclose(found["score"], model.procedure.rule.score(ours), atol=tolerance)
    return session


@pytest.mark.parametrize("classes", [("normal", "AD"), ("normal", "mci", "AD")])
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_every_classifier_is_the_same_in_the_graph(classifier, classes, tmp_path):
    model, frame = train(classifier, classes=classes)
    # The format gives out a forest's sums in single precision.
    session = check(model, frame, tmp_path / "model.onnx", tolerance=1e-7 if classifier == "forest" else 1e-9)
    assert [each.name for each in session.get_inputs()] == ["features", "age", "sex"]
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_the_same_in_the_graph(activation, tmp_path):
    settings = {"activation": activation, "hidden": [5, 4], "ensemble": 2}
    model, frame = train("neural", parameters=settings)
    check(model, frame, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "normalizer",
    [
        {"scale": "residual"},
        {"design": "spline"},
        {"interactions": [["age", "sex"]]},
        {"variance": "demographic"},
        {"design": "spline", "interactions": [["sex", "age"]], "variance": "demographic"},
        {"shrinkage": "empirical_bayes", "tails": "sinh_arcsinh"},
        {"variance": "demographic", "shrinkage": "empirical_bayes", "tails": "auto"},
    ],
)
def test_every_form_of_normalizer_is_the_same_in_the_graph(normalizer, tmp_path):
    model, frame = train(normalizer=normalizer)
    check(model, frame, tmp_path / "model.onnx", tolerance=1e-8)


@pytest.mark.parametrize("arm", ["raw", "normalized", "normalized_all", "appended", "demographics"])
def test_every_arm_has_the_inputs_it_needs(arm, tmp_path):
    model, frame = train(arm=arm)
    session = check(model, frame, tmp_path / "model.onnx")
    wanted = {"raw": ["features"], "demographics": ["age", "sex"]}.get(arm, ["features", "age", "sex"])
    assert [each.name for each in session.get_inputs()] == wanted


def test_selected_features_and_calibrated_probabilities_too(tmp_path):
    model, frame = train(selection={"name": "univariate", "features": [2]})
    assert len(model.procedure.selected) == 2
    rule = replace(model.procedure.rule, scaling=(0.6, 0.2, -0.2))
    model = replace(model, procedure=replace(model.procedure, rule=rule))
    check(model, frame, tmp_path / "model.onnx")


def test_somebody_unknown_has_no_probability(tmp_path):
    model, frame = train()
    export_onnx(model, tmp_path / "model.onnx")
    odd = frame.iloc[:4].copy()
    odd.iloc[1, odd.columns.get_loc("sex")] = "x"
    odd.iloc[2, odd.columns.get_loc("age")] = np.nan
    odd.iloc[3, 0] = np.inf
    found, _ = run(tmp_path / "model.onnx", odd, model.feature_names)
    missing = np.isnan(found["probabilities"]).all(axis=1)
    assert missing.tolist() == [False, True, True, True]
    assert np.isnan(found["score"]).tolist() == missing.tolist()


def test_the_metadata_says_what_a_user_must_know_and_a_second_export_is_the_same(tmp_path):
    model, frame = train()
    export_onnx(model, tmp_path / "a.onnx")
    export_onnx(model, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    facts = {each.key: json.loads(each.value) for each in onnx.load(str(tmp_path / "a.onnx")).metadata_props}
    assert facts["threshold"] == model.procedure.rule.threshold
    assert facts["classes"] == ["normal", "AD"]
    assert facts["negative"] == "normal"
    assert facts["feature_names"] == list(model.feature_names)
    normals = frame["age"][::2]  # every second person is normal
    assert facts["demographics"] == {
        "age": {"lowest": normals.min(), "highest": normals.max()},
        "sex": {"levels": ["F", "M"]},
    }


def test_a_step_or_classifier_without_a_place_is_refused(tmp_path):
    model, _ = train()
    steps = model.procedure.pipeline.steps
    for place, title in ((0, "harmonize"), (-1, "classify")):
        changed, kept = steps[place], list(steps)
        steps[place] = (title, object() if title == "classify" else changed[1])
        with pytest.raises(ModelError) as caught:
            export_onnx(model, tmp_path / "model.onnx")
        assert caught.value.code == "MDL-202"
        steps[:] = kept
    assert not list(tmp_path.iterdir())


def test_a_graph_that_differs_is_not_written(tmp_path, monkeypatch):
    model, _ = train()
    drawn = onnx_export.add_classifier
    monkeypatch.setattr(
        onnx_export,
        "add_classifier",
        lambda graph, *given: graph.add("Mul", drawn(graph, *given), np.array([0.9, 1.0])),
    )
    with pytest.raises(ModelError) as caught:
        export_onnx(model, tmp_path / "model.onnx")
    assert caught.value.code == "MDL-203"
    assert not list(tmp_path.iterdir())


def test_without_the_packages_the_line_to_type_is_said(tmp_path, monkeypatch):
    import importlib.util

    model, _ = train()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="onnx and onnxruntime are not installed") as caught:
        export_onnx(model, tmp_path / "model.onnx")
    assert caught.value.code == "MDL-201"


@pytest.mark.parametrize("classes", [("normal", "AD"), ("normal", "mci", "AD")])
def test_a_demographic_of_one_level_explains_nothing_in_the_graph(classes, tmp_path):
    model, frame = train(classes=classes, one_sex=True)
    assert model.procedure.score.slopes == ()
    check(model, frame, tmp_path / "model.onnx")
