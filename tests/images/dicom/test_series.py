"""Series that are no volume, each refused with its own code."""

from __future__ import annotations

import numpy as np
import pytest

from dicoms import AXIAL, CORONAL, phantom, write_series
from normwise.errors import ImageError
from normwise.images.dicom.header import read_header
from normwise.images.dicom.series import check_series, sort_series


def series_in(folder):
    return sort_series([("", read_header(path)) for path in sorted(folder.iterdir())])


def code_of(folder):
    [series] = series_in(folder)
    with pytest.raises(ImageError) as caught:
        check_series(series, "head")
    return caught.value.code


def test_a_good_series_passes_in_its_order(tmp_path):
    [series] = series_in(write_series(tmp_path))
    check_series(series, "head")
    assert series.spacing == (2.0, 1.5, 3.0)
    assert [header.order for header in series.headers] == list(range(1, 21))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("IMG-704", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}),
        ("IMG-705", {"ImagePositionPatient": None}),
        ("IMG-705", {"PixelSpacing": None}),
        ("IMG-705", {"ImageOrientationPatient": [1, 0, 0, 0.5, 1, 0]}),
        ("IMG-708", {"step": 0.0}),
        ("IMG-710", {"keep": [*range(8), *range(9, 20)]}),
        ("IMG-710", {"keep": [*range(8), *range(11, 20)]}),
        ("IMG-712", {"shift": (0, 0.2, 0)}),
        ("IMG-713", {"keep": range(15)}),
        ("IMG-713", {"keep": [4]}),
        ("IMG-714", {"Modality": "CT"}),
        ("IMG-715", {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}),
        ("IMG-716", {"EchoTime": 85}),
        ("IMG-717", {"SamplesPerPixel": 3}),
        ("IMG-702", {"Rows": 65535, "Columns": 65535}),
    ],
)
def test_each_fault_has_its_code(tmp_path, code, changes):
    assert code_of(write_series(tmp_path, **changes)) == code


def test_two_directions_in_one_series(tmp_path):
    write_series(tmp_path, orientation=AXIAL, keep=range(10))
    write_series(tmp_path, orientation=CORONAL, keep=range(10, 20))
    assert code_of(tmp_path) == "IMG-706"


def test_two_sizes_in_one_series(tmp_path):
    write_series(tmp_path, keep=range(10))
    write_series(tmp_path, phantom(rows=14), keep=range(10, 20))
    assert code_of(tmp_path) == "IMG-707"


def test_two_volumes_in_one_series(tmp_path):
    from dicoms import slice_of

    for number, plane in enumerate(np.concatenate([phantom(), phantom()])):
        place = (-20, -30, 10 + 3 * (number % 20))
        slice_of(plane, number + 1, place, series="a").save_as(tmp_path / f"{number}.dcm")
    assert code_of(tmp_path) == "IMG-709"


def test_uneven_steps(tmp_path):
    write_series(tmp_path, keep=range(10))
    write_series(tmp_path, keep=range(10, 20), shift=(0, 0, 0.11))
    assert code_of(tmp_path) == "IMG-711"


def test_rounding_of_places_is_no_unevenness(tmp_path):
    from dicoms import slice_of

    for number, plane in enumerate(phantom()):
        place = (-20, -30, round(10 + 0.6667 * number, 2))
        slice_of(plane, number + 1, place, series="a").save_as(tmp_path / f"{number:02d}.dcm")
    [series] = series_in(tmp_path)
    check_series(series, "head")


def test_the_folder_parts_series_without_an_identifier(tmp_path):
    write_series(tmp_path, SeriesInstanceUID=None)
    headers = [read_header(path) for path in tmp_path.iterdir()]
    parted = sort_series([("a" if header.order < 10 else "b", header) for header in headers])
    assert [(each.place, each.slices) for each in parted] == [("a", 9), ("b", 11)]
