"""Fine axes come to 1 mm; nothing moves and nothing brightens."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.features.brain.grids import conform, own_grid
from normwise.features.brain.settings import ChainSettings


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.7, 0.67, 1.2), (1.0, 1.0, 1.0)])
def test_places_and_means_are_kept(spacing) -> None:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-10, 5, 3)
    shape = tuple(round(24 / edge) for edge in spacing)
    place = np.indices(shape)[0] * spacing[0] + affine[0, 3]
    done = conform({"image": place.astype(np.float32), "affine": affine}, ChainSettings())
    head, grid = done["head"], done["head_affine"]
    assert (np.linalg.norm(grid[:3, :3], axis=0) >= 0.85).all()
    wanted = np.indices(head.shape)[0] * grid[0, 0] + grid[0, 3]
    # A voxel that two working voxels share counts for both with its one value.
    np.testing.assert_allclose(head, wanted, atol=0.12)


def test_a_mask_comes_back_on_the_images_own_grid() -> None:
    image = np.zeros((40, 40, 40), dtype=np.float32)
    image[10:30, 12:28, 8:20] = 1
    affine = np.diag([0.5, 0.5, 0.5, 1.0])
    arrays = {
        "image": image,
        "affine": affine,
        **conform({"image": image, "affine": affine}, ChainSettings()),
    }
    arrays["mask"] = (arrays["head"] > 0.5).astype(np.uint8)
    arrays["box"] = np.array([[2, 2, 2], [18, 18, 18]])
    start, stop = arrays["box"]
    boxed = arrays["head"][tuple(slice(*ends) for ends in zip(start, stop, strict=True))]
    arrays["grey"] = np.ascontiguousarray(boxed)
    np.testing.assert_array_equal(own_grid(arrays, "mask") > 0, image > 0)
    assert own_grid(arrays, "grey").sum() == pytest.approx(image.sum(), rel=0.02)
