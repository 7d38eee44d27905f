import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from normwise.classify import PerceptronClassifier
from normwise.errors import NormwiseWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 5))
Y = np.where(X[:, 0] * X[:, 1] > 0, "normal", "ad").astype(object)


def test_it_is_the_network_of_scikit_learn_on_standardised_features():
    unit = (X - X.mean(axis=0)) / X.std(axis=0)
    other = MLPClassifier((3, 2), activation="tanh", alpha=1.0, solver="lbfgs", max_iter=2000, random_state=4)
    model = PerceptronClassifier([3, 2], alpha=1.0, random_state=4).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), other.fit(unit, Y).predict_proba(unit), atol=1e-12)


def test_it_learns_what_no_line_can():
    assert PerceptronClassifier(alpha=0.1).fit(X, Y).score(X, Y) > 0.95


def test_the_unit_of_a_feature_does_not_matter():
    scaled = X * [1e-3, 1.0, 1e3, 1e6, 1.0] + 5.0
    plain = PerceptronClassifier().fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(PerceptronClassifier().fit(scaled, Y).predict_proba(scaled), plain, atol=1e-3)


def test_steps_that_run_out_are_warned_of_once():
    with pytest.warns(NormwiseWarning, match=r"CLS-204 .* after 3 steps") as caught:
        PerceptronClassifier(max_iter=3).fit(X, Y)
    assert len(caught) == 1
