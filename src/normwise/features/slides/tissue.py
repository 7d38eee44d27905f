"""Tissue at low magnification, separated from glass, pen, folds and dirt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from normwise.features.slides.stain import optical_density

__all__ = ["DARK", "FOLD", "GLASS", "GREY", "PEN", "TISSUE", "TissueMap", "find_tissue"]

GLASS, TISSUE, PEN, FOLD, GREY, DARK = range(6)
"""Classes of a pixel. Grey are the rims of bubbles, dust and the edge of the cover glass; dark is what was
not scanned and is filled with black, or the ground of a negative or of fluorescence."""

FLOOR_SATURATION = 18.0
"""Of 255. Noisy empty glass stays below; without it Otsu's threshold would find tissue there."""

CEILING_SATURATION = 50.0
"""Upper limit of Otsu's threshold, beyond which it would separate pale tissue from strong."""

SMALLEST_MM2 = 0.01
HOLE_MM2 = 0.02
_PEN_OD = 0.25  # the faintest pen; below, hues are noise
_FOLD_TIMES = 2.5  # two layers have twice the density; more, since dense tissue is no fold
_FOLD_OD = 0.55
_DARK = 25  # of 255 in the brightest colour: a tenth of the glass, where tissue lets blue light through
_DARK_SHARE = 0.01  # of the picture: what is smaller is ink or pigment


@dataclass(frozen=True, eq=False)
class TissueMap:
    """The class of every pixel of a slide.

    Attributes
    ----------
    classes : ndarray of uint8 of shape (height, width)
        `GLASS`, `TISSUE`, `PEN`, `FOLD`, `GREY` or `DARK`.
    mpp : float
        µm per pixel of the map.
    white : tuple of three floats
        Intensity of empty glass in red, green, blue.
    """

    classes: NDArray[np.uint8]
    mpp: float
    white: tuple[float, float, float]

    @cached_property
    def _near_dark(self) -> NDArray[np.bool_] | None:
        """Where black may be seen at full power, whose edge is blurred here; None where nothing is `DARK`."""
        dark = self.classes == DARK
        return _grown(dark) if dark.any() else None

    def whiten(self, rgb: NDArray[np.uint8], corner_um: NDArray[np.float64], mpp: float) -> NDArray[np.uint8]:
        """Return a region of the slide with white where it is `DARK`.

        Parameters
        ----------
        rgb : ndarray of uint8 of shape (height, width, 3)
            The region.
        corner_um : ndarray of shape (2,)
            Its upper left corner, µm from that of the slide.
        mpp : float
            Its µm per pixel.
        """
        near = self._near_dark
        if near is None:
            return rgb
        column, row = (
            np.clip(((start + np.arange(size) * mpp) / self.mpp).astype(int), 0, most - 1)
            for start, size, most in zip(corner_um, rgb.shape[1::-1], near.shape[::-1], strict=True)
        )
        black = near[np.ix_(row, column)] & (rgb.max(axis=2) <= 2 * _DARK)
        return np.where(black[..., None], np.uint8(255), rgb)

    def area_mm2(self, kind: int = TISSUE) -> float:
        """Return the area of one class, mm²."""
        return float(np.count_nonzero(self.classes == kind)) * self.mpp**2 / 1e6

    def fraction(self, kind: int = TISSUE) -> float:
        """Return the share of the slide that one class covers."""
        return float((self.classes == kind).mean())


