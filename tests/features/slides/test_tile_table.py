"""Tiles on disk: what was written comes back, anything else is refused."""

import io

import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.slides import TileTable, read_tiles, tiles_place

TABLE = TileTable(("a", "b"), np.float32([[1, 2], [3, 4], [5, 6]]), np.int32([[0, 0], [9, 0], [0, 9]]), 9)


def test_a_table_survives_the_disk(tmp_path):
    path = tmp_path / "s.npz"
    path.write_bytes(TABLE.to_bytes())
    for found in (read_tiles(path), read_tiles(io.BytesIO(TABLE.to_bytes()))):
        assert (found.names, found.side) == (TABLE.names, TABLE.side)
        assert np.array_equal(found.vectors, TABLE.vectors)
        assert np.array_equal(found.xy, TABLE.xy)


def test_the_same_table_gives_the_same_bytes():
    assert TABLE.to_bytes() == TABLE.to_bytes()


@pytest.mark.parametrize(
    "broken",
    [
        TileTable(("a",), TABLE.vectors, TABLE.xy, 9),
        TileTable(("a", "b"), TABLE.vectors[:2], TABLE.xy, 9),
        TileTable(("a", "b"), TABLE.vectors, np.zeros((3, 3), np.int32), 9),
    ],
    ids=["names", "rows", "places"],
)
def test_arrays_that_do_not_fit_are_refused(broken, tmp_path):
    path = tmp_path / "s.npz"
    path.write_bytes(broken.to_bytes())
    with pytest.raises(FeatureError) as caught:
        read_tiles(path)
    assert caught.value.code == "FEA-606"


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", TABLE.to_bytes()[:-30]])
def test_damaged_files_are_refused(content, tmp_path):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(FeatureError) as caught:
        read_tiles(tmp_path / "s.npz")
    assert caught.value.code == "FEA-606"


def test_no_scan_leads_out_of_the_folder():
    assert tiles_place("../a b") == "tiles/..-a-b-2c2c791a.npz"
    assert len({tiles_place(name) for name in ("p 1", "p-1", "p/1", "p_1")}) == 4
