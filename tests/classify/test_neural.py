"""The neural and the deep network: what they learn, what they promise, what they refuse."""

import importlib.util
import sys

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.utils.estimator_checks import check_estimator

from normwise.classify import LinearClassifier, NeuralClassifier
from normwise.errors import ClassifierError
from normwise.networks.dense import ACTIVATIONS

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)

X, Y = make_moons(120, noise=0.2, random_state=1)


def quick(**settings):
    return NeuralClassifier(**{"hidden": 6, "epochs": 12, "ensemble": 2} | settings)


def moons(seed):
    rows, labels = make_moons(400, noise=0.15, random_state=seed)
    return rows[:200], labels[:200], rows[200:], labels[200:]


@pytest.mark.parametrize("seed", range(3))
def test_no_line_parts_the_moons(seed):
    rows, labels, new, truth = moons(seed)
    assert LinearClassifier().fit(rows, labels).score(new, truth) < 0.93


@pytest.mark.parametrize("seed", range(3))
@every_activation
def test_every_activation_learns_the_moons(activation, seed):
    rows, labels, new, truth = moons(seed)
    model = NeuralClassifier(
        activation=activation, weight_decay=1e-4, learning_rate=0.03, random_state=seed, epochs=400
    )
    assert model.fit(rows, labels).score(new, truth) >= 0.95


@every_activation
def test_deep_networks_learn_them_too(activation):
    rows, labels, new, truth = moons(0)
    model = NeuralClassifier((16, 12), activation=activation, weight_decay=1e-4, epochs=400, ensemble=1)
    assert model.fit(rows, labels).score(new, truth) >= 0.95


def test_every_check_of_scikit_learn_passes_for_a_deep_network_with_batches():
    results = check_estimator(
        quick(hidden=(5, 4), activation="maxout", weight_decay=0.001, epochs=60), on_skip=None
    )
    passed = {each["status"] for each in results if each["check_name"] != "check_array_api_input"}
    assert passed == {"passed"}


def test_three_classes_are_told_apart():
    draw = np.random.default_rng(0)
    labels = np.repeat(["normal", "mci", "ad"], 40).astype(object)
    rows = draw.normal(size=(120, 5))
    rows[:, 0] += np.repeat([0.0, 3.0, 6.0], 40)
    model = NeuralClassifier(hidden=8).fit(rows, labels)
    assert model.score(rows, labels) > 0.9
    assert model.weights_["1.weight"].shape == (3, 8, 3)


def test_members_start_apart_and_do_not_depend_on_how_many_there_are():
    three, one = quick(ensemble=3).fit(X, Y), quick(ensemble=1).fit(X, Y)
    np.testing.assert_allclose(three.weights_["0.weight"][0], one.weights_["0.weight"][0], atol=1e-9)
    assert not np.allclose(three.weights_["0.weight"][0], three.weights_["0.weight"][1], atol=0.1)
    members = []
    for member in range(3):
        one.weights_ = {name: part[member : member + 1] for name, part in three.weights_.items()}
        members.append(one.predict_proba(X))
    np.testing.assert_allclose(three.predict_proba(X), np.mean(members, axis=0), atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [{}, {"dropout": 0.4}, {"batch_size": 32}, {"batch_size": 32, "dropout": 0.2, "activation": "maxout"}],
)
def test_a_grid_trained_at_once_holds_the_models_trained_alone(settings):
    grid = [{"weight_decay": decay, "epochs": epochs} for decay in (0.1, 0.01) for epochs in (4, 9)]
    for setting, model in zip(grid, quick(**settings).fit_grid(X, Y, grid), strict=True):
        alone = quick(**settings, **setting).fit(X, Y)
        np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X), atol=1e-9)
        np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, atol=1e-9)
        assert len(model.loss_curve_) == model.n_iter_ == setting["epochs"]


def test_stronger_decay_gives_smaller_weights_and_calmer_probabilities():
    models = quick(epochs=100).fit_grid(X, Y, [{"weight_decay": decay} for decay in (0.3, 0.03, 0.0)])
    for name in ("0.weight", "1.weight"):
        sizes = [np.abs(model.weights_[name]).mean() for model in models]
        assert sizes == sorted(sizes)
    spreads = [model.predict_proba(X).std() for model in models]
    assert spreads == sorted(spreads)


def test_batches_and_dropout_follow_the_seed_alone():
    settings = {"batch_size": 25, "dropout": 0.3}
    first = quick(**settings).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, quick(**settings).fit(X, Y).predict_proba(X))
    assert not np.allclose(first, quick(**settings, random_state=1).fit(X, Y).predict_proba(X), atol=1e-3)


def test_a_constant_feature_has_no_say():
    held = np.column_stack([X, np.full(len(X), 5.0)])
    model = quick().fit(held, Y)
    moved = held + np.array([0.0, 0.0, 100.0])
    np.testing.assert_array_equal(model.predict_proba(held), model.predict_proba(moved))


def test_training_goes_on_from_a_checkpoint_and_from_no_other(tmp_path):
    path = tmp_path / "network.safetensors"
    whole = quick().fit(X, Y)
    quick(epochs=5).fit(X, Y, checkpoint=path)
    again = quick().fit(X, Y, checkpoint=path)
    for name, part in whole.weights_.items():
        np.testing.assert_array_equal(part, again.weights_[name])
    for other, rows in ((quick(activation="relu"), X), (quick(), X + 1e-3 * X**2)):
        with pytest.raises(ClassifierError) as caught:
            other.fit(rows, Y, checkpoint=path)
        assert caught.value.code == "CLS-303"


def test_early_stopping_needs_enough_people_and_returns_to_its_best_epoch():
    rows, labels = make_moons(300, noise=0.4, random_state=0)
    model = quick(hidden=64, learning_rate=0.1, weight_decay=0.0, epochs=400, patience=10).fit(rows, labels)
    curve = model.validation_curve_
    assert 10 < model.n_iter_ < 400
    assert curve.argmin() == len(curve) - 11
    assert len(curve) == len(model.loss_curve_)
    with pytest.raises(ClassifierError, match="too few rows") as caught:
        quick(patience=5).fit(X, Y)
    assert caught.value.code == "CLS-305"


def test_weights_of_another_shape_or_kind_are_refused():
    model = quick().fit(X, Y)
    good = {name: part.copy() for name, part in model.weights_.items()}
    before = model.predict_proba(X)
    model.restore_weights(good)
    np.testing.assert_array_equal(before, model.predict_proba(X))
    bad = [
        {name: part for name, part in good.items() if name != "1.bias"},
        good | {"9.weight": np.zeros(3)},
        good | {"0.weight": good["0.weight"][:, :, :-1]},
        good | {"0.weight": good["0.weight"].astype(np.float32)},
        good | {"0.bias": np.full_like(good["0.bias"], np.nan)},
    ]
    for weights in bad:
        with pytest.raises(ValueError, match=r"instead of"):
            model.restore_weights(weights)


def test_without_pytorch_the_line_to_type_is_said_and_predictions_still_work(monkeypatch):
    model = quick().fit(X, Y)
    before = model.predict_proba(X), model.attributions(X[:3])
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    monkeypatch.setitem(sys.modules, "torch", None)
    np.testing.assert_array_equal(before[0], model.predict_proba(X))
    np.testing.assert_array_equal(before[1], model.attributions(X[:3]))
    with pytest.raises(ClassifierError, match=r'pip install "normwise\[deep\]"') as caught:
        quick().fit(X, Y)
    assert caught.value.code == "CLS-301"


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ClassifierError) as caught:
        quick(device="cuda:99").fit(X, Y)
    assert caught.value.code == "CLS-302"
