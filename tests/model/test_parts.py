"""Forged parts of allowed types: refused when the model is opened, with right hashes and before any use."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from normwise.classify import CLASSIFIERS
from normwise.errors import ModelError
from normwise.files import content_digest, sha256_file
from normwise.learnt import TRUSTED_TYPES as LEARNT_TYPES
from normwise.model import archive
from normwise.model.bundle import load_model, save_model
from normwise.model.parts import OWN_TYPES
from normwise.normalize import TRUSTED_TYPES as NORMALIZER_TYPES
from normwise.schema import NormalizerSection
from simulated import model_of, simulate

FEWER: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 5, "min_samples_leaf": 5},
    "neural": {"epochs": 3, "ensemble": 1, "weight_decay": 0.1},
    "perceptron": {"alpha": 10.0},
}
"""Settings that are fitted in no time."""


def seal(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"] = {name: sha256_file(folder / name) for name in manifest["files"]}
    manifest["digest"] = content_digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def members_of(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "model.skops") as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def write(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(folder / "model.skops", "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    seal(folder)


def attribute(schema: Any, name: str) -> dict[str, Any]:
    """Return the first node that is the value of an attribute."""
    waiting = [schema]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, dict):
            if isinstance(part.get(name), dict) and "__loader__" in part[name]:
                return part[name]
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    raise AssertionError(name)


def forge(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray | None]) -> None:
    """Change an attribute that is an array, in place or to what is returned."""
    members = members_of(folder)
    file = attribute(json.loads(members["schema.json"]), name)["file"]
    array = np.load(io.BytesIO(members[file]))
    changed = change(array)
    stream = io.BytesIO()
    np.save(stream, array if changed is None else changed, allow_pickle=False)
    write(folder, members | {file: stream.getvalue()})


def forge_value(folder: Path, name: str, value: Any) -> None:
    """Change an attribute that is a plain value."""
    members = members_of(folder)
    schema = json.loads(members["schema.json"])
    attribute(schema, name).update(content=json.dumps(value), __id__=10**9)
    write(folder, members | {"schema.json": json.dumps(schema).encode()})


def refused(folder: Path, says: str | None = None) -> str:
    with pytest.raises(ModelError, match=says) as caught:
        load_model(folder)
    return caught.value.code


def set_field(name: str, value: int) -> Callable[[np.ndarray], None]:
    def change(nodes: np.ndarray) -> None:
        nodes[name][0] = value

    return change


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that saves a model of a classifier once."""
    folder, data = tmp_path_factory.mktemp("models"), simulate()

    def save(classifier: str) -> Path:
        place = folder / classifier
        if place.is_dir():
            return place
        section = data.study.classifier.model_copy(update={"parameters": FEWER.get(classifier, {})})
        study = data.study.model_copy(update={"classifier": section})
        return save_model(model_of(replace(data, study=study), classifier), place)

    return save


@pytest.mark.parametrize(
    "settings",
    [
        {"tails": "sinh_arcsinh"},
        {"tails": "auto", "scale": "residual"},
        {"tails": "sinh_arcsinh", "shrinkage": "empirical_bayes", "variance": "demographic"},
        {"shrinkage": "empirical_bayes", "design": "spline", "interactions": [["age", "sex"]]},
        {"design": "spline", "knots": {"age": [55.0, 65.0, 75.0]}},
    ],
)
def test_a_model_of_every_setting_of_the_normalizer_opens_and_predicts_as_it_did(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    data = simulate(120)  # 60 normals: tails need 50
    study = data.study.model_copy(update={"normalizer": NormalizerSection(**settings)})
    model = model_of(replace(data, study=study))
    opened = load_model(save_model(model, tmp_path))
    assert opened.predictions(data.X) == model.predictions(data.X)
    regression: Any = opened.procedure.pipeline.named_steps["normalize"].regression_
    assert (regression.tails is None) == ("tails" not in settings)
    assert (regression.uncertainty is None) == ("shrinkage" not in settings)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("location", lambda own: own * np.nan),
        ("weight", lambda own: -own),
        ("skew", lambda own: own[:-1]),
        ("uncertainty", lambda own: own - 10 * np.eye(len(own))),
        ("uncertainty", lambda own: own + np.triu(np.ones_like(own), 1)),
    ],
)
def test_tails_and_uncertainty_that_no_normals_give_are_refused(
    name: str, change: Any, tmp_path: Path
) -> None:
    data = simulate(120)
    settings = NormalizerSection(tails="sinh_arcsinh", shrinkage="empirical_bayes")
    model = model_of(replace(data, study=data.study.model_copy(update={"normalizer": settings})))
    forge(save_model(model, tmp_path), name, change)
    assert refused(tmp_path, name) == "MDL-108"


