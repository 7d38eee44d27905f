"""Headers by an allow-list: ages as scanners write them, damaged files, and no hang on hostile ones."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicoms import SECRET, phantom, slice_of
from normwise.errors import ImageError
from normwise.images.dicom.header import age_in_years, read_header


@pytest.fixture
def written(tmp_path):
    def write(**fields):
        path = tmp_path / "a.dcm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            slice_of(phantom()[0], 1, (0, 0, 0), **fields).save_as(path)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("42", 42), ("042Y", 42), ("42y", 42), ("018M", 1.5), ("052W", 364 / 365.25),
        ("100D", 100 / 365.25), ("0Y", None), ("000Y", None), ("", None), ("131Y", None),
        ("42 years of", None), ("-4Y", None),
    ],
)  # fmt: skip
def test_ages(text, years):
    assert age_in_years(text) == (None if years is None else pytest.approx(years))


def test_no_text_of_the_header_is_held(written):
    assert SECRET not in repr(read_header(written()))
    assert "1951" not in repr(read_header(written()))


def test_gauss_are_read_as_tesla(written):
    assert read_header(written(MagneticFieldStrength=15000)).facts["field_strength_t"] == "1.5"


def test_something_else_is_no_dicom(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"")
    (tmp_path / "b.dcm").write_bytes(b"\0" * 200)
    assert read_header(tmp_path / "a.dcm") is None
    assert read_header(tmp_path / "b.dcm") is None


def test_a_deflated_header_is_refused(tmp_path):
    data = slice_of(phantom()[0], 1, (0, 0, 0))
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError) as caught:
        read_header(tmp_path / "a.dcm")
    assert caught.value.code == "IMG-703"


def test_damage_ends_in_a_header_or_a_named_refusal(written, tmp_path):
    whole = np.frombuffer(written().read_bytes(), np.uint8)
    rng = np.random.default_rng(3)
    refused: list[ImageError] = []
    for number in range(150):
        spoilt = whole.copy()
        places = rng.integers(128, len(whole), size=8)
        spoilt[places] = rng.integers(0, 256, size=8)
        cut = spoilt[: rng.integers(132, len(whole))] if number % 3 == 0 else spoilt
        path = tmp_path / "spoilt.dcm"
        path.write_bytes(cut.tobytes())
        try:
            read_header(path)
        except ImageError as error:
            refused.append(error)
    assert len(refused) > 5
    assert {error.code for error in refused} == {"IMG-703"}
    assert not any(SECRET in str(error) for error in refused)


def test_the_parser_quotes_nothing_on_the_way(written, capfd, caplog):
    path = written(PatientSex=SECRET, PatientAge=SECRET)
    caplog.clear()
    read_header(path)
    assert SECRET not in capfd.readouterr().err + caplog.text
