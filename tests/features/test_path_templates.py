from __future__ import annotations

import pandas as pd
import pytest

from normwise.errors import FeatureError
from normwise.features.path_templates import check_columns, fill, has_columns, read_small_text

RAW = pd.DataFrame({"ID": ["007", "{x}"], "M/F": ["F", "M"]})


def test_columns_are_put_into_paths_as_they_are():
    assert fill("{M/F}/sub-{ID}_{ID}.nii", RAW) == ["F/sub-007_007.nii", "M/sub-{x}_{x}.nii"]
    assert fill("one.nii", RAW) == ["one.nii", "one.nii"]
    assert has_columns("{ID}")
    assert not has_columns("{}")


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(FeatureError) as caught:
        check_columns("{Id}.nii", "features.atlas", RAW.columns)
    assert caught.value.code == "FEA-109"
    assert "'ID'" in caught.value.advice


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abcdef")
    assert read_small_text(path, 6) == "abcdef"
    with pytest.raises(ValueError, match="more than 5 bytes"):
        read_small_text(path, 5)
