from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.image import imread

import normwise.features.atlases
from normwise.report.figures.brain import colour_bar, draw_slices
from normwise.results import Importance
from report.simulated_results import LABELS, make_atlas

RIGHT, LEFT = LABELS[0], LABELS[1]


def tinted(png: bytes) -> np.ndarray:
    """Where a picture has colour: red or blue clearly apart from the other."""
    picture = imread(io.BytesIO(png))
    return (picture[..., 0] - picture[..., 2]) * (np.abs(picture[..., 0] - picture[..., 2]) > 0.2)


def test_left_stays_left_and_signs_have_their_colour() -> None:
    slices = draw_slices(
        [Importance("l", 1.0, "left", LEFT), Importance("r", -1.0, "right", RIGHT)], "neuromorphometrics"
    )
    assert {cut.plane for cut in slices} == {"sagittal", "coronal", "axial"}
    for cut in slices:
        if cut.plane == "sagittal":
            assert (tinted(cut.png).sum() > 0) == (cut.position_mm < 0)
            continue
        found = tinted(cut.png)
        middle = found.shape[1] // 2
        assert found[:, :middle].sum() > 20  # orange, positive
        assert found[:, middle:].sum() < -20  # blue, negative


def test_slices_are_where_the_weight_is() -> None:
    slices = draw_slices([Importance("l", 1.0, "left", LEFT)], "neuromorphometrics")
    planes = {cut.plane: cut.position_mm for cut in slices}
    assert -42 <= planes["sagittal"] <= -20
    assert all(np.abs(tinted(cut.png)).any() for cut in slices)


def test_outside_the_brain_is_transparent() -> None:
    cut = draw_slices([Importance("l", 1.0, "left", LEFT)], "neuromorphometrics")[0]
    picture = imread(io.BytesIO(cut.png))
    assert picture.shape == (cut.height, cut.width, 4)
    assert picture[0, :, 3].max() < 0.3
    assert picture[..., 3].max() == 1.0


@pytest.mark.parametrize(("weight", "label"), [(0.0, LEFT), (1.0, None), (1.0, 9999)])
def test_nothing_to_draw(weight: float, label: int | None) -> None:
    assert draw_slices([Importance("f", weight, "", label)], "neuromorphometrics") is None


def test_an_atlas_that_is_not_there_is_not_drawn() -> None:
    assert draw_slices([Importance("l", 1.0, "left", LEFT)], "no such atlas") is None


@pytest.mark.parametrize("shift_mm", [115, 300], ids=["at the skull", "outside the picture"])
def test_an_atlas_that_is_not_in_the_template_is_not_drawn(
    shift_mm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlas = make_atlas(shift_mm=shift_mm)
    monkeypatch.setattr(normwise.features.atlases, "load_atlas", lambda *_: atlas, raising=False)
    assert draw_slices([Importance("l", 1.0, "left", LEFT)], "neuromorphometrics") is None


def test_a_faint_weight_lets_the_brain_through() -> None:
    rows = [Importance("l", 1.0, "left", LEFT), Importance("r", 0.05, "right", RIGHT)]
    cut = next(cut for cut in draw_slices(rows, "neuromorphometrics") if cut.plane == "axial")
    found = np.abs(imread(io.BytesIO(cut.png))[..., 0] - imread(io.BytesIO(cut.png))[..., 2])
    middle = found.shape[1] // 2
    assert found[:, :middle].max() > 4 * found[:, middle:].max()


def test_colour_bar_runs_from_blue_to_orange() -> None:
    bar = tinted(colour_bar(signed=True))[0]
    assert bar[0] < 0 < bar[-1]
    assert (tinted(colour_bar(signed=False)) >= 0).all()
