from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, block_width


def frame_of(values: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=[f"v{i}" for i in range(values.shape[1])])
    frame.insert(2, "age", 1.0)
    frame["sex"] = "F"
    return frame


def marks(frame: pd.DataFrame) -> np.ndarray:
    return ~frame.columns.isin(["age", "sex"])


def test_blocks_of_a_frame_are_its_features_in_order() -> None:
    values = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    frame = frame_of(values)
    columns = FeatureColumns.of_frame(frame, marks(frame))
    assert columns.shape == (5, 40)
    assert columns.dtype == np.float32
    blocks = list(columns.iter_blocks(16))
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks], axis=1), values)
    # The age column cuts them.
    assert [(part.start, part.stop) for part, _ in blocks] == [(0, 2), (2, 18), (18, 34), (34, 40)]
    np.testing.assert_array_equal(columns.features(np.array([39, 0])), values[:, [39, 0]])
    assert columns.feature_name(2) == "v2"


def test_a_frame_of_one_block_is_not_copied() -> None:
    frame = frame_of(np.zeros((5, 40), dtype=np.float32))
    stored = frame.iloc[:, 3:41].to_numpy()
    columns = FeatureColumns.of_frame(frame, marks(frame))
    assert any(np.shares_memory(block, stored) for _, block in columns.iter_blocks(16))


def test_mixed_precision_becomes_double_and_nullable_missing_becomes_nan() -> None:
    frame = pd.DataFrame({"a": np.float32([1, 2]), "b": [3, 4], "c": pd.array([1.5, None], dtype="Float64")})
    columns = FeatureColumns.of_frame(frame, np.ones(3, dtype=bool))
    assert columns.dtype == np.float64
    _, block = next(columns.iter_blocks(3))
    np.testing.assert_array_equal(block, [[1, 3, 1.5], [2, 4, np.nan]])
    assert columns.first_unfinite() == ["", "c"]


@pytest.mark.parametrize("values", [["x", "y"], [1 + 2j, 3], [pd.Timestamp(0), pd.Timestamp(1)]])
def test_a_column_without_real_numbers_is_refused_by_name(values: list[object]) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "path": values})
    with pytest.raises(NormalizerError) as caught:
        FeatureColumns.of_frame(frame, np.ones(2, dtype=bool))
    assert (caught.value.code, caught.value.subject) == ("NRM-112", "path")


def test_some_people_in_memory_keep_their_names() -> None:
    frame = frame_of(np.arange(200.0).reshape(5, 40)).set_axis(list("vwxyz"), axis="index")
    whole = FeatureColumns.of_frame(frame, marks(frame)).in_memory()
    part = whole.take(np.array([3, 1]))
    _, block = next(part.iter_blocks(40))
    np.testing.assert_array_equal(block, np.arange(200.0).reshape(5, 40)[[3, 1]])
    assert (whole.order, part.order) == ("F", "F")
    assert (part.person(0), part.feature_name(2)) == ("y", "v2")


def test_memory_order_is_seen() -> None:
    values = np.zeros((4, 6))
    assert FeatureColumns.of_array(values).order == "C"
    assert FeatureColumns.of_array(np.asfortranarray(values)).order == "F"
    shared = pd.DataFrame(values, copy=False)
    assert FeatureColumns.of_frame(shared, np.ones(6, dtype=bool)).order == "C"


@pytest.mark.parametrize("n", [1, 7, 500, 10**7])
def test_a_block_is_whole_cache_lines(n: int) -> None:
    assert block_width(n, 4) % 16 == 0
    assert 16 <= block_width(n, 4) <= 2048
