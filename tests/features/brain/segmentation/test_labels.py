"""Labels follow the person's tissue: nearest cortex, connected fluid, no fluid in a nucleus."""

from __future__ import annotations

import numpy as np

from normwise.features.brain.label_schemes import label_scheme_of
from normwise.features.brain.segmentation.labels import decide_deep, find_ventricles, nearest_label

NAMES = {
    4: "Left-Lateral-Ventricle", 43: "Right-Lateral-Ventricle", 31: "Left-choroid-plexus", 24: "CSF",
    17: "Left-Hippocampus", 12: "Left-Putamen", 2: "Left-Cerebral-White-Matter", 77: "WM-hypointensities",
    30: "Left-vessel", 1002: "ctx-lh-caudalanteriorcingulate",
}  # fmt: skip
KINDS = label_scheme_of(NAMES)
MM = np.ones(3)


def test_the_templates_own_lesions_and_vessels_are_nobodys() -> None:
    assert KINDS.white == (2,)
    assert 30 not in KINDS.names


def test_names_without_a_kind_are_grey_matter() -> None:
    assert label_scheme_of({1: "Precentral_L", 2: "Insula_R"}).cortex == (1, 2)


def test_far_from_every_label_is_none() -> None:
    line = np.zeros((12, 1, 1), np.int32)
    line[2] = 1002
    found = nearest_label(line, [1002], np.array([2.0, 1, 1]), 4.0).ravel()
    assert found.tolist() == [1002] * 5 + [0] * 7


def test_no_label_that_counts_gives_none() -> None:
    assert not nearest_label(np.ones((3, 3, 3), np.int32), [5], MM, 3.0).any()


def test_ventricles_are_the_persons_fluid() -> None:
    carried = np.zeros((40, 20, 20), np.int32)
    carried[8:12, 8:12, 8:12] = 4
    carried[12:13, 8:12, 8:12] = 31  # the plexus hangs in it
    carried[28:32, 8:12, 8:12] = 43
    carried[:, :2, :] = 1002
    fluid = np.zeros(carried.shape, np.float32)
    fluid[6:14, 7:13, 7:13] = 1  # larger than the template's
    fluid[28:32, 8:12, 8:12] = 1
    fluid[20, 10, 10] = 1  # hangs on nothing
    fluid[:, 2:4, :] = 1  # around the brain, nearer to the cortex
    found = find_ventricles(carried, fluid, KINDS, MM)
    assert (found == 4).sum() == 8 * 6 * 6
    assert (found == 43).sum() == 64
    assert found[20, 10, 10] == 0
    assert not found[:, 2:4].any()


def test_dark_nuclei_hold_no_white_matter_and_none_holds_fluid() -> None:
    carried = np.array([17, 17, 17, 12, 12, 12], np.int32).reshape(6, 1, 1)
    csf = np.array([0, 0.9, 0, 0, 0.9, 0], np.float32).reshape(6, 1, 1)
    white = np.array([0, 0, 0.9, 0, 0, 0.9], np.float32).reshape(6, 1, 1)
    assert decide_deep(carried, csf, white, KINDS).ravel().tolist() == [17, 0, 0, 12, 0, 12]