def find_tissue(rgb: NDArray[np.uint8], mpp: float) -> TissueMap:
    """Find the tissue on a slide at low magnification.

    Saturation, smoothed over 16 µm, and Otsu's threshold limited from below and above. What is not
    the colour of haematoxylin or eosin is pen; what is far denser than the tissue around is a fold.

    Parameters
    ----------
    rgb : ndarray of uint8 of shape (height, width, 3)
        The slide, at 2 to 50 µm a pixel.
    mpp : float
        µm per pixel.

    Returns
    -------
    TissueMap

    Examples
    --------
    >>> slide = np.full((60, 80, 3), 242, np.uint8)
    >>> slide[20:50, 10:40] = (200, 130, 180)  # tissue
    >>> slide[5:50, 60:66] = (40, 150, 70)  # a green pen
    >>> found = find_tissue(slide, 8.0)
    >>> round(found.area_mm2(), 2), round(found.area_mm2(PEN), 3) > 0
    (0.06, True)
    """
    import cv2

    dark = _dark_ground(rgb)
    if dark.any():
        rgb = np.where(dark[..., None], np.uint8(255), rgb)
    smooth = cv2.GaussianBlur(rgb, (0, 0), max(16.0 / mpp / 2, 0.5))
    saturation = cv2.cvtColor(smooth, cv2.COLOR_RGB2HSV)[..., 1]
    otsu, _ = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    coloured = saturation > np.clip(otsu, FLOOR_SATURATION, CEILING_SATURATION)
    white = _white_of(smooth, coloured | _grown(dark))
    density = optical_density(smooth, white)
    pen = _pen(density)
    mean = density.mean(axis=2)
    tissue = _clean((coloured & ~pen).astype(np.uint8), mpp).astype(bool) & ~pen
    fold = np.zeros_like(tissue)
    if tissue.any():
        fold = tissue & (mean > max(_FOLD_TIMES * float(np.median(mean[tissue])), _FOLD_OD))
    classes = np.zeros(tissue.shape, np.uint8)
    classes[(mean > 0.12) & ~tissue] = GREY  # darker than glass, without a colour
    classes[tissue] = TISSUE
    classes[fold] = FOLD
    classes[pen] = PEN
    classes[dark] = DARK
    return TissueMap(classes, mpp, white)


def _dark_ground(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the black that reaches in from an edge of the picture, where there is much of it."""
    import cv2

    black: NDArray[np.bool_] = rgb.max(axis=2) <= _DARK
    if not black.any():
        return black
    _, labels, stats, _ = cv2.connectedComponentsWithStats(black.astype(np.uint8), connectivity=8)
    height, width = black.shape
    left, top, wide, high, area = stats.T
    outer = (left == 0) | (top == 0) | (left + wide == width) | (top + high == height)
    ground = outer & (area >= _DARK_SHARE * black.size)
    ground[0] = False  # what is not black
    found: NDArray[np.bool_] = ground[labels]
    return found


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with two pixels around it, as far as the smoothing carries an edge."""
    import cv2

    grown: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return grown


def _white_of(rgb: NDArray[np.uint8], coloured: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the intensity of glass: the median of bright pixels without a colour, where there are some."""
    glass = rgb[~coloured & (rgb.min(axis=2) > 190)]
    if len(glass) < 0.005 * coloured.size:
        return 255.0, 255.0, 255.0
    red, green, blue = np.median(glass, axis=0)
    return float(red), float(green), float(blue)


def _pen(density: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find inks by their optical density in red, green and blue.

    Both dyes absorb green most. Blue and green inks absorb red most, red ink blue as much as green, black
    ink all three alike.
    """
    red, green, blue = (density[..., channel] for channel in range(3))
    most, least = density.max(axis=2), density.min(axis=2)
    strong = most > _PEN_OD
    blue_or_green = strong & (red > 1.2 * green)
    black = (most > 0.7) & (least > 0.78 * most)
    red_ink = strong & (blue > 0.8 * green) & (red < 0.25 * green)
    pen: NDArray[np.bool_] = blue_or_green | black | red_ink
    return pen


def _clean(mask: NDArray[np.uint8], mpp: float) -> NDArray[np.uint8]:
    """Close small gaps, fill small holes, drop specks."""
    import cv2

    side = 2 * max(round(16.0 / mpp), 1) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disk)
    for part, smallest in ((mask, SMALLEST_MM2), (1 - mask, HOLE_MM2)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
        small = stats[:, cv2.CC_STAT_AREA] * mpp**2 / 1e6 < smallest
        small[0] = False
        mask = np.where(small[labels], 1 - mask, mask)
    return mask
