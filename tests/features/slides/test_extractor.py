"""Slides from file to features: resumed to the same bytes, damaged tiles named, exports that others open."""

import json
import warnings

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import NormwiseError, NormwiseWarning
from normwise.features import extract_features, write_features
from normwise.features.slides import read_tiles, segment_nuclei
from normwise.features.slides import worker as module
from normwise.features.slides.export import EXPORT_COLUMNS
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.worker import measure_slide
from normwise.images import open_slide
from slide_files import drawn, layout_of, save_slide, spoil_tile

LAYOUT = layout_of(8, 8, (2, 2, 6, 7))
SMALL = SlideSettings(tile_um=128.0)


def same(one, other):
    assert one.keys() == other.keys()
    return all(np.array_equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def slide(tmp_path_factory):
    return save_slide(tmp_path_factory.mktemp("slide") / "a.tif", LAYOUT)


@pytest.fixture(scope="module")
def whole(slide):
    return measure_slide(str(slide), SMALL.as_json())


def test_nuclei_and_tissue_are_those_that_were_put_there(slide, whole):
    wanted = sum(drawn()[1][each] for each in LAYOUT[LAYOUT >= 0])
    assert whole["n_nuclei"] == pytest.approx(wanted, rel=0.12)
    with open_slide(slide) as opened:  # the tissue in one piece: every nucleus is counted once
        at_once = segment_nuclei(opened.read_region(512, 512, 1280, 1024), 0.5).max()
    assert whole["n_nuclei"] == pytest.approx(at_once, rel=0.02)
    features = dict(zip(whole["names"], whole["vector"].tolist(), strict=True))
    assert features["tissue_area_mm2"] == pytest.approx(20 * 0.128**2, rel=0.06)
    assert features["tissue_fraction"] == pytest.approx(20 / 64, rel=0.06)
    assert whole["side"] == 256
    assert {tuple(xy) for xy in (np.argwhere(LAYOUT >= 0)[:, ::-1] * 256).tolist()} <= set(
        map(tuple, whole["xy"].tolist())
    )
    assert np.isfinite(whole["tiles"]).all()


def test_a_slide_that_was_cut_off_goes_on_to_the_same_bytes(slide, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 4)
    calls = []
    measure = module.measure_tile

    def dies(*arguments, **options):
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return measure(*arguments, **options)

    monkeypatch.setattr(module, "measure_tile", dies)
    blocks = str(tmp_path / "blocks")
    with pytest.raises(KeyboardInterrupt):
        measure_slide(str(slide), SMALL.as_json(), blocks)
    calls[:] = [1] * 20
    resumed = measure_slide(str(slide), SMALL.as_json(), blocks)
    tiles = len(whole["tiles"])
    assert len(calls) - 20 == tiles - 8, "two blocks of four were finished"
    assert same(resumed, whole)
    [second] = (tmp_path / "blocks").glob("*/block_000001.stored")
    second.write_bytes(b"half written")
    with pytest.warns(NormwiseWarning, match="ENG-302  block_000001"):
        again = measure_slide(str(slide), SMALL.as_json(), blocks)
    assert same(again, whole)
    assert same(measure_slide(str(slide), SMALL.as_json(), blocks), whole)


def test_blocks_of_other_settings_are_not_taken(slide, whole, tmp_path):
    blocks = str(tmp_path / "blocks")
    measure_slide(str(slide), SlideSettings(tile_um=128.0, stains="macenko").as_json(), blocks)
    assert same(measure_slide(str(slide), SMALL.as_json(), blocks), whole)


def test_a_damaged_tile_costs_that_tile_within_the_share(whole, tmp_path):
    path = save_slide(tmp_path / "a.tif", LAYOUT)
    spoil_tile(path, 3, 4)
    # The tile itself and the eight whose halo reaches into it.
    allowed = SlideSettings(tile_um=128.0, damaged_tiles=0.5).as_json()
    with pytest.warns(NormwiseWarning, match=r"FEA-691.*a\.tif: \d+ of \d+ tiles.*px"):
        found = measure_slide(str(path), allowed)
    lost = len(whole["tiles"]) - len(found["tiles"])
    assert 1 <= lost <= 9
    assert [1024, 768] not in found["xy"].tolist()
    with pytest.raises(NormwiseError) as caught:
        measure_slide(str(path), SMALL.as_json())
    assert caught.value.code == "FEA-603"
    assert "px" in caught.value.seen


def test_a_blank_slide_is_a_named_result(tmp_path):
    path = save_slide(tmp_path / "a.tif", np.full((6, 6), -1))
    with pytest.raises(NormwiseError) as caught:
        measure_slide(str(path), SMALL.as_json())
    assert caught.value.code == "FEA-602"


def test_a_run_keeps_tiles_pictures_and_exports(tmp_path):
    save_slide(tmp_path / "p_1.tif", LAYOUT)
    save_slide(tmp_path / "p_2.tif", np.full((6, 6), -1))
    people, study = cohort_of(
        tmp_path,
        "ID,Age,Sex,dx\np_1,70,F,normal\np_2,60,M,AD\n",
        {"extractor": "slides", "tile_um": 128.0, "export": ["nuclei", "geojson"], "solidity": True},
        images="{ID}.tif",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = extract_features(people, study, cache_dir=tmp_path / "run" / ".cache", jobs=2)
    write_features(table, tmp_path / "run")
    assert table.failures["p_2"].code == "FEA-602"
    tiles = read_tiles(tmp_path / "run" / "tiles" / "p_1.npz")
    assert tiles.vectors.shape == (len(tiles.xy), len(tiles.names))
    rows = np.load(tmp_path / "run" / "nuclei" / "p_1.npy", allow_pickle=False)
    assert rows.dtype.names == EXPORT_COLUMNS
    assert table.values.loc["p_1", "nucleus.area_um2.mean"] == pytest.approx(
        rows["area_um2"].mean(), rel=1e-5
    )
    assert (rows["solidity"] > 0.5).all()
    outlines = json.loads((tmp_path / "run" / "nuclei" / "p_1.geojson").read_text("utf-8"))
    assert outlines["type"] == "FeatureCollection"
    assert len(outlines["features"]) == len(rows)
    one = outlines["features"][0]
    ring = np.array(one["geometry"]["coordinates"][0])
    assert (ring[0] == ring[-1]).all()
    middle = np.array([one["properties"]["measurements"][axis] for axis in ("x_um", "y_um")]) / 0.5
    assert (ring.min(axis=0) < middle).all()
    assert (middle < ring.max(axis=0)).all()
    assert one["properties"]["objectType"] == "detection"
    assert {picture.stage for picture in table.drawings["p_1"]} == {"tissue", "density", "size", "tiles"}
    assert {check.name for check in table.quality["p_1"]} >= {"area", "sharpness", "damaged"}


@pytest.mark.realdata
def test_a_real_slide_is_measured(real_data):
    found = measure_slide(str(real_data / "slides" / "CMU-1-Small-Region.svs"), SlideSettings().as_json())
    features = dict(zip(found["names"], found["vector"].tolist(), strict=True))
    assert 0.3 < features["tissue_area_mm2"] < 1.0
    assert 15 < features["nucleus.area_um2.p50"] < 60
    assert found["n_nuclei"] > 800
