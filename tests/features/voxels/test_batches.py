from __future__ import annotations

import numpy as np
import pytest

from normwise.features.voxels.batches import RowMatrix


@pytest.mark.parametrize("count", [0, 1, 12345])
def test_any_number_of_rows_fits_the_header(tmp_path, count):
    with RowMatrix(tmp_path, 3, "made", ["a"]) as rows:
        for number in range(count):
            rows.append(np.full(3, number, np.float32))
    found = rows.array()
    assert found.shape == (count, 3)
    assert found.dtype == np.float32
    if count:
        assert isinstance(found, np.memmap)
        assert found[-1].tolist() == [count - 1.0] * 3
        assert not found.flags.writeable


def test_an_error_leaves_nothing_behind(tmp_path):
    def fail():
        with RowMatrix(tmp_path, 2, "made", ["a"]) as rows:
            rows.append(np.zeros(2, np.float32))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_without_a_folder_rows_stay_in_memory():
    with RowMatrix(None, 2, "made", ["a"]) as rows:
        rows.append(np.array([1, 2], np.float32))
    assert rows.array().tolist() == [[1.0, 2.0]]
