"""From nuclei to tiles to slides: every statistic against numpy's, and notes for every column."""

import numpy as np
import pytest

from normwise.features.slides.slide_features import (
    TILE_NAMES,
    local_density,
    slide_notes,
    slide_vector,
    tile_note,
    tile_vectors,
)
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS, TILE_MEASURES


@pytest.fixture
def nuclei():
    rng = np.random.default_rng(0)
    return rng.uniform(1, 9, (60, len(NUCLEUS_COLUMNS))).astype(np.float32)


def column(table, names, name):
    return table[:, names.index(name)].astype(np.float64)


@pytest.mark.parametrize(("apart_um", "count"), [(45.0, 2), (65.0, 1)])
def test_neighbours_count_within_the_radius(apart_um, count):
    found = local_density(np.array([5.0, 5.0 + apart_um], np.float32), np.array([5.0, 5.0], np.float32))
    area_um2 = 1e6 / float(local_density(np.zeros(1, np.float32), np.zeros(1, np.float32))[0])
    assert area_um2 == pytest.approx(np.pi * 50**2, rel=0.05)
    assert found == pytest.approx([count * 1e6 / area_um2] * 2)
    assert local_density(np.zeros(0, np.float32), np.zeros(0, np.float32)).shape == (0,)


def test_tiles_hold_the_statistics_of_their_nuclei(nuclei):
    owner = np.repeat([0, 1, 3], 20).astype(np.int32)
    measures = np.full((4, len(TILE_MEASURES)), 0.5)
    found = tile_vectors(nuclei, owner, measures, tile_mm2=0.25)
    areas = column(nuclei, NUCLEUS_COLUMNS, "area_um2")
    name = "nucleus.area_um2"
    for tile in (0, 1, 3):
        inside = areas[owner == tile]
        expected = inside.mean(), inside.std(), np.percentile(inside, 90)
        values = [column(found, TILE_NAMES, f"{name}.{each}")[tile] for each in ("mean", "sd", "p90")]
        assert values == pytest.approx(expected, rel=1e-5)
    assert column(found, TILE_NAMES, "nucleus.density_mm2").tolist() == [160.0, 160.0, 0.0, 160.0]
    means = column(found, TILE_NAMES, f"{name}.mean")
    assert means[2] == pytest.approx(means[[0, 1, 3]].mean(), rel=1e-6), "a tile without nuclei has the mean"


@pytest.mark.parametrize(("share", "density"), [(0.01, 50.0), (0.02, 50.0), (0.04, 25.0)])
def test_density_is_over_tissue_of_at_least_a_fiftieth(share, density):
    nuclei = np.ones((1, len(NUCLEUS_COLUMNS)), np.float32)
    measures = np.zeros((1, len(TILE_MEASURES)))
    measures[0, TILE_MEASURES.index("tissue.share")] = share
    found = tile_vectors(nuclei, np.zeros(1, np.int32), measures, tile_mm2=1.0)
    assert found[0, 0] == pytest.approx(density)


def test_the_slide_holds_the_statistics_of_nuclei_and_tiles(nuclei):
    tiles = np.random.default_rng(1).normal(size=(7, len(TILE_NAMES))).astype(np.float32)
    density = np.arange(60, dtype=np.float32)
    found = slide_vector(nuclei, density, tiles, solidity=True)
    minor = column(nuclei, NUCLEUS_COLUMNS, "minor_um")
    assert found["nucleus.minor_um.p05"] == pytest.approx(np.percentile(minor, 5))
    assert found["nucleus.minor_um.sd"] == pytest.approx(minor.std())
    assert found["nucleus.density_mm2.p75"] == pytest.approx(np.percentile(density, 75))
    last = column(tiles, TILE_NAMES, TILE_NAMES[-1])
    assert found[f"tile.{TILE_NAMES[-1]}.p95"] == pytest.approx(np.percentile(last, 95))


@pytest.mark.parametrize("solidity", [False, True])
def test_every_feature_has_a_note_in_the_order_of_the_columns(nuclei, solidity):
    tiles = np.zeros((2, len(TILE_NAMES)), np.float32)
    found = slide_vector(nuclei, nuclei[:, 0], tiles, solidity=solidity)
    notes = slide_notes(solidity=solidity)
    assert list(notes) == ["tissue_area_mm2", "tissue_fraction", *found]
    assert any("solidity" in name for name in notes) == solidity
    assert all(note.description for note in notes.values())


def test_every_column_of_a_tile_has_a_meaning():
    assert all(tile_note(name)[1] for name in TILE_NAMES)
    assert tile_note("texture.entropy_4um") == ("", "texture at 4 µm, disorder of pairs of neighbours, bits")
