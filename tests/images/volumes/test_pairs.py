"""A NIfTI header and its voxels in two files: read as one image, or refused with a reason."""

from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import ImageError
from normwise.images import read_labels, read_volume

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 0, 1, -120], [0, -3, 0, 70], [0, 0, 0, 1]])
DATA = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def pair(folder, kind=nib.Nifti1Pair, data=DATA, **fields):
    """Write ``a.hdr`` and ``a.img``; the fields are those of the header."""
    image = kind(data, AFFINE)
    image.set_qform(AFFINE, code=1)
    for name, value in fields.items():
        image.header[name] = value
    nib.save(image, folder / "a.img")
    return folder / "a.hdr", folder / "a.img"


def refused(path):
    with pytest.raises(ImageError) as caught:
        read_volume(path)
    return caught.value


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize("packed", [[], ["hdr", "img"], ["img"], ["hdr"]])
@pytest.mark.parametrize("shout", [False, True])
def test_either_file_stands_for_the_image(tmp_path, kind, packed, shout):
    paths = pair(tmp_path, kind)
    expected = nib.as_closest_canonical(nib.load(paths[1]))
    voxels, affine = expected.get_fdata(), expected.affine
    for place, path in enumerate(paths := list(paths)):
        content = path.read_bytes()
        path.unlink()
        zipped = path.suffix[1:] in packed
        name = path.name + ".gz" * zipped
        paths[place] = tmp_path / (name.upper() if shout else name)
        paths[place].write_bytes(gzip.compress(content) if zipped else content)
    if shout and len(packed) == 1:
        return  # one in capitals and one packed is nobody's habit
    for path in paths:
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.voxels, voxels)
        np.testing.assert_allclose(volume.affine, affine)
        np.testing.assert_array_equal(read_labels(path).voxels, voxels)


def test_voxels_may_begin_behind_others_and_be_scaled(tmp_path):
    header, image = pair(tmp_path)
    raw = bytearray(header.read_bytes())
    struct.pack_into("<3f", raw, 108, 16.0, 0.5, 3.0)  # vox_offset, scl_slope, scl_inter
    header.write_bytes(raw)
    stored = image.read_bytes()
    image.write_bytes(bytes(16) + stored)
    expected = nib.as_closest_canonical(nib.Nifti1Image(DATA * 0.5 + 3.0, AFFINE)).get_fdata()
    np.testing.assert_array_equal(read_volume(header).voxels, expected)


def test_an_extension_behind_the_header_is_passed_over(tmp_path):
    header, image = pair(tmp_path)
    header.write_bytes(header.read_bytes()[:348] + b"\1\0\0\0" + bytes(1 << 16))
    assert read_volume(image).voxels.max() == 59


@pytest.mark.parametrize(("gone", "left"), [(0, 1), (1, 0)])
def test_half_a_pair_is_refused_with_the_name_of_the_other(tmp_path, gone, left):
    paths = pair(tmp_path)
    paths[gone].unlink()
    error = refused(paths[left])
    assert (error.code, error.subject) == ("IMG-103", paths[left].name)
    assert paths[gone].name in error.seen
    assert refused(paths[gone]).code == "IMG-100"


@pytest.mark.parametrize(
    ("change", "code"), [(b"\0\0\0\0", "IMG-302"), (b"n+1\0", "IMG-302"), (b"ni2\0", "IMG-302")]
)
def test_a_header_that_is_no_pairs_is_refused(tmp_path, change, code):
    header, image = pair(tmp_path)  # the first is ANALYZE 7.5's
    raw = bytearray(header.read_bytes())
    raw[344:348] = change
    header.write_bytes(raw)
    error = refused(image)
    assert (error.code, error.subject) == (code, "a.hdr")


@pytest.mark.parametrize(("length", "code"), [(-1, "IMG-206"), (1, "IMG-207")])
def test_voxels_of_another_image_are_refused_where_their_number_differs(tmp_path, length, code):
    header, image = pair(tmp_path)
    content = image.read_bytes()
    image.write_bytes(content[:length] if length < 0 else content + bytes(length))
    assert refused(header).code == code


def test_a_negative_place_of_the_first_voxel_is_refused(tmp_path):
    header, _ = pair(tmp_path)
    raw = bytearray(header.read_bytes())
    struct.pack_into("<f", raw, 108, -1.0)
    header.write_bytes(raw)
    assert refused(header).code == "IMG-311"


@pytest.mark.parametrize("half", [0, 1])
def test_a_changed_checksum_of_either_file_is_noticed(tmp_path, half):
    packed = []
    for path in pair(tmp_path):
        packed.append(path.with_name(path.name + ".gz"))
        packed[-1].write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    raw = bytearray(packed[half].read_bytes())
    raw[-6] ^= 1
    packed[half].write_bytes(raw)
    assert refused(packed[0]).code == "IMG-202"
