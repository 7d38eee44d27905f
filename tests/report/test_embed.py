"""Only pictures of the run go into a page, and only so many."""

from __future__ import annotations

from pathlib import Path

import pytest

from normwise.report.saved_run import Album
from normwise.results import Picture
from normwise.run_folder import RunFolder
from report.full_results import PNG


def album_with(folder: Path, path: str, content: bytes = PNG, limit: int = 10_000) -> Album:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return Album(
        RunFolder(folder / "run"), [Picture("a", "mask", path.removeprefix("run/"), "t", "alt")] * 3, limit
    )


def test_a_picture_of_the_run_is_shown(tmp_path: Path) -> None:
    [(picture, uri)] = album_with(tmp_path, "run/pictures/a.png").show("a")
    assert picture.title == "t"
    assert uri.startswith("data:image/png;base64,iVBOR")


def test_a_jpeg_is_shown_as_one(tmp_path: Path) -> None:
    [(_, uri)] = album_with(tmp_path, "run/a.png", b"\xff\xd8\xff\xe0rest").show("a")
    assert uri.startswith("data:image/jpeg;")


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "missing.png", "."])
def test_nothing_outside_the_run_is_shown(tmp_path: Path, path: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    assert Album(RunFolder(tmp_path / "run"), [Picture("a", "mask", path, "t", "alt")]).show("a") == []


def test_a_link_out_of_the_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "run" / "a.png").symlink_to(tmp_path / "secret.png")
    assert Album(RunFolder(tmp_path / "run"), [Picture("a", "mask", "a.png", "t", "alt")]).show("a") == []


def test_what_is_no_picture_is_not_shown(tmp_path: Path) -> None:
    assert album_with(tmp_path, "run/a.png", b"<svg onload=alert(1)>").show("a") == []


def test_the_limit_is_not_exceeded(tmp_path: Path) -> None:
    album = album_with(tmp_path, "run/a.png", limit=2 * len(PNG))
    assert len(album.show("a", most=3)) == 2
    assert album.show("a") == []
