"""Places of whole images: regions on MNI152, thirds elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from normwise.features import name_places
from normwise.features.atlases import mni_template
from normwise.features.voxels.sampling import image_box
from normwise.images import Volume
from normwise.schema import ImagesSection


def on_template(size_mm: float, *, turned: bool = False) -> np.ndarray:
    """The template on the grid that images are brought to, perhaps upside down."""
    sampling, box = image_box(None, size_mm)
    template = mni_template()
    back = np.linalg.inv(template.affine)
    indices = np.rint(sampling.points @ back[:3, :3].T + back[:3, 3]).astype(int)
    inside = np.clip(indices, 0, np.array(template.shape) - 1)
    image = Volume(template.voxels, template.affine).voxels[tuple(inside.T)].reshape(box)
    return image[:, :, ::-1] if turned else image


def test_images_on_the_template_have_the_regions_of_an_atlas() -> None:
    places = name_places(ImagesSection(voxel_size_mm=6), on_template(6))
    assert {"hippocampus_left", "hippocampus_right"} <= set(places.names)
    assert len(places.names) > 100
    number = places.names.index("hippocampus_left") + 1
    centre = np.argwhere(places.labels == number).mean(axis=0)
    x, y, z = places.affine[:3] @ [*centre, 1.0]
    assert (-36 < x < -18, -34 < y < -12, -26 < z < -4) == (True, True, True)
    voxel = tuple(int(each) for each in np.argwhere(places.labels == number)[0])
    assert places.of_voxel(voxel).startswith("hippocampus_left at (\u2212")
    assert "mm" in places.notes["hippocampus_left"].description


@pytest.mark.parametrize("settings", [{"mask": "own.nii.gz"}, {"voxel_size_mm": 0}, {}])
def test_elsewhere_places_are_thirds(settings: dict[str, object]) -> None:
    image = on_template(6, turned=not settings)
    places = name_places(ImagesSection.model_validate({"voxel_size_mm": 6, **settings}), image)
    assert len(places.names) == 27
    assert places.affine is None
    assert places.of_voxel((0, 0, 0)) == "lower left back, voxel 0 × 0 × 0"
    last = tuple(edge - 1 for edge in image.shape)
    assert places.of_voxel(last).startswith("upper right front, voxel")
    assert places.names[places.labels[tuple(edge // 2 for edge in image.shape)] - 1] == "centre"
    assert len(name_places(ImagesSection(voxel_size_mm=6), on_template(6), regions=False).names) == 27


def test_every_pixel_has_one_place_also_where_there_are_two_rows() -> None:
    places = name_places(ImagesSection(), np.zeros((2, 7), np.float32))
    assert places.labels.min() == 1
    assert set(np.unique(places.labels)) == set(range(1, len(places.names) + 1))
    assert places.names == ("upper left", "upper", "upper right", "lower left", "lower", "lower right")
    assert set(places.notes) == set(places.names)
