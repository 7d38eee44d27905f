"""The readers: the same voxels as nibabel where the file is sound, a code of its own where it isn't."""

from __future__ import annotations

import gzip
import os
import struct
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from normwise.errors import ImageError, NormwiseWarning
from normwise.images import Volume, read_labels, read_volume

NAN = float("nan")
INF = float("inf")


def refused(path, reader=read_volume, **settings):
    with pytest.raises(ImageError) as caught:
        reader(path, **settings)
    assert caught.value.subject == Path(path).name
    assert caught.value.advice
    return caught.value.code


# ---- sound files


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII.GZ"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_number_type_is_read_as_nibabel_reads_it(tmp_path, dtype, kind, name):
    data = np.random.default_rng(0).integers(0, 100, (4, 5, 6)).astype(dtype)
    path = tmp_path / name
    nib.save(kind(data, np.eye(4), dtype=data.dtype), tmp_path / "a.nii.gz")
    if name == "a.nii":
        path.write_bytes(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    else:
        (tmp_path / "a.nii.gz").rename(path)
    volume = read_volume(path)
    assert isinstance(volume, Volume)
    assert volume.voxels.dtype == np.float32
    np.testing.assert_array_equal(volume.voxels, data.astype(np.float32))


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_both_byte_orders_are_read(tmp_path, kind):
    data = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    image = kind(data, np.diag([2.0, 2, 2, 1]))
    header = image.header.as_byteswapped(">")
    swapped = kind(data, np.diag([2.0, 2, 2, 1]), header=header)
    nib.save(swapped, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes()[0] == 0  # really the other order
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.voxels, data.astype(np.float32))
    assert volume.spacing == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("slope", "inter"), [(0.5, 3.0), (13.895, -1000.0), (0.0, 7.0), (0.0, NAN), (-1.0, 0.0)]
)
def test_scaling_is_the_standards(nifti, slope, inter):
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = nifti(data=data, scl_slope=slope, scl_inter=inter)
    volume = read_volume(path)
    if slope == 0.0:
        np.testing.assert_array_equal(volume.voxels, data)
    else:
        expected = nib.load(path).get_fdata()
        np.testing.assert_array_equal(volume.voxels, expected.astype(np.float32))


def test_a_fourth_dimension_of_one_is_none(tmp_path):
    nib.save(nib.Nifti1Image(np.arange(24.0).reshape(2, 3, 4, 1), np.eye(4)), tmp_path / "a.nii.gz")
    assert read_volume(tmp_path / "a.nii.gz").shape == (2, 3, 4)


@pytest.mark.parametrize(("unit", "factor"), [(0, 1.0), (1, 1000.0), (2, 1.0), (3, 0.001)])
def test_lengths_become_millimetres(nifti, unit, factor):
    affine = np.diag([2 / factor, 2 / factor, 3 / factor, 1])
    volume = read_volume(nifti(affine=affine, xyzt_units=unit | 8))  # 8: seconds
    np.testing.assert_allclose(volume.spacing, (2, 2, 3), rtol=1e-6)


def test_header_extensions_are_passed_over(tmp_path):
    image = nib.Nifti1Image(np.arange(24.0).reshape(2, 3, 4), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 1000))
    nib.save(image, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nii.gz").voxels, np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize("name", ["a.mgz", "a.mgh"])
def test_freesurfer_volumes_are_read(tmp_path, name):
    affine = np.array([[-1.0, 0, 0, 90], [0, 0, 1, -120], [0, -1, 0, 70], [0, 0, 0, 1]])
    data = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    nib.save(nib.MGHImage(data, affine), tmp_path / name)
    volume = read_volume(tmp_path / name)
    expected = nib.as_closest_canonical(nib.MGHImage(data, affine))
    np.testing.assert_array_equal(volume.voxels, expected.get_fdata())
    np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-4)


def test_several_gzip_members_are_one_stream(nifti):
    path = nifti("a.nii")
    raw = path.read_bytes()
    parts = b"".join(gzip.compress(raw[start : start + 100]) for start in range(0, len(raw), 100))
    joined = path.with_name("a.nii.gz")
    joined.write_bytes(parts)
    np.testing.assert_array_equal(read_volume(joined).voxels, read_volume(path).voxels)


def test_zeros_that_pad_a_gzip_file_are_passed_over(nifti):
    path = nifti()
    whole = read_volume(path)
    path.write_bytes(path.read_bytes() + bytes(700_000))
    np.testing.assert_array_equal(read_volume(path).voxels, whole.voxels)


