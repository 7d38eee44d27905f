"""Image files made for the tests: a small phantom, and ways to spoil its header."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.array([[2.0, 0, 0, -9], [0, 2, 0, -11], [0, 0, 3, -7], [0, 0, 0, 1]])


def phantom(shape=(5, 6, 7)):
    """No two voxels are alike, so that no flip or swap goes unseen."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) ** 1.5


@pytest.fixture
def nifti(tmp_path):
    """A function that writes a NIfTI file with chosen header fields and returns its path."""

    def write(
        name="image.nii.gz",
        data=None,
        affine=AFFINE,
        *,
        kind=nib.Nifti1Image,
        spoil=None,
        extra=b"",
        **fields,
    ):
        image = kind(phantom() if data is None else data, affine)
        image.set_qform(affine, code=2)
        raw = bytearray(image.to_bytes())
        header = (nib.Nifti1Header if kind is nib.Nifti1Image else nib.Nifti2Header)(
            bytes(raw[: image.header.sizeof_hdr])
        )
        for field, value in fields.items():
            header[field] = value
        raw[: image.header.sizeof_hdr] = header.binaryblock
        if spoil:
            spoil(raw)
        raw += extra
        path = tmp_path / name
        path.write_bytes(gzip.compress(bytes(raw), mtime=0) if name.endswith(".gz") else bytes(raw))
        return path

    return write
