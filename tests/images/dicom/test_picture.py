"""A DICOM file of one frame as a picture: scaled as its header says, bright where it is shown bright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicoms import slice_of
from normwise.errors import ImageError
from normwise.images import is_picture, read_flat

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4) * 20


def written(path: Path, pixels: Any = PIXELS, **fields: Any) -> Path:
    slice_of(pixels, 1, (0, 0, 0), **fields).save_as(path)
    return path


@pytest.mark.parametrize("name", ["a.dcm", "a.DCM", "a.IMA", "a", "1.2.840.113"])
def test_a_frame_is_read_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    assert is_picture(path)
    found = read_flat(path)
    assert found.dtype == np.float32
    assert np.array_equal(found, PIXELS)


def test_values_are_rescaled_and_a_negative_film_is_turned(tmp_path: Path) -> None:
    scaled = read_flat(written(tmp_path / "a.dcm", RescaleSlope=2, RescaleIntercept=-1024))
    assert np.array_equal(scaled, PIXELS * 2.0 - 1024)
    unsigned = {"PixelRepresentation": 0, "BitsStored": 8, "HighBit": 7}
    turned = read_flat(written(tmp_path / "b.dcm", PhotometricInterpretation="MONOCHROME1", **unsigned))
    assert np.array_equal(turned, 255.0 - PIXELS)
    signed = read_flat(written(tmp_path / "c.dcm", PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(signed, -1.0 - PIXELS)


def test_colours_become_their_luminance(tmp_path: Path) -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[0, [0, 1, 2], [0, 1, 2]] = 200
    data = slice_of(np.zeros((2, 3), np.int16), 1, (0, 0, 0), PixelRepresentation=0)
    data.SamplesPerPixel, data.PlanarConfiguration, data.PhotometricInterpretation = 3, 0, "RGB"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelData = 7, rgb.tobytes()
    data.save_as(tmp_path / "a.dcm")
    assert read_flat(tmp_path / "a.dcm")[0] == pytest.approx([59.8, 117.4, 22.8], abs=0.01)


def test_what_holds_no_picture_is_named(tmp_path: Path) -> None:
    written(tmp_path / "frames.dcm", np.tile(PIXELS, (2, 1)), Rows=3, NumberOfFrames=2)
    whole = written(tmp_path / "cut.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-1])
    (tmp_path / "text.dcm").write_text("nothing of the kind")
    written(tmp_path / "report.dcm", Rows=None)
    written(tmp_path / "packed.dcm")
    packed = (tmp_path / "packed.dcm").read_bytes()
    uid = b"1.2.840.10008.1.2.4.80"  # JPEG-LS, of which these are no fragments
    (tmp_path / "packed.dcm").write_bytes(packed.replace(b"1.2.840.10008.1.2.1\0", uid[:20]))
    written(tmp_path / "flat.dcm", PIXELS * 0)
    codes = {
        "frames.dcm": "IMG-107", "cut.dcm": "IMG-724", "text.dcm": "IMG-700", "report.dcm": "IMG-700",
        "packed.dcm": "IMG-724", "flat.dcm": "IMG-502", "absent.dcm": "IMG-100",
    }  # fmt: skip
    found = {}
    for name in codes:
        with pytest.raises(ImageError) as caught:
            read_flat(tmp_path / name)
        found[name] = caught.value.code
        assert "Zorblax" not in str(caught.value)
    assert found == codes
