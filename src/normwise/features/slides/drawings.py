"""Pictures of one slide: its tissue, density and size of its nuclei, and tiles with the largest values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from normwise.errors import ImageError
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS
from normwise.features.slides.tile_table import TileTable
from normwise.features.slides.tissue import FOLD, PEN, TISSUE, TissueMap
from normwise.images import Slide

__all__ = ["CAPTIONS", "draw_slide"]

RGB = NDArray[np.uint8]

CAPTIONS = {
    "tissue": (
        "Tissue",
        "The slide with the outline of its tissue in blue, pen marks in orange, folds in violet.",
    ),
    "density": ("Nuclei per area", "The slide under a heat map: the brighter, the more nuclei per mm²."),
    "size": ("Size of nuclei", "The slide under a heat map: the brighter, the larger the nuclei are."),
    "tiles": (
        "Tiles that stand out",
        "Six tiles: the largest, the densest and the darkest nuclei, two of each.",
    ),
}
"""Title of each drawing, and what it shows in words."""

_WIDE = 900
_SQUARE_UM, _SPREAD_UM = 20.0, 60.0
_EXTREME = ("nucleus.area_um2.mean", "nucleus.density_mm2", "nucleus.h_od.mean")
_COLOURS = {TISSUE: (20, 90, 220), PEN: (240, 140, 0), FOLD: (150, 40, 200)}


def draw_slide(
    thumbnail: RGB, tissue: TissueMap, slide: Slide, table: TileTable, nuclei: NDArray[np.float32]
) -> dict[str, bytes]:
    """Draw a slide for its page in the report.

    Parameters
    ----------
    thumbnail : ndarray of uint8 of shape (height, width, 3)
        The slide at low magnification.
    tissue : TissueMap
        On the same pixels.
    slide : Slide
        Open, for the tiles.
    table : TileTable
        Its tiles.
    nuclei : ndarray of shape (n_nuclei, n_columns)
        As `normwise.features.slides.tile_measures.NUCLEUS_COLUMNS`.

    Returns
    -------
    dict of str to bytes
        PNG by stage, as `CAPTIONS`.
    """
    background = _scaled(thumbnail)
    return {
        "tissue": _png(_outlined(background, tissue)),
        "density": _png(_heat(background, tissue, nuclei, None)),
        "size": _png(_heat(background, tissue, nuclei, NUCLEUS_COLUMNS.index("area_um2"))),
        "tiles": _png(_extreme_tiles(slide, table)),
    }


def _scaled(rgb: RGB) -> RGB:
    import cv2

    factor = _WIDE / max(rgb.shape[:2])
    size = (max(round(rgb.shape[1] * factor), 1), max(round(rgb.shape[0] * factor), 1))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    scaled: RGB = cv2.resize(rgb, size, interpolation=method)
    return scaled


def _outlined(background: RGB, tissue: TissueMap) -> RGB:
    import cv2

    drawn = background.copy()
    size = (background.shape[1], background.shape[0])
    for kind, colour in _COLOURS.items():
        mask = cv2.resize((tissue.classes == kind).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, colour, 2)
    return drawn


def _heat(background: RGB, tissue: TissueMap, nuclei: NDArray[np.float32], column: int | None) -> RGB:
    """Lay a map of density, or of the mean of a column around each place, over the slide."""
    import cv2

    height, width = background.shape[:2]
    # Nuclei are gathered in squares first: a wide Gaussian over the drawing's pixels would cost a second.
    columns = max(round(tissue.classes.shape[1] * tissue.mpp / _SQUARE_UM), 1)
    rows = max(round(tissue.classes.shape[0] * tissue.mpp / _SQUARE_UM), 1)
    x = np.clip((nuclei[:, 0] / _SQUARE_UM).astype(int), 0, columns - 1)
    y = np.clip((nuclei[:, 1] / _SQUARE_UM).astype(int), 0, rows - 1)

    def spread(weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
        counts = np.bincount(y * columns + x, weights, minlength=columns * rows).reshape(rows, columns)
        blurred = cv2.GaussianBlur(counts.astype(np.float32), (0, 0), _SPREAD_UM / _SQUARE_UM)
        resized: NDArray[np.float32] = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
        return resized

    near = spread(None)
    value = near if column is None else spread(nuclei[:, column]) / np.maximum(near, 1e-9)
    mask = cv2.resize(
        (tissue.classes == TISSUE).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    )
    inside = (mask > 0) & (near > 1e-9)
    if not inside.any():
        return background
    low, high = np.percentile(value[inside], [2, 98])
    level = np.clip((value - low) / max(float(high - low), 1e-9), 0, 1)
    colours = cv2.cvtColor(
        cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB
    )
    mixed = (0.35 * background + 0.65 * colours).astype(np.uint8)
    return np.where(inside[..., None], mixed, background)


def _extreme_tiles(slide: Slide, table: TileTable) -> RGB:
    """Put together the two tiles with the largest mean of each of three features."""
    import cv2

    chosen: list[int] = []
    full = table.vectors[:, table.names.index("tissue.share")]
    for name in _EXTREME:
        order = np.argsort(
            -np.where(full > 0.5 * full.max(), table.vectors[:, table.names.index(name)], -np.inf)
        )
        chosen += [int(row) for row in order if int(row) not in chosen][:2]
    side = _WIDE // 3
    sheet = np.full((2 * side, 3 * side, 3), 255, np.uint8)
    mpp = table.side * slide.mpp[0] / side
    for place, row in enumerate(chosen):
        x, y = (int(each) for each in table.xy[row])
        try:
            rgb = slide.read_at(x, y, side, side, mpp)
        except ImageError:
            continue
        rgb = cv2.rectangle(np.ascontiguousarray(rgb), (0, 0), (side - 1, side - 1), (255, 255, 255), 2)
        left, top = (place // 2) * side, (place % 2) * side
        sheet[top : top + side, left : left + side] = rgb
    return sheet


def _png(rgb: RGB) -> bytes:
    import cv2

    _, content = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return bytes(content)
