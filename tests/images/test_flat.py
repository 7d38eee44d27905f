"""Pictures of two axes: rows from the top, whatever the file's kind."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from normwise.errors import ImageError, NormwiseWarning
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


def test_grey_of_16_bits_is_read_whole_on_the_scale_of_8(tmp_path: Path) -> None:
    values = np.array([[0, 1, 257], [4095, 40_000, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = read_flat(tmp_path / "a.png")
    assert found.dtype == np.float32
    assert found == pytest.approx(values / 257, rel=1e-6)
    Image.fromarray(values).save(tmp_path / "clear.png", transparency=1)
    assert read_flat(tmp_path / "clear.png")[0].tolist() == pytest.approx([0, 255, 1])


def _png_of_16_bits(colour_type: int, pixels: np.ndarray) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits_are_cut_to_8_with_a_warning(
    tmp_path: Path, colour_type: int, channels: int
) -> None:
    pixels = np.full((1, 2, channels), 0xFFFF, np.uint16)
    pixels[0, 0, : min(channels, 3) - (channels == 2)] = 0x12FF
    (tmp_path / "a.png").write_bytes(_png_of_16_bits(colour_type, pixels))
    with pytest.warns(NormwiseWarning, match="IMG-910"):
        assert read_flat(tmp_path / "a.png").tolist() == [[0x12, 0xFF]]


def test_a_picture_of_one_brightness_is_refused_as_a_volume_is(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        Image.fromarray(np.full((3, 4), 7, dtype)).save(tmp_path / "a.png")
        with pytest.raises(ImageError) as caught:
            read_flat(tmp_path / "a.png")
        assert caught.value.code == "IMG-502"
        assert "12 pixels" in str(caught.value.seen)