@pytest.fixture
def forest(saved: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved("forest"), tmp_path / "forest"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 2**40), ("right_child", 2**40), ("left_child", 0), ("left_child", -2),
        ("feature", 10**9), ("feature", 6), ("feature", -1), ("right_child", -1),
    ],
)  # fmt: skip
def test_a_forest_whose_nodes_are_no_tree_is_refused(forest: Path, field: str, value: int) -> None:
    forge(forest, "nodes", set_field(field, value))
    assert refused(forest, "no.* tree|of a tree") == "MDL-108"


def test_the_last_feature_that_there_is_is_no_forgery(forest: Path) -> None:
    forge(forest, "nodes", set_field("feature", 5))
    assert load_model(forest).classes == ("normal", "AD")


@pytest.mark.parametrize("count", [1, 10**6])
def test_a_tree_that_says_it_has_other_nodes_is_refused(forest: Path, count: int) -> None:
    forge_value(forest, "node_count", count)
    assert refused(forest) == "MDL-102"


@pytest.mark.parametrize("name", ["nodes", "values"])
def test_a_tree_with_an_array_of_another_length_is_refused_before_it_is_built(
    forest: Path, name: str
) -> None:
    forge(forest, name, lambda array: array[:-1])
    assert refused(forest) == "MDL-102"


@pytest.mark.parametrize("outputs", [0, 2, 2**40])
def test_a_tree_of_other_outputs_is_refused_before_it_is_built(forest: Path, outputs: int) -> None:
    members = members_of(forest)
    schema = json.loads(members["schema.json"])
    attribute(schema, "tree_")["__reduce__"]["args"]["content"][2]["content"] = json.dumps(outputs)
    write(forest, members | {"schema.json": json.dumps(schema).encode()})
    assert refused(forest) == "MDL-102"


@pytest.fixture
def logistic(saved: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved("logistic"), tmp_path / "logistic"))


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: weights.astype("U8"),
        lambda weights: weights[:, :-1],
        lambda weights: weights * np.nan,
        lambda weights: np.full_like(weights, np.inf),
        lambda weights: weights.astype(np.int64),
    ],
    ids=["text", "shape", "nan", "infinite", "whole"],
)
@pytest.mark.parametrize("name", ["coef_", "loadings", "inverse"])
def test_arrays_that_no_training_leaves_are_refused(logistic: Path, name: str, change: Any) -> None:
    forge(logistic, name, change)
    assert refused(logistic) == "MDL-108"


def test_no_spread_below_zero_and_one_of_zero(logistic: Path) -> None:
    forge(logistic, "spread", lambda spread: 0 * spread)
    assert load_model(logistic).classes == ("normal", "AD")
    forge(logistic, "spread", lambda spread: spread - 1e-9)
    assert refused(logistic, "spread") == "MDL-108"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_features_in_", 7),
        ("C", -1.0),
        ("largest_leverage", "x"),
        ("low", 1e9),
        ("n_people", 0),
        ("n_people", 1000),
        ("n_normals_", 29),
        ("normal", "AD"),
        ("normal", None),
        ("mode", "append"),
    ],
)
def test_values_that_no_training_leaves_are_refused(logistic: Path, name: str, value: Any) -> None:
    forge_value(logistic, name, value)
    assert refused(logistic) == "MDL-108"


def test_two_parts_of_one_number_are_refused(logistic: Path) -> None:
    members = members_of(logistic)
    schema = json.loads(members["schema.json"])
    attribute(schema, "coef_")["__id__"] = attribute(schema, "loadings")["__id__"]
    write(logistic, members | {"schema.json": json.dumps(schema).encode()})
    assert refused(logistic, "one number") == "MDL-102"


def test_an_attribute_that_hides_a_method_is_refused(logistic: Path) -> None:
    members = members_of(logistic)
    schema = json.loads(members["schema.json"])
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "coef_" in part:  # in the place of an attribute, since every key has its type beside it
                part["predict_proba"] = part.pop("n_iter_")
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    write(logistic, members | {"schema.json": json.dumps(schema).encode()})
    assert refused(logistic, "hidden") == "MDL-108"


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": float("nan")}, {"threshold": float("inf")}, {"threshold": -0.1}, {"threshold": 1.1},
        {"threshold": None}, {"coverage": 0.9}, {"scaling": [float("nan")] * 3}, {"least": [0.1]},
        {"negative": "x"},
    ],
)  # fmt: skip
def test_a_rule_that_decides_nothing_is_refused(logistic: Path, change: dict[str, Any]) -> None:
    seal(logistic, rule=json.loads((logistic / "manifest.json").read_text())["rule"] | change)
    assert refused(logistic) == "MDL-108"