def test_pieces_that_split_a_voxel_are_joined(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(60, 61, 62))  # float64, larger than one piece, hard to compress
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 5))
    raw = bytearray(image.to_bytes())
    path = tmp_path / "a.nii.gz"
    path.write_bytes(
        b"".join(gzip.compress(bytes(raw[start : start + 77_777])) for start in range(0, len(raw), 77_777))
    )
    np.testing.assert_array_equal(read_volume(path).voxels, data.astype(np.float32))


def test_labels_are_whole_numbers(nifti):
    data = np.zeros((3, 4, 5), np.float32)
    data[1] = 2035
    volume = read_labels(nifti(data=data))
    assert volume.voxels.dtype == np.int32
    np.testing.assert_array_equal(volume.voxels, data)


def test_scaled_labels_are_scaled(nifti):
    data = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    np.testing.assert_array_equal(
        read_labels(nifti(data=data, scl_slope=2.0, scl_inter=1.0)).voxels, data * 2 + 1
    )


# ---- the file


def test_a_missing_file_and_a_folder(tmp_path):
    (tmp_path / "b.nii").mkdir()
    assert refused(tmp_path / "a.nii.gz") == refused(tmp_path / "b.nii") == "IMG-100"
    os.mkfifo(tmp_path / "c.nii")
    assert refused(tmp_path / "c.nii") == "IMG-100"  # and doesn't wait for a writer


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgz"])
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert refused(tmp_path / name) == "IMG-101"


@pytest.mark.parametrize("name", ["a.dcm", "a", "a.gz", "a.nrrd", "a.nii.bz2"])
def test_other_kinds(tmp_path, name):
    (tmp_path / name).write_bytes(b"x" * 400)
    assert refused(tmp_path / name) == "IMG-102"


def test_a_file_that_cannot_be_read(nifti, monkeypatch):
    path = nifti()

    def deny(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert refused(path) == "IMG-106"


# ---- its bytes


def test_a_name_that_says_gzip_without_gzip(nifti):
    path = nifti("a.nii")
    assert refused(path.rename(path.with_name("a.nii.gz"))) == "IMG-201"


def test_a_name_that_says_plain_with_gzip(nifti):
    path = nifti("a.nii.gz")
    assert refused(path.rename(path.with_name("a.nii"))) == "IMG-301"


def test_a_changed_checksum(nifti):
    path = nifti()
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1
    path.write_bytes(raw)
    assert refused(path) == "IMG-202"


@pytest.mark.parametrize("cut", [1, 4, 8, 9, 50])
def test_a_cut_gzip_stream(nifti, cut):
    path = nifti()
    path.write_bytes(path.read_bytes()[:-cut])
    assert refused(path) == "IMG-203"


@pytest.mark.parametrize(
    "tail", [b"xy", b"\0\0xyz", b"\x1f\x8c", b"\0" * 600_000 + b"y" * 20, b"x" * 600_000]
)
def test_something_after_the_gzip_stream(nifti, tail):
    path = nifti()
    path.write_bytes(path.read_bytes() + tail.ljust(20, b"x"))
    assert refused(path) == "IMG-204"


@pytest.mark.parametrize("tail", [b"x", b"\0\0x", b"\x1f"])
def test_less_than_a_gzip_header_after_the_gzip_stream(nifti, tail):
    path = nifti()
    path.write_bytes(path.read_bytes() + tail)
    assert refused(path) in {"IMG-203", "IMG-204"}


def test_a_second_member_that_is_cut(nifti):
    path = nifti()
    path.write_bytes(path.read_bytes() + gzip.compress(b"")[:-4])
    assert refused(path) == "IMG-203"


def test_a_claim_over_the_cap_is_refused_before_it_is_read(nifti):
    path = nifti(dim=[3, 10000, 10000, 10000, 1, 1, 1, 1])
    assert refused(path) == "IMG-205"
    assert refused(nifti(), max_bytes=500) == "IMG-205"
    assert refused(nifti(data=np.arange(8, dtype=np.uint8).reshape(2, 2, 2)), max_bytes=300) == "IMG-205"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_fewer_bytes_than_claimed(nifti, name):
    assert refused(nifti(name, dim=[3, 5, 6, 8, 1, 1, 1, 1])) == "IMG-206"
    assert refused(nifti(name, dim=[3, 500, 600, 800, 1, 1, 1, 1])) == "IMG-206"


@pytest.mark.parametrize(("missing", "code"), [(0, None), (1, "IMG-206")])
def test_a_plain_file_holds_what_its_header_claims_to_the_byte(nifti, missing, code):
    path = nifti("a.nii")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - missing])
    if code is None:
        assert read_volume(path).shape == (5, 6, 7)
    else:
        with pytest.raises(ImageError, match="the header claims") as caught:
            read_volume(path)
        assert caught.value.code == code


