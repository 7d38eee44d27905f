import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from normwise.classify import LogisticClassifier, SupportVectorClassifier
from normwise.errors import ClassifierError, NormwiseWarning


def people(n_samples, n_features, n_classes=2, seed=0, gap=1.0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, n_samples)
    X = rng.normal(size=(n_samples, n_features))
    X[:, 0] += gap * codes
    return X, codes


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("C", [0.01, 1.0])
@pytest.mark.parametrize("weight", [None, "balanced", {0: 3.0}])
@pytest.mark.parametrize("shape", [(60, 120), (120, 5)])
def test_two_classes_have_the_score_of_scikit_learn(shape, kernel, C, weight):
    X, y = people(*shape)
    model = SupportVectorClassifier(C, kernel=kernel, class_weight=weight).fit(X, y)
    other = SVC(C=C, kernel=kernel, class_weight=weight, gamma="scale").fit(X, y)
    score = (model.decision_function(X) - model.offset_) / model.slope_
    np.testing.assert_allclose(score, other.decision_function(X), atol=0.02)  # libsvm stops at 0.001
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expit(model.decision_function(X)), atol=1e-12)
    assert hasattr(model, "coef_") == (kernel == "linear")
    assert hasattr(model, "support_vectors_") == (kernel == "rbf")


def test_three_classes_are_compared_pair_by_pair():
    X, y = people(90, 4, 3, gap=2.0)
    model = SupportVectorClassifier(0.5, kernel="linear").fit(X, y)
    assert model.coef_.shape == (3, 4)
    for place, pair in enumerate([(0, 1), (0, 2), (1, 2)]):
        rows = np.isin(y, pair)
        other = SVC(C=0.5, kernel="linear").fit(X[rows], y[rows])
        np.testing.assert_allclose(model.coef_[place], other.coef_[0], atol=5e-3)
    odds = model.slope_ * (X @ model.coef_.T + model.intercept_) + model.offset_
    first = 1 / (1 + np.exp(odds[:, 0]) + np.exp(odds[:, 1]))
    second = 1 / (1 + np.exp(-odds[:, 0]) + np.exp(odds[:, 2]))
    third = 1 / (1 + np.exp(-odds[:, 1]) + np.exp(-odds[:, 2]))
    expected = np.column_stack([first, second, third])
    np.testing.assert_allclose(
        model.predict_proba(X), expected / expected.sum(axis=1, keepdims=True), atol=1e-12
    )


def test_a_class_in_the_middle_is_found():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], 30)
    X = rng.normal(size=(90, 3)) + 4.0 * y[:, None]
    found = SupportVectorClassifier(kernel="linear").fit(X, y).predict(X)
    assert (found == y)[y == 1].mean() > 0.95


def test_calibration_never_uses_scores_of_rows_a_machine_was_trained_on():
    # With far more features than people every machine parts its training rows; noise stays noise on others.
    X, y = people(60, 400, gap=0.0)
    model = SupportVectorClassifier(1.0, kernel="linear").fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) == 1.0
    assert model.predict_proba(X)[:, 1].max() < 0.8


def test_probabilities_are_near_those_of_logistic_regression_where_that_is_true():
    X, y = people(400, 3, gap=1.5)
    new, _ = people(200, 3, seed=1, gap=1.5)
    logistic = LogisticClassifier().fit(X, y).predict_proba(new)
    np.testing.assert_allclose(
        SupportVectorClassifier(0.1, kernel="linear").fit(X, y).predict_proba(new), logistic, atol=0.1
    )


def test_the_seed_moves_the_calibration_and_not_the_machine():
    X, y = people(60, 10)
    first, second = (SupportVectorClassifier(kernel="linear", random_state=seed).fit(X, y) for seed in (0, 1))
    np.testing.assert_array_equal(first.coef_, second.coef_)
    assert first.slope_ != second.slope_


def test_gamma_may_be_given():
    X, y = people(60, 10)
    model = SupportVectorClassifier(gamma=0.05).fit(X, y)
    other = SVC(gamma=0.05).fit(X, y)
    score = (model.decision_function(X) - model.offset_) / model.slope_
    np.testing.assert_allclose(score, other.decision_function(X), atol=1e-6)
    assert model.gamma_ == 0.05
    assert len(model.support_vectors_) == other.n_support_.sum()


def test_a_class_of_one_row_is_refused():
    X, y = people(20, 3)
    y = np.r_[np.zeros(19, dtype=int), 1]
    with pytest.raises(ClassifierError, match="class 1") as caught:
        SupportVectorClassifier().fit(X, y)
    assert caught.value.code == "CLS-110"


def test_steps_that_run_out_are_warned_of():
    X, y = people(120, 2, gap=0.2)
    with pytest.warns(NormwiseWarning, match="CLS-202"):
        SupportVectorClassifier(10.0, kernel="linear", folds=2).fit(1e6 * X, y)
