"""Headers of single slices."""

from __future__ import annotations

import pytest

from dicoms import phantom, slice_of
from normwise.images.dicom.header import read_header


@pytest.fixture
def header(tmp_path):
    def read(number=1, at=(0, 0, 0), series="a", **fields):
        path = tmp_path / f"{series}{number}-{at[2]}.dcm"
        slice_of(phantom()[0], number, at, series=series, **fields).save_as(path)
        return read_header(path)

    return read
