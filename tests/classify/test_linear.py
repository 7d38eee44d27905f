import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, roc_auc_score

from normwise.classify import LinearClassifier
from normwise.classify.linear import _leave_one_out
from normwise.classify.solvers.row_space import to_row_space
from normwise.errors import ClassifierError


def people(n_samples, n_features, n_classes, seed=0, gap=1.0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, n_samples)
    X = rng.normal(size=(n_samples, n_features))
    X[:, 0] += gap * codes
    return X, codes


def row_weights(codes, wanted):
    return np.ones(len(codes)) if wanted is None else 1.0 / np.bincount(codes)[codes] * 7.0


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize("shape", [(40, 90), (90, 12)])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 300.0])
def test_coefficients_are_those_of_ridge_regression_on_indicators(shape, n_classes, weight, alpha):
    X, codes = people(*shape, n_classes)
    columns = np.eye(n_classes)[codes]
    columns = columns[:, 1:] if n_classes == 2 else columns
    balanced = len(codes) / (n_classes * np.bincount(codes))[codes]
    ridge = Ridge(alpha, solver="svd").fit(X, columns, sample_weight=None if weight is None else balanced)
    model = LinearClassifier(alpha, class_weight=weight).fit(X, codes)
    np.testing.assert_allclose(model.coef_, ridge.coef_.reshape(model.coef_.shape), atol=1e-10)
    np.testing.assert_allclose(model.intercept_, np.atleast_1d(ridge.intercept_), atol=1e-10)


@pytest.mark.parametrize("shape", [(20, 50), (50, 8)])
def test_without_a_penalty_the_shortest_least_squares_solution_is_taken(shape):
    X, codes = people(*shape, 2)
    model = LinearClassifier(0.0).fit(X, codes)
    expected = np.linalg.lstsq(X - X.mean(axis=0), codes - codes.mean(), rcond=None)[0]
    np.testing.assert_allclose(model.coef_[0], expected, atol=1e-10)


@pytest.mark.parametrize("shape", [(14, 30), (30, 6), (15, 14)])
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_leave_one_out_scores_are_those_of_refitting_without_the_row(shape, alpha, weighted):
    X, codes = people(*shape, 3)
    weights = row_weights(codes, "balanced") if weighted else np.ones(len(codes))
    indicators = np.eye(3)[codes]

    def parts(rows):
        share = weights[rows] / weights[rows].sum()
        centre, base = share @ X[rows], share @ indicators[rows]
        root = np.sqrt(weights[rows])[:, None]
        return centre, base, root * (X[rows] - centre), root * (indicators[rows] - base)

    everybody = np.arange(len(codes))
    centre, base, rows, _ = parts(everybody)
    span = to_row_space(rows, 1.0 / alpha if alpha else np.inf)
    shortcut = _leave_one_out(span, indicators - base, weights, alpha)
    for left_out in everybody[::4]:
        centre, _, rows, aims = parts(np.delete(everybody, left_out))
        ridge = np.vstack([rows, np.sqrt(alpha) * np.eye(X.shape[1])])
        coefficients = np.linalg.lstsq(ridge, np.vstack([aims, np.zeros((X.shape[1], 3))]), rcond=None)[0]
        np.testing.assert_allclose(shortcut[left_out], (X[left_out] - centre) @ coefficients, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_the_documented_function_of_the_scores(n_classes):
    X, codes = people(60, 10, n_classes)
    model = LinearClassifier(5.0).fit(X, codes)
    scores = X @ model.coef_.T + model.intercept_
    if n_classes == 2:
        scores = np.column_stack([1 - scores, scores])
    base = np.bincount(codes) / 60
    np.testing.assert_allclose(model.base_rates_, base)
    expected = softmax(np.log(base) + model.slope_ * (scores - base) / base, axis=1)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)


def test_the_auc_is_that_of_the_least_squares_score():
    X, codes = people(80, 300, 2, gap=0.3)
    test_X, test_codes = people(80, 300, 2, seed=1, gap=0.3)
    model = LinearClassifier(1.0).fit(X, codes)
    score = test_X @ model.coef_[0] + model.intercept_[0]
    assert roc_auc_score(test_codes, model.predict_proba(test_X)[:, 1]) == roc_auc_score(test_codes, score)


def test_the_slope_makes_new_people_likelier_than_the_bare_first_step():
    X, codes = people(60, 200, 2, gap=3.0)
    test_X, test_codes = people(200, 200, 2, seed=1, gap=3.0)
    model = LinearClassifier(100.0).fit(X, codes)
    with_slope = log_loss(test_codes, model.predict_proba(test_X))
    model.slope_ = 1.0
    assert with_slope < log_loss(test_codes, model.predict_proba(test_X)) - 0.01


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize("shape", [(30, 60), (60, 6)])
def test_gradient_descent_ends_at_the_closed_form(shape, n_classes, weight):
    X, codes = people(*shape, n_classes)
    closed = LinearClassifier(3.0, class_weight=weight).fit(X, codes)
    descended = LinearClassifier(3.0, class_weight=weight, solver="gradient_descent").fit(X, codes)
    np.testing.assert_allclose(descended.coef_, closed.coef_, atol=1e-7)
    np.testing.assert_allclose(descended.predict_proba(X), closed.predict_proba(X), atol=1e-6)
    assert (np.diff(descended.cost_curve_) <= 1e-15).all()
    assert descended.n_iter_ == len(descended.cost_curve_) - 1
    columns = np.eye(n_classes)[codes][:, 1:] if n_classes == 2 else np.eye(n_classes)[codes]
    gaps = X @ descended.coef_.T + descended.intercept_ - columns
    share = row_weights(codes, weight) / row_weights(codes, weight).sum()
    least = 0.5 * share @ (gaps**2).sum(axis=1) + 0.5 * 3.0 / len(codes) * (descended.coef_**2).sum()
    assert descended.cost_curve_[-1] == pytest.approx(least, rel=1e-10)


def test_a_rate_too_high_is_refused_with_the_largest_stable_one():
    X, codes = people(30, 5, 2)
    stable = LinearClassifier(0.0, solver="gradient_descent").fit(X, codes)
    gram = (X - X.mean(axis=0)).T @ (X - X.mean(axis=0)) / 30
    limit = 2.0 / (max(np.linalg.eigvalsh(gram)[-1], 1.0))
    with pytest.raises(ClassifierError, match=f"{limit * 1.05:.4g}") as caught:
        LinearClassifier(0.0, solver="gradient_descent", learning_rate=limit * 1.05).fit(X, codes)
    assert caught.value.code == "CLS-108"
    assert f"{limit:.4g}" in caught.value.expected
    close = LinearClassifier(0.0, solver="gradient_descent", learning_rate=limit * 0.95).fit(X, codes)
    np.testing.assert_allclose(close.coef_, stable.coef_, atol=1e-7)
