"""Files of a folder or a zip: bounded, and nothing an archive says is used as a path."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile

import pytest

from normwise.errors import ImageError
from normwise.images.dicom import archives
from normwise.images.dicom.files import list_files, open_source

DICM = bytes(128) + b"DICM"


def code_of(source, scratch):
    with pytest.raises(ImageError) as caught, open_source(source, scratch):
        pass
    return caught.value.code


def test_members_are_unpacked_under_numbers(tmp_path):
    source, scratch = tmp_path / "a.zip", tmp_path / "scratch"
    with zipfile.ZipFile(source, "w") as archive:
        for name in ("../../evil.dcm", "/etc/evil.dcm", "c:\\evil.dcm", "a/b/good.dcm", "Mr Smith/x.dcm"):
            archive.writestr(name, name)
    with open_source(source, scratch) as (files, links):
        assert len(files) == 5
        assert links == 0
        for place, path, _ in files:
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
    with open_source(tmp_path / "a.zip", tmp_path / "s") as ([(_, path, _)], _):
        assert path.read_text() == "/etc/passwd"


def test_a_bomb_is_refused_by_what_it_claims(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 10_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(20_000_000))
    assert (tmp_path / "a.zip").stat().st_size < 50_000
    assert code_of(tmp_path / "a.zip", tmp_path / "s") == "IMG-702"


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 3_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", DICM + bytes(20_000_000))
    raw = bytearray((tmp_path / "a.zip").read_bytes())
    size, claim = struct.pack("<I", 20_000_132), struct.pack("<I", 10)
    assert raw.count(size) == 2
    (tmp_path / "a.zip").write_bytes(bytes(raw).replace(size, claim))
    # Either the claim is held against the content, or the cap is.
    assert code_of(tmp_path / "a.zip", tmp_path / "s") in {"IMG-701", "IMG-702"}
    assert list((tmp_path / "s").iterdir()) == []


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 3)
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


def tar_of(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("A.TGZ", "w:gz")])
def test_a_tar_is_unpacked_as_a_zip_is(tmp_path, name, mode):
    members = {"../evil.dcm": DICM + b"1", "Mr Smith/IM-2.dcm": DICM + bytes(3_000_000), "a/._x.dcm": b"mac"}
    source = tar_of(tmp_path / name, members, mode)
    with open_source(source, tmp_path / "s") as (files, links):
        assert [file.path.read_bytes() for file in files] == list(members.values())[:2]
        assert [(file.place, file.form) for file in files] == [("1", "evil.dcm"), ("2", "im-#.dcm")]
        assert all(file.path.is_relative_to(tmp_path / "s") for file in files)
    assert list((tmp_path / "s").iterdir()) == []
    assert not (tmp_path / "evil.dcm").exists()
    assert links == 0


def test_links_in_a_tar_are_counted(tmp_path):
    source = tmp_path / "a.tar"
    with tarfile.open(source, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"a{kind}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with open_source(source, tmp_path / "s") as (files, links):
        assert files == []
        assert links == 3


def test_a_tar_that_was_cut_anywhere_is_refused(tmp_path):
    whole = tar_of(
        tmp_path / "a.tar", {f"{number}.dcm": DICM + bytes(900) for number in range(3)}
    ).read_bytes()
    source = tmp_path / "cut.tar"
    ends = 3 * (512 + 1536)
    for kept in (100, 512, 700, 512 + 1536, 512 + 1536 + 300, 2 * (512 + 1536), ends - 1, ends):
        source.write_bytes(whole[:kept])
        assert code_of(source, tmp_path / "s") == "IMG-701", kept
    source.write_bytes(whole[: ends + 512])
    with open_source(source, tmp_path / "s") as (files, _):
        assert len(files) == 3


def test_a_damaged_header_inside_a_tar_is_no_end(tmp_path):
    source = tar_of(tmp_path / "a.tar", {"1.dcm": DICM, "2.dcm": DICM, "3.dcm": DICM})
    content = bytearray(source.read_bytes())
    content[2048 + 150] ^= 1
    source.write_bytes(bytes(content))
    assert code_of(source, tmp_path / "s") == "IMG-701"


def test_a_bit_of_the_checksum_of_a_tar_under_gzip(tmp_path):
    source = tar_of(tmp_path / "a.tar.gz", {"1.dcm": DICM}, "w:gz")
    content = bytearray(source.read_bytes())
    content[-6] ^= 1
    source.write_bytes(bytes(content))
    assert code_of(source, tmp_path / "s") == "IMG-701"


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_what_unfolds_too_far_is_stopped(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "_FREE_BYTES", 1_000_000)
    source, content = tmp_path / f"a.{kind}", DICM + bytes(20_000_000)
    if kind == "zip":
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.dcm", content)
    else:
        source.write_bytes(gzip.compress(tar_of(tmp_path / "a.tar", {"a.dcm": content}).read_bytes()))
    with pytest.raises(ImageError) as caught, open_source(source, tmp_path / "s"):
        pass
    assert caught.value.code == "IMG-702"
    assert caught.value.expected == f"at most 100 times its {source.stat().st_size} bytes"
    assert list((tmp_path / "s").iterdir()) == []


def test_a_member_that_is_no_dicom_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_FREE_BYTES", 1_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(20_000_000))
    with open_source(tmp_path / "a.zip", tmp_path / "s") as ([file], _):
        assert file.path.stat().st_size == 132


def test_links_of_a_folder_that_lead_nowhere_are_counted(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_text("x")
    (tmp_path / "in" / "same.dcm").symlink_to(tmp_path / "in" / "a.dcm")
    (tmp_path / "in" / "broken.dcm").symlink_to(tmp_path / "in" / "gone")
    (tmp_path / "in" / "out.dcm").symlink_to("/etc/passwd")
    with open_source(tmp_path / "in") as (files, links):
        assert len(files) == 2
        assert links == 2
