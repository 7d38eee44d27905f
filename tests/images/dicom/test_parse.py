"""One file within bounds: what is cut is seen, and zeros end soon."""

from __future__ import annotations

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import BasicTextSRStorage, JPEG2000Lossless

from dicoms import phantom, slice_of
from normwise.errors import ImageError
from normwise.images.dicom import parse
from normwise.images.dicom.header import read_header

_PLACE = (0, 0, 0)


def written(tmp_path, **fields):
    path = tmp_path / "a.dcm"
    slice_of(phantom()[0], 1, _PLACE, **fields).save_as(path)
    return path, path.read_bytes()


def test_a_whole_file_has_no_damage(tmp_path):
    path, content = written(tmp_path)
    assert read_header(path).damage == ""
    path.write_bytes(content + b"\0\0")
    assert read_header(path).damage == ""


def test_one_byte_less_of_the_pixels(tmp_path):
    path, content = written(tmp_path)
    path.write_bytes(content[:-1])
    assert read_header(path).damage == "239 of 240 bytes of pixels"


def test_pixels_that_are_too_few_for_the_frames_that_are_claimed(tmp_path):
    path, _ = written(tmp_path, NumberOfFrames=2)
    assert read_header(path).damage == "240 of 480 bytes of pixels"


@pytest.mark.parametrize("kept", [300, 700])
def test_a_header_that_breaks_off(tmp_path, kept):
    path, content = written(tmp_path)
    path.write_bytes(content[:kept])
    assert read_header(path).damage == f"the header breaks off after {kept} bytes"


def test_a_report_needs_no_pixels(tmp_path):
    data = slice_of(phantom()[0], 1, _PLACE, Rows=None, Columns=None, PixelData=None)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = BasicTextSRStorage
    data.save_as(tmp_path / "a.dcm")
    assert read_header(tmp_path / "a.dcm").damage == ""


def test_compressed_pixels_end_with_a_mark_or_with_the_file(tmp_path):
    data = slice_of(phantom()[0], 1, _PLACE)
    data.PixelData = encapsulate([b"frame of some length"])
    data["PixelData"].is_undefined_length = True
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    path = tmp_path / "a.dcm"
    data.save_as(path)
    content = path.read_bytes()
    mark = content.index(b"\xfe\xff\xdd\xe0")
    for kept, damage in [
        (len(content), ""),
        (mark, ""),
        (mark - 1, "the compressed pixels break off"),
        (mark + 3, "the compressed pixels break off"),
    ]:
        path.write_bytes(content[:kept])
        assert read_header(path).damage == damage


@pytest.mark.parametrize("beginning", ["preamble", "header", "frames"])
def test_zeros_without_end_are_given_up_soon(tmp_path, monkeypatch, beginning):
    monkeypatch.setattr(parse, "_MOST_READS", 2_000)
    path, content = written(tmp_path)
    header = content[: content.index(b"\xe0\x7f\x10\x00")]
    frames = header + b"\x00\x52\x30\x92SQ\0\0\xff\xff\xff\xff"
    starts = {"preamble": bytes(128) + b"DICM", "header": header, "frames": frames}
    with path.open("wb") as file:
        file.write(starts[beginning])
        file.truncate(50_000_000)
    with pytest.raises(ImageError) as caught:
        read_header(path)
    assert caught.value.code == "IMG-703"


def test_so_many_reads_are_no_hostility(tmp_path, monkeypatch):
    monkeypatch.setattr(parse, "_MOST_READS", 2_000)
    path, _ = written(tmp_path)
    assert read_header(path) is not None


def test_a_value_without_end_is_not_read(tmp_path):
    path, content = written(tmp_path)
    header = content[: content.index(b"\xe0\x7f\x10\x00")]
    with path.open("wb") as file:
        file.write(header + b"\x00\x52\x30\x92SQ\0\0" + (2_000_000_000).to_bytes(4, "little"))
        file.truncate(2_000_001_000)
    with pytest.raises(ImageError) as caught:
        read_header(path)
    assert caught.value.seen == "a value of 2e+03 MB"
