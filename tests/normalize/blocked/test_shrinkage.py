from __future__ import annotations

import numpy as np

from normwise.normalize.blocked.shrinkage import shrink_slopes


def test_one_feature_keeps_its_slopes() -> None:
    slopes = np.array([[3.0], [-0.2]])
    shrunk, uncertainty = shrink_slopes(slopes, 50, 1.0)
    np.testing.assert_array_equal(shrunk, slopes)
    np.testing.assert_allclose(uncertainty, np.eye(2))


def test_slopes_that_differ_by_noise_alone_become_their_mean() -> None:
    slopes = np.random.default_rng(0).normal(size=(2, 500)) * 0.9  # less than the noise that is expected
    shrunk, uncertainty = shrink_slopes(slopes, 200, 1 / 500)
    np.testing.assert_allclose(shrunk, np.broadcast_to(slopes.mean(axis=1, keepdims=True), slopes.shape))
    np.testing.assert_allclose(uncertainty, np.eye(2) / 500)


def test_slopes_far_apart_stay() -> None:
    slopes = np.random.default_rng(0).normal(size=(2, 300)) * 100.0
    shrunk, uncertainty = shrink_slopes(slopes, 200, 1 / 300)
    np.testing.assert_allclose(shrunk, slopes, rtol=0.01, atol=0.05)
    np.testing.assert_allclose(uncertainty, np.eye(2), atol=1e-3)


def test_errors_are_as_large_as_the_uncertainty_says_and_smaller_than_before() -> None:
    rng = np.random.default_rng(0)
    mixing = np.array([[0.8, 0.0], [0.3, 0.2]])
    errors, before, said = [], [], []
    for _ in range(200):
        true = np.array([[-1.0], [0.5]]) + mixing @ rng.normal(size=(2, 60))
        slopes = true + rng.normal(size=true.shape)
        shrunk, uncertainty = shrink_slopes(slopes, 10_000, 1 / 60)
        errors.append((shrunk - true) @ (shrunk - true).T / 60)
        before.append((slopes - true) @ (slopes - true).T / 60)
        said.append(uncertainty)
    assert np.trace(np.mean(errors, axis=0)) < 0.5 * np.trace(np.mean(before, axis=0))
    np.testing.assert_allclose(np.mean(said, axis=0), np.mean(errors, axis=0), atol=0.06)


def test_the_coordinates_of_the_design_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    slopes, turn = rng.normal(size=(3, 40)) * 2.0, np.linalg.qr(rng.normal(size=(3, 3))).Q
    shrunk, uncertainty = shrink_slopes(slopes, 50, 0.1)
    turned, turned_uncertainty = shrink_slopes(turn @ slopes, 50, 0.1)
    np.testing.assert_allclose(turned, turn @ shrunk, atol=1e-10)
    np.testing.assert_allclose(turned_uncertainty, turn @ uncertainty @ turn.T, atol=1e-10)


def test_without_degrees_of_freedom_nothing_is_shrunk() -> None:
    slopes = np.random.default_rng(0).normal(size=(1, 50))
    same = [np.array_equal(shrink_slopes(slopes, degrees, 0.02)[0], slopes) for degrees in (2, 3)]
    assert same == [True, False]
