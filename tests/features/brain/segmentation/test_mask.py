"""The mask: one piece without holes, from a stripped head, from the template, or a refusal by name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from normwise.errors import FeatureError
from normwise.features.brain.registration.reference import load_reference
from normwise.features.brain.segmentation import mask as module
from normwise.features.brain.segmentation.mask import find_brain, largest_part
from normwise.features.brain.settings import ChainSettings


def test_the_largest_piece_is_kept_and_filled() -> None:
    inside = np.zeros((12, 12, 12), dtype=bool)
    inside[2:9, 2:9, 2:9] = True
    inside[5, 5, 5] = False
    inside[11, 11, 11] = True
    found = largest_part(inside)
    assert found[5, 5, 5]
    assert not found[11, 11, 11]


def test_nothing_inside_is_refused() -> None:
    with pytest.raises(FeatureError) as caught:
        largest_part(np.zeros((3, 3, 3), dtype=bool))
    assert caught.value.code == "FEA-513"


def test_a_stripped_head_is_its_own_mask_without_a_network(monkeypatch) -> None:
    monkeypatch.setattr(module, "network_files", lambda: None)
    head = np.zeros((20, 20, 20), dtype=np.float32)
    head[6:14, 6:14, 6:14] = 3
    head[8, 8, 8] = 4
    found = find_brain({"head": head, "head_affine": np.eye(4)}, ChainSettings(already_stripped=True))
    np.testing.assert_array_equal(found["mask"] > 0, head > 0)
    np.testing.assert_array_equal(found["box"], [[2, 2, 2], [18, 18, 18]])


def test_the_network_looks_at_a_stripped_head_too(monkeypatch) -> None:
    head = np.zeros((20, 20, 20), dtype=np.float32)
    head[4:16, 4:16, 4:16] = 3  # brain with a rim of dura
    head[8, 8, 8] = 4
    brain = np.zeros(head.shape, dtype=bool)
    brain[6:14, 6:14, 2:14] = True  # and the network goes beyond the head
    monkeypatch.setattr(module, "network_files", lambda: ("box", "brain"))
    monkeypatch.setattr(module, "_by_network", lambda *_: brain)
    found = find_brain({"head": head, "head_affine": np.eye(4)}, ChainSettings(already_stripped=True))
    np.testing.assert_array_equal(found["mask"] > 0, brain & (head > 0))
    by_template = ChainSettings(already_stripped=True, masker="template")
    found = find_brain({"head": head, "head_affine": np.eye(4)}, by_template)
    np.testing.assert_array_equal(found["mask"] > 0, head > 0)


@pytest.mark.parametrize("settings", [{}, {"already_stripped": True}, {"masker": "template"}])
@pytest.mark.parametrize(("low", "high"), [(-900, -100), (-5, 0), (0, 0)])
def test_a_head_that_is_nowhere_brighter_than_0_is_named(settings, low, high) -> None:
    head = np.linspace(low, high, 12**3, dtype=np.float32).reshape(12, 12, 12)
    with pytest.raises(FeatureError) as caught:
        find_brain({"head": head, "head_affine": np.eye(4)}, ChainSettings(**settings))
    assert caught.value.code == "FEA-516"
    assert f"from {low:.4g} to {high:.4g}" in caught.value.seen


@pytest.mark.parametrize(("dark", "refused"), [(31, False), (33, True)])
def test_a_brain_of_which_most_is_not_brighter_than_0_is_named(monkeypatch, dark, refused) -> None:
    head = np.full((10, 10, 10), 5, dtype=np.float32)
    brain = np.zeros(head.shape, dtype=bool)
    brain[3:7, 3:7, 3:7] = True  # 64 voxels
    head[tuple(np.argwhere(brain)[:dark].T)] = -2
    head[6, 6, 6] = 6
    monkeypatch.setattr(module, "network_files", lambda: ("box", "brain"))
    monkeypatch.setattr(module, "_by_network", lambda *_: brain)
    arrays = {"head": head, "head_affine": np.eye(4)}
    if not refused:
        assert find_brain(arrays, ChainSettings())["mask"].sum() == 64
        return
    with pytest.raises(FeatureError) as caught:
        find_brain(arrays, ChainSettings())
    assert caught.value.code == "FEA-516"
    assert "52% of 64 voxels" in caught.value.seen


def test_without_the_network_it_is_asked_for_by_the_line_to_type(monkeypatch) -> None:
    monkeypatch.setattr(module, "network_files", lambda: None)
    head = {"head": np.arange(64, dtype=np.float32).reshape(4, 4, 4), "head_affine": np.eye(4)}
    with pytest.raises(FeatureError) as caught:
        find_brain(head, ChainSettings(masker="network"))
    assert caught.value.code == "FEA-512"
    assert "pip install" in (caught.value.advice or "")


def test_the_template_finds_a_brain_within_skull_and_scalp(monkeypatch) -> None:
    monkeypatch.setattr(module, "network_files", lambda: None)
    brain = load_reference().coarser(3)
    wide = np.pad(brain.t1 * brain.mask, 6)
    inside = np.pad(brain.mask, 6)
    skull = binary_dilation(inside, iterations=2)
    scalp = binary_dilation(skull, iterations=2) & ~skull
    head = wide + np.where(scalp, 0.8 * wide.max(), 0)
    affine = brain.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, 6.0) - (8, -5, 4)
    arrays = {"head": head.astype(np.float32), "head_affine": affine}
    found = find_brain(arrays, ChainSettings())["mask"] > 0
    assert 2 * (found & inside).sum() / (found.sum() + inside.sum()) > 0.85


@pytest.mark.parametrize("masker", ["network", "template"])
@pytest.mark.parametrize(("brightest", "refused"), [(5, True), (6, False)])
def test_a_head_or_a_brain_of_one_brightness_is_named(monkeypatch, masker, brightest, refused) -> None:
    brain = np.zeros((10, 10, 10), dtype=bool)
    brain[3:7, 3:7, 3:7] = True
    monkeypatch.setattr(module, "network_files", lambda: ("box", "brain"))
    monkeypatch.setattr(module, "_by_network", lambda *_: brain)
    monkeypatch.setattr(module, "mask_by_template", lambda *_: brain)
    for outside in (5, 0):  # all of the image, or a mask
        head = np.where(brain, 5, outside).astype(np.float32)
        head[3, 3, 3] = brightest
        arrays = {"head": head, "head_affine": np.eye(4)}
        if not refused:
            assert find_brain(arrays, ChainSettings(masker=masker))["mask"].sum() == 64
            continue
        with pytest.raises(FeatureError) as caught:
            find_brain(arrays, ChainSettings(masker=masker))
        assert (caught.value.code, "voxels of 5" in caught.value.seen) == ("FEA-518", True)
