import numpy as np
import pytest

from normwise.classify import CLASSIFIERS, classifier_grid, importances, make_classifier
from normwise.errors import ClassifierError
from normwise.schema import ClassifierSection


def code_of(function, **section):
    with pytest.raises(ClassifierError) as caught:
        function(ClassifierSection(**section))
    return caught.value.code, caught.value.advice


@pytest.mark.parametrize("function", [make_classifier, classifier_grid])
def test_an_unknown_classifier_is_answered_with_the_nearest_name(function):
    assert code_of(function, name="logistics") == ("CLS-101", "did you mean 'logistic'?")
    assert code_of(function, name="Forest") == ("CLS-101", "did you mean 'forest'?")
    code, advice = code_of(function, name="transformer")
    assert code == "CLS-101"
    assert advice == "there is: linear, logistic, svm, forest, perceptron, neural, conv"


def test_fixed_settings_and_the_seed_reach_the_estimator():
    forest = make_classifier(ClassifierSection(name="forest", parameters={"n_estimators": 5}), random_state=9)
    assert (forest.n_estimators, forest.random_state) == (5, 9)
    fixed = make_classifier(ClassifierSection(name="forest", parameters={"random_state": 2}), random_state=9)
    assert fixed.random_state == 2
    assert make_classifier(ClassifierSection(name="linear"), 3) is not make_classifier(
        ClassifierSection(name="linear"), 3
    )


def test_the_solver_is_a_setting_of_linear_and_logistic():
    for name in ("linear", "logistic"):
        made = make_classifier(ClassifierSection(name=name, solver="gradient_descent"))
        assert made.solver == "gradient_descent"
        plain = make_classifier(ClassifierSection(name=name, solver="default"))
        assert plain.solver == make_classifier(ClassifierSection(name=name)).solver != "gradient_descent"
        assert code_of(make_classifier, name=name, solver="descent")[0] == "CLS-103"
    assert code_of(make_classifier, name="forest", solver="gradient_descent")[0] == "CLS-102"


def test_the_default_grid_leaves_out_what_is_fixed():
    assert classifier_grid(ClassifierSection()) == [{"C": C} for C in CLASSIFIERS["logistic"].grid["C"]]
    fixed = classifier_grid(ClassifierSection(name="svm", parameters={"C": 1.0}))
    assert fixed == [{"kernel": "linear"}, {"kernel": "rbf"}]
    nothing_left = classifier_grid(ClassifierSection(name="logistic", parameters={"C": 1.0}))
    assert nothing_left == [{}]


def test_a_grid_is_a_product_in_its_own_order():
    section = ClassifierSection(name="svm", grid={"C": [1, 0.1], "kernel": ["rbf", "linear"]})
    assert classifier_grid(section) == [
        {"C": 1, "kernel": "rbf"},
        {"C": 1, "kernel": "linear"},
        {"C": 0.1, "kernel": "rbf"},
        {"C": 0.1, "kernel": "linear"},
    ]


def test_wrong_grids_are_refused():
    assert code_of(classifier_grid, grid={"c": [1.0]}) == ("CLS-102", "did you mean 'C'?")
    assert code_of(classifier_grid, grid={"C": [1.0, "2"]})[0] == "CLS-103"
    assert code_of(classifier_grid, grid={"C": []})[0] == "CLS-104"
    assert code_of(classifier_grid, parameters={"C": 1.0}, grid={"C": [1.0]})[0] == "CLS-105"
    solver = {"solver": "gradient_descent", "grid": {"solver": ["newton"]}}
    assert code_of(classifier_grid, **solver)[0] == "CLS-105"


def test_importances_read_any_linear_model_and_nothing_else():
    class Linear:
        coef_ = np.array([[3.0, -4.0]])

    class OfNumber:
        coef_ = np.array([3.0, -4.0])

    class Several:
        coef_ = np.array([[3.0, 0.0], [-3.0, 2.0]])

    for model in (Linear(), OfNumber()):
        weights, kind = importances(model)
        assert (weights.tolist(), kind) == ([3.0, -4.0], "coefficient")
    weights, kind = importances(Several())
    assert weights == pytest.approx([3.0, np.sqrt(2.0)])
    assert kind == "coefficient size"
    assert importances(object()) is None


def test_study_values_from_toml_need_no_conversion():
    section = ClassifierSection.model_validate(
        {"name": "perceptron", "parameters": {"hidden_layer_sizes": [8, 4], "class_weight": {"ad": 2}}}
    )
    made = make_classifier(section)
    X = np.random.default_rng(0).normal(size=(20, 3))
    y = np.repeat(["ad", "normal"], 10).astype(object)
    assert made.fit(X, y).predict_proba(X).shape == (20, 2)
