"""What every classifier of the dict keeps to; a new entry in the dict is tested at once."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from normwise.classify import CLASSIFIERS, classifier_grid, importances, make_classifier
from normwise.errors import ClassifierError
from normwise.schema import ClassifierSection, accepts, describe_type

# Small enough for a test; nothing else about them differs from the defaults.
QUICK = {"forest": {"n_estimators": 8}, "perceptron": {"hidden_layer_sizes": 4}, "neural": {"hidden": 4}}
# Networks for images have a contract of their own, in tests/classify/test_conv.py.
OF_FEATURES = [name for name, spec in CLASSIFIERS.items() if spec.takes == "features"]
VARIANTS = [(name, {}) for name in OF_FEATURES] + [
    ("svm", {"kernel": "linear"}),
    ("linear", {"solver": "gradient_descent"}),
    ("logistic", {"solver": "gradient_descent"}),
]
every_classifier = pytest.mark.parametrize("name", OF_FEATURES)
every_variant = pytest.mark.parametrize(
    ("name", "settings"), VARIANTS, ids=["-".join([name, *settings.values()]) for name, settings in VARIANTS]
)


def make(name, random_state=0, **settings):
    return CLASSIFIERS[name].make(random_state=random_state, **QUICK.get(name, {}), **settings)


def people(n_classes=2, per_class=20, n_features=8, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(n_classes), per_class)
    X = rng.normal(size=(len(codes), n_features))
    X[:, 0] += 1.5 * codes
    return X, np.array(["normal", "mci", "ad"], dtype=object)[codes]


@every_classifier
def test_settings_and_grid_agree(name):
    spec = CLASSIFIERS[name]
    defaults = spec.make(random_state=3).get_params()
    settings = spec.estimator.settings()
    assert set(defaults) == set(settings)
    for setting, value in defaults.items():
        assert accepts(settings[setting], value), setting
    for setting, values in spec.grid.items():
        assert len(set(values)) == len(values) > 1
        assert all(accepts(settings[setting], value) for value in values)
    assert defaults.get("random_state", 3) == 3
    assert spec.title
    assert (spec.estimator.__doc__ or "").count(">>>") > 0


@pytest.mark.parametrize("n_classes", [2, 3])
@every_variant
def test_reloaded_from_skops_it_predicts_the_same_bits(name, settings, n_classes):
    X, y = people(n_classes)
    model = make(name, **settings).fit(X, y)
    saved = skops.io.dumps(model)
    assert set(skops.io.get_untrusted_types(data=saved)) <= set(CLASSIFIERS[name].trusted)
    again = skops.io.loads(saved, trusted=list(CLASSIFIERS[name].trusted))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@every_classifier
def test_the_grid_is_fitted_as_if_each_setting_were_alone(name, n_classes):
    X, y = people(n_classes, per_class=12, n_features=40)
    settings = classifier_grid(ClassifierSection(name=name, parameters=QUICK.get(name, {})))
    # Backwards, so that the order of the answer is that of the question.
    settings = settings[::-1]
    models = make(name).fit_grid(X, y, settings)
    assert len(models) == len(settings) > 1
    for setting, model in zip(settings, models, strict=True):
        assert {key: model.get_params()[key] for key in setting} == setting
        alone = make(name).set_params(**setting).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X), atol=1e-6)
    assert make(name).fit_grid(X, y, []) == []


@every_classifier
def test_probabilities_follow_the_classes_whatever_the_labels_are(name):
    X, y = people()
    plain = make(name).fit(X, y)
    np.testing.assert_allclose(plain.predict_proba(X).sum(axis=1), 1.0)
    assert plain.classes_.tolist() == ["mci", "normal"]
    assert plain.score(X, y) > 0.7
    chosen = plain.classes_[plain.predict_proba(X).argmax(axis=1)]
    np.testing.assert_array_equal(plain.predict(X), chosen)
    for labels in (y == "normal", (y == "normal").astype(int) + 5, pd.Series(y, dtype="str")):
        same = make(name).fit(X, labels)
        np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), atol=1e-12)


@every_classifier
def test_log_probabilities_and_scores_agree_with_probabilities(name):
    for n_classes in (2, 3):
        X, y = people(n_classes)
        model = make(name).fit(X, y)
        probabilities = model.predict_proba(X)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities, atol=1e-12)
        if hasattr(model, "decision_function"):
            scores = model.decision_function(X)
            if n_classes == 2:
                np.testing.assert_allclose(
                    scores, np.log(probabilities[:, 1] / probabilities[:, 0]), atol=1e-9
                )
            else:
                apart = np.log(probabilities) - np.log(probabilities[:, :1])
                np.testing.assert_allclose(scores - scores[:, :1], apart, atol=1e-9)


@every_variant
def test_the_same_seed_gives_the_same_bits(name, settings):
    X, y = people(3)
    first, second = (make(name, random_state=7, **settings).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


PLAIN, LABELS = people()
FEW = np.r_[0:4, 20:24]
ODD = {
    "constant features": (np.full_like(PLAIN, 3.0), LABELS),
    "one constant feature": (np.where(np.arange(8) == 3, 7.0, PLAIN), LABELS),
    "four people a class": (PLAIN[FEW], LABELS[FEW]),
    "separable": (PLAIN + 1000.0 * (LABELS == "mci")[:, None], LABELS),
    "every person five times": (np.repeat(PLAIN[::5], 5, axis=0), np.repeat(LABELS[::5], 5)),
    "huge scale": (PLAIN * 1e12, LABELS),
    "tiny scale": (PLAIN * 1e-12, LABELS),
    "scales apart": (PLAIN * np.logspace(-6, 6, 8), LABELS),
    "far from zero": (PLAIN + 1e6, LABELS),
    "one feature": (PLAIN[:, :1], LABELS),
    "float32": (PLAIN.astype(np.float32), LABELS),
}


@pytest.mark.parametrize("case", ODD)
@every_classifier
def test_odd_cohorts_give_finite_probabilities_without_a_warning(name, case):
    X, y = ODD[case]
    probabilities = make(name).fit(X, y).predict_proba(X)
    assert np.isfinite(probabilities).all()
    assert ((probabilities >= 0.0) & (probabilities <= 1.0)).all()
    if case == "constant features":
        np.testing.assert_allclose(probabilities, 0.5, atol=0.15)  # a forest's own draws of rows vary
    if case == "separable":
        assert (probabilities.argmax(axis=1) == (y == "normal")).all()


@pytest.mark.parametrize(("bad", "said"), [(np.nan, "NaN"), (np.inf, "infinity")])
@every_classifier
def test_missing_and_infinite_values_are_refused(name, bad, said):
    X, y = people()
    X[3, 2] = bad
    with pytest.raises(ValueError, match=said):
        make(name).fit(X, y)
    clean, _ = people()
    model = make(name).fit(clean, y)
    with pytest.raises(ValueError, match=said):
        model.predict_proba(X)


@every_classifier
def test_one_class_is_refused_with_its_name(name):
    X, _ = people()
    with pytest.raises(ClassifierError, match="1 class") as caught:
        make(name).fit(X, np.full(len(X), "normal", dtype=object))
    assert caught.value.code == "CLS-107"
    assert "normal" in caught.value.seen


@every_classifier
def test_a_setting_of_another_type_or_out_of_bounds_is_refused_when_fitted_and_by_the_study(name):
    X, y = people()
    for setting, kind in CLASSIFIERS[name].estimator.settings().items():
        for wrong in ("nonsense", -1, float("nan"), [], object()):
            if accepts(kind, wrong):
                continue
            with pytest.raises(ClassifierError) as caught:
                clone(make(name)).set_params(**{setting: wrong}).fit(X, y)
            assert caught.value.code == "CLS-103"
            assert caught.value.expected.removesuffix(" or None") == describe_type(kind)
            assert caught.value.expected.endswith(" or None") == accepts(kind, None)
            with pytest.raises(ClassifierError, match=setting):
                make_classifier(ClassifierSection(name=name, parameters={setting: wrong}))
            with pytest.raises(ClassifierError, match=setting):
                classifier_grid(ClassifierSection(name=name, grid={setting: [wrong]}))


@every_classifier
def test_class_weights_pull_towards_the_heavier_class(name):
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 4))
    y = np.repeat(["ad", "normal"], [12, 48]).astype(object)
    X[:12, 0] += 1.0
    quick = {"min_samples_leaf": 5} if name == "forest" else {}
    shares = [
        make(name, class_weight=weight, **quick).fit(X, y).predict_proba(X)[:, 0].mean()
        for weight in ({"normal": 4.0}, None, "balanced", {"ad": 50.0})
    ]
    assert shares == sorted(shares)
    assert shares[1] == pytest.approx(0.2, abs=0.06)  # without weights the shares of the cohort stay
    with pytest.raises(ClassifierError, match="dementia") as caught:
        make(name, class_weight={"dementia": 2.0}).fit(X, y)
    assert caught.value.code == "CLS-106"


@every_variant
def test_importances_have_a_weight_a_feature_or_are_none(name, settings):
    for n_classes in (2, 3):
        X, y = people(n_classes)
        found = importances(make(name, **settings).fit(X, y))
        if found is None:
            assert name in ("svm", "perceptron", "neural")
            continue
        weights, kind = found
        assert weights.shape == (X.shape[1],)
        assert kind in ("coefficient", "coefficient size", "impurity")
        assert np.abs(weights).argmax() == 0  # the only feature that tells the classes apart
        if kind == "coefficient":
            assert weights[0] < 0  # "normal" is the last class and has the lower values


@every_classifier
def test_it_works_inside_scikit_learn(name):
    X, y = people(per_class=15)
    frame = pd.DataFrame(X, columns=[f"region_{place}.volume_mm3" for place in range(X.shape[1])])
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), make(name))
    out_of_fold = cross_val_predict(pipeline, frame, y, cv=3, method="predict_proba")
    assert out_of_fold.shape == (30, 2)
    setting, values = next(iter(CLASSIFIERS[name].grid.items()))
    search = GridSearchCV(make(name), {setting: values[:2]}, cv=3, scoring="roc_auc").fit(frame, y)
    assert search.best_params_[setting] in values
    assert search.best_estimator_.feature_names_in_.tolist() == list(frame.columns)
    fitted = make(name).fit_grid(frame, y, [{setting: value} for value in values])
    assert all(list(model.feature_names_in_) == list(frame.columns) for model in fitted)


@every_classifier
def test_a_second_fit_forgets_the_first(name):
    settings = [dict(each) for each_name, each in VARIANTS if each_name == name]
    X, y = people()
    for before, after in product(settings, settings):
        model = make(name).set_params(**before).fit(X, y)
        model.set_params(**{**make(name).get_params(), **after}).fit(X, y)
        assert set(vars(model)) == set(vars(make(name, **after).fit(X, y)))
