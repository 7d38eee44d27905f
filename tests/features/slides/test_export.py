"""Exports: every nucleus once, its outline around its centre in px of level 0, in files that are whole."""

import json
from pathlib import Path

import numpy as np
import pytest

from normwise.errors import FeatureError
from normwise.features.slides import Outlines, outlines_place
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
    assert files == ["p-1-a-d2283e49.npy", "p-1-a-d2283e49.geojson"]
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


def test_outlines_are_found_by_where_they_lie(exported):
    folder, files, count = exported
    assert outlines_place("p-1") == "nuclei/p-1.geojson"
    outlines = Outlines(folder / files[1])
    rings = [
        each["geometry"]["coordinates"][0]
        for each in json.loads((folder / files[1]).read_text("utf-8"))["features"]
    ]
    assert len(outlines) == len(rings) == count
    first = np.array([ring[0] for ring in rings])
    left, top = np.median(first, axis=0)
    right, bottom = first.max(axis=0)
    which = outlines.within(left, top, right, bottom)
    assert 0 < len(which) < count
    inside = (first >= (left, top)).all(axis=1)
    assert which.tolist() == np.flatnonzero(inside).tolist()
    assert [ring.tolist() for ring in outlines.rings(which)] == [rings[place] for place in which]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],  # cut in the middle
        lambda text: text.replace(b"\n]}\n", b"\n"),  # without its end
        lambda text: json.dumps(json.loads(text), indent=1).encode(),  # as another program writes it
        lambda text: text.replace(b"\n]}\n", b" " * (1 << 20) + b"\n]}\n"),  # a line without end
        lambda _: b"",
    ],
)
def test_outlines_of_another_kind_are_refused(exported, tmp_path: Path, spoil):
    folder, files, _ = exported
    path = tmp_path / "a.geojson"
    path.write_bytes(spoil((folder / files[1]).read_bytes()))
    with pytest.raises(FeatureError) as caught:
        Outlines(path)
    assert caught.value.code == "FEA-608"


def test_outlines_that_have_changed_since_are_refused(exported, tmp_path: Path):
    folder, files, _ = exported
    path = tmp_path / "a.geojson"
    path.write_bytes((folder / files[1]).read_bytes())
    outlines = Outlines(path)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(FeatureError, match="has changed"):
        outlines.rings(np.arange(1))
    path.unlink()
    with pytest.raises(FeatureError, match="No such file"):
        outlines.rings(np.arange(1))


def test_no_outlines_are_no_fault(tmp_path: Path):
    path = tmp_path / "a.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [\n]}\n', "utf-8")
    assert len(Outlines(path)) == 0
