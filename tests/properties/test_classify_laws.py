"""Laws of the classifiers, over cohorts that hypothesis draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from normwise.classify import CLASSIFIERS, descend

CONVEX = ("linear", "logistic")
QUICK = {"forest": {"n_estimators": 5}, "perceptron": {"hidden_layer_sizes": 3}}


@st.composite
def cohorts(draw, classes=(2, 3)):
    n_classes = draw(st.sampled_from(classes))
    per_class = draw(st.integers(3, 12))
    n_features = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    codes = np.repeat(np.arange(n_classes), per_class)
    X = rng.normal(size=(len(codes), n_features)) * 10.0 ** draw(st.integers(-2, 2))
    X[:, 0] += draw(st.floats(0, 3)) * codes * X[:, 0].std()
    return X + draw(st.sampled_from([0.0, 50.0])), np.array(["ad", "mci", "normal"], dtype=object)[codes]


def make(name, **settings):
    return CLASSIFIERS[name].make(random_state=0, **QUICK.get(name, {}), **settings)


@pytest.mark.parametrize("name", [name for name, spec in CLASSIFIERS.items() if spec.takes == "features"])
@settings(max_examples=15)
@given(cohort=cohorts())
def test_probabilities_lie_in_the_unit_interval_and_add_up(name, cohort):
    X, y = cohort
    probabilities = make(name).fit(X, y).predict_proba(X)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", CONVEX)
@given(cohort=cohorts(), seed=st.integers(0, 100))
def test_the_order_of_rows_and_of_columns_does_not_matter(name, cohort, seed):
    X, y = cohort
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    plain = make(name).fit(X, y).predict_proba(X)
    moved = make(name).fit(X[rows][:, columns], y[rows]).predict_proba(X[:, columns])
    np.testing.assert_allclose(moved, plain, atol=1e-6)


@pytest.mark.parametrize("name", CONVEX)
@given(cohort=cohorts(classes=(2,)))
def test_swapping_the_labels_mirrors_the_probabilities(name, cohort):
    X, y = cohort
    swapped = np.where(y == "ad", "mci", "ad").astype(object)
    plain, mirrored = make(name).fit(X, y), make(name).fit(X, swapped)
    np.testing.assert_allclose(mirrored.predict_proba(X), plain.predict_proba(X)[:, ::-1], atol=1e-6)


@given(cohort=cohorts(), C=st.sampled_from([0.01, 1.0, 50.0]))
def test_the_cohort_twice_with_half_the_c_is_the_same_logistic_model(cohort, C):
    X, y = cohort
    once = make("logistic", C=C).fit(X, y)
    twice = make("logistic", C=C / 2).fit(np.vstack([X, X]), np.r_[y, y])
    np.testing.assert_allclose(twice.decision_function(X), once.decision_function(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CONVEX)
@given(cohort=cohorts(), shift=st.floats(-100, 100))
def test_shifting_a_feature_for_everybody_changes_nothing(name, cohort, shift):
    X, y = cohort
    plain = make(name).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(make(name).fit(X + shift, y).predict_proba(X + shift), plain, atol=1e-6)


@pytest.mark.parametrize("name", CONVEX)
@given(cohort=cohorts(), seed=st.integers(0, 100))
def test_rotating_the_features_changes_nothing(name, cohort, seed):
    X, y = cohort
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(X.shape[1], X.shape[1])))[0]
    plain = make(name).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(make(name).fit(X @ turn, y).predict_proba(X @ turn), plain, atol=1e-6)


@settings(max_examples=20)
@given(cohort=cohorts(classes=(2,)), kernel=st.sampled_from(["linear", "rbf"]))
def test_calibration_keeps_the_order_of_people(cohort, kernel):
    X, y = cohort
    model = make("svm", kernel=kernel).fit(X, y)
    score = (model.decision_function(X) - model.offset_) / model.slope_
    patients = y == model.classes_[1]
    assert model.slope_[0] > 0
    assert roc_auc_score(patients, model.decision_function(X)) == pytest.approx(
        roc_auc_score(patients, score), abs=1e-9
    )


@pytest.mark.parametrize("cost", ["squared", "cross_entropy"])
@given(cohort=cohorts(), share=st.floats(0.05, 0.99), penalty=st.sampled_from([0.0, 0.1]))
def test_descent_below_the_stable_rate_never_diverges(cost, cohort, share, penalty):
    X, y = cohort
    targets = np.eye(len(set(y)))[np.unique(y, return_inverse=True)[1]]
    first = descend(X, targets, cost=cost, steps=1, penalty=penalty)
    descent = descend(X, targets, cost=cost, rate=share * first.stable_rate, steps=60, penalty=penalty)
    assert descent.outcome != "diverged"
    assert (np.diff(descent.costs) <= 1e-9 * descent.costs[0]).all()