@pytest.mark.parametrize(
    "change",
    [
        None,
        {"slopes": [[0.1], [float("nan")]]},
        {"slopes": [[0.1]]},
        {"slopes": [[0.1, 0.2], [0.1, 0.2]]},
        {"slopes": [[0.1], [0.1, 0.2]]},
        {"slopes": [[0.1], [1e12]]},
        {"slopes": [["a"], ["b"]]},
        {"negative": 1},
        {"negative": -1},
    ],
)
def test_a_score_adjusted_by_what_no_training_leaves_is_refused(
    change: dict[str, Any] | None, tmp_path: Path
) -> None:
    folder = save_model(model_of(simulate(), arm="adjusted"), tmp_path)
    score = json.loads((folder / "manifest.json").read_text())["score"]
    assert np.shape(score["slopes"]) == (2, 1)
    seal(folder, score=None if change is None else score | change)
    assert refused(folder) in {"MDL-102", "MDL-108"}


def test_a_score_of_an_arm_that_has_none_is_refused(logistic: Path) -> None:
    seal(logistic, score={"negative": 0, "slopes": [[0.1], [0.1]]})
    assert refused(logistic) == "MDL-108"


@pytest.mark.parametrize("threshold", [0.0, 1.0, float(np.nextafter(1.0, 2.0))])
def test_a_threshold_at_either_end_is_a_rule(logistic: Path, threshold: float) -> None:
    rule = json.loads((logistic / "manifest.json").read_text())["rule"]
    seal(logistic, rule=rule | {"threshold": threshold})
    assert load_model(logistic).procedure.rule.threshold == threshold


def test_a_compressed_archive_is_refused_before_it_is_read(logistic: Path) -> None:
    write(logistic, members_of(logistic) | {"9999.npy": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    assert refused(logistic, "unpack to") == "MDL-109"


def test_a_file_larger_than_any_model_is_refused_before_it_is_read(
    logistic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (logistic / "model.skops").stat().st_size
    assert archive.LARGEST_FILE == 4 << 30
    monkeypatch.setattr(archive, "LARGEST_FILE", size)
    assert load_model(logistic).classes == ("normal", "AD")
    monkeypatch.setattr(archive, "LARGEST_FILE", size - 1)
    assert refused(logistic, f"{size} bytes") == "MDL-109"


def test_an_array_that_is_read_again_and_again_is_refused(logistic: Path) -> None:
    members = members_of(logistic)
    schema = json.loads(members["schema.json"])
    stream = io.BytesIO()
    np.save(stream, np.zeros(1 << 20))
    node = attribute(schema, "coef_") | {"file": "9999.npy", "__id__": 10**9}
    attribute(schema, "steps")["content"] += [node] * 4
    write(logistic, members | {"9999.npy": stream.getvalue(), "schema.json": json.dumps(schema).encode()})
    assert refused(logistic, "again and again") == "MDL-109"


@pytest.mark.parametrize("header", [("<f8", (2**40,)), ("|O", (1,)), ("<U0", (2**60,)), ("<f8", (0,))])
def test_an_array_whose_header_promises_other_than_what_follows_is_refused(
    logistic: Path, header: tuple[str, tuple[int, ...]]
) -> None:
    members = members_of(logistic)
    name = attribute(json.loads(members["schema.json"]), "coef_")["file"]
    stream = io.BytesIO()
    content: Any = {"descr": header[0], "fortran_order": False, "shape": header[1]}
    np.lib.format.write_array_header_1_0(stream, content)
    write(logistic, members | {name: stream.getvalue() + bytes(48)})
    assert refused(logistic) == "MDL-102"


@pytest.mark.parametrize("classifier", ["linear", "svm", "perceptron", "neural"])
def test_every_array_of_a_classifier_is_looked_at(classifier: str, saved: Any, tmp_path: Path) -> None:
    pristine = Path(shutil.copytree(saved(classifier), tmp_path / "model"))
    members = members_of(pristine)
    steps = attribute(json.loads(members["schema.json"]), "steps")["content"]
    fitted = steps[-1]["content"][1]["content"]["content"]
    names = [name for name, node in fitted.items() if node.get("type") == "numpy"]
    assert names
    for name in names:
        stream = io.BytesIO()
        np.save(stream, np.load(io.BytesIO(members[fitted[name]["file"]])) * np.nan)
        write(pristine, members | {fitted[name]["file"]: stream.getvalue()})
        assert refused(pristine, name) == "MDL-108"


def test_every_type_of_ours_in_a_model_checks_its_parts() -> None:
    names = {*OWN_TYPES, *NORMALIZER_TYPES, *LEARNT_TYPES, *(spec.path for spec in CLASSIFIERS.values())}
    for name in sorted(name for name in names if name.startswith("normwise.")):
        module, _, own = name.rpartition(".")
        assert callable(getattr(getattr(import_module(module), own), "check_parts", None)), name
