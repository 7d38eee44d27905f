"""A slide that fails a check is left out by name, or kept where that is asked for; limits have two sides."""

import cv2
import numpy as np
import pytest
import tifffile

from cohorts import cohort_of
from normwise.errors import NormwiseWarning
from normwise.features import extract_features
from normwise.features.slides.quality import check_slide
from normwise.features.slides.slide_features import TILE_NAMES
from normwise.features.slides.tile_table import TileTable
from normwise.features.slides.tiles import SlideSettings
from normwise.features.slides.tissue import FOLD, TISSUE, TissueMap
from normwise.features.slides.worker import measure_slide
from slide_files import drawn

SMALL = SlideSettings(tile_um=128.0).as_json()


def measured(
    *, area=1.0, folds=0.0, sharpness=0.4, eosin=0.2, area_um2=40.0, od=0.7, found=900, damaged=0.0, um=10.0
):
    """Return the checks that fail on a slide of which these are measured."""
    classes = np.zeros((1000, 1000), np.uint8)
    classes.ravel()[: round(area * 1e4)] = TISSUE
    classes.ravel()[-round(folds * 1e4) or len(classes) ** 2 :] = FOLD
    vectors = np.zeros((3, len(TILE_NAMES)), np.float32)
    vectors[:, TILE_NAMES.index("tissue.sharpness")] = sharpness
    vectors[:, TILE_NAMES.index("tissue.e_od")] = eosin
    checks = check_slide(
        {"nucleus.area_um2.p50": area_um2, "nucleus.h_od.p50": od},
        TissueMap(classes, 10.0, (255.0, 255.0, 255.0)),
        TileTable(TILE_NAMES, vectors, np.zeros((3, 2), np.int32), 9),
        n_nuclei=found,
        damaged=damaged,
        allowed_damage=0.3,
        magnified_um=um,
    )
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("name", "values", "good", "bad"),
    [
        ("area", "area", [0.1], [0.099]),
        ("folds", "folds", [0.11], [0.112]),  # of a tissue of 1 mm²: 9.9 and 10.1 %
        ("sharpness", "sharpness", [0.151], [0.149]),
        ("eosin", "eosin", [0.0], [-0.001]),
        ("median area", "area_um2", [10.0, 120.0], [9.9, 120.1]),
        ("haematoxylin", "od", [2.0], [2.01]),
        ("found", "found", [100], [99]),
        ("damaged", "damaged", [0.3], [0.31]),
        ("magnification times pixel size", "um", [6.5, 15.0, None], [6.4, 15.1, 5.0, 20.0]),
    ],
)
def test_each_check_has_its_limits(name, values, good, bad):
    assert not measured()
    for value in good:
        assert not measured(**{values: value})
    for value in bad:
        assert measured(**{values: value}) == [name]


@pytest.fixture(scope="module")
def tissue():
    """Nine squares of 128 µm with glass around."""
    squares = drawn()[0]
    rgb = np.vstack([np.hstack([squares[(row + column) % 4] for column in range(3)]) for row in range(3)])
    return np.pad(rgb, [(80, 80), (80, 80), (0, 0)], constant_values=243)


def save(path, rgb, description=None):
    about = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        path, rgb, photometric="rgb", tile=(256, 256), description=description, metadata=None, **about
    )
    return path


def failed(path):
    return {row[1] for row in measure_slide(str(path), SMALL)["quality"] if not row[6]}


def test_black_around_a_slide_changes_little_of_its_nuclei(tissue, tmp_path):
    def counted(value):
        rgb = np.pad(tissue, [(80, 80), (80, 80), (0, 0)], constant_values=243)
        rgb = np.pad(rgb, [(300, 170), (300, 170), (0, 0)], constant_values=value)
        found = measure_slide(str(save(tmp_path / f"{value}.tif", rgb)), SMALL)
        assert all(row[6] for row in found["quality"])
        features = dict(zip(found["names"], found["vector"].tolist(), strict=True))
        return [
            found["n_nuclei"],
            *(features[f"nucleus.{name}.p50"] for name in ("area_um2", "h_od", "e_od")),
        ]

    assert counted(0) == pytest.approx(counted(243), rel=0.02)


@pytest.mark.parametrize(
    ("harm", "checks"),
    [
        (lambda rgb: rgb, set()),
        (lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 3), {"sharpness"}),
        (lambda rgb: np.roll(rgb, 1, axis=2), {"eosin"}),
    ],
    ids=["as it is", "blurred", "colours exchanged"],
)
def test_harm_to_a_slide_is_noticed(tissue, tmp_path, harm, checks):
    assert failed(save(tmp_path / "a.tif", np.ascontiguousarray(harm(tissue)))) >= checks
    if not checks:
        assert not failed(tmp_path / "a.tif")


def aperio(path, tissue, magnification):
    return save(path, tissue, f"Aperio Image Library v1\r\n|AppMag = {magnification}|MPP = 0.5")


@pytest.mark.parametrize(("magnification", "checks"), [(20, set()), (40, {"magnification times pixel size"})])
def test_a_pixel_size_that_the_objective_belies_is_noticed(tissue, tmp_path, magnification, checks):
    assert failed(aperio(tmp_path / "a.svs", tissue, magnification)) == checks


def test_a_slide_that_fails_is_named_and_kept_out_or_kept(tissue, tmp_path):
    for name, magnification in (("p_1", 20), ("p_2", 40), ("p_3", 20)):
        aperio(tmp_path / f"{name}.svs", tissue, magnification)

    def extract(**features):
        rows = "ID,Age,Sex,dx\np_1,70,F,normal\np_2,60,M,AD\np_3,61,M,AD\n"
        settings = {"extractor": "slides", "tile_um": 128.0, **features}
        return extract_features(
            *cohort_of(tmp_path, rows, settings, images="{ID}.svs"), cache_dir=tmp_path / "cache"
        )

    table = extract()
    assert list(table.values.index) == ["p_1", "p_3"]
    assert table.failures["p_2"].code == "FEA-607"
    assert "magnification times pixel size 20 µm (6.5–15)" in table.failures["p_2"].seen
    assert "--keep-implausible" in table.failures["p_2"].advice
    assert set(table.quality) == set(table.drawings) == {"p_1", "p_2", "p_3"}
    with pytest.warns(NormwiseWarning, match="FEA-903  1 scans"):
        kept = extract(keep_implausible=True)
    assert list(kept.values.index) == ["p_1", "p_2", "p_3"]
    assert kept.values.loc[["p_1", "p_3"]].equals(table.values)
    assert kept.hash == table.hash