@pytest.mark.parametrize(("slices", "problem"), [(1, "the file ends before"), (-1, "the header claims")])
def test_a_gzip_file_holds_no_more_than_the_best_compression(nifti, slices, problem):
    """No deflate stream unfolds further than 1032:1, so a larger claim is refused before a voxel is read."""
    path = nifti("a.nii.gz", data=np.arange(8, dtype=np.uint8).reshape(2, 2, 2))
    most = 1032 * path.stat().st_size - 352
    side = 64
    count = most // side**2 if slices > 0 else most // side**2 + 1
    path = nifti(
        "a.nii.gz", data=np.arange(8, dtype=np.uint8).reshape(2, 2, 2), dim=[3, side, side, count, 1, 1, 1, 1]
    )
    grown = 1032 * path.stat().st_size - 352
    count = grown // side**2 if slices > 0 else grown // side**2 + 1
    path = nifti(
        "a.nii.gz", data=np.arange(8, dtype=np.uint8).reshape(2, 2, 2), dim=[3, side, side, count, 1, 1, 1, 1]
    )
    with pytest.raises(ImageError, match=problem) as caught:
        read_volume(path)
    assert caught.value.code == "IMG-206"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_more_bytes_than_claimed(nifti, name):
    assert refused(nifti(name, dim=[3, 5, 6, 6, 1, 1, 1, 1])) == "IMG-207"
    assert refused(nifti(name, extra=b"x")) == "IMG-207"


def test_a_gzip_bomb_is_not_unfolded(nifti):
    import time

    path = nifti("a.nii")
    raw = path.read_bytes()
    bomb = path.with_name("a.nii.gz")
    with gzip.open(bomb, "wb", compresslevel=1) as handle:
        handle.write(raw)
        for _ in range(16):
            handle.write(bytes(16 << 20))  # 256 MiB of zeros
    begun = time.process_time()
    assert refused(bomb) == "IMG-207"
    assert time.process_time() - begun < 0.5


# ---- its header


def _field(code, place, *values):
    def spoil(raw):
        struct.pack_into(code, raw, place, *values)

    return spoil


