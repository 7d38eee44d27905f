"""One brain: what was planted can be measured where it was planted, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from normwise.samples import PLACES, Person, open_simulator, simulate_brain

HEALTHY = Person("sub-001", 1, 60, "F", "A", "normal", 0.0, dict.fromkeys(PLACES, 0.0))


@pytest.fixture(scope="module")
def workshop():
    return open_simulator()


def changed(**changes):
    return replace(HEALTHY, changes={**HEALTHY.changes, **changes})


def mean_at(volume, x, y, z, reach=2):
    i, j, k = np.rint(np.linalg.solve(volume.affine, [x, y, z, 1])[:3]).astype(int)
    return volume.voxels[
        i - reach : i + reach + 1, j - reach : j + reach + 1, k - reach : k + reach + 1
    ].mean()


def test_a_scan_is_whole_numbers_in_mni_space_with_nothing_around_the_brain(workshop):
    volume = simulate_brain(HEALTHY, 0, workshop)
    assert volume.voxels.dtype == np.float32
    assert volume.spacing == (2.0, 2.0, 2.0)
    assert np.array_equal(volume.voxels, np.rint(volume.voxels))
    assert volume.voxels[0].max() == 0
    assert 1.5e6 < (volume.voxels > 0).sum() * 8 < 2.2e6  # mm3, the size of MNI152


def test_the_same_person_and_seed_give_the_same_voxels(workshop):
    first, again = (simulate_brain(HEALTHY, 3, workshop).voxels for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, simulate_brain(HEALTHY, 4, workshop).voxels)


@pytest.mark.parametrize(("side", "other"), [("left", "right"), ("right", "left")])
def test_a_hippocampus_darkens_on_its_own_side_only(workshop, side, other):
    before = simulate_brain(HEALTHY, 0, workshop)
    after = simulate_brain(changed(**{f"hippocampus_{side}": 0.5}), 0, workshop)
    x = {"left": -27, "right": 27}  # RAS: the left of the brain has negative x
    lost = mean_at(after, x[side], -20, -15) / mean_at(before, x[side], -20, -15)
    kept = mean_at(after, x[other], -20, -15) / mean_at(before, x[other], -20, -15)
    assert lost < 0.9
    assert kept == pytest.approx(1.0, abs=1e-3)


def test_ventricles_widen(workshop):
    # 6 mm in front of and above the wall of the lateral ventricle lies white matter.
    dark = [
        (simulate_brain(changed(ventricles=mm), 0, workshop).voxels[34:64, 40:82, 33:50] < 90).sum()
        for mm in (0.0, 2.0, 4.0)
    ]
    assert dark[0] * 1.2 < dark[1]
    assert dark[1] * 1.2 < dark[2]


def test_sulci_darken_the_cortex_and_spare_the_deep_white_matter(workshop):
    before = simulate_brain(HEALTHY, 0, workshop)
    after = simulate_brain(changed(sulci=0.4), 0, workshop)
    insula, centrum = (40, 4, 0), (26, -20, 36)
    assert mean_at(after, *insula) < 0.97 * mean_at(before, *insula)
    assert mean_at(after, *centrum) == pytest.approx(mean_at(before, *centrum), rel=0.01)


def test_the_noisier_scanner_is_noisier(workshop):
    # Local spread in deep white matter over the mean there; the gain drops out.
    spread = []
    for site in ("A", "B"):
        volume = simulate_brain(replace(HEALTHY, site=site), 0, workshop)
        block = volume.voxels[33:39, 55:61, 53:57]
        spread.append(np.diff(block, axis=0).std() / block.mean())
    assert spread[1] > 1.15 * spread[0]
