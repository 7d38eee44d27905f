"""The places: on their side, between 0 and 1, and a widening that points away from the ventricles."""

import numpy as np
import pytest

from normwise.samples import open_simulator


@pytest.fixture(scope="module")
def workshop():
    return open_simulator()


def test_weights_lie_between_0_and_1(workshop):
    for weight in workshop.anatomy.weights.values():
        assert weight.min() >= 0.0
        assert 0.7 < weight.max() <= 1.0


@pytest.mark.parametrize("place", ["hippocampus", "medial_temporal"])
def test_left_and_right_mirror_each_other_and_lie_on_their_side(workshop, place):
    x = workshop.template.world()[0]
    left, right = (workshop.anatomy.weights[f"{place}_{side}"] for side in ("left", "right"))
    assert np.average(x, weights=left) < -20
    assert np.average(x, weights=right) == pytest.approx(-np.average(x, weights=left), abs=0.5)


def test_tissue_shares_add_up(workshop):
    template = workshop.template
    total = template.grey + template.white + template.fluid
    assert np.allclose(total[template.inside], 1.0)
    assert not total[~template.inside].any()


def test_the_widening_is_at_most_a_millimetre_and_tears_nothing(workshop):
    widening = workshop.anatomy.widening
    assert np.linalg.norm(widening, axis=0).max() < 1.05
    # At 5 mm, the most that is planted, no voxel may turn inside out: every slope stays above -1.
    for axis in range(3):
        assert (5.0 * np.gradient(widening[axis], 2.0, axis=axis) > -1.0).all()
