"""The law of files that lie: one flipped bit is refused, or changes nothing that is read."""

from __future__ import annotations

import gzip
import warnings

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normwise.errors import ImageError
from normwise.images import read_volume

LEVELS = (0, 1, 6, 9)  # 0 stores the bytes as they are: nothing but the checksum can find a flip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("flips")


def _content(level):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 1000, (6, 7, 8)).astype(np.int16)
    raw = nib.Nifti1Image(data, np.diag([2.0, 2, 2, 1])).to_bytes()
    if level == 6:  # two members with names, as some tools write them
        import io

        parts = []
        for name, part in (("first.nii", raw[:400]), ("second.nii", raw[400:])):
            buffer = io.BytesIO()
            with gzip.GzipFile(name, "wb", level, buffer, mtime=12345) as handle:
                handle.write(part)
            parts.append(buffer.getvalue())
        return b"".join(parts)
    return gzip.compress(raw, level, mtime=0)


def _read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = read_volume(path)
    return volume.voxels.tobytes(), volume.affine.tobytes()


@pytest.mark.parametrize("level", LEVELS)
def test_bits_of_every_region_of_a_file(folder, level):
    content = _content(level)
    path = folder / f"level{level}.nii.gz"
    path.write_bytes(content)
    whole = _read(path)
    bits = range(len(content) * 8)
    sample = sorted({*bits[:400], *bits[:: len(bits) // 600], *bits[-200:]})  # headers and trailers in full
    harmless = 0
    for bit in sample:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert _read(path) == whole, f"bit {bit} passed"
        except ImageError:
            continue
        harmless += 1
    # Times, names and flags of the gzip headers, and the few bits of deflate that say nothing: padding, and
    # distances into a run of one value.
    assert harmless < 8 * 60


@settings(max_examples=150)
@given(data=st.data())
def test_any_damage_to_a_small_file(folder, data):
    level = data.draw(st.sampled_from(LEVELS))
    content = bytearray(_content(level))
    path = folder / "damaged.nii.gz"
    path.write_bytes(content)
    whole = _read(path)
    kind = data.draw(st.sampled_from(["bytes", "cut", "insert", "swap"]))
    place = data.draw(st.integers(0, len(content) - 2))
    if kind == "bytes":
        content[place] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del content[place : place + data.draw(st.integers(1, 50))]
    elif kind == "insert":
        content[place:place] = data.draw(st.binary(min_size=1, max_size=50))
    else:
        content[place], content[place + 1] = content[place + 1], content[place]
    path.write_bytes(content)
    try:
        assert _read(path) == whole
    except ImageError:
        return


@settings(max_examples=300)
@given(header=st.binary(min_size=0, max_size=600), voxels=st.integers(0, 400), magic=st.booleans())
def test_any_header_is_read_or_refused_by_code(folder, header, voxels, magic):
    """Random headers never end in anything but a volume or an ImageError."""
    raw = bytearray(header)
    if magic and len(raw) >= 352:
        raw[:4] = (348).to_bytes(4, "little")
        raw[344:348] = b"n+1\0"
    path = folder / "random.nii"
    path.write_bytes(bytes(raw) + bytes(range(256)) * 2 + bytes(voxels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_volume(path, max_bytes=1 << 20)
        except ImageError:
            return


@settings(max_examples=300)
@given(place=st.integers(0, 351), patch=st.binary(min_size=1, max_size=8))
def test_any_patch_of_a_sound_header_is_read_or_refused_by_code(folder, place, patch):
    raw = bytearray(gzip.decompress(_content(9)))
    raw[place : place + len(patch)] = patch
    path = folder / "patched.nii"
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            volume = read_volume(path, max_bytes=1 << 20)
        except ImageError:
            return
    assert np.isfinite(volume.voxels).all()
    assert np.isfinite(volume.affine).all()
    assert volume.voxel_mm3 > 0
