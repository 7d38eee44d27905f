"""Augmentation: every change does what it says, by the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from normwise.networks.images.augmentation import (  # noqa: E402 - torch may be missing
    PRESETS,
    Augmentation,
    augment,
)
from normwise.networks.images.settings import CHANGES, CONV_SETTINGS  # noqa: E402 - torch may be missing
from normwise.schema import choices_of  # noqa: E402 - torch may be missing


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def images(*shape):
    return torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))


def test_the_rules_name_what_there_is():
    assert Augmentation.names() == CHANGES
    assert list(PRESETS) == choices_of(CONV_SETTINGS["augmentation"])


@pytest.mark.parametrize("shape", [(3, 1, 9, 8), (3, 2, 6, 7, 8)])
def test_nothing_changes_nothing_and_a_seed_repeats_itself(shape):
    X = images(*shape)
    assert torch.equal(augment(X, PRESETS["none"], drawn()), X)
    for name in CHANGES:
        settings = Augmentation(**{name: 20 if name == "rotation" else 0.5})
        once, twice = augment(X, settings, drawn(1)), augment(X, settings, drawn(1))
        assert once.shape == X.shape
        assert torch.equal(once, twice), name
        assert not torch.allclose(once, X), name
        if name != "mirror":  # which has but two answers
            assert not torch.equal(once, augment(X, settings, drawn(2))), name


@pytest.mark.parametrize(("shape", "axis"), [((2, 1, 6, 8), 3), ((2, 1, 6, 7, 8), 2)])
def test_a_mirror_swaps_left_and_right(shape, axis):
    X = images(*shape)
    np.testing.assert_allclose(augment(X, Augmentation(mirror=1.0), drawn()), X.flip(axis), atol=1e-5)


def test_a_rotation_keeps_distances_where_the_edges_differ():
    X = torch.zeros(64, 1, 41, 21)
    X[:, 0, 20 + 6, 10] = 1  # six voxels from the centre
    turned = augment(X, Augmentation(rotation=180), drawn()).numpy()[:, 0]
    rows, columns = np.indices(turned.shape[1:])
    mass = turned.sum(axis=(1, 2))
    centre = np.stack([(turned * axis).sum(axis=(1, 2)) / mass for axis in (rows - 20, columns - 10)])
    np.testing.assert_allclose(np.hypot(*centre), 6, atol=0.35)
    assert np.ptp(np.arctan2(*centre)) > 5


def test_intensities_stay_within_what_was_asked_for():
    X = torch.ones(500, 1, 4, 4)
    changed = augment(X, Augmentation(intensity=0.2), drawn())[:, 0, 0, 0].numpy()
    assert np.abs(changed - 1).max() <= 0.4
    assert np.ptp(changed) > 0.6
    shaded = augment(X, Augmentation(bias=0.3), drawn()).numpy()
    assert np.abs(np.log(shaded)).max() <= 0.3 + 1e-6
    assert shaded.std(axis=(2, 3)).min() > 0
    noisy = augment(X, Augmentation(noise=0.1), drawn()).numpy() - 1
    assert 0.04 < noisy.std() < 0.07  # uniform between 0 and 0.1: the root mean square is 0.058
