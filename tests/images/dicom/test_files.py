"""Files of a folder or a zip: bounded, and nothing an archive says is used as a path."""

from __future__ import annotations

import struct
import zipfile

import pytest

from normwise.errors import ImageError
from normwise.images.dicom import files as dicom_files
from normwise.images.dicom.files import list_files, open_source


def code_of(source, scratch):
    with pytest.raises(ImageError) as caught, open_source(source, scratch):
        pass
    return caught.value.code


def test_members_are_unpacked_under_numbers(tmp_path):
    source, scratch = tmp_path / "a.zip", tmp_path / "scratch"
    with zipfile.ZipFile(source, "w") as archive:
        for name in ("../../evil.dcm", "/etc/evil.dcm", "c:\\evil.dcm", "a/b/good.dcm", "Mr Smith/x.dcm"):
            archive.writestr(name, name)
    with open_source(source, scratch) as files:
        assert len(files) == 5
        for place, path in files:
            assert path.is_relative_to(scratch)
            assert path.name.isdigit()
            assert place.isdigit()
    assert list(scratch.iterdir()) == []
    assert not any(path.name.startswith("evil") for path in tmp_path.rglob("*"))


def test_a_link_in_a_zip_is_a_file_of_text(tmp_path):
    info = zipfile.ZipInfo("link.dcm")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with open_source(tmp_path / "a.zip", tmp_path / "s") as [(_, path)]:
        assert path.read_text() == "/etc/passwd"


def test_a_bomb_is_refused_by_what_it_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "MOST_BYTES", 10_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(20_000_000))
    assert (tmp_path / "a.zip").stat().st_size < 50_000
    assert code_of(tmp_path / "a.zip", tmp_path / "s") == "IMG-702"


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "MOST_BYTES", 3_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(20_000_000))
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    size, claim = struct.pack("<I", 20_000_000), struct.pack("<I", 10)
    assert raw.count(size) == 2
    (tmp_path / "a.zip").write_bytes(bytes(raw).replace(size, claim))
    # Either the claim is held against the content, or the cap is.
    assert code_of(tmp_path / "a.zip", tmp_path / "s") in {"IMG-701", "IMG-702"}
    assert list((tmp_path / "s").iterdir()) == []


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "MOST_FILES", 3)
    (tmp_path / "in").mkdir()
    for name in "abcde":
        (tmp_path / "in" / name).write_text("")
    with pytest.raises(ImageError) as caught:
        list_files(tmp_path / "in")
    assert caught.value.code == "IMG-702"


@pytest.mark.parametrize("content", [b"", b"PK\3\4 nothing more", b"no zip at all"])
def test_no_zip(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    assert code_of(tmp_path / "a.zip", tmp_path / "s") == "IMG-701"


def test_an_encrypted_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.dcm", "x")
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    raw[raw.index(b"PK\1\2") + 8] |= 1
    raw[6] |= 1
    (tmp_path / "a.zip").write_bytes(raw)
    assert code_of(tmp_path / "a.zip", tmp_path / "s") == "IMG-701"


def test_a_link_out_of_the_folder_and_hidden_files_are_left_out(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "b.dcm").write_text("x")
    (tmp_path / "in" / "a.dcm").write_text("x")
    (tmp_path / "in" / ".DS_Store").write_text("x")
    (tmp_path / "in" / "out.dcm").symlink_to(tmp_path / "secret")
    assert [path.name for path in list_files(tmp_path / "in")] == ["a.dcm", "b.dcm"]


def test_nothing_there(tmp_path):
    assert code_of(tmp_path / "absent.zip", tmp_path / "s") == "IMG-100"
