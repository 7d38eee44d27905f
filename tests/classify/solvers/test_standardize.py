import numpy as np

from normwise.classify.solvers.standardize import training_unit


def test_a_constant_feature_becomes_zero_also_for_new_people():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    rows[:, 1] = 0.1  # its mean is off by rounding
    centre, scale = training_unit(rows)
    unit = (rows - centre) / scale
    np.testing.assert_allclose(unit[:, [0, 2]].std(axis=0), 1.0)
    assert (unit[:, 1] == 0.0).all()
    assert ((np.array([0.0, 1e6, 0.0]) - centre) / scale)[1] == 0.0
