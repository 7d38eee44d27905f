"""One slide in its process: blocks resume, damage is named, refusals have a test on both sides."""

import numpy as np
import pytest

from normwise.errors import FeatureError, NormwiseError, NormwiseWarning
from normwise.features.slides import worker
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.tissue import FOLD, PEN
from normwise.features.slides.worker import BlockCheckpoint, SlideMeasurement, measure_slide
from normwise.images import open_slide
from slide_files import layout_of, save_slide, spoil_tile

LAYOUT = layout_of(4, 4, (1, 1, 3, 4))
SMALL = SlideSettings(tile_um=128.0)
BLOCK = {"nuclei": np.arange(6, dtype=np.float32).reshape(2, 3), "damaged": np.zeros(0, np.int64)}


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return save_slide(tmp_path_factory.mktemp("slide") / "a.tif", LAYOUT)


def test_a_finished_block_comes_back(tmp_path):
    BlockCheckpoint(tmp_path / "s", {"tiles": 3}).put(2, BLOCK)
    again = BlockCheckpoint(tmp_path / "s", {"tiles": 3})
    assert again.get(1) is None
    found = again.get(2)
    assert all(np.array_equal(found[name], BLOCK[name]) for name in BLOCK)


def test_blocks_of_another_plan_are_neither_taken_nor_touched(tmp_path):
    BlockCheckpoint(tmp_path / "s", {"tiles": 3}).put(0, BLOCK)
    assert BlockCheckpoint(tmp_path / "s", {"tiles": 4}).get(0) is None
    assert BlockCheckpoint(tmp_path / "s", {"tiles": 3}).get(0) is not None


def test_blocks_that_other_versions_measured_are_not_taken(slide, tmp_path, monkeypatch):
    with open_slide(slide) as opened:
        SlideMeasurement(opened, SMALL, tmp_path).run()
        plans = list(tmp_path.iterdir())
        monkeypatch.setattr(worker, "versions_of", lambda packages: dict.fromkeys(packages, "9"))
        SlideMeasurement(opened, SMALL, tmp_path).run()
    assert (len(plans), len(list(tmp_path.iterdir()))) == (1, 2)


@pytest.mark.parametrize("keep", [0, 40, -1])
def test_a_damaged_block_counts_as_none(tmp_path, keep):
    checkpoint = BlockCheckpoint(tmp_path / "s", {})
    checkpoint.put(0, BLOCK)
    [path] = (tmp_path / "s").rglob("block_*")
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.warns(NormwiseWarning, match="ENG-302"):
        assert checkpoint.get(0) is None
    middle = content.index(BLOCK["nuclei"].tobytes())
    path.write_bytes(content[:middle] + b"\x01" + content[middle + 1 :])
    with pytest.warns(NormwiseWarning, match="ENG-302"):
        assert checkpoint.get(0) is None, "a flipped bit is noticed by the checksum"


def test_without_a_folder_nothing_is_kept():
    checkpoint = BlockCheckpoint(None, {})
    checkpoint.put(0, BLOCK)
    assert checkpoint.get(0) is None


@pytest.mark.parametrize(("mpp", "refused"), [(0.645, False), (0.66, True)])
def test_a_slide_may_be_a_third_coarser_than_wished(tmp_path, mpp, refused):
    path = save_slide(tmp_path / "a.tif", LAYOUT, mpp=mpp)
    with open_slide(path) as opened:
        if refused:
            with pytest.raises(FeatureError) as caught:
                SlideMeasurement(opened, SMALL, None)
            assert caught.value.code == "FEA-605"
        else:
            assert len(SlideMeasurement(opened, SMALL, None).plan.corners)


def test_damaged_tiles_are_allowed_up_to_a_share(tmp_path):
    path = save_slide(tmp_path / "a.tif")
    spoil_tile(path, 3, 4)
    with open_slide(path) as opened:
        found = SlideMeasurement(opened, SlideSettings(tile_um=128.0, damaged_tiles=0.99), None)
        with pytest.warns(NormwiseWarning, match="FEA-691") as warned:
            lost = len(found.run()[3])
        assert warned[0].message.value == lost
        share = lost / len(found.plan.corners)
        for allowed, refused in ((share + 1e-6, False), (share - 1e-3, True)):
            settings = SlideSettings(tile_um=128.0, damaged_tiles=allowed)
            if refused:
                with pytest.raises(FeatureError) as caught:
                    SlideMeasurement(opened, settings, None).run()
                assert caught.value.code == "FEA-603"
            else:
                with pytest.warns(NormwiseWarning):
                    assert len(SlideMeasurement(opened, settings, None).run()[3]) == lost


def test_tissue_without_nuclei_is_a_named_result(slide, monkeypatch):
    nothing = np.zeros((0, 10), np.float32), np.zeros(12), np.zeros((1, 1), np.int32)
    monkeypatch.setattr(worker, "measure_tile", lambda *_, **__: nothing)
    with pytest.raises(NormwiseError) as caught:
        measure_slide(str(slide), SMALL.as_json())
    assert caught.value.code == "FEA-604"


def test_nuclei_under_a_pen_or_in_a_fold_do_not_count(slide):
    with open_slide(slide) as opened:
        found = SlideMeasurement(opened, SMALL, None)
        rows = np.array([[200.0, 200.0], [300.0, 200.0], [250.0, 220.0], [9e9, 200.0]], np.float32)
        assert found.on_tissue(rows).all()
        for (x, y), kind in zip(rows[:2], (PEN, FOLD), strict=True):
            found.tissue.classes[int(y / found.tissue.mpp), int(x / found.tissue.mpp)] = kind
        assert found.on_tissue(rows).tolist() == [False, False, True, True]


def test_quality_is_within_limits_and_said(slide):
    value = measure_slide(str(slide), SMALL.as_json())
    checks = {row[1]: row for row in value["quality"]}
    assert list(checks) == [
        "area", "folds", "pen", "black", "damaged", "sharpness", "eosin",
        "found", "median area", "haematoxylin",
    ]  # fmt: skip
    assert checks["damaged"][3:7] == [0.0, None, 0.02, True]
    assert checks["area"][3] < 0.1, "six squares of 128 µm"
    assert [name for name, row in checks.items() if not row[6]] == ["area"]
    assert all(row[7] for row in value["quality"])