@pytest.mark.parametrize(
    ("code", "fields", "spoil"),
    [
        ("IMG-301", {}, _field("<i", 0, 349)),
        ("IMG-302", {}, _field("4s", 344, b"\0\0\0\0")),
        ("IMG-302", {}, _field("4s", 344, b"n+2\0")),
        ("IMG-103", {}, _field("4s", 344, b"ni1\0")),
        ("IMG-303", {"dim": [0, 5, 6, 7, 1, 1, 1, 1]}, None),
        ("IMG-303", {"dim": [8, 5, 6, 7, 1, 1, 1, 1]}, None),
        ("IMG-303", {"dim": [-3, 5, 6, 7, 1, 1, 1, 1]}, None),
        ("IMG-304", {"dim": [3, 5, 0, 7, 1, 1, 1, 1]}, None),
        ("IMG-304", {"dim": [3, 5, -6, -7, 1, 1, 1, 1]}, None),
        ("IMG-304", {"dim": [4, 5, 6, 7, 0, 1, 1, 1]}, None),
        ("IMG-305", {"dim": [2, 30, 7, 1, 1, 1, 1, 1]}, None),
        ("IMG-306", {"dim": [4, 5, 6, 1, 7, 1, 1, 1]}, None),
        ("IMG-306", {"dim": [5, 5, 6, 1, 1, 7, 1, 1]}, None),
        ("IMG-307", {"datatype": 0}, None),
        ("IMG-307", {"datatype": 1, "bitpix": 1}, None),
        ("IMG-307", {"datatype": 1536, "bitpix": 128}, None),
        ("IMG-308", {"datatype": 128, "bitpix": 24}, None),
        ("IMG-308", {"datatype": 2304, "bitpix": 32}, None),
        ("IMG-309", {"datatype": 32, "bitpix": 64}, None),
        ("IMG-310", {"bitpix": 16}, None),
        ("IMG-311", {"vox_offset": 348}, None),
        ("IMG-311", {"vox_offset": 352.5}, None),
        ("IMG-311", {"vox_offset": NAN}, None),
        ("IMG-311", {"vox_offset": -352}, None),
        ("IMG-312", {"scl_slope": NAN}, None),
        ("IMG-312", {"scl_slope": INF}, None),
        ("IMG-313", {"scl_inter": NAN}, None),
        ("IMG-313", {"scl_inter": -INF}, None),
        ("IMG-314", {"xyzt_units": 5}, None),
        ("IMG-401", {"qform_code": 0, "sform_code": 0}, None),
        ("IMG-402", {"srow_x": [NAN, 0, 0, 0]}, None),
        ("IMG-402", {"srow_z": [0, 0, 3, INF]}, None),
        ("IMG-403", {"srow_x": [0.002, 0, 0, 0]}, None),
        ("IMG-403", {"srow_x": [2000, 0, 0, 0]}, None),
        ("IMG-404", {"srow_x": [0, 0, 0, 0]}, None),
        ("IMG-404", {"srow_x": [0, 2, 0, 0]}, None),
        ("IMG-404", {"srow_x": [2, 2, 0, 0], "srow_y": [0, 0.1, 0, 0]}, None),
        ("IMG-405", {"srow_x": [2, 0, 0, 2e5]}, None),
        ("IMG-406", {"sform_code": 0, "quatern_b": 1.5}, None),
        ("IMG-406", {"sform_code": 0, "quatern_c": NAN}, None),
        ("IMG-406", {"sform_code": 0, "pixdim": [7, 2, 2, 3, 1, 1, 1, 1]}, None),
        ("IMG-406", {"sform_code": 0, "pixdim": [1, 2, 0, 3, 1, 1, 1, 1]}, None),
        ("IMG-406", {"sform_code": 0, "pixdim": [1, 2, NAN, 3, 1, 1, 1, 1]}, None),
        ("IMG-402", {"sform_code": 0, "qoffset_x": NAN}, None),
        ("IMG-407", {"srow_x": [-2, 0, 0, 9]}, None),
    ],
)  # fmt: skip
def test_every_bad_header_has_its_code(nifti, code, fields, spoil):
    for name in ("a.nii", "a.nii.gz"):
        assert refused(nifti(name, spoil=spoil, **fields)) == code


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("IMG-304", {"dim": [3, 5, 6, -7, 1, 1, 1, 1]}),
        ("IMG-205", {"dim": [3, 2**31, 2**31, 2**31, 1, 1, 1, 1]}),
        ("IMG-311", {"vox_offset": 352}),
        ("IMG-206", {"vox_offset": 2**20}),
    ],
)
def test_bad_headers_of_the_second_standard(nifti, code, fields):
    assert refused(nifti(kind=nib.Nifti2Image, **fields)) == code


def test_the_second_standard_has_a_longer_magic(nifti):
    assert refused(nifti(kind=nib.Nifti2Image, spoil=_field("4s", 8, b"\n\r\x1a\n"))) == "IMG-302"


def test_a_header_that_is_cut(tmp_path):
    for length in (1, 3, 4, 347):
        (tmp_path / "a.nii").write_bytes(struct.pack("<i", 348)[:length].ljust(length, b"\0"))
        assert refused(tmp_path / "a.nii") == "IMG-301"


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("IMG-315", _field(">i", 0, 2)),
        ("IMG-304", _field(">i", 4, 0)),
        ("IMG-306", _field(">i", 16, 2)),
        ("IMG-307", _field(">i", 20, 7)),
        ("IMG-401", _field(">h", 28, 0)),
        ("IMG-402", _field(">f", 42, NAN)),
        ("IMG-403", _field(">f", 30, 1e-6)),
        ("IMG-404", _field(">3f", 42, 0.0, 0.0, 0.0)),
        ("IMG-205", _field(">3i", 4, 20000, 20000, 20000)),
        ("IMG-206", _field(">i", 4, 1000)),
    ],
)
def test_bad_headers_of_freesurfer(tmp_path, code, spoil):
    raw = bytearray(nib.MGHImage(np.arange(60, dtype=np.float32).reshape(3, 4, 5), np.eye(4)).to_bytes())
    spoil(raw)
    (tmp_path / "a.mgh").write_bytes(raw)
    assert refused(tmp_path / "a.mgh") == code


