"""Exports: every nucleus once, its outline around its centre in px of level 0, in files that are whole."""

import json

import numpy as np
import pytest

from normwise.features.slides.export import EXPORT_COLUMNS, export_slide
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.worker import measure_slide
from slide_files import layout_of, save_slide

SETTINGS = SlideSettings(tile_um=128.0).as_json()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    path = save_slide(folder / "a.tif", layout_of(4, 4, (1, 1, 3, 4)))
    blocks = str(folder / "blocks")
    count = measure_slide(str(path), SETTINGS, blocks)["n_nuclei"]
    found = export_slide(str(path), SETTINGS, ["nuclei", "geojson"], "p 1/a", str(folder), blocks)
    return folder, found["files"], count


def test_files_have_the_name_of_the_scan(exported):
    folder, files, _ = exported
    assert files == ["p-1-a.npy", "p-1-a.geojson"]
    assert all((folder / name).is_file() for name in files)


def test_the_table_holds_every_nucleus(exported):
    folder, files, count = exported
    rows = np.load(folder / files[0], allow_pickle=False)
    assert rows.dtype.names == EXPORT_COLUMNS
    assert len(rows) == count
    assert (rows["density_mm2"] > 0).all()
    assert np.isnan(rows["solidity"]).all(), "it was not measured"


def test_outlines_have_the_area_of_their_nuclei(exported):
    folder, files, count = exported
    outlines = json.loads((folder / files[1]).read_text("utf-8"))["features"]
    assert len(outlines) == count
    ratios = []
    for each in outlines:
        ring = np.array(each["geometry"]["coordinates"][0])
        x, y = ring[:-1].T
        area = 0.5 * abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))  # the shoelace formula, px of level 0
        measured = each["properties"]["measurements"]
        assert "solidity" not in measured
        ratios.append(area * 0.25 / measured["area_um2"])
    # A ring through the middles of the outer pixels leaves half of each out.
    assert 0.7 < np.median(ratios) < 1.0
