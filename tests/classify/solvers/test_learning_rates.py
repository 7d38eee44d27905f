import numpy as np
import pytest

from normwise.classify import Descent, compare_rates
from normwise.classify.solvers.learning_rates import refuse_divergence
from normwise.errors import ClassifierError


def people(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, 60)
    X = rng.normal(size=(60, 10))
    X[:, 0] += codes
    return X, np.array(["ad", "mci", "normal"], dtype=object)[codes]


@pytest.mark.parametrize("cost", ["squared", "cross_entropy"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_low_creeps_adequate_settles_and_high_diverges_in_finite_numbers(cost, n_classes):
    X, y = people(n_classes)
    X = X + 7.0  # where a feature begins must not matter
    low, adequate, high = compare_rates(X, y, cost=cost, steps=80).values()
    assert len(low.y) == len(adequate.y) == 81
    assert low.y[0] == adequate.y[0] == high.y[0]
    assert adequate.y[-1] < low.y[-1] < low.y[0]
    fall = low.y[0] - adequate.y[-1]
    assert low.y[5] > low.y[0] - 0.2 * fall
    assert adequate.y[20] < adequate.y[-1] + 0.2 * fall
    assert high.y[-1] > 5 * high.y[0]
    assert np.isfinite([*low.y, *adequate.y, *high.y]).all()
    assert high.x == list(range(len(high.y)))


def test_separable_people_still_show_a_diverging_rate():
    X = np.r_[-1.0, -2.0, 1.0, 2.0][:, None]
    *_, high = compare_rates(X, ["a", "a", "b", "b"]).values()
    assert high.y[-1] > high.y[0]
    # Any step is in the right direction here, so that the cost can only swing.
    *_, high = compare_rates(X, ["a", "a", "b", "b"], cost="cross_entropy").values()
    assert (np.diff(high.y) > 0.1).any()


def test_titles_name_the_rates():
    X, y = people(2)
    titles = list(compare_rates(X, y))
    assert [title.rsplit(maxsplit=1)[0] for title in titles] == ["low rate", "adequate rate", "high rate"]
    low, adequate, high = (float(title.rsplit(maxsplit=1)[1]) for title in titles)
    assert low == pytest.approx(adequate / 50, rel=0.01)
    assert high > 2 * adequate


def test_a_constant_feature_is_left_out_and_constant_features_are_refused():
    X, y = people(2)
    with_constant = np.column_stack([X, np.full(60, 0.1)])
    found = zip(compare_rates(with_constant, y).values(), compare_rates(X, y).values(), strict=True)
    for curve, without in found:
        # Products of eleven columns need not round as those of ten do.
        np.testing.assert_allclose(curve.y, without.y, rtol=1e-9)
    with pytest.raises(ClassifierError, match="no feature varies") as caught:
        compare_rates(np.full((60, 3), 0.1), y)
    assert caught.value.code == "CLS-109"


def test_one_class_is_refused():
    X, _ = people(2)
    with pytest.raises(ClassifierError, match="1 class") as caught:
        compare_rates(X, np.full(60, "normal"))
    assert caught.value.code == "CLS-107"


@pytest.mark.parametrize(
    ("outcome", "costs", "refused"),
    [
        ("diverged", [1.0, 4.0, 16.0], True),
        ("unconverged", [1.0, 0.5, 0.9, 0.5, 0.9], True),  # swings for ever
        ("unconverged", [1.0, 0.8, 0.7], False),  # slow; the bound on the curvature is rarely reached
        ("converged", [1.0, 0.9, 0.0], False),
    ],
)
def test_a_rate_above_the_stable_one_is_refused_where_the_cost_rises(outcome, costs, refused):
    descent = Descent(np.zeros((1, 1)), np.zeros(1), np.array(costs), 2.5, 2.0, outcome)
    if refused:
        with pytest.raises(ClassifierError, match=r"rate 2\.5"):
            refuse_divergence(descent)
    else:
        refuse_divergence(descent)
