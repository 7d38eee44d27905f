"""The saved model of a number: the same bits when whole, refused when a part of it is forged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from tests.evaluate.regression.test_study import people, study_of
from tests.model.test_parts import forge, forge_value, seal

from normwise.classify import REGRESSORS
from normwise.errors import ModelError
from normwise.model import RegressionModel, load_model, open_norm, train_regression

FEWER: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 3, "min_samples_leaf": 5}, "neural": {"epochs": 3, "ensemble": 2},
}  # fmt: skip


def train(folder: Path, regressor: str = "ridge", **more: Any) -> RegressionModel:
    settings = {"name": regressor, "parameters": FEWER.get(regressor, {}), "grid": {}}
    study = study_of(folder / "study", people().head(60), classifier=settings)
    return train_regression(study.model_copy(update=more), folder / "run")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Any:
    kept: dict[str, Path] = {}

    def saved(regressor: str) -> Path:
        if regressor not in kept:
            folder = tmp_path_factory.mktemp(regressor)
            train(folder, regressor)
            kept[regressor] = folder / "run" / "model"
        return kept[regressor]

    return saved


@pytest.fixture
def copy(models, tmp_path) -> Any:
    return lambda regressor: Path(shutil.copytree(models(regressor), tmp_path / "model"))


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    return caught.value.code


@pytest.mark.parametrize("regressor", list(REGRESSORS))
def test_a_reloaded_model_predicts_the_same_bits_and_training_saves_the_same_bytes(
    regressor, models, tmp_path
):
    model, first = train(tmp_path, regressor), models(regressor)
    again, frame = load_model(tmp_path / "run"), people(seed=2).set_index("ID")
    assert isinstance(again, RegressionModel)
    assert np.array_equal(model.predict(frame), again.predict(frame), equal_nan=True)
    assert model.predictions(frame, frame["score"]) == again.predictions(frame, frame["score"])
    assert again.procedure.gap == model.procedure.gap
    second = tmp_path / "run" / "model"
    names = sorted(path.name for path in second.iterdir())
    assert names == [
        "manifest.json",
        "model.skops",
        *["weights.safetensors"] * ("torch" in REGRESSORS[regressor].packages),
    ]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_nobody_is_named_and_no_machine(models):
    text = (models("ridge") / "manifest.json").read_text()
    assert "p000x" not in text
    assert str(models("ridge").parents[1]) not in text


def test_a_person_is_held_against_its_norm_too(models):
    scores, outside = open_norm(models("ridge")).score(people(seed=2).set_index("ID"))
    assert list(scores.columns) == ["f0", "f1", "f2"]
    assert np.isfinite(scores[outside == ""]).all(axis=None)


def regression_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_text())["regression"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("half_widths", {"0.8": 2.0, "0.9": 1.0}),
        ("half_widths", {"0.8": None, "0.9": 1.0}),
        ("half_widths", {"0.8": -1.0, "0.9": 1.0}),
        ("half_widths", {"0.8": float("nan"), "0.9": float("nan")}),
        ("half_widths", {"0.9": 1.0}),
        ("half_widths", {"0.8": 1.0, "0.95": 1.0}),
        ("gap", {"intercept": float("nan"), "slope": 0.0, "people": 3}),
        ("gap", {"intercept": 0.0, "slope": float("inf"), "people": 3}),
        ("gap", {"intercept": 0.0, "slope": 0.0, "people": -1}),
        ("lowest", float("nan")), ("lowest", 1e6), ("highest", float("inf")),
    ],
)  # fmt: skip
def test_errors_that_no_training_leaves_are_refused(copy, name, value):
    folder = copy("ridge")
    seal(folder, regression=regression_of(folder) | {name: value})
    assert refused(folder) == "MDL-108"


@pytest.mark.parametrize("widths", [{"0.8": 1.0, "0.9": 1.0}, {"0.8": 0.0, "0.9": None}])
def test_equal_or_unbounded_intervals_are_no_forgery(copy, widths):
    folder = copy("ridge")
    seal(folder, regression=regression_of(folder) | {"half_widths": widths})
    opened = load_model(folder)
    assert isinstance(opened, RegressionModel)
    assert opened.procedure.half_widths == (
        widths["0.8"],
        float("inf") if widths["0.9"] is None else widths["0.9"],
    )


def test_an_edited_interval_is_refused_by_its_digest(copy):
    folder = copy("ridge")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["regression"]["half_widths"]["0.9"] += 1.0
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert refused(folder) == "MDL-104"


@pytest.mark.parametrize("change", [{"regression": None}, {"regression": []}, {"regression": {"gap": 1}}])
def test_a_manifest_of_other_kinds_is_refused(copy, change):
    folder = copy("ridge")
    seal(folder, **change)
    assert refused(folder) == "MDL-102"


def test_a_manifest_that_makes_it_a_model_of_classes_is_refused(copy):
    folder = copy("ridge")
    manifest = json.loads((folder / "manifest.json").read_text())
    rule = {
        "classes": ["normal", "others"], "negative": "normal", "threshold": 0.5, "costs": None, "text": "x",
        "scaling": None, "least": None, "coverage": None,
    }  # fmt: skip
    del manifest["regression"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    seal(folder, rule=rule)
    assert refused(folder) == "MDL-108"


@pytest.mark.parametrize(
    "change", [{"target": None}, {"normal": "others"}, {"classes": ["a", "b"]}, {"demographics": []}]
)
def test_roles_of_another_model_are_refused(copy, change):
    folder = copy("ridge")
    roles = json.loads((folder / "manifest.json").read_text())["roles"]
    seal(folder, roles=roles | change)
    assert refused(folder) == "MDL-108"


@pytest.mark.parametrize("arm", ["adjusted", "demographics"])
def test_another_arm_is_refused(copy, arm):
    folder = copy("ridge")
    seal(folder, arm=arm)
    assert refused(folder) == "MDL-108"


@pytest.mark.parametrize(
    ("regressor", "name", "change"),
    [
        ("ridge", "coef_", lambda own: own * np.nan), ("ridge", "coef_", lambda own: own[:-1]),
        ("svr", "dual_coef_", lambda own: own[:-1]), ("svr", "support_vectors_", lambda own: own[:, :-1]),
        ("forest", "centre_", lambda own: own * np.inf), ("neural", "scale_", lambda own: -own),
    ],
)  # fmt: skip
def test_forged_regressors_are_refused(copy, regressor, name, change):
    folder = copy(regressor)
    forge(folder, name, change)
    assert refused(folder) == "MDL-108"


def test_a_forged_mean_of_a_network_is_refused(copy):
    folder = copy("neural")
    forge_value(folder, "spread_", -1.0)
    assert refused(folder) == "MDL-108"


def test_weights_that_are_cut_are_refused(copy):
    import safetensors.numpy

    folder = copy("neural")
    arrays = safetensors.numpy.load_file(folder / "weights.safetensors")
    name = next(iter(arrays))
    arrays[name] = np.ascontiguousarray(arrays[name][:1])
    safetensors.numpy.save_file(arrays, folder / "weights.safetensors")
    seal(folder)
    assert refused(folder) in {"MDL-102", "MDL-108"}


class Foreign:
    """A type that Normwise does not write."""

    def __init__(self) -> None:
        self.value = 1


def test_a_foreign_type_is_refused(copy):
    folder = copy("ridge")
    (folder / "model.skops").write_bytes(skops.io.dumps(Foreign()))
    seal(folder)
    assert refused(folder) == "MDL-105"