def test_a_long_tail_of_freesurfer(tmp_path):
    raw = nib.MGHImage(np.arange(60, dtype=np.float32).reshape(3, 4, 5), np.eye(4)).to_bytes()
    (tmp_path / "a.mgh").write_bytes(raw + bytes(2 << 20))
    assert refused(tmp_path / "a.mgh") == "IMG-207"
    (tmp_path / "a.mgh").write_bytes(raw[:100])
    assert refused(tmp_path / "a.mgh") == "IMG-315"


# ---- geometry that is said twice


def test_qform_and_sform_that_differ_are_named(nifti):
    moved = [2, 0, 0, -8]
    path = nifti(srow_x=moved, sform_code=2)
    with pytest.warns(NormwiseWarning, match="IMG-901 .* differ by 1 mm"):
        volume = read_volume(path)
    assert volume.affine[0, 3] == -8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_volume(nifti(srow_x=moved, sform_code=4))  # another space on purpose


def test_voxel_edges_that_differ_are_named(nifti):
    with pytest.warns(NormwiseWarning, match=r"IMG-902 .* 1 × 1 × 1 mm, its sform 2 × 2 × 3 mm"):
        read_volume(nifti(qform_code=0, pixdim=[1, 1, 1, 1, 1, 1, 1, 1]))


def test_an_unusable_qform_beside_an_sform_is_named(nifti):
    with pytest.warns(NormwiseWarning, match="IMG-903"):
        read_volume(nifti(quatern_b=1.5))


def test_a_quaternion_a_rounding_error_too_long_is_a_rotation(nifti):
    path = nifti(sform_code=0, quatern_b=0.0, quatern_c=0.0, quatern_d=1.0 + 1e-5, qoffset_x=9, qoffset_y=11)
    volume = read_volume(path)  # half a turn about z
    np.testing.assert_allclose(volume.affine[:3, :3], np.diag([2, 2, 3]), atol=1e-3)


def test_a_qfac_of_zero_is_one(nifti):
    volume = read_volume(nifti(sform_code=0, pixdim=[0, 2, 2, 3, 1, 1, 1, 1]))
    np.testing.assert_allclose(volume.affine[:3, :3], np.diag([2, 2, 3]), atol=1e-6)


# ---- its voxels


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_voxels_that_are_no_numbers(nifti, bad):
    data = np.arange(210, dtype=np.float32).reshape(5, 6, 7)
    data[1, 2, 3] = bad
    with pytest.raises(ImageError, match=r"0.48% of the voxels") as caught:
        read_volume(nifti(data=data))
    assert caught.value.code == "IMG-501"
    assert refused(nifti(data=data), read_labels) in {"IMG-503", "IMG-504"}


def test_voxels_that_overflow(nifti):
    data = np.full((3, 3, 3), 1e300)
    data[0] = 0
    assert refused(nifti(data=data)) == "IMG-501"
    assert refused(nifti(data=np.arange(27, dtype=np.int16).reshape(3, 3, 3), scl_slope=3e38)) == "IMG-501"


def test_a_constant_image(nifti):
    assert refused(nifti(data=np.full((3, 3, 3), 7, np.int16))) == "IMG-502"


@pytest.mark.parametrize(
    ("code", "value"),
    [("IMG-503", 0.5), ("IMG-503", NAN), ("IMG-504", -1.0), ("IMG-504", 2.0**31), ("IMG-505", 0.0)],
)
def test_bad_label_maps(nifti, code, value):
    data = np.zeros((3, 3, 3))
    data[1, 1, 1] = value
    assert refused(nifti(data=data), read_labels) == code


@pytest.mark.parametrize(
    ("value", "shown"), [(3.999999996, "3.999999996 among"), (2.0**31, "from 0.0 to 2147483648.0")]
)
def test_a_bad_label_is_shown_with_every_digit(nifti, value, shown):
    data = np.zeros((3, 3, 3))
    data[1, 1, 1] = value
    with pytest.raises(ImageError) as caught:
        read_labels(nifti(data=data))
    assert shown in str(caught.value.seen)


@pytest.mark.realdata
def test_real_images_are_read_as_nibabel_reads_them(real_data):
    paths = [
        *sorted((real_data / "ixi").glob("*.nii.gz"))[:2],
        *sorted((real_data / "oasis1" / "volumes").glob("*"))[:2],
    ]
    for path in paths:
        expected = nib.as_closest_canonical(nib.load(path))
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.voxels, expected.get_fdata().astype(np.float32))
        np.testing.assert_allclose(volume.affine, expected.affine, atol=1e-5)
