import numpy as np
import pytest

from normwise.classify import LinearClassifier, LogisticClassifier
from normwise.errors import ClassifierError

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.repeat(["ad", "mci", "normal"], [2, 4, 6]).astype(object)


def test_balanced_weights_give_every_class_the_same_sum():
    balanced = LogisticClassifier(class_weight="balanced").fit(X, Y)
    named = LogisticClassifier(class_weight={"ad": 2.0, "normal": 2 / 3}).fit(X, Y)  # 1 where it is not named
    np.testing.assert_allclose(named.coef_, balanced.coef_, rtol=1e-9)


def test_a_class_whose_rows_weigh_nothing_is_refused():
    with pytest.raises(ClassifierError, match="class mci") as caught:
        LogisticClassifier().fit(X, Y, sample_weight=(Y != "mci").astype(float))
    assert caught.value.code == "CLS-111"


def test_rows_with_names_must_come_back_with_them():
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = LinearClassifier().fit(frame, Y)
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[["b", "a", "c"]])


def test_a_refused_setting_leaves_the_earlier_fit():
    model = LogisticClassifier().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ClassifierError):
        model.set_params(C=-1.0).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_an_unknown_parameter_of_a_grid_is_refused():
    with pytest.raises(ValueError, match="strength"):
        LogisticClassifier().fit_grid(X, Y, [{"strength": 1.0}])


def test_rows_that_are_right_as_they_are_are_learnt_as_others_are():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = np.where(X[:, 0] + rng.normal(size=40) > 0, "AD", "normal").astype(object)
    plain, checked = LogisticClassifier().fit(X, y), LogisticClassifier().fit(X.tolist(), y.tolist())
    assert plain.classes_.tolist() == checked.classes_.tolist() == ["AD", "normal"]
    assert plain.n_features_in_ == checked.n_features_in_ == 5
    np.testing.assert_array_equal(plain.coef_, checked.coef_)


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        ([[np.nan], [1.0]], ["a", "b"], "NaN"),
        ([[0.0], [1.0]], ["a", "b", "b"], "inconsistent numbers of samples"),
        ([[0.0], [1.0]], ["a", None], "None|NaN"),
        ([[0.0], [1.0]], ["a", 1.5], "not supported between"),
    ],
)
def test_rows_that_are_not_right_are_refused(X, y, words):
    with pytest.raises((ValueError, TypeError), match=words):
        LogisticClassifier().fit(np.array(X), np.array(y, dtype=object))
