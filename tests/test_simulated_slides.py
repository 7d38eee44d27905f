"""Simulated slides: the same seed gives the same bytes, and what is planted is written down."""

import json

import numpy as np
import pytest

from normwise.errors import SampleError
from normwise.images import open_slide
from simulated_pyramids import write_pyramid
from simulated_slides import simulate_slides
from slide_files import drawn, save_slide


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return simulate_slides(tmp_path_factory.mktemp("slides") / "one", people=8, seed=3).parent


def test_the_same_seed_gives_the_same_bytes(cohort, tmp_path):
    again = simulate_slides(tmp_path / "two", people=8, seed=3).parent
    names = sorted(path.relative_to(cohort) for path in cohort.rglob("*") if path.is_file())
    assert len(names) == 8 + 3
    assert all((cohort / name).read_bytes() == (again / name).read_bytes() for name in names)


def test_a_twentieth_of_a_patients_tissue_is_tumour(cohort):
    truth = json.loads((cohort / "truth.json").read_text("utf-8"))["slides"]
    rows = [line.split("\t") for line in (cohort / "participants.tsv").read_text("utf-8").splitlines()[1:]]
    for name, _, _, _, diagnosis in rows:
        places = truth[name]["tumour_xy"]
        assert bool(places) == (diagnosis == "tumour")
        with open_slide(cohort / "slides" / f"{name}.tif") as slide:
            assert slide.mpp == pytest.approx((0.5, 0.5))
            tissue = (slide.thumbnail(8.0)[0].std(axis=2) > 8).mean() * (slide.size[0] // 256) ** 2
        assert not places or len(places) == pytest.approx(0.05 * tissue, abs=4)


def test_equal_tiles_are_stored_once(tmp_path):
    layout = np.zeros((8, 8), int)
    shared = save_slide(tmp_path / "a.tif", layout, shared=True)
    alone = save_slide(tmp_path / "b.tif", layout, shared=False)
    assert alone.stat().st_size > 10 * shared.stat().st_size
    with open_slide(shared) as one, open_slide(alone) as other:
        assert np.array_equal(one.read_region(0, 0, 600, 600), other.read_region(0, 0, 600, 600))


def test_a_pyramid_keeps_its_size_where_the_grid_does_not_divide(tmp_path):
    write_pyramid(tmp_path / "a.tif", drawn()[0], np.zeros((3, 5), int), 0.5)
    with open_slide(tmp_path / "a.tif") as slide:
        assert slide.size == (1280, 768)
        assert [(level.width, level.height) for level in slide.levels] == [(1280, 768), (320, 192), (80, 48)]


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(SampleError, match=r"something else"):
        simulate_slides(tmp_path)
    with pytest.raises(SampleError):
        simulate_slides(tmp_path / "new", people=2)
