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
        pull = X.T @ np.where(y == model.classes_[1], -first, last)
        # The optimum's own equation, w = −C X'(p − y), feature by feature.
        np.testing.assert_allclose(
            model.coef_[0], -model.C * pull, rtol=1e-5, atol=1e-7 * np.abs(model.coef_).max()
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
    settled = LogisticClassifier(0.1, class_weight="balanced").fit(X, y)
    walked = LogisticClassifier(0.1, class_weight="balanced", solver="gradient_descent").fit(X, y)
    np.testing.assert_allclose(walked.coef_, settled.coef_, atol=1e-6)
    np.testing.assert_allclose(walked.predict_proba(X), settled.predict_proba(X), atol=1e-6)
    assert walked.cost_curve_[0] == pytest.approx(np.log(n_classes))
    assert (np.diff(walked.cost_curve_) <= 1e-15).all()


def test_a_diverging_rate_is_refused_and_a_slow_one_is_told():
    X, y = people(40, 10, 2)
    with pytest.raises(ClassifierError, match="learning rate 1000") as caught:
        LogisticClassifier(solver="gradient_descent", learning_rate=1000.0).fit(X, y)
    assert caught.value.code == "CLS-108"
    assert "largest stable one" in caught.value.expected
    with pytest.warns(NormwiseWarning, match=r"CLS-201 .* after 5 steps"):
        LogisticClassifier(solver="gradient_descent", max_steps=5).fit(X, y)


def test_steps_that_run_out_are_told(monkeypatch):
    monkeypatch.setattr("normwise.classify.solvers.newton._MOST_STEPS", 2)
    X, y = people(40, 10, 2)
    with pytest.warns(NormwiseWarning, match="CLS-203"):
        LogisticClassifier().fit(X, y)


SETTINGS = [{"C": value} for value in (10.0, 1e-4, 1.0, 0.01)]


def two_classes(
    people: int = 60, features: int = 90, gap: float = 0.7
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.array(["normal", "AD"], dtype=object)[np.arange(people) % 2]
    X = rng.normal(size=(people, features)) + 3.0
    X[:, :3] += gap * (y == "AD")[:, None]
    return X[20:], y[20:], X[:20]


@pytest.mark.parametrize("gap", [0.7, 30.0])
@pytest.mark.parametrize("features", [90, 8])
def test_the_probabilities_of_a_grid_are_those_of_its_models(features: int, gap: float) -> None:
    X, y, unseen = two_classes(features=features, gap=gap)
    tables, classes = LogisticClassifier().predict_grid(X, y, SETTINGS, unseen)
    assert classes == ["AD", "normal"]
    for table, setting in zip(tables, SETTINGS, strict=True):
        expected = LogisticClassifier(**setting).fit(X, y).predict_proba(unseen)
        assert np.allclose(table, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("settings", [{"class_weight": "balanced"}, {"solver": "gradient_descent"}])
def test_a_grid_of_other_solvers_and_weights_is_fitted(settings: dict[str, str]) -> None:
    X, y, unseen = two_classes(features=90)
    model = LogisticClassifier(C=0.01, **settings)
    (table,), _ = model.predict_grid(X, y, [{"C": 0.01}], unseen)
    assert np.array_equal(table, model.fit(X, y).predict_proba(unseen))


def test_a_grid_of_three_classes() -> None:
    X, y, unseen = two_classes()
    y = np.array(["a", "b", "c"], dtype=object)[np.arange(len(y)) % 3]
    (table,), classes = LogisticClassifier().predict_grid(X, y, [{"C": 0.1}], unseen)
    assert classes == ["a", "b", "c"]
    assert np.allclose(table.sum(axis=1), 1.0)
