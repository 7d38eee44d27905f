"""Smooth random fields: unit variance, and smooth over the distance asked for."""

import numpy as np
import pytest

from normwise.samples.fields import make_field_basis


@pytest.mark.parametrize("knot", [10.0, 20.0])
def test_a_field_has_unit_variance_over_draws(knot):
    basis = make_field_basis((15, 12, 10), 2.0, knot)
    rng = np.random.default_rng(0)
    draws = np.stack([basis.draw(rng) for _ in range(600)])
    assert abs(draws.mean()) < 0.05
    assert np.mean(draws.var(axis=0)) == pytest.approx(1.0, abs=0.15)


def test_neighbours_are_alike_and_distant_voxels_are_not():
    basis = make_field_basis((40, 12, 10), 2.0, 12.0)
    rng = np.random.default_rng(1)
    draws = np.stack([basis.draw(rng)[:, 6, 5] for _ in range(400)])
    near = np.corrcoef(draws[:, 10], draws[:, 11])[0, 1]
    far = np.corrcoef(draws[:, 5], draws[:, 35])[0, 1]
    assert near > 0.95
    assert abs(far) < 0.2
