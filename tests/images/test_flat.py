"""Pictures of two axes: rows from the top, whatever the file's kind."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from normwise.errors import ImageError
from normwise.images import is_picture, read_flat

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def test_a_grey_picture_is_as_it_was_drawn(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert np.array_equal(read_flat(tmp_path / "a.png"), PIXELS)
    Image.fromarray(PIXELS.repeat(16, 0).repeat(16, 1)).save(tmp_path / "a.JPG", quality=95)
    found = read_flat(tmp_path / "a.JPG")
    assert found.shape == (48, 64)
    assert np.abs(found[8::16, 8::16] - PIXELS).max() < 8


def test_colours_become_their_luminance(tmp_path: Path) -> None:
    rgb = np.zeros((1, 3, 3), np.uint8)
    rgb[0, [0, 1, 2], [0, 1, 2]] = 200
    Image.fromarray(rgb).save(tmp_path / "a.png")
    assert read_flat(tmp_path / "a.png").ravel() == pytest.approx([59.8, 117.4, 22.8], abs=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_slice_of_a_volume_lies_with_its_top_first(tmp_path: Path, axis: int) -> None:
    drawn = PIXELS[::-1].T  # to the right, then upwards or to the front
    nib.save(nib.Nifti1Image(np.expand_dims(drawn, axis), np.eye(4)), tmp_path / "a.nii.gz")
    assert np.array_equal(read_flat(tmp_path / "a.nii.gz"), PIXELS)


def test_what_is_no_picture(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.eye(4)), tmp_path / "a.nii")
    (tmp_path / "b.png").write_bytes(b"none")
    for name, code in (("a.nii", "IMG-107"), ("b.png", "IMG-801")):
        with pytest.raises(ImageError) as caught:
            read_flat(tmp_path / name)
        assert caught.value.code == code
    assert [is_picture(name) for name in ("a.nii", "b.png", "c.JPEG")] == [False, True, True]
