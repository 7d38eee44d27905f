import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from normwise.classify import LogisticClassifier
from normwise.errors import ClassifierError, NormwiseWarning

PATH = [0.0001, 0.01, 1.0, 100.0]


def people(n_samples, n_features, n_classes, seed=0):
    """Return correlated features, as brain regions are, and classes that three of them tell apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    X += rng.normal(size=(n_samples, 4)) @ rng.normal(size=(4, n_features))
    cuts = np.linspace(-1, 1, n_classes + 1)[1:-1] * 2
    codes = np.digitize(X[:, :3].sum(axis=1) + rng.normal(size=n_samples), cuts)
    return X / X.std(axis=0), np.array(["ad", "mci", "normal"], dtype=object)[codes]


# With some BLAS its line search can't see the last digit's decrease, and its own other solver ends the work.
@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weight", [None, "balanced"])
@pytest.mark.parametrize("shape", [(60, 200), (200, 20), (50, 50)])
def test_the_path_holds_the_models_of_scikit_learn(shape, n_classes, weight):
    X, y = people(*shape, n_classes)
    models = LogisticClassifier(class_weight=weight).fit_grid(X, y, [{"C": C} for C in PATH])
    for C, model in zip(PATH, models, strict=True):
        # Its default solver stops early; this one can be asked for the optimum itself.
        other = LogisticRegression(
            C=C, class_weight=weight, solver="newton-cholesky", tol=1e-12, max_iter=500
        ).fit(X, y)
        assert model.C == C
        assert model.classes_.tolist() == other.classes_.tolist()
        np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-6 * np.abs(other.coef_).max())
        np.testing.assert_allclose(model.intercept_, other.intercept_, atol=1e-6)
        np.testing.assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-8)


def test_probabilities_of_the_default_scikit_learn_model_agree_to_its_tolerance():
    X, y = people(115, 600, 2)
    for C in (0.001, 0.1, 10.0):
        other = LogisticRegression(C=C, tol=1e-8, max_iter=10_000).fit(X, y).predict_proba(X)
        np.testing.assert_allclose(LogisticClassifier(C).fit(X, y).predict_proba(X), other, atol=1e-5)


def test_features_of_wildly_different_scale_still_reach_the_optimum():
    X, y = people(20, 30, 2)
    X *= np.logspace(-4, 6, 30)
    # The weakest penalty of a grid decides how exactly the rows are turned for all of it.
    for model in LogisticClassifier().fit_grid(X, y, [{"C": 1e-15}, {"C": 1.0}]):
        first, last = model.predict_proba(X).T
        gradient = X.T @ np.where(y == model.classes_[1], -first, last)
        # The optimum's own equation, w = −C X'(p − y), feature by feature.
        np.testing.assert_allclose(
            model.coef_[0], -model.C * gradient, rtol=1e-5, atol=1e-7 * np.abs(model.coef_).max()
        )


def test_a_weight_of_two_is_a_row_written_twice():
    X, y = people(40, 60, 3)
    times = np.random.default_rng(1).integers(1, 4, 40)
    weighted = LogisticClassifier().fit(X, y, sample_weight=times)
    repeated = LogisticClassifier().fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    with pytest.raises(ValueError, match="Negative values"):
        LogisticClassifier().fit(X, y, sample_weight=-times)


def test_a_grid_may_mix_weights_and_solvers():
    X, y = people(40, 60, 2)
    settings = [
        {"C": 0.1, "class_weight": "balanced"},
        {"C": 1.0},
        {"C": 0.1, "solver": "gradient_descent"},
        {"C": 0.01},
    ]
    for setting, model in zip(settings, LogisticClassifier().fit_grid(X, y, settings), strict=True):
        alone = LogisticClassifier(**setting).fit(X, y)
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-8)
        assert hasattr(model, "cost_curve_") == ("solver" in setting)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("shape", [(30, 60), (80, 6)])
def test_gradient_descent_ends_at_the_optimum(shape, n_classes):
    X, y = people(*shape, n_classes)
    newton = LogisticClassifier(0.1, class_weight="balanced").fit(X, y)
    descended = LogisticClassifier(0.1, class_weight="balanced", solver="gradient_descent").fit(X, y)
    np.testing.assert_allclose(descended.coef_, newton.coef_, atol=1e-6)
    np.testing.assert_allclose(descended.predict_proba(X), newton.predict_proba(X), atol=1e-6)
    assert descended.cost_curve_[0] == pytest.approx(np.log(n_classes))
    assert (np.diff(descended.cost_curve_) <= 1e-15).all()


def test_a_diverging_rate_is_refused_and_a_slow_one_is_warned_of():
    X, y = people(40, 10, 2)
    with pytest.raises(ClassifierError, match="learning rate 1000") as caught:
        LogisticClassifier(solver="gradient_descent", learning_rate=1000.0).fit(X, y)
    assert caught.value.code == "CLS-108"
    assert "largest stable one" in caught.value.expected
    with pytest.warns(NormwiseWarning, match=r"CLS-201 .* after 5 steps .* is reachable") as caught:
        LogisticClassifier(solver="gradient_descent", max_steps=5).fit(X, y)
    least = LogisticClassifier(solver="gradient_descent").fit(X, y).cost_curve_[-1]
    assert f"of which {least:.6g} is reachable" in str(caught[0].message)


def test_steps_that_run_out_are_warned_of(monkeypatch):
    monkeypatch.setattr("normwise.classify.solvers.newton._MOST_STEPS", 2)
    X, y = people(40, 10, 2)
    with pytest.warns(NormwiseWarning, match="CLS-203"):
        LogisticClassifier().fit(X, y, sample_weight=np.linspace(0.5, 1.5, 40))


@pytest.mark.parametrize("gap", [0.7, 30.0])
@pytest.mark.parametrize("features", [90, 8])
def test_few_people_are_fitted_from_their_products_to_the_same_model(features: int, gap: float) -> None:
    rng = np.random.default_rng(0)
    y = np.array(["normal", "AD"], dtype=object)[np.arange(60) % 2]
    X = rng.normal(size=(60, features)) + 3.0
    X[:, :3] += gap * (y == "AD")[:, None]
    settings = [{"C": value} for value in (10.0, 1e-4, 1.0, 0.01)]
    # A weight for every row takes the general way.
    for setting, model in zip(settings, LogisticClassifier().fit_grid(X, y, settings), strict=True):
        general = LogisticClassifier(**setting, class_weight={"AD": 1.0 + 1e-13}).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), general.predict_proba(X), rtol=0, atol=1e-7)
        assert model.n_iter_ >= 1
