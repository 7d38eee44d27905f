import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.svm import SVR

from normwise.classify import (
    REGRESSORS,
    LinearRegressor,
    RidgeRegressor,
    SupportVectorRegressor,
    classifier_grid,
    make_classifier,
)
from normwise.errors import ClassifierError
from normwise.schema import ClassifierSection, FittedParts

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5)) * [1, 2, 3, 1, 1] + 5
Y = X @ [1.0, 0.5, 0.0, -1.0, 0.0] + RNG.normal(size=80) + 60
NEW = RNG.normal(size=(20, 5)) + 5


@pytest.mark.parametrize("solver", ["closed_form", "gradient_descent"])
def test_linear_is_least_squares_by_either_solver(solver):
    model = LinearRegressor(solver=solver).fit(X, Y)
    np.testing.assert_allclose(model.predict(NEW), LinearRegression().fit(X, Y).predict(NEW), rtol=1e-5)


def test_ridge_is_that_of_scikit_learn_for_each_setting_of_a_grid():
    alphas = [1000.0, 10.0, 0.1]
    for model, alpha in zip(
        RidgeRegressor().fit_grid(X, Y, [{"alpha": a} for a in alphas]), alphas, strict=True
    ):
        np.testing.assert_allclose(model.predict(NEW), Ridge(alpha).fit(X, Y).predict(NEW), rtol=1e-9)


def test_more_features_than_rows_have_the_shortest_weights():
    wide, few = RNG.normal(size=(10, 30)), RNG.normal(size=10)
    other = LinearRegression().fit(wide, few)
    np.testing.assert_allclose(LinearRegressor().fit(wide, few).coef_, other.coef_, atol=1e-9)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_svr_is_that_of_scikit_learn_on_numbers_in_their_own_unit(kernel):
    centred, aims = X - X.mean(axis=0), (Y - Y.mean()) / Y.std()
    other = SVR(kernel=kernel, C=2.0, epsilon=0.1, gamma=1 / (X.var() * 5)).fit(centred, aims)
    expected = other.predict(NEW - X.mean(axis=0)) * Y.std() + Y.mean()
    model = SupportVectorRegressor(2.0, kernel=kernel).fit(X, Y)
    np.testing.assert_allclose(model.predict(NEW), expected, rtol=1e-3)


OF_FEATURES = sorted(name for name, spec in REGRESSORS.items() if spec.takes == "features")


@pytest.mark.parametrize("name", OF_FEATURES)
def test_each_regressor_learns_beats_the_mean_and_holds_what_it_says(name):
    section = ClassifierSection(name=name)
    model = make_classifier(section, 0, REGRESSORS)
    for each in model.fit_grid(X, Y, classifier_grid(section, REGRESSORS)[-1:]):
        assert np.abs(each.predict(X) - Y).mean() < 0.8 * np.abs(Y - Y.mean()).mean()
        assert each.predict(X[:1] + 0).tolist() == pytest.approx(each.predict(X)[:1].tolist())
        each.check_parts(FittedParts(each))
        shifted = type(each)(**each.get_params()).fit(X, 100 * Y + 7)
        np.testing.assert_allclose(shifted.predict(NEW), 100 * each.predict(NEW) + 7, rtol=2e-2)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_parts_that_no_training_leaves_are_refused(name):
    model = make_classifier(ClassifierSection(name=name), 0, REGRESSORS).fit(X, Y)
    part = {"svr": "dual_coef_", "forest": "centre_", "neural": "centre_"}.get(name, "coef_")
    setattr(model, part, getattr(model, part)[:-1])
    with pytest.raises(ValueError):
        model.check_parts(FittedParts(model))


@pytest.mark.parametrize("name", OF_FEATURES)
def test_one_number_for_all_rows_teaches_nothing(name):
    with pytest.raises(ClassifierError) as caught:
        make_classifier(ClassifierSection(name=name), 0, REGRESSORS).fit(X, np.full(80, 3.0))
    assert caught.value.code == "CLS-112"
    two = np.r_[np.full(79, 3.0), 4.0]
    make_classifier(ClassifierSection(name=name), 0, REGRESSORS).fit(X, two)


def test_a_name_of_the_other_kind_says_which_key_to_write():
    with pytest.raises(ClassifierError) as caught:
        make_classifier(ClassifierSection(name="ridge"))
    assert caught.value.code == "CLS-101"
    assert "cohort.target" in caught.value.advice
    with pytest.raises(ClassifierError) as caught:
        make_classifier(ClassifierSection(name="logistic"), 0, REGRESSORS)
    assert "regressor" in caught.value.problem
    assert "tells classes apart" in caught.value.advice
