import numpy as np
from sklearn.ensemble import RandomForestClassifier

from normwise.classify import ForestClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
Y = np.where(X[:, 2] + 0.5 * RNG.normal(size=60) > 0, "normal", "ad").astype(object)


def test_it_is_the_forest_of_scikit_learn_in_the_training_rows_unit():
    unit = (X - X.mean(axis=0)) / X.std(axis=0)
    other = RandomForestClassifier(10, max_features=0.5, min_samples_leaf=3, max_depth=4, random_state=5)
    other.fit(unit, Y)
    model = ForestClassifier(10, max_features=0.5, min_samples_leaf=3, max_depth=4, random_state=5).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(unit))
    np.testing.assert_array_equal(model.feature_importances_, other.feature_importances_)


def test_far_from_zero_no_digit_is_lost():
    near = ForestClassifier(10).fit(X, Y).predict_proba(X)
    far = ForestClassifier(10).fit(X + 1e7, Y).predict_proba(X + 1e7)
    np.testing.assert_allclose(far, near, atol=0.2)


def test_a_whole_number_of_one_means_every_feature():
    every, one = (ForestClassifier(5, max_features=share).fit(X, Y) for share in (1.0, 1))
    np.testing.assert_array_equal(every.predict_proba(X), one.predict_proba(X))
