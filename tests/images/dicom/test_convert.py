"""A head from DICOM: left stays left, the right series is chosen, nothing of the header leaks."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from dicoms import AXIAL, CORONAL, SAGITTAL, SECRET, multiframe, phantom, write_series
from normwise.errors import ImageError, NormwiseWarning
from normwise.images import convert_dicom, read_dicom, read_head, read_volume

pytest.importorskip("dcm2niix", reason="needs the dcm2niix program of the extra [brain]")


def value_at(volume, lps):
    """Return the voxel at a place that DICOM tells: to the left, back and head."""
    ras = np.array([-lps[0], -lps[1], lps[2], 1.0])
    index = np.linalg.solve(volume.affine, ras)[:3]
    np.testing.assert_allclose(index, index.round(), atol=1e-3)
    return volume.voxels[tuple(index.round().astype(int))]


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL])
def test_every_voxel_lies_where_its_slice_says(tmp_path, orientation):
    head = read_dicom(write_series(tmp_path / "head", orientation=orientation))
    assert (head.volume.affine[:3, :3].diagonal() > 0).all()
    pixels, turn = phantom(), np.array(orientation, float)
    normal = np.cross(turn[:3], turn[3:])
    rng = np.random.default_rng(0)
    for _ in range(25):
        k, i, j = (int(rng.integers(n)) for n in pixels.shape)
        # Columns are 1.5 mm apart along the rows' direction, rows 2 mm apart along the columns'.
        place = np.array([-20, -30, 10]) + 3 * k * normal + 1.5 * j * turn[:3] + 2.0 * i * turn[3:]
        assert value_at(head.volume, place) == pixels[k, i, j]


def test_facts_are_read_by_the_allow_list(tmp_path):
    head = read_dicom(write_series(tmp_path / "head"))
    assert head.facts == {
        "age": "70", "sex": "F", "manufacturer": "SIEMENS", "model": "Prisma_fit",
        "field_strength_t": "3", "spacing_mm": "1.5x2x3",
    }  # fmt: skip
    assert head.patient == ""
    assert read_dicom(tmp_path / "head", with_patient=True).patient == SECRET


def test_no_planted_secret_leaves(tmp_path):
    source, target = write_series(tmp_path / "in" / "head"), tmp_path / "out" / "a.nii"
    target.parent.mkdir()
    report = convert_dicom(str(source), str(target), str(tmp_path / "scratch"))
    written = target.read_bytes() + json.dumps(report).encode()
    for secret in (SECRET, "19510203", "1951", "20210405", "112233", "1.2.826", "2.25."):
        assert secret.encode() not in written, secret
    assert [path.name for path in target.parent.iterdir()] == ["a.nii"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_facts_hold_nothing_but_their_own_form(tmp_path):
    fields = {"PatientSex": SECRET, "PatientAge": "1951", "Manufacturer": f"{SECRET}\nstreet 5; {'x' * 40}"}
    source = write_series(tmp_path / "head", **fields)
    assert set(read_dicom(source).facts) == {"model", "field_strength_t", "spacing_mm"}


def test_a_zip_gives_the_same_voxels(tmp_path):
    folder = write_series(tmp_path / "head")
    with zipfile.ZipFile(tmp_path / "head.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"deep/{path.name}")
        archive.writestr("README.txt", "no image")
    zipped, plain = read_head(tmp_path / "head.zip"), read_head(folder)
    np.testing.assert_array_equal(zipped.voxels, plain.voxels)
    np.testing.assert_array_equal(zipped.affine, plain.affine)


def test_multi_frame_gives_the_same_voxels(tmp_path):
    multiframe(tmp_path / "multi" / "a.dcm")
    write_series(tmp_path / "single")
    multi, single = read_head(tmp_path / "multi"), read_head(tmp_path / "single")
    np.testing.assert_array_equal(multi.voxels, single.voxels)
    np.testing.assert_allclose(multi.affine, single.affine, atol=1e-5)


def test_multi_frame_with_uneven_steps_is_refused(tmp_path):
    multiframe(tmp_path / "multi" / "a.dcm", uneven=True)
    with pytest.raises(ImageError) as caught:
        read_head(tmp_path / "multi")
    assert caught.value.code == "IMG-711"


def test_the_head_is_found_among_other_series(tmp_path):
    folder = tmp_path / "person"
    write_series(folder / "scout", series="s", keep=(0, 5, 9), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(folder / "t2", series="t2", EchoTime=90)
    write_series(folder / "mpr", series="m", ImageType=["DERIVED", "SECONDARY", "MPR"])
    write_series(folder / "t1", phantom() + 7, series="t1")
    head = read_dicom(folder)
    assert head.volume.voxels.min() == 7
    assert {each.place: each.error.code for each in head.refused} == {
        "scout": "IMG-704", "t2": "IMG-716", "mpr": "IMG-715",
    }  # fmt: skip


def test_an_original_goes_before_a_derived_series_and_before_its_repeat(tmp_path):
    write_series(tmp_path / "p" / "a", phantom() + 1, series="a", ImageType=["DERIVED", "SECONDARY"])
    write_series(tmp_path / "p" / "b", phantom() + 2, series="b", SeriesNumber=9)
    write_series(tmp_path / "p" / "c", phantom() + 3, series="c", SeriesNumber=8)
    with pytest.warns(NormwiseWarning, match="IMG-904"):
        head = read_dicom(tmp_path / "p")
    assert head.volume.voxels.min() == 3
    assert head.others == 2


def test_a_derived_series_alone_is_used_and_said(tmp_path):
    source = write_series(tmp_path / "p", ImageType=["DERIVED", "SECONDARY"])
    with pytest.warns(NormwiseWarning, match="IMG-905"):
        read_dicom(source)


def test_copies_of_an_instance_count_once(tmp_path):
    source = write_series(tmp_path / "p")
    first = next(source.iterdir())
    (source / "copy.dcm").write_bytes(first.read_bytes())
    assert read_dicom(source).volume.shape == (10, 12, 20)


def test_a_folder_of_anything_else_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("no image")
    with pytest.raises(ImageError) as caught:
        read_dicom(tmp_path)
    assert caught.value.code == "IMG-700"


def test_every_reason_is_kept_where_none_is_usable(tmp_path):
    write_series(tmp_path / "in" / "a", series="a", EchoTime=90)
    write_series(tmp_path / "in" / "b", series="b", keep=range(5))
    report = convert_dicom(str(tmp_path / "in"), str(tmp_path / "never.nii"))
    assert report["error"]["code"] == "IMG-721"
    assert [each["error"]["code"] for each in report["refused"]] == ["IMG-716", "IMG-713"]
    assert not (tmp_path / "never.nii").exists()


def test_a_nifti_file_is_read_as_ever(tmp_path):
    from normwise.images import Volume, write_volume

    write_volume(Volume(phantom().astype(np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(
        read_head(tmp_path / "a.nii.gz").voxels, read_volume(tmp_path / "a.nii.gz").voxels
    )


@pytest.mark.realdata
def test_the_real_head(real_data):
    with pytest.warns(NormwiseWarning, match="IMG-905"):
        head = read_dicom(real_data / "dicom" / "t1_series" / "studyforrest_t1.zip")
    assert head.volume.shape == (274, 384, 384)
    assert head.facts["age"] == "42"
    assert head.facts["sex"] == "F"


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gantrytilting/001", "IMG-712"),
        ("notavolume/001", "IMG-708"),
        ("slicecount/001", "IMG-713"),
        ("sliceincrement/001", "IMG-710"),
        ("sliceincrement/002", "IMG-710"),
    ],
)
def test_odd_series_end_in_named_refusals(real_data, name, code):
    with pytest.raises(ImageError) as caught:
        read_dicom(real_data / "dicom" / "odd_series" / name)
    assert caught.value.code == code
