"""A ribbon of known thickness, flat or folded until its banks touch."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.features.brain.label_schemes import load_scheme
from normwise.features.brain.measures import chain_note_of, measure_thickness
from normwise.features.brain.settings import ChainSettings


def measured(grey: np.ndarray, white: np.ndarray, settings: ChainSettings | None = None) -> float:
    arrays = {
        "grey": grey.astype(np.float32),
        "white": white.astype(np.float32),
        "grey_territory": np.full(grey.shape, 1002, np.int32),
        "head_affine": np.eye(4),
    }
    found = measure_thickness(arrays, settings or ChainSettings())["thickness"]
    weights = grey * (found > 0)
    return float((weights * found).sum() / weights.sum()) if weights.any() else 0.0


@pytest.mark.parametrize("thick", [2.0, 2.5, 3.0, 4.0])
def test_a_slab_of_partly_filled_voxels(thick) -> None:
    edges = np.arange(30)
    grey = np.clip(10 + thick - edges, 0, 1) * (edges >= 10)
    white = edges < 10
    shape = (30, 8, 8)
    found = measured(
        np.broadcast_to(grey[:, None, None], shape), np.broadcast_to(white[:, None, None], shape)
    )
    assert found == pytest.approx(thick, abs=0.35)


def test_banks_that_touch_are_told_apart() -> None:
    white = np.zeros((30, 8, 8))
    white[:10], white[16:] = 1, 1
    grey = 1 - white  # two banks of 3 mm without fluid between them
    assert measured(grey, white) == pytest.approx(3.0, abs=0.35)


def test_fast_measures_none() -> None:
    white = np.zeros((9, 4, 4))
    white[:4] = 1
    assert measured(1 - white, white, ChainSettings(quality="fast")) == 0.0


def test_what_limits_a_number_stands_beside_it() -> None:
    scheme = load_scheme("desikan_killiany", None)

    def description(name: str, atlas: str = "desikan_killiany") -> str:
        return chain_note_of(name, scheme, atlas).description

    assert "20 to 30 % larger than FreeSurfer's" in description("putamen_right.volume_mm3")
    assert all(
        "as FreeSurfer's" in description(f"{name}_left.voxel_volume_mm3") for name in ("amygdala", "pallidum")
    )
    assert "weakly measured" in description("hippocampus.asymmetry")
    plain = ("putamen_left.intensity_mean", "caudate_left.volume_mm3", "lateral_ventricle.asymmetry")
    assert [name for name in (*plain, "insula.asymmetry") if "(" in description(name)] == []
    assert "(" not in description("putamen_left.volume_mm3", "labels.nii.gz")
