"""Tiles in one row: evenly spaced where there are too many, and refused where a model knows another row."""

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import extract_features
from normwise.features.slides import TileTable
from normwise.features.slides.attention_extractor import pack_bag
from slide_files import layout_of, save_slide


def tiles(count):
    values = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    return TileTable(("a", "b"), values, np.zeros((count, 2), np.int32), 9)


@pytest.mark.parametrize(("count", "rows"), [(2, [0, 1]), (3, [0, 1, 2]), (5, [0, 2, 4]), (9, [0, 4, 8])])
def test_of_many_tiles_evenly_spaced_ones_are_taken(count, rows):
    bag = pack_bag(tiles(count), ["b", "a"], 3).reshape(3, 3)
    assert bag[: len(rows), 0].tolist() == [2 * row + 1 for row in rows]
    assert bag[: len(rows), 1].tolist() == [2 * row for row in rows]
    assert bag[:, 2].tolist() == [1.0] * len(rows) + [0.0] * (3 - len(rows))


def test_a_model_of_other_tiles_is_refused(tmp_path):
    save_slide(tmp_path / "p_1.tif", layout_of(4, 4, (1, 1, 4, 4)))
    cohort, study = cohort_of(
        tmp_path,
        "ID,Age,Sex,dx\np_1,70,F,normal\n",
        {"extractor": "attention", "tile_um": 128.0, "bag_tiles": 4, "columns": ["nucleus.*.mean"]},
        images="{ID}.tif",
    )
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study, wanted=["tile_0000.tissue.share"])
    assert caught.value.code == "FEA-413"
    table = extract_features(cohort, study)
    assert table.values.shape == (1, 4 * 6)
    assert table.values.iloc[0].filter(like="present").tolist() == [1.0] * 4
    assert "nucleus.area_um2.mean.attended" in table.notes
