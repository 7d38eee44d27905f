"""A head from DICOM: left stays left, the right series is chosen, nothing of the header leaks."""

from __future__ import annotations

import datetime as dt
import json
import warnings
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


def read_quietly(path):
    """Read a head whose contrast the header does not tell."""
    with pytest.warns(NormwiseWarning, match="IMG-907"):
        return read_head(path)


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
    multi, single = read_quietly(tmp_path / "multi"), read_head(tmp_path / "single")
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
    assert [(each.number, each.outcome, each.reason) for each in head.series] == [
        (8, "chosen", "its series number is lower"),
        (9, "not chosen", "the chosen one: its series number is lower"),
        (3, "not chosen", "the chosen one: it is an original, not derived"),
    ]


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
    assert [each["error"]["code"] for each in report["series"]] == ["IMG-716", "IMG-713"]
    assert not (tmp_path / "never.nii").exists()


def test_a_nifti_file_is_read_as_ever(tmp_path):
    from normwise.images import Volume, write_volume

    write_volume(Volume(phantom().astype(np.float32), np.eye(4)), tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(
        read_head(tmp_path / "a.nii.gz").voxels, read_volume(tmp_path / "a.nii.gz").voxels
    )


def test_a_frames_own_place_goes_before_the_files(tmp_path):
    fields = {"ImagePositionPatient": [-20.0, -30.0, 31.0], "ImageOrientationPatient": list(AXIAL)}
    multiframe(tmp_path / "both" / "a.dcm", **fields)
    multiframe(tmp_path / "own" / "a.dcm")
    both, own = read_quietly(tmp_path / "both"), read_quietly(tmp_path / "own")
    np.testing.assert_array_equal(both.voxels, own.voxels)
    np.testing.assert_allclose(both.affine, own.affine, atol=1e-5)


def test_one_identifier_for_all_slices(tmp_path):
    write_series(tmp_path / "same", SOPInstanceUID="1.2.3")
    write_series(tmp_path / "own")
    np.testing.assert_array_equal(read_head(tmp_path / "same").voxels, read_head(tmp_path / "own").voxels)


def test_one_identifier_for_several_volumes_hides_none(tmp_path):
    write_series(tmp_path / "p" / "a", SOPInstanceUID="1.2.3")
    write_series(tmp_path / "p" / "b", phantom() + 1, SOPInstanceUID="1.2.3")
    with pytest.raises(ImageError) as caught:
        read_dicom(tmp_path / "p")
    assert caught.value.code == "IMG-709"


def test_one_series_identifier_for_two_series(tmp_path):
    write_series(tmp_path / "p" / "t1", phantom() + 7)
    write_series(tmp_path / "p" / "t2", EchoTime=90, SeriesNumber=4)
    head = read_dicom(tmp_path / "p")
    assert head.volume.voxels.min() == 7
    assert [each.error.code for each in head.refused] == ["IMG-716"]


@pytest.mark.parametrize("kept", [0, 60, 140, 300, 700, -1])
def test_a_cut_end_slice_refuses_its_series(tmp_path, kept):
    source = write_series(tmp_path / "p")
    [last] = source.glob("*-19.dcm")
    last.write_bytes(last.read_bytes()[:kept])
    with pytest.raises(ImageError) as caught:
        read_dicom(source)
    assert caught.value.code == "IMG-723"
    assert caught.value.problem == "1 of the series' 20 files is cut, empty or unreadable."


@pytest.mark.parametrize("content", [b"", b"no image", bytes(1000)])
def test_a_foreign_file_called_as_a_slice_refuses_the_series(tmp_path, content):
    source = write_series(tmp_path / "p")
    (source / "b-1-2.dcm").write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_dicom(source)
    assert caught.value.code == "IMG-723"


def test_a_file_that_is_called_otherwise_is_only_counted(tmp_path):
    source = write_series(tmp_path / "p")
    (source / "README").write_text("no image")
    head = read_dicom(source)
    assert [(each.outcome, each.slices, each.reason) for each in head.series[1:]] == [
        ("left out", 1, "1 not DICOM")
    ]


@pytest.mark.parametrize("in_a_zip", [False, True])
def test_a_cut_slice_costs_no_other_series(tmp_path, in_a_zip):
    write_series(tmp_path / "p" / "t1", phantom() + 7, series="t1")
    damaged = write_series(tmp_path / "p" / "t2", series="t2", EchoTime=20, RepetitionTime=600)
    [last] = damaged.glob("*-19.dcm")
    last.write_bytes(last.read_bytes()[:300])
    source = tmp_path / "p"
    if in_a_zip:
        source = tmp_path / "p.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in (tmp_path / "p").rglob("*.dcm"):
                archive.write(path, path.relative_to(tmp_path).as_posix())
    head = read_dicom(source)
    assert head.volume.voxels.min() == 7
    assert [each.error.code for each in head.refused] == ["IMG-723"]


def test_a_lost_slice_of_one_of_two_series_in_a_folder_is_named(tmp_path):
    write_series(tmp_path / "p", series="a")
    write_series(tmp_path / "p", series="b", EchoTime=90)
    (tmp_path / "p" / "a-99-99.dcm").write_bytes(b"")
    (tmp_path / "p" / "a-98-98.dcm").write_bytes(bytes(500))
    with pytest.warns(NormwiseWarning) as caught:
        read_dicom(tmp_path / "p")
    [warning] = [each.message for each in caught]
    assert (warning.code, warning.value) == ("IMG-906", 2)
    assert "1 damaged, 1 empty" in warning.text


def test_links_that_lead_out_are_named(tmp_path):
    source = write_series(tmp_path / "p")
    (source / "out.dcm").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(NormwiseWarning, match="1 links that lead out of it"):
        read_dicom(source)


def test_the_prepared_head_goes_before_a_finer_angiogram(tmp_path):
    fine = {"RepetitionTime": 21, "EchoTime": 3.4, "PixelSpacing": [1, 1]}
    write_series(tmp_path / "p" / "tof", series="a", step=1.0, SeriesNumber=1, **fine)
    write_series(tmp_path / "p" / "mprage", phantom() + 7, series="b", InversionTime=900)
    with pytest.warns(NormwiseWarning, match="IMG-904"):
        head = read_dicom(tmp_path / "p")
    assert head.volume.voxels.min() == 7
    assert [(each.place, each.outcome, each.contrast) for each in head.series] == [
        ("mprage", "chosen", "T1-weighted"),
        ("tof", "not chosen", "unknown"),
    ]


def test_mp2rage_gives_its_uniform_image(tmp_path):
    times = {"RepetitionTime": 5000, "EchoTime": 2.98, "ScanningSequence": ["GR", "IR"]}
    write_series(tmp_path / "p" / "inv1", series="a", InversionTime=700, **times)
    write_series(tmp_path / "p" / "inv2", series="b", InversionTime=2500, **times)
    kind = ["DERIVED", "PRIMARY", "M", "ND", "UNI"]
    write_series(tmp_path / "p" / "uni", phantom() + 7, series="c", ImageType=kind, **times)
    with pytest.warns(NormwiseWarning, match="IMG-905"):
        head = read_dicom(tmp_path / "p")
    assert head.volume.voxels.min() == 7
    assert [each.error.code for each in head.refused] == ["IMG-716", "IMG-716"]


def test_an_unknown_contrast_is_said(tmp_path):
    source = write_series(tmp_path / "p", EchoTime=None, RepetitionTime=None)
    with pytest.warns(NormwiseWarning, match="IMG-907") as caught:
        head = read_dicom(source)
    assert len(caught) == 1
    assert head.series[0].contrast == "unknown"
    assert "it covers 15 mm, which is no whole head" in caught[0].message.text


def test_two_people_in_one_folder_are_refused(tmp_path):
    write_series(tmp_path / "p", series="a")
    write_series(tmp_path / "p", series="b", PatientID="B7")
    with pytest.raises(ImageError) as caught:
        read_dicom(tmp_path / "p")
    assert (caught.value.code, caught.value.seen) == ("IMG-722", "2 patient identifiers")
    assert SECRET not in str(caught.value)


def test_of_two_studies_the_first_is_taken_and_the_days_are_said(tmp_path):
    later = {"StudyInstanceUID": "1.2.9", "StudyDate": "20220405", "PatientAge": "071Y"}
    write_series(tmp_path / "p" / "b", series="b", **later)
    write_series(tmp_path / "p" / "a", phantom() + 7, series="a", SeriesNumber=9)
    with pytest.warns(NormwiseWarning) as caught:
        head = read_dicom(tmp_path / "p")
    assert {each.message.code for each in caught} == {"IMG-904", "IMG-908"}
    assert any("2 studies, up to 365 days apart" in str(each.message) for each in caught)
    assert head.volume.voxels.min() == 7
    assert head.facts["age"] == "70"
    assert [(each.outcome, each.days) for each in head.series] == [("chosen", 0), ("not chosen", 365)]


def test_of_two_visits_each_has_a_file(tmp_path):
    later = {"StudyInstanceUID": "1.2.9", "StudyDate": "20220405", "PatientAge": "071Y"}
    write_series(tmp_path / "p" / "b", series="b", **later)
    write_series(tmp_path / "p" / "a", phantom() + 7, series="a", SeriesNumber=9)
    value = convert_dicom(str(tmp_path / "p"), str(tmp_path / "a.nii"))
    assert [(each["facts"]["age"], each["days"]) for each in value["heads"]] == [("70", 0), ("71", 365)]
    assert [read_volume(each["file"]).voxels.min() for each in value["heads"]] == [7, 0]
    assert [(each["outcome"], each["days"]) for each in value["series"]] == [("chosen", 0), ("chosen", 365)]


@pytest.mark.parametrize(("day", "visits"), [("20210505", 1), ("20210506", 2), (None, 1)])
def test_a_visit_is_thirty_days(tmp_path, day, visits):
    write_series(tmp_path / "p", series="a")
    write_series(tmp_path / "p", series="b", StudyInstanceUID="1.2.9", StudyDate=day)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = convert_dicom(str(tmp_path / "p"), str(tmp_path / "a.nii"))
    assert ("IMG-908" in {each.message.code for each in caught}) == (visits == 1)
    assert len(value["heads"]) == visits


def test_a_visit_without_a_usable_series_costs_no_other(tmp_path, monkeypatch):
    from normwise.images.dicom import convert

    write_series(tmp_path / "p", series="a")
    write_series(tmp_path / "p", series="b", StudyInstanceUID="1.2.9", StudyDate="20220405")

    def fails_on_the_first(series, *rest, whole=convert.convert_series):
        if series.first.day == dt.date(2021, 4, 5).toordinal():
            raise ImageError("IMG-718", "it makes none.")
        return whole(series, *rest)

    monkeypatch.setattr(convert, "convert_series", fails_on_the_first)
    value = convert_dicom(str(tmp_path / "p"), str(tmp_path / "a.nii"))
    assert [each["days"] for each in value["heads"]] == [365]
    assert [each["error"]["code"] for each in value["series"] if each["error"]] == ["IMG-718"]


@pytest.mark.parametrize(("claimed", "said"), [(20, False), (21, True)])
def test_fewer_images_than_the_series_says_are_named(tmp_path, claimed, said):
    write_series(tmp_path / "p", ImagesInAcquisition=claimed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_dicom(tmp_path / "p")
    assert [(each.message.code, each.message.value) for each in caught] == ([("IMG-909", 1)] if said else [])


def test_an_archive_inside_a_folder_is_named(tmp_path):
    source = write_series(tmp_path / "p")
    (source / "more.7z").write_bytes(b"7z")
    with pytest.warns(NormwiseWarning, match="IMG-906") as caught:
        read_dicom(source)
    assert "1 archives that were not unpacked" in caught[0].message.text


def test_people_are_compared_by_a_key_and_only_with_the_same(tmp_path):
    source, target = str(write_series(tmp_path / "p")), str(tmp_path / "a.nii")
    one, same = (convert_dicom(source, target, key="aa" * 16)["person"] for _ in range(2))
    other = convert_dicom(source, target, key="bb" * 16)["person"]
    assert one == same
    assert len({one, other, ""}) == 3


@pytest.mark.realdata
def test_the_real_head(real_data):
    with pytest.warns(NormwiseWarning) as caught:
        head = read_dicom(real_data / "dicom" / "t1_series" / "studyforrest_t1.zip")
    # Its header has no times at all, so that nothing tells the contrast.
    assert {each.message.code for each in caught} == {"IMG-905", "IMG-907"}
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
