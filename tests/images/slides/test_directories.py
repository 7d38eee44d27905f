"""Headers beyond all measure are refused at once, and damaged ones are left to the reader."""

import struct

import numpy as np
import pytest
import tifffile

from normwise.errors import ImageError
from normwise.images import open_slide
from normwise.images.slides.directories import MOST_ENTRIES, MOST_TEXT_BYTES, check_directories

RGB = np.zeros((32, 32, 3), np.uint8)


def write(path, texts, **options):
    with tifffile.TiffWriter(path, **options) as file:
        for text in texts:
            file.write(RGB, photometric="rgb", tile=(16, 16), description=text, metadata=None)
    return path


def refused(path):
    with pytest.raises(ImageError) as caught:
        open_slide(path, mpp=0.5)
    assert caught.value.code == "IMG-803"
    assert caught.value.subject == path.name
    return caught.value.seen


@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}]
)
def test_a_description_has_a_limit(tmp_path, options):
    # tifffile ends a text with a zero and names itself in another of 12 bytes.
    check_directories(write(tmp_path / "a.tif", ["a" * (MOST_TEXT_BYTES - 64)], **options))
    assert "bytes of text" in refused(write(tmp_path / "b.tif", ["a" * MOST_TEXT_BYTES], **options))


@pytest.mark.parametrize(("first", "many"), [("<OME>", "<a b='c'/>"), ("ImageJ=1.1\n", "a=b\n")])
@pytest.mark.parametrize("name", ["a.tif", "a.svs"])
def test_fifty_megabytes_of_xml_or_keys_are_not_read(tmp_path, first, many, name):
    text = first + many * (50_000_000 // len(many)) + "</OME>"
    assert "bytes of text" in refused(write(tmp_path / name, [text]))


def test_the_texts_of_all_pages_count_together(tmp_path):
    half = "a" * (MOST_TEXT_BYTES // 2)
    check_directories(write(tmp_path / "a.tif", [half]))
    assert "bytes of text" in refused(write(tmp_path / "b.tif", [half, half]))


def test_the_texts_of_sub_images_count_too(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(RGB, photometric="rgb", subifds=2, metadata=None)
        for text in ("a" * MOST_TEXT_BYTES, "b"):
            file.write(RGB[::2, ::2], photometric="rgb", description=text, metadata=None, subfiletype=1)
    assert "bytes of text" in refused(path)


@pytest.mark.parametrize(("pages", "allowed"), [(1000, True), (MOST_ENTRIES // 20 + 1, False)])
def test_directories_have_a_limit(tmp_path, pages, allowed):
    path = tmp_path / "a.tif"
    width = 2 + 19 * 12 + 4
    one = [struct.pack("<HHII", 300 + number, 3, 1, 0) for number in range(19)]
    content = [struct.pack("<2sHI", b"II", 42, 8)]
    for page in range(pages):
        content += [struct.pack("<H", 19), *one, struct.pack("<I", 8 + width * (page + 1))]
    path.write_bytes(b"".join(content))
    if allowed:
        check_directories(path)
    else:
        assert "entries" in refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"II*\0",
        b"II*\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\xff\xff\xff\xff\0\0\0\0\0\0\0\x08",  # it leads to itself
        b"II+\0\x08\0\0\0" + b"\xff" * 40,
    ],
)
def test_what_is_damaged_is_left_to_its_reader(tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    check_directories(path)
