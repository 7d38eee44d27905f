"""The network on arrays is the network that PyTorch trains, its gradients are right, and shares add up."""

import numpy as np
import pytest
import torch
from scipy.special import logit

from normwise.classify import NeuralClassifier
from normwise.networks.dense import (
    ACTIVATIONS,
    Dense,
    first_weights,
    integrated_gradients,
    joined_odds,
    log_odds_gradient,
    odds_of,
    shapes_of,
)
from normwise.networks.stacked import StackedNetworks, row_losses

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
every_output = pytest.mark.parametrize("n_outputs", [1, 3])


def stack(activation, n_outputs, hidden=(5, 4), members=2):
    weights = first_weights(shapes_of(3, hidden, n_outputs, activation, members), activation, seed=3)
    draw = np.random.default_rng(0)
    weights = {name: part + 0.1 * draw.normal(size=part.shape) for name, part in weights.items()}
    return weights, draw.normal(size=(7, 3))


@every_output
@every_activation
def test_pytorch_checks_every_gradient_in_double_precision(activation, n_outputs):
    weights, rows = stack(activation, n_outputs)
    module = StackedNetworks(weights, activation, copies=2)
    target = torch.arange(7) % max(2, n_outputs)
    parameters = dict(module.named_parameters())

    def loss_of(*values):
        scores = torch.func.functional_call(
            module, dict(zip(parameters, values[:-1], strict=True)), values[-1]
        )
        return row_losses(scores, target)

    values = tuple(part.detach().requires_grad_() for part in parameters.values())
    assert torch.autograd.gradcheck(loss_of, (*values, torch.tensor(rows, requires_grad=True)), atol=1e-6)


@every_output
@every_activation
def test_numpy_and_pytorch_compute_the_same(activation, n_outputs):
    weights, rows = stack(activation, n_outputs)
    module = StackedNetworks(weights, activation)
    inputs = torch.tensor(rows, requires_grad=True)
    scores = module(inputs)
    network = Dense(weights, activation)
    np.testing.assert_allclose(network.scores(rows), scores.detach().numpy(), atol=1e-12)
    gradient = np.random.default_rng(5).normal(size=scores.shape)
    (scores * torch.tensor(gradient)).sum().backward()
    mine, gradients = network.gradients(rows, lambda found: gradient)
    np.testing.assert_allclose(mine, network.scores(rows))
    np.testing.assert_allclose(gradients, inputs.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_log_odds_gradient_is_the_gradient_of_the_joined_odds(place):
    draw = np.random.default_rng(1)
    for n_outputs in (1, 3):
        if place >= max(2, n_outputs):
            continue
        scores = draw.normal(size=(4, 6, n_outputs)) * 3.0
        gradient, small = log_odds_gradient(scores, place), 1e-6
        for index in np.ndindex(4, 6, n_outputs):
            step = np.zeros_like(scores)
            step[index] = small
            rise = (odds_of(scores + step, place) - odds_of(scores - step, place))[index[1]] / (2 * small)
            assert gradient[index] == pytest.approx(rise, abs=1e-7)


def test_joined_odds_are_those_of_the_mean_probability_also_far_out():
    scores = np.array([[[2.0]], [[-1.0]], [[0.5]]])
    mean = (1.0 / (1.0 + np.exp(-scores))).mean()
    assert joined_odds(scores)[0] == pytest.approx(logit(mean))
    assert joined_odds(np.full((2, 1, 1), 2000.0))[0] == pytest.approx(2000.0)
    assert np.isfinite(log_odds_gradient(np.full((2, 1, 1), 2000.0), 1)).all()


@every_activation
def test_shares_add_up_to_the_difference_of_log_odds(activation):
    draw = np.random.default_rng(2)
    X = draw.normal(size=(90, 6))
    y = np.where(X[:, 0] * X[:, 1] + X[:, 2] > 0, "normal", "ad").astype(object)
    model = NeuralClassifier((8, 6), activation=activation, weight_decay=0.003, epochs=80).fit(X, y)
    base = X.mean(axis=0) + 0.3
    shares = model.attributions(X, base)
    difference = model.decision_function(X) - model.decision_function(base[None])
    tolerance = 2e-3 if activation in ("relu", "leaky_relu", "maxout") else 1e-4
    np.testing.assert_allclose(shares.sum(axis=1), difference, atol=tolerance * np.abs(difference).max())
    np.testing.assert_allclose(model.attributions(X, base, toward="ad"), -shares, atol=1e-9)
    sizes = np.abs(shares).mean(axis=0)
    assert sizes[2] > 2.0 * sizes[3:].max()  # the last three say nothing


def test_shares_toward_one_of_three_classes():
    draw = np.random.default_rng(2)
    X, y = draw.normal(size=(120, 4)), np.repeat(["normal", "mci", "ad"], 40).astype(object)
    X[:, 0] += np.repeat([0.0, 2.0, 4.0], 40)
    model = NeuralClassifier(hidden=6).fit(X, y)
    for place, name in enumerate(model.classes_):
        shares = model.attributions(X, toward=name).sum(axis=1)
        both = model.predict_proba(np.vstack([X, X.mean(axis=0)]))[:, place]
        np.testing.assert_allclose(shares, (logit(both) - logit(both[-1]))[:-1], atol=5e-3)


def test_a_kink_is_met_as_closely_as_promised():
    def bent(rows):
        inside = rows @ np.array([1.0, -2.0]) - 0.37
        return np.maximum(inside, 0.0), (inside > 0.0)[:, None] * np.array([1.0, -2.0])

    rows = np.random.default_rng(0).normal(size=(50, 2)) * 3.0
    shares = integrated_gradients(bent, rows, np.zeros(2))
    np.testing.assert_allclose(shares.sum(axis=1), bent(rows)[0], atol=0.02)
    np.testing.assert_array_equal(shares[bent(rows)[0] == 0.0][:, 0] * 0.0, 0.0)
