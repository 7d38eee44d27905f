import numpy as np
import pytest

from normwise.classify.solvers.row_space import to_row_space


def centred(n_samples, n_features, seed=0):
    rows = np.random.default_rng(seed).normal(size=(n_samples, n_features))
    return rows - rows.mean(axis=0)


@pytest.mark.parametrize("strength", [1.0, np.inf], ids=["gram", "svd"])
@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (15, 15)])
def test_coordinates_keep_every_inner_product(shape, strength):
    rows = centred(*shape)
    span = to_row_space(rows, strength)
    np.testing.assert_allclose(span.coordinates @ span.coordinates.T, rows @ rows.T, atol=1e-10)
    inner = span.coordinates.T @ span.coordinates
    np.testing.assert_allclose(inner, np.diag(span.squares), atol=1e-10)
    assert (np.diff(span.squares) >= 0).all()
    assert span.coordinates.shape[1] == min(shape[0] - 1, shape[1])


@pytest.mark.parametrize("strength", [1.0, np.inf], ids=["gram", "svd"])
@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_weights_go_back_to_features_with_their_length_and_scores(shape, strength):
    rows = centred(*shape)
    span = to_row_space(rows, strength)
    weights = np.random.default_rng(1).normal(size=(span.coordinates.shape[1], 2))
    back = span.back(weights)
    assert back.shape == (2, shape[1])
    np.testing.assert_allclose(rows @ back.T, span.coordinates @ weights, atol=1e-10)
    np.testing.assert_allclose((back**2).sum(axis=1), (weights**2).sum(axis=0), rtol=1e-10)


@pytest.mark.parametrize("strength", [1.0, np.inf], ids=["gram", "svd"])
def test_rows_without_spread_have_no_dimension(strength):
    span = to_row_space(np.zeros((5, 3)), strength)
    assert span.coordinates.shape == (5, 0)
    np.testing.assert_array_equal(span.back(np.zeros((0, 1))), np.zeros((1, 3)))


def test_features_of_huge_scale_take_the_way_that_loses_no_digits():
    rows = centred(10, 30) * np.where(np.arange(30) < 2, 1e9, 1.0)
    assert to_row_space(rows, 1e-12).basis is None
    exact = to_row_space(rows, 1.0)
    assert exact.basis is not None
    # Eight directions carry the small features; the Gram matrix would have lost them in its rounding error.
    assert (exact.squares < 1e4).sum() == 7
    np.testing.assert_allclose(exact.basis.T @ exact.basis, np.eye(9), atol=1e-10)
